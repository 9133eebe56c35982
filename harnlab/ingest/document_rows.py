"""Rows of frames from the records of a document: which member becomes which column, typed leniently."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from harnlab.frames import EVENTS, SCHEMAS, FrameSchema, Int, Text
from harnlab.ingest.documents import Findings, Record, shown_safely
from harnlab.ingest.fields import Typed, typed
from harnlab.ingest.sources import Part, Source

Row = dict[str, Any]
Rows = dict[str, list[Row]]

_INT64: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the records of one kind become rows of one frame; made by :func:`reading`."""

    columns: Collection[tuple[str, str, pl.DataType]]
    as_json: Mapping[str, str]
    usual: Collection[str]
    read: Collection[str]
    flattened: Collection[str]
    has_extra: bool

    def row(self, source: Source, record: Record, findings: Findings, *, run_id: str | None = None) -> Row:
        """Row of one record, oddities reported; ``extra`` holds what has no column."""
        row = place(source, record, run_id=run_id)
        for column, path, dtype in self.columns:
            row[column] = typed_member(record, path, dtype, findings)
        for column, path in self.as_json.items():
            row[column] = json_text(record, path, _at(record, path, findings), findings)
        if self.has_extra and (extra := self.unknown(record)):
            row["extra"] = json_text(record, "", extra, findings)
        return row

    def unknown(self, record: Record) -> dict[str, Any]:
        """Members of a record that no column reads, those inside a flattened object under a dotted name."""
        unknown: dict[str, Any] = {}
        for name, value in record.value.items():
            if name in self.read or isinstance(value, Record):
                continue
            if name in self.flattened:
                inner = value.items() if isinstance(value, dict) else ()
                unknown |= {f"{name}.{k}": v for k, v in inner if f"{name}.{k}" not in self.read}
            elif name not in self.usual or value not in (None, [], {}):
                unknown[name] = value
        return unknown


def reading(
    schema: FrameSchema,
    same: str,
    *,
    as_json: str = "",
    usual: str = "",
    kept_in_file: str = "",
    **renamed: str,
) -> Reading:
    """Declare how records become rows.

    Parameters
    ----------
    schema : FrameSchema
        The frame.
    same, as_json : str
        Columns that read the member of their own name, typed or as JSON text.
    usual : str
        Known members without a column; they go to ``extra`` unless null or empty.
    kept_in_file : str
        Known members in no column: bulk, or said elsewhere.
    **renamed : str
        Column to the member it reads; ``usage.input_tokens`` reads inside an object.
    """
    columns = {name: name for name in same.split()} | renamed
    texts = {name: name for name in as_json.split()}
    read = frozenset({*columns.values(), *texts.values(), *kept_in_file.split()})
    return Reading(
        columns=tuple((column, path, schema.dtypes[column]) for column, path in columns.items()),
        as_json=texts,
        usual=frozenset(usual.split()),
        read=read,
        flattened=frozenset(path.partition(".")[0] for path in read if "." in path) - read,
        has_extra="extra" in schema.names,
    )


def place(source: Source, record: Record, *, run_id: str | None = None) -> Row:
    """The five source columns of a row."""
    return {
        "run_id": source.run_id if run_id is None else run_id,
        "source_path": source.shown,
        "source_line": record.line,
        "source_offset": record.offset,
        "length": record.length,
    }


def typed_member(record: Record, path: str, dtype: pl.DataType, findings: Findings) -> Any:
    """One member in a column's type; what does not fit is reported, and null where it cannot be kept."""
    value = _at(record, path, findings)
    kind = type(value)
    # what nearly every value is, before the conversion that takes anything
    if (
        value is None
        or (kind is str and dtype is Text and value.isascii())
        or (kind is int and dtype is Int and value in _INT64)
    ):
        return value
    try:
        converted = typed(value, dtype)
    except RecursionError:
        converted = Typed(None, "nested too deeply to read")
    if converted.oddity:
        findings.note(record, path, converted.oddity)
    return converted.value


def _at(record: Record, path: str, findings: Findings) -> Any:
    value: Any = record.value
    for part in path.split("."):
        if not isinstance(value, dict):
            outer = path.partition(".")[0]
            findings.note(record, outer, f"expected an object, found {shown_safely(value)}")
            return None
        value = value.get(part)
        if isinstance(value, Record):
            value = value.value
        if value is None:
            return None
    return value


def first_of(record: Record, *names: str) -> str:
    """First of some members that holds a value; the last one where none does."""
    return next((name for name in names if record.member(name) is not None), names[-1])


def json_text(record: Record, path: str, value: Any, findings: Findings) -> str | None:
    """JSON text of a value; ASCII only, so that a lone surrogate survives as the escape it was written as."""
    if value is None:
        return None
    try:
        return json.dumps(value, separators=(",", ":"), default=str)
    except (RecursionError, ValueError) as error:
        findings.note(record, path, f"cannot be shown as JSON text: {error}")
        return None


def objects(record: Record, name: str, findings: Findings) -> Iterator[Record]:
    """Elements of a list member that are objects; anything else there is reported."""
    member = record.value.get(name)
    if not isinstance(member, Record) or member.value is None:
        return
    if not isinstance(member.value, list):
        findings.note(record, name, f"expected a list, found {shown_safely(member.value)}")
        return
    for element in member.value:
        if isinstance(element.value, dict):
            yield element
        elif element.complete:
            findings.note(element, "", f"expected an object, found {shown_safely(element.value)}")


def count(record: Record, name: str) -> int | None:
    """Number of elements of a list member; null where it is no list."""
    value = record.member(name)
    return len(value) if isinstance(value, list) else None


def event(
    source: Source, record: Record, findings: Findings, *, run_id: str | None = None, **members: str
) -> Iterator[Row]:
    """Row of ``events`` for a record that is whole; one that was cut stands in ``problems`` instead.

    ``members`` name the member each column reads; ``type`` is ``_type``, else ``schema``.
    """
    if record.complete:
        members = {"type": first_of(record, "_type", "schema")} | members
        row = place(source, record, run_id=run_id) | {"source_kind": source.kind.value}
        for column, path in members.items():
            row[column] = typed_member(record, path, EVENTS.dtypes[column], findings)
        yield row


def part(rows: Rows, findings: Findings) -> Part:
    """What a reader gives back: a frame for every name that has rows."""
    frames = {name: SCHEMAS[name].build(listed) for name, listed in rows.items() if listed}
    return Part(frames=frames, problems=findings.problems())
