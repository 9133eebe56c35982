"""Records of one family to typed columns: a fast path for what the runtime writes, a lenient one for the rest.

The fast path is one compiled decoder per family that refuses unknown members, so nothing is dropped without
being seen. A member it has not met before is learned and kept (as raw JSON, for ``extra``); a record it cannot
take is read again member by member, each oddity reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import polars as pl

from harnlab.frames.columns import null_column
from harnlab.ingest.families import Family, ItemCount, Member, RawJson, Reading, TextSize
from harnlab.ingest.fields import shown, typed
from harnlab.ingest.heads import Int64, decode_leniently
from harnlab.ingest.text_sizes import text_sizes

#: Stands for a member that a record does not have, where it is kept as it is written.
ABSENT: Final = msgspec.Raw(b"")
_NULL: Final = msgspec.Raw(b"null")
#: Only plain names are learned: a dot would look nested, and msgspec takes no quotes or control characters.
UNKNOWN_MEMBER: Final = re.compile(r"Object contains unknown field `([\w $@:/-]{1,200})`")
#: Beyond this many new members a family's records are read leniently: they are not what the family describes.
MOST_LEARNED: Final = 64
_FAST_TYPES: Final[dict[pl.DataType, Any]] = {
    pl.String(): str,
    pl.Boolean(): bool,
    pl.Float64(): float,
    pl.Int64(): Int64,
    pl.List(pl.String()): list[str],
}

Note = Callable[[str | None, str], None]
Values = tuple[Any, ...]


class FamilyDecoder:
    """Decoder of one family; learns members it meets."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.columns: Sequence[str] = tuple(family.columns)
        self.dtypes = {column: family.dtype(column) for column in self.columns}
        self.learned: list[str] = []
        self._inside = [number for number, name in enumerate(self.columns) if name in family.columns_inside]
        self._compiled = False

    def _compile(self) -> None:
        """Make the decoders; a reader knows more families than most batches hold."""
        self._compiled = True
        readings = self.family.columns
        paths = [attribute(reading.path) for reading in readings.values()]
        self._decode = msgspec.json.Decoder(_record_type(self.family, readings, self.learned)).decode
        self._values: Callable[[Any], Values] = attrgetter(*paths, *map(attribute, self.learned))
        if self.family.inside is not None:
            narrow = _record_type(self.family, self.family.columns_inside, strict=False)
            self._decode_inside = msgspec.json.Decoder(narrow).decode
            self._repeated: Callable[[Any], Any] = attrgetter(attribute(self.family.inside))
            # the first twice: of one name alone attrgetter gives no tuple
            within = [paths[number] for number in self._inside]
            self._values_inside: Callable[[Any], Values] = attrgetter(*within, within[0])

    def rows(self, records: Sequence[bytes | memoryview], note: Callable[[int], Note]) -> list[Values]:
        """Raw values of each record, a tuple in column order with the learned members behind.

        Parameters
        ----------
        records : sequence of bytes or memoryview
            One JSON object each.
        note : callable
            ``note(i)`` gives the function that reports an oddity of record ``i``.
        """
        if not self._compiled:
            self._compile()
        while True:
            learned = len(self.learned)
            rows = list(self._attempt(records, note))
            if len(self.learned) == learned:
                return rows

    def _attempt(
        self, records: Sequence[bytes | memoryview], note: Callable[[int], Note]
    ) -> Iterator[Values]:
        decode, values = self._decode, self._values if self.family.inside is None else self._completed
        for number, record in enumerate(records):
            try:
                yield values(decode(record))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                if self._learn(str(error)):
                    return
                yield self._leniently(bytes(record), note(number))

    def _completed(self, found: Any) -> Values:
        """Values of a record, those it lacks taken from the member that repeats it."""
        values = list(self._values(found))
        inside: Sequence[Any] | None = None
        for place, number in enumerate(self._inside):
            if is_missing(values[number]):
                if inside is None:
                    repeated = self._repeated(found)
                    if is_missing(repeated):
                        break
                    inside = self._values_inside(self._decode_inside(repeated))
                values[number] = inside[place]
        return tuple(values)

    def _learn(self, message: str) -> bool:
        """Take up the unknown member a refusal names; True when the window must be read again."""
        unknown = UNKNOWN_MEMBER.fullmatch(message)
        if unknown is None or len(self.learned) >= MOST_LEARNED:
            return False
        self.learned.append(unknown[1])
        self._compile()
        return True

    def _leniently(self, content: bytes, note: Note) -> Values:
        seen_at_head: Note = lambda member, reason: None  # noqa: E731 - what heads.py reports already
        record = decode_leniently(content, seen_at_head)
        values = [self._value_of(column, record, note) for column in self.columns]
        # as the fast path has them, so that a member's text does not depend on what was learned before
        written = _written_members(content)
        values += [
            msgspec.Raw((written.get(m) or _json(record[m])).encode()) if m in record else ABSENT
            for m in self.learned
        ]
        unknown = {
            path: written.get(path) or _json(value)
            for path, value in _unknown_members(self.family, record)
            if path not in self.learned
        }
        if unknown:
            values.append(unknown)
        return tuple(values)

    def _value_of(self, column: str, record: dict[str, Any], note: Note) -> Any:
        value = _one_value(self.family, column, record, note)
        if column in self.family.columns_inside and is_missing(value):
            repeated = record.get(self.family.inside or "")
            if isinstance(repeated, dict):
                return _one_value(self.family, column, repeated, note)
        return value

    def extra(self, row: Values) -> str | None:
        """JSON text of the members of a row that have no column."""
        width = len(self.columns)
        known = width + len(self.learned)
        members = {
            name: bytes(raw).decode("utf-8", "replace")
            for name, raw in zip(self.learned, row[width:known], strict=True)
            if raw != ABSENT
        }
        if len(row) > known:
            members |= row[known]
        return as_object(members)


def as_object(members: Mapping[str, str]) -> str | None:
    """JSON text of members, each given as its own; ``None`` without any."""
    if not members:
        return None
    # by name: in which order members were met depends on what else was read before
    return "{" + ",".join(f"{_json(name)}:{text}" for name, text in sorted(members.items())) + "}"


def column(reading: Reading, dtype: pl.DataType, values: Sequence[Any]) -> pl.Series:
    """Column of the values of one reading; times stay text."""
    if not isinstance(reading, Member) and not any(values):
        return null_column(dtype, len(values))
    match reading:
        case RawJson():
            return pl.Series([_json_text(value) for value in values], dtype=pl.String)
        case TextSize():
            return text_sizes(values)
        case ItemCount():
            return pl.Series(_item_counts(values), dtype=dtype)
    if isinstance(dtype, pl.List):
        # Polars reads a million lists as JSON in the time it takes ten thousand as Python objects
        texts = [
            _LISTS.encode(value).decode() if value else "[]" if value == [] else None for value in values
        ]
        return pl.Series(texts, dtype=pl.String).str.json_decode(dtype)
    return plain_column(pl.String() if isinstance(dtype, pl.Datetime) else dtype, values)


def plain_column(dtype: pl.DataType, values: Sequence[Any]) -> pl.Series:
    """Column of values as they are; a member that is not there is null."""
    # told before Polars refuses it: a family has many members that few logs have
    if values and values[0] is msgspec.UNSET and values.count(msgspec.UNSET) == len(values):
        return null_column(dtype, len(values))
    try:
        return pl.Series(values, dtype=dtype)
    except (TypeError, ValueError):
        return pl.Series([None if value is msgspec.UNSET else value for value in values], dtype=dtype)


def attribute(path: str) -> str:
    """Struct attribute of a path; prefixed so that no member's name can be a Python keyword or a dunder."""
    return ".".join(f"m_{part.encode().hex()}" for part in path.split("."))


def is_missing(value: Any) -> bool:
    """Whether a member is not there, or null."""
    if value.__class__ is msgspec.Raw:
        return value in (ABSENT, _NULL)
    return value is None or value is msgspec.UNSET


def _record_type(
    family: Family, columns: Iterable[str], learned: Sequence[str] = (), *, strict: bool = True
) -> type[msgspec.Struct]:
    leaves = {family.columns[column].path: _leaf(family, column) for column in columns}
    if strict:
        leaves |= dict.fromkeys((*family.kept_in_file, *learned), (msgspec.Raw, ABSENT))
    return record_type(family.type, leaves, strict=strict)


def record_type(name: str, leaves: Mapping[str, tuple[Any, Any]], *, strict: bool) -> type[msgspec.Struct]:
    """Struct of a record's members (type and default by dotted path); a strict one refuses all others."""
    nested: dict[str, dict[str, tuple[Any, Any]]] = {}
    members: dict[str, tuple[Any, Any]] = {}
    for path, leaf in leaves.items():
        outer, _, inner = path.partition(".")
        if inner:
            nested.setdefault(outer, {})[inner] = leaf
        else:
            members[path] = leaf
    for outer, inner_members in nested.items():
        kind = _struct(outer, inner_members, strict)
        members[outer] = (kind, kind())
    return _struct(name, members, strict)


def _struct(name: str, members: dict[str, tuple[Any, Any]], strict: bool) -> type[msgspec.Struct]:
    fields = [(attribute(member), kind, default) for member, (kind, default) in members.items()]
    return msgspec.defstruct(
        "".join(filter(str.isalnum, name)) or "Record",
        fields,
        rename={attribute(member): member for member in members},
        forbid_unknown_fields=strict,
        omit_defaults=True,
        kw_only=True,
        frozen=True,
        gc=False,
    )


def _leaf(family: Family, column: str) -> tuple[Any, Any]:
    if not isinstance(family.columns[column], Member):
        return msgspec.Raw, ABSENT
    return fast_type(family, column) | None, None


def fast_type(family: Family, column: str) -> Any:
    """Python type of a column that reads a typed member; times are read as text."""
    dtype = family.dtype(column)
    return str if isinstance(dtype, pl.Datetime) else _FAST_TYPES[dtype]


def _one_value(family: Family, column: str, record: dict[str, Any], note: Note) -> Any:
    reading = family.columns[column]
    value: Any = record
    for part in reading.path.split("."):
        if value is None:
            break
        if not isinstance(value, dict):
            note(reading.path, f"expected an object around {part!r}, found {shown(value)}")
            value = None
            break
        value = value.get(part)
    if not isinstance(reading, Member):
        return ABSENT if value is None else msgspec.Raw(_json(value).encode())
    dtype = family.dtype(column)
    if isinstance(dtype, pl.Datetime):
        # read as a time later; a lone surrogate is no text that a column can hold
        return typed(
            value if value is None or isinstance(value, str) else json.dumps(value), pl.String()
        ).value
    converted = typed(value, dtype)
    if converted.oddity:
        note(reading.path, converted.oddity)
    return converted.value


def _unknown_members(family: Family, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    known = {reading.path for reading in family.columns.values()} | family.kept_in_file
    outer = {path.partition(".")[0] for path in known if "." in path}
    for name, value in record.items():
        if name in outer and isinstance(value, dict):
            yield from (
                (f"{name}.{inner}", v) for inner, v in value.items() if f"{name}.{inner}" not in known
            )
        elif name not in known and name not in outer:
            yield name, value


def _written_members(content: bytes) -> dict[str, str]:
    """Members of a record as they are written; none of a record that is no plain JSON."""
    try:
        return {name: bytes(raw).decode() for name, raw in _MEMBERS.decode(content).items()}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}


def _json(value: Any) -> str:
    # ASCII only: a lone surrogate must survive as the escape it was written as
    return json.dumps(value, separators=(",", ":"))


def _json_text(raw: msgspec.Raw) -> str | None:
    text = str(raw, "utf-8", "replace")
    return None if text in {"", "null"} else text


def _item_counts(values: Sequence[msgspec.Raw]) -> list[int | None]:
    try:
        found = iter(_MANY_ITEMS.decode(b"[" + b",".join(filter(None, values)) + b"]"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [None if value is ABSENT else _item_count(value) for value in values]
    return [len(items) if value and (items := next(found)) is not None else None for value in values]


def _item_count(raw: msgspec.Raw) -> int | None:
    text = bytes(raw)
    if text == b"[]":
        return 0
    if not text.startswith(b"["):
        return None
    try:
        return len(_ITEMS.decode(raw))
    except (msgspec.MsgspecError, RecursionError):
        return len(json.loads(text.decode("utf-8", "replace")))


_LISTS: Final = msgspec.json.Encoder()
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MANY_ITEMS: Final = msgspec.json.Decoder(list[list[msgspec.Raw] | None])
