"""The few members every line is read for, whatever its type: type, time, and the ids that join it to others.

Every line passes here, so this is the one place that decides whether a line is a record at all: a JSON object
is, anything else becomes a ``problems`` row (``torn``, ``bad`` or ``blank``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import polars as pl

from harnlab.ingest.fields import typed
from harnlab.ingest.windows import Lines
from harnlab.vocabulary import ProblemKind

Int64: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Head(msgspec.Struct, gc=False):
    """Members that any line may carry."""

    type: str | None = None
    timestamp: str | None = None
    call_id: str | None = None
    iteration: Int64 | None = None
    span_id: Int64 | None = None
    session_id: str | None = None
    trace_id: str | None = None
    request_id: str | None = None


HEAD_DTYPES: Final[dict[str, pl.DataType]] = {
    name: pl.Int64() if name in {"iteration", "span_id"} else pl.String() for name in Head.__struct_fields__
}
_members = attrgetter(*HEAD_DTYPES)
_decoder: Final = msgspec.json.Decoder(Head)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """A problem of one line of a window; ``row`` counts the window's lines from 0."""

    row: int
    kind: ProblemKind
    reason: str
    field: str | None = None


@dataclass(slots=True, kw_only=True)
class Heads:
    """Heads of the lines that are records: their rows in the window, and a column a member."""

    rows: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    problems: list[LineProblem] = field(default_factory=list)


def read_heads(buffer: memoryview, lines: Lines, rows: Iterable[int] | None = None) -> Heads:
    """Head of every line of a window (or of some ``rows``); a line that is no JSON object is a problem instead."""
    found: list[Head] = []
    heads = Heads()
    decode = _decoder.decode
    starts, ends = lines.starts.tolist(), lines.ends.tolist()
    # Line by line: ``decode_lines`` is no faster, and takes two records on one line, or one on two, without a word.
    for row in range(len(lines)) if rows is None else rows:
        raw = buffer[starts[row] : ends[row]]
        try:
            found.append(decode(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            head = _lenient_head(bytes(raw), row, bool(lines.torn[row]), heads.problems)
            if head is None:
                continue
            found.append(head)
        heads.rows.append(row)
    columns = zip(*map(_members, found), strict=True) if found else [()] * len(HEAD_DTYPES)
    heads.columns = {name: list(column) for name, column in zip(HEAD_DTYPES, columns, strict=True)}
    return heads


def _lenient_head(content: bytes, row: int, torn: bool, problems: list[LineProblem]) -> Head | None:
    if not content.strip():
        problems.append(LineProblem(row=row, kind=ProblemKind.BLANK, reason="blank line"))
        return None

    oddities: list[LineProblem] = []

    def note(member: str | None, reason: str) -> None:
        oddities.append(LineProblem(row=row, kind=ProblemKind.DRIFT, field=member, reason=reason))

    try:
        record = decode_leniently(content, note)
    except ValueError as error:
        kind = ProblemKind.TORN if torn else ProblemKind.BAD
        problems.append(LineProblem(row=row, kind=kind, reason=_reason(error, content, torn)))
        return None
    if not isinstance(record, dict):
        reason = f"expected a JSON object, found {_kind_of(record)}"
        problems.append(LineProblem(row=row, kind=ProblemKind.BAD, reason=reason))
        return None
    values = {}
    for name, dtype in HEAD_DTYPES.items():
        value = record.get(name)
        if name == "timestamp" and value is not None and not isinstance(value, str):
            value = json.dumps(value)
        values[name], oddity = typed(value, dtype)
        if oddity:
            note(name, oddity)
    problems += oddities
    return Head(**values)


def decode_leniently(content: bytes, note: Callable[[str | None, str], None]) -> Any:
    """Decode one JSON value forgivingly: NaN, integers of any size, lone surrogates and bad UTF-8 are kept.

    Raises
    ------
    ValueError
        When it is not JSON, or nested too deeply.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        note(None, f"byte 0x{content[error.start]:02x} at {error.start} is not UTF-8; kept as U+FFFD")
        text = content.decode("utf-8", "replace")

    def constant(word: str) -> float:
        note(None, f"{word} is not JSON; kept")
        return float(word.replace("Infinity", "inf"))

    def integer(digits: str) -> int | str:
        try:
            return int(digits)
        except (
            ValueError
        ):  # Python refuses more than 4,300: its conversion takes time that grows with their square
            note(None, f"an integer of {len(digits):,} digits; kept as text")
            return digits

    try:
        return json.loads(text, parse_constant=constant, parse_int=integer)
    except RecursionError:
        raise ValueError("nested too deeply to read") from None


def _kind_of(value: Any) -> str:
    names = {list: "an array", str: "a text", bool: "a bool", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _reason(error: ValueError, content: bytes, torn: bool) -> str:
    if torn:
        return f"the file ends inside this line after {len(content)} bytes; a run may still be writing it"
    if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
        return f"a second value follows on the same line at character {error.pos}"
    if b"\x00" in content:
        return f"not JSON ({error}); binary data"
    return f"not JSON ({error})"
