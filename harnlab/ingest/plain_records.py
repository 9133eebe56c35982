"""Records that hold what their family describes and nothing else, each member once: nearly all of a log.

The type of a record is guessed from its bytes, and its family's decoder refuses whatever it does not know, so a wrong
guess is refused too. That no member is named twice is told by writing what was read: a member given again is not
written again, and nothing is written longer than it was read (FORMATS 1 is compact JSON; numbers with a fraction are
carried as they stand). A record that is refused, or written shorter, is read by the exact way (heads, duplicates,
decode), which gives the same values for those taken here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec
import numpy as np
import polars as pl
from msgspec import UNSET, UnsetType

from harnlab.ingest.decode import (
    ABSENT,
    MOST_LEARNED,
    UNKNOWN_MEMBER,
    Values,
    as_object,
    attribute,
    fast_type,
    record_type,
)
from harnlab.ingest.families import Family, Member
from harnlab.ingest.heads import HEAD_DTYPES, Int64
from harnlab.ingest.windows import Lines, Window

_FIRST: Final = b'{"type":"'
_NAMED: Final = b'"type":"'
_LONGEST_TYPE: Final = 64
_NULL: Final = msgspec.Raw(b"null")
_MISSING: Final = (UNSET, ABSENT, None, _NULL)
_written: Final = msgspec.json.Encoder().encode
_decode_number: Final = msgspec.json.Decoder(float | None).decode
_decode_numbers: Final = msgspec.json.Decoder(list[float | None]).decode
#: Types of the members of a head, as heads.py reads them.
_HEAD_TYPES: Final[dict[str, Any]] = {
    name: Int64 if dtype == pl.Int64() else str for name, dtype in HEAD_DTYPES.items()
}


def rows_by_guess(window: Window, lines: Lines) -> dict[bytes, list[int]]:
    """Rows of a window by the type they seem to have; it stands first, or after all other members."""
    whole = window.buffer.obj
    content = whole if isinstance(whole, bytes | bytearray) else bytes(window.buffer)
    rows: defaultdict[bytes, list[int]] = defaultdict(list)
    rfind = content.rfind
    places = zip(lines.starts.tolist(), lines.ends.tolist(), _type_is_first(content, lines), strict=True)
    for row, (start, end, is_first) in enumerate(places):
        at = (start + 1 if is_first else rfind(_NAMED, start, end)) + len(_NAMED)
        # where there is none this is some other text, which is no type
        rows[bytes(content[at : at + _LONGEST_TYPE]).partition(b'"')[0]].append(row)
    return rows


def _type_is_first(content: bytes | bytearray, lines: Lines) -> list[bool]:
    octets = np.frombuffer(content, dtype=np.uint8)
    long = np.flatnonzero(lines.ends - lines.starts > len(_FIRST))
    is_first = np.zeros(len(lines), dtype=np.bool_)
    first = octets[lines.starts[long, None] + np.arange(len(_FIRST))]
    is_first[long] = (first == np.frombuffer(_FIRST, dtype=np.uint8)).all(axis=1)
    found: list[bool] = is_first.tolist()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRecords:
    """Records of one family: their rows in the window, and values by column and by member of a head.

    ``extras`` is the text of members that have no column; ``None`` where no record has any.
    """

    rows: list[int]
    columns: dict[str, Sequence[Any]]
    heads: dict[str, Sequence[Any]]
    extras: list[str | None] | None


class PlainDecoder:
    """Decoder of the plain records of one family; learns members it meets."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._paths = [reading.path for reading in family.columns.values()]
        known = {*self._paths, *family.kept_in_file}
        self._heads = [name for name in HEAD_DTYPES if name in known and name != "type"]
        self._fractions = [n for n, column in enumerate(family.columns) if _is_fraction(family, column)]
        self._repeated = attrgetter(attribute(family.inside)) if family.inside else None
        self._inside = [
            (number, reading.path, _decoder_inside(family, column))
            for number, (column, reading) in enumerate(family.columns.items())
            if column in family.columns_inside
        ]
        self._learned: list[str] = []
        self._compile()

    def _compile(self) -> None:
        self._decode = msgspec.json.Decoder(_record_type(self.family, self._heads, self._learned)).decode
        self._values: Callable[[Any], Values] = attrgetter(
            *map(attribute, (*self._paths, *self._heads, *self._learned))
        )

    def read(self, records: Sequence[bytes | memoryview], rows: Sequence[int]) -> PlainRecords | None:
        """Those of some records that are plain; ``rows`` are theirs in the window. ``None`` when there are none."""
        while True:
            learned = len(self._learned)
            taken, found = self._attempt(records, rows)
            if len(self._learned) == learned:
                return self._columns(taken, found) if taken else None

    def _attempt(
        self, records: Iterable[bytes | memoryview], rows: Iterable[int]
    ) -> tuple[list[int], list[Values]]:
        decode, written = self._decode, _written
        values = self._values if self._repeated is None else self._completed
        taken: list[int] = []
        found: list[Values] = []
        for row, record in zip(rows, records, strict=True):
            try:
                read = decode(record)
                if len(written(read)) == len(record):
                    found.append(values(read))
                    taken.append(row)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                if self._learn(str(error)):
                    break
        return taken, found

    def _learn(self, message: str) -> bool:
        """Take up the unknown member a refusal names; a head's is left to the exact way."""
        unknown = UNKNOWN_MEMBER.fullmatch(message)
        if unknown is None or unknown[1] in HEAD_DTYPES or len(self._learned) >= MOST_LEARNED:
            return False
        self._learned.append(unknown[1])
        self._compile()
        return True

    def _completed(self, read: Any) -> Values:
        """Values of a record, those it lacks taken from the member that repeats it."""
        values: Values = self._values(read)
        inside = self._repeated(read) if self._repeated else None
        if inside:
            for number, path, decode in self._inside:
                if path in inside and values[number] in _MISSING:
                    values = (*values[:number], decode(inside[path]), *values[number + 1 :])
        return values

    def _columns(self, taken: list[int], found: list[Values]) -> PlainRecords | None:
        columns: list[Sequence[Any]] = list(zip(*found, strict=True))
        for number in self._fractions:
            try:
                columns[number] = _numbers(columns[number])
            except (msgspec.MsgspecError, ValueError):
                sound = [place for place, value in enumerate(columns[number]) if _is_number(value)]
                if not sound:
                    return None
                return self._columns([taken[place] for place in sound], [found[place] for place in sound])
        width, known = len(self._paths), len(self._paths) + len(self._heads)
        return PlainRecords(
            rows=taken,
            columns=dict(zip(self.family.columns, columns[:width], strict=True)),
            heads=dict(zip(self._heads, columns[width:known], strict=True)),
            extras=[self._extra(row[known:]) for row in found] if self._learned else None,
        )

    def _extra(self, values: Values) -> str | None:
        met = zip(self._learned, values, strict=True)
        return as_object({name: str(raw, "utf-8", "replace") for name, raw in met if raw})


def _record_type(family: Family, heads: Iterable[str], learned: Iterable[str]) -> type[msgspec.Struct]:
    leaves: dict[str, tuple[Any, Any]] = dict.fromkeys(
        (*family.kept_in_file, *learned), (msgspec.Raw, ABSENT)
    )
    for name in heads:
        leaves[name] = (_HEAD_TYPES[name] | None | UnsetType, UNSET)
    for column, reading in family.columns.items():
        if isinstance(reading, Member) and not _is_fraction(family, column):
            leaves[reading.path] = (fast_type(family, column) | None | UnsetType, UNSET)
        else:
            leaves[reading.path] = (msgspec.Raw, ABSENT)
    if family.inside:
        leaves[family.inside] = (dict[str, msgspec.Raw] | None | UnsetType, UNSET)
    leaves["type"] = (Literal[family.type], msgspec.NODEFAULT)
    return record_type(family.type, leaves, strict=True)


def _is_fraction(family: Family, column: str) -> bool:
    # read as it stands: 1e5 is written 100000.0, and would make room for a member that is given again
    return isinstance(family.columns[column], Member) and family.dtype(column) == pl.Float64()


def _decoder_inside(family: Family, column: str) -> Callable[[msgspec.Raw], Any]:
    if not isinstance(family.columns[column], Member) or _is_fraction(family, column):
        return lambda raw: raw
    return msgspec.json.Decoder(fast_type(family, column) | None).decode


def _numbers(values: Iterable[msgspec.Raw]) -> list[float | None]:
    return _decode_numbers(b"[" + b",".join([value or _NULL for value in values]) + b"]")


def _is_number(value: msgspec.Raw) -> bool:
    try:
        _decode_number(value or _NULL)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True
