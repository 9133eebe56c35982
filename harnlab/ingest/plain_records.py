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
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
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
    is_missing,
    record_type,
)
from harnlab.ingest.families import Family, Member
from harnlab.ingest.heads import HEAD_DTYPES, Int64
from harnlab.ingest.windows import Lines, Longs, Window

_FIRST: Final = b'{"type":"'
_NAMED: Final = b'"type":"'
_LONGEST_TYPE: Final = 64
_WORD_BYTES: Final = 8
#: Beyond this many places of the type in a window, each line is looked at on its own.
_MOST_SHAPES: Final = 64
#: So many records are read, and written again, before what was read of them is looked at.
_TOGETHER: Final = 64
_NULL: Final = msgspec.Raw(b"null")
_write: Final = msgspec.json.Encoder().encode_into
_decode_number: Final = msgspec.json.Decoder(float | None).decode
_decode_numbers: Final = msgspec.json.Decoder(list[float | None]).decode
#: Types of the members of a head, as heads.py reads them.
_HEAD_TYPES: Final[dict[str, Any]] = {
    name: Int64 if dtype == pl.Int64() else str for name, dtype in HEAD_DTYPES.items()
}


def rows_by_guess(window: Window, lines: Lines) -> dict[bytes, list[int]]:
    """Rows of a window by the type they seem to have; it stands first, or after all other members.

    A line is looked at byte by byte only until its shape is known: all other lines that have the same type at the
    same distance from their start, or from their end, are told from it at once.
    """
    whole = window.buffer.obj
    content = whole if isinstance(whole, bytes | bytearray) else bytes(window.buffer)
    words = _words(content)
    found: defaultdict[bytes, list[Longs]] = defaultdict(list)
    left, starts, ends = np.arange(len(lines)), lines.starts, lines.ends
    for _ in range(_MOST_SHAPES):
        if not len(left):
            break
        shape = _shape(content, int(starts[0]), int(ends[0]))
        same = shape.of(words, starts, ends)
        same[0] = True
        found[shape.type].append(left[same])
        others = ~same
        left, starts, ends = left[others], starts[others], ends[others]
    for row, start, end in zip(left.tolist(), starts.tolist(), ends.tolist(), strict=True):
        found[_shape(content, start, end).type].append(np.array([row]))
    return {kind: np.sort(np.concatenate(rows)).tolist() for kind, rows in found.items()}


def _words(content: bytes | bytearray) -> npt.NDArray[np.uint64]:
    """The eight bytes that stand from each place on, as one number."""
    count = max(0, len(content) - _WORD_BYTES + 1)
    return np.ndarray((count,), dtype="<u8", buffer=content, strides=(1,))


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a line has its type: ``written`` stands ``distance`` bytes behind its start, or before its end."""

    type: bytes
    written: bytes = b""
    distance: int = 0
    from_end: bool = False

    def of(self, words: npt.NDArray[np.uint64], starts: Longs, ends: Longs) -> npt.NDArray[np.bool_]:
        """Which lines are of this shape."""
        if not self.written:
            return np.zeros(len(starts), dtype=np.bool_)
        places = ends - self.distance if self.from_end else starts + self.distance
        # the last bytes are those of the type itself, which tell nearly all others at once
        last = len(self.written) - _WORD_BYTES
        same = self._stands(words, places, last)
        here = np.flatnonzero(same)
        sure = (places[here] >= starts[here]) & (places[here] + len(self.written) <= ends[here])
        for at in range(0, last, _WORD_BYTES):
            sure &= self._stands(words, places[here], at)
        same[here] = sure
        return same

    def _stands(self, words: npt.NDArray[np.uint64], places: Longs, at: int) -> npt.NDArray[np.bool_]:
        word = int.from_bytes(self.written[at : at + _WORD_BYTES], "little")
        same: npt.NDArray[np.bool_] = words[np.clip(places + at, 0, len(words) - 1)] == word
        return same


def _shape(content: bytes | bytearray, start: int, end: int) -> _Shape:
    is_first = content.startswith(_FIRST, start, end)
    place = start + 1 if is_first else content.rfind(_NAMED, start, end)
    if place < 0:
        return _Shape(b"")
    at = place + len(_NAMED)
    kind, closed, _ = bytes(content[at : min(at + _LONGEST_TYPE, end)]).partition(b'"')
    if not closed:
        return _Shape(b"")
    written = _NAMED + kind + closed
    return _Shape(kind, written, 1) if is_first else _Shape(kind, written, end - place, from_end=True)


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
    """Decoder of the plain records of one family; learns members it meets.

    ``extras`` says whether their text is wanted.
    """

    def __init__(self, family: Family, *, extras: bool = True) -> None:
        self.family = family
        self._keeps_extras = extras
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
        self._room = bytearray()
        self._compile()

    def _compile(self) -> None:
        self._decode = _decoder(self.family, tuple(self._heads), tuple(self._learned))
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
        self, records: Sequence[bytes | memoryview], rows: Sequence[int]
    ) -> tuple[list[int], list[Values]]:
        learned = len(self._learned)
        taken: list[int] = []
        found: list[Values] = []
        for start in range(0, len(records), _TOGETHER):
            some, of_some = records[start : start + _TOGETHER], rows[start : start + _TOGETHER]
            read = self._together(some)
            if read is None:
                alone = [self._together([record]) or [] for record in some]
                if len(self._learned) > learned:
                    break
                read = [values for one in alone for values in one]
                of_some = [row for row, one in zip(of_some, alone, strict=True) if one]
            taken += of_some
            found += read
        return taken, found

    def _together(self, records: Sequence[bytes | memoryview]) -> list[Values] | None:
        """Values of some records; ``None`` when one is refused, or (none is written longer) written shorter."""
        decode, room = self._decode, self._room
        values = self._values if self._repeated is None else self._completed
        try:
            read = [decode(record) for record in records]
            _write(read, room)
            brackets_and_commas = len(read) + 1
            if len(room) == sum(map(len, records)) + brackets_and_commas:
                return [values(record) for record in read]
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._learn(str(error))
        return None

    def _learn(self, message: str) -> None:
        """Take up the unknown member a refusal names; a head's is left to the exact way."""
        unknown = UNKNOWN_MEMBER.fullmatch(message)
        if unknown and unknown[1] not in HEAD_DTYPES and len(self._learned) < MOST_LEARNED:
            self._learned.append(unknown[1])
            self._compile()

    def _completed(self, read: Any) -> Values:
        """Values of a record, those it lacks taken from the member that repeats it."""
        values: Values = self._values(read)
        inside = self._repeated(read) if self._repeated else None
        if inside:
            for number, path, decode in self._inside:
                if path in inside and is_missing(values[number]):
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
            extras=[self._extra(row[known:]) for row in found]
            if self._learned and self._keeps_extras
            else None,
        )

    def _extra(self, values: Values) -> str | None:
        met = zip(self._learned, values, strict=True)
        return as_object({name: str(raw, "utf-8", "replace") for name, raw in met if raw})


# kept, because making them takes as long as reading the megabyte by which a log grew
@lru_cache(maxsize=256)
def _decoder(family: Family, heads: tuple[str, ...], learned: tuple[str, ...]) -> Callable[[Any], Any]:
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
    return msgspec.json.Decoder(record_type(family.type, leaves, strict=True)).decode


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
