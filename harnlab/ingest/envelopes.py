"""What wraps an event in a log: its topic, id, kind, headers and time, around the payload (FORMATS 2.1, 2.2, 2.9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import polars as pl

from harnlab.ingest.fields import shown, typed
from harnlab.ingest.heads import Int64, LineProblem, decode_leniently
from harnlab.ingest.records import duplicate_problems
from harnlab.ingest.windows import Lines
from harnlab.vocabulary import ProblemKind

#: Last millisecond of the year 9999: the last that Python and Polars both hold.
LAST_MS: Final = 253_402_300_799_999
_NULL: Final = b"null"
_NO_HEADERS: Final = b"{}"

_AROUND: Final = b'{"id":,"event":{"kind":"","payload":,"headers":,"occurred_at_ms":}}'

Note = Callable[[str | None, str], None]


@dataclass(slots=True, kw_only=True)
class Events:
    """Events of a batch, a list a part; ``rows`` are their rows among the batch's lines.

    ``payloads`` and ``headers`` are JSON as written. What was wrong is in ``problems``.
    """

    rows: list[int] = field(default_factory=list)
    topics: list[str | None] = field(default_factory=list)
    event_ids: list[int | None] = field(default_factory=list)
    kinds: list[str | None] = field(default_factory=list)
    occurred_at_ms: list[int | None] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)

    def add(
        self,
        row: int,
        *,
        topic: str | None,
        event_id: int | None,
        kind: str | None,
        occurred_at_ms: int | None,
        headers: bytes,
        payload: bytes,
    ) -> None:
        """Add one event."""
        self.rows.append(row)
        self.topics.append(topic)
        self.event_ids.append(event_id)
        self.kinds.append(kind)
        self.occurred_at_ms.append(occurred_at_ms)
        self.headers.append(headers)
        self.payloads.append(payload)

    def time(self, row: int, milliseconds: int) -> int | None:
        """Unix milliseconds that are a time; anything else is reported, and null."""
        usual = 0 <= milliseconds <= LAST_MS
        return milliseconds if usual else within_time(milliseconds, self.note(row))

    def note(self, row: int) -> Note:
        """The function that reports an oddity of a row."""
        return lambda member, reason: self.problems.append(
            LineProblem(row=row, kind=ProblemKind.DRIFT, field=member, reason=reason)
        )


class _Event(msgspec.Struct, gc=False):
    kind: str
    payload: msgspec.Raw
    occurred_at_ms: Int64
    headers: msgspec.Raw = msgspec.Raw(_NO_HEADERS)


class _Envelope(msgspec.Struct, gc=False):
    id: Int64
    event: _Event


class _AgentLine(msgspec.Struct, gc=False):
    type: str
    emitted_at_ms: Int64


_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_agent_line: Final = msgspec.json.Decoder(_AgentLine).decode


def topic_events(buffer: memoryview, lines: Lines, topics: list[str]) -> Events:
    """Events of topic files; ``topics`` names the topic of each file that ``lines.files`` counts."""

    def fast(events: Events, row: int, raw: memoryview, topic: str | None) -> None:
        envelope = _envelope(raw)
        event = envelope.event
        if not _is_compact(envelope, len(raw)):
            events.problems += duplicate_problems(row, raw, every_level=True)
        events.add(
            row,
            topic=topic,
            event_id=envelope.id,
            kind=event.kind,
            occurred_at_ms=events.time(row, event.occurred_at_ms),
            headers=bytes(event.headers),
            payload=bytes(event.payload),
        )

    return _events(buffer, lines, topics, fast, _slow_envelope)


def agent_events(buffer: memoryview, lines: Lines) -> Events:
    """Events of agent event logs (FORMATS 2.9): the line is envelope and payload in one."""

    def fast(events: Events, row: int, raw: memoryview, topic: str | None) -> None:
        line = _agent_line(raw)
        events.add(
            row,
            topic=topic,
            event_id=None,
            kind=line.type,
            occurred_at_ms=events.time(row, line.emitted_at_ms),
            headers=_NO_HEADERS,
            payload=bytes(raw),
        )

    return _events(buffer, lines, None, fast, _slow_agent_line)


def _is_compact(envelope: _Envelope, length: int) -> bool:
    """Whether a line is as the runtime writes it: then it cannot hide a member given twice."""
    event = envelope.event
    kind = len(event.kind.encode("utf-8", "replace"))
    numbers = len(str(envelope.id)) + len(str(event.occurred_at_ms))
    inner = sum(len(memoryview(raw)) for raw in (event.payload, event.headers))
    return length == len(_AROUND) + kind + numbers + inner


_Fast = Callable[[Events, int, memoryview, str | None], None]
_Slow = Callable[[Events, int, dict[str, Any], str | None], None]


def _events(buffer: memoryview, lines: Lines, topics: list[str] | None, fast: _Fast, slow: _Slow) -> Events:
    events = Events()
    extents = zip(lines.starts.tolist(), lines.ends.tolist(), lines.files.tolist(), strict=True)
    for row, (start, end, file) in enumerate(extents):
        raw = buffer[start:end]
        topic = topics[file] if topics else None
        try:
            fast(events, row, raw, topic)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            record = _record(bytes(raw), row, bool(lines.torn[row]), events)
            if record is not None:
                slow(events, row, record, topic)
    return events


def _record(content: bytes, row: int, torn: bool, events: Events) -> dict[str, Any] | None:
    """A line read leniently; ``None``, and a problem, where it holds no record."""
    if not content.strip():
        events.problems.append(LineProblem(row=row, kind=ProblemKind.BLANK, reason="blank line"))
        return None
    kind = ProblemKind.TORN if torn else ProblemKind.BAD
    try:
        # bytes that are no UTF-8 are reported for the batch, NaN where the payload is read
        record = decode_leniently(content, lambda member, reason: None)
    except ValueError as error:
        reason = f"not JSON ({error})"
        if torn:
            reason = (
                f"the file ends inside this line after {len(content)} bytes; a run may still be writing it"
            )
        events.problems.append(LineProblem(row=row, kind=kind, reason=reason))
        return None
    if not isinstance(record, dict):
        reason = f"expected a JSON object, found {shown(record)}"
        events.problems.append(LineProblem(row=row, kind=ProblemKind.BAD, reason=reason))
        return None
    return record


def _slow_envelope(events: Events, row: int, record: dict[str, Any], topic: str | None) -> None:
    note = events.note(row)
    event = record.get("event")
    if not isinstance(event, dict):
        note("event", f"expected an object, found {shown(event)}")
        event = {}
    headers = event.get("headers")
    events.add(
        row,
        topic=topic,
        event_id=member(record.get("id"), pl.Int64(), "id", note),
        kind=member(event.get("kind"), pl.String(), "event.kind", note),
        occurred_at_ms=within_time(
            member(event.get("occurred_at_ms"), pl.Int64(), "event.occurred_at_ms", note), note
        ),
        headers=_NO_HEADERS if headers is None else json_bytes(headers),
        payload=json_bytes(event.get("payload")),
    )


def _slow_agent_line(events: Events, row: int, record: dict[str, Any], topic: str | None) -> None:
    note = events.note(row)
    events.add(
        row,
        topic=topic,
        event_id=None,
        kind=member(record.get("type"), pl.String(), "type", note),
        occurred_at_ms=within_time(
            member(record.get("emitted_at_ms"), pl.Int64(), "emitted_at_ms", note), note
        ),
        headers=_NO_HEADERS,
        payload=json_bytes(record),
    )


def member(value: Any, dtype: pl.DataType, name: str, note: Note) -> Any:
    """One part of an envelope in its type; what does not fit is reported."""
    converted = typed(value, dtype)
    if converted.oddity:
        note(name, converted.oddity)
    return converted.value


def within_time(milliseconds: int | None, note: Note) -> int | None:
    """Unix milliseconds that are a time between 1970 and 9999; anything else is reported, and null."""
    if milliseconds is None or 0 <= milliseconds <= LAST_MS:
        return milliseconds
    note("occurred_at_ms", f"{milliseconds} milliseconds since 1970 is no time before the year 10000")
    return None


def json_bytes(value: Any) -> bytes:
    """JSON of a decoded value; ASCII only, so that a lone surrogate survives as the escape it was written as."""
    return json.dumps(value, separators=(",", ":")).encode()


def written_json(content: Any) -> bytes:
    """JSON of a payload or of headers as a database holds them: BLOB, TEXT, NULL or a number."""
    if isinstance(content, bytes):
        return content
    return _NULL if content is None else json_bytes(content)
