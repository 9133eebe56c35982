"""Events of any log to frames: ``events``, transcript entries, and what the typed kinds say.

A log's ``agent.transcript.llm`` holds the entries of a transcript file; they become the same frames. Every
other kind is an event; those of :mod:`harnlab.ingest.event_families` get typed columns besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from harnlab.frames import EVENTS, Instant
from harnlab.ingest.agent_tools import AGENT_TOOL
from harnlab.ingest.agent_tools import KINDS as TOOL_KINDS
from harnlab.ingest.decode import Note
from harnlab.ingest.envelopes import Events
from harnlab.ingest.event_families import EVENT_FAMILIES, FAMILY_OF_KIND, SKILL, TRUST
from harnlab.ingest.families import FAMILIES
from harnlab.ingest.fields import shown, typed
from harnlab.ingest.heads import Int64, LineProblem, decode_leniently
from harnlab.ingest.recorded_twice import entry_digest
from harnlab.ingest.records import FrameParts, RecordReader, duplicate_problems
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import Lines, Oversized
from harnlab.vocabulary import ProblemKind

TRANSCRIPT_TOPIC: Final = "agent.transcript.llm"
AGENT_TOPIC: Final = "observability.agent_events."
_TENANT: Final = re.compile(r"tenant\.[^.]+\.")
_SHOWN: Final = 80
_INTS: Final = frozenset({"iteration", "span_id"})
#: Columns of a log's ``events`` that are not in the frame: the run an event names, before runs are linked.
NAMED_RUN: Final = "named_run"


class _Ids(msgspec.Struct, gc=False):
    """Members of a payload or of headers that join an event to others."""

    type: str | None = None
    call_id: str | None = None
    tool_call_id: str | None = None
    iteration: Int64 | None = None
    span_id: Int64 | None = None
    session_id: str | None = None
    trace_id: str | None = None
    request_id: str | None = None
    run_id: str | None = None


class _HeaderIds(msgspec.Struct, gc=False):
    """The same in headers, where every value is text."""

    call_id: str | None = None
    span_id: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    request_id: str | None = None
    run_id: str | None = None
    event_id: str | None = None
    binding_key: str | None = None


class _AgentPayload(msgspec.Struct, gc=False):
    """Payload of an agent event in a topic: the event is one level down."""

    event: msgspec.Raw
    session_id: str | None = None


_ids: Final = msgspec.json.Decoder(_Ids).decode
_header_ids: Final = msgspec.json.Decoder(_HeaderIds).decode
_agent_payload: Final = msgspec.json.Decoder(_AgentPayload).decode
_NO_HEADERS: Final = _HeaderIds()
_JOINING: Final = ("call_id", "session_id", "trace_id", "request_id")


@dataclass(slots=True)
class LogParts:
    """What logs gave so far.

    ``entries`` are transcript entries by event type, as transcript files give them; ``frames`` are ``events``,
    ``problems`` and the typed kinds by family.
    """

    entries: FrameParts = field(default_factory=FrameParts)
    frames: FrameParts = field(default_factory=FrameParts)

    def extend(self, other: LogParts) -> None:
        """Keep another's frames too."""
        for mine, theirs in ((self.entries, other.entries), (self.frames, other.frames)):
            for name, frames in theirs.frames.items():
                mine.frames.setdefault(name, []).extend(frames)


class EventReader:
    """Decoders and log names that stay the same from batch to batch.

    Parameters
    ----------
    sources : sequence of Source
        What the ``files`` of a batch's lines count.
    typed : bool
        Whether kinds that have a family get their typed columns, or only ``events`` and ``problems`` are wanted.
    """

    def __init__(self, sources: Sequence[Source], *, typed: bool = True) -> None:
        self.records = RecordReader(sources, (*FAMILIES, *EVENT_FAMILIES))
        self.parts = LogParts()
        self._typed = typed

    def add(self, lines: Lines, events: Events, oversized: Iterable[Oversized] = ()) -> None:
        """Add a batch of events; each is in ``events``, or in ``problems`` as lost."""
        batch = _Batch(self.records, lines, events)
        batch.read_ids()
        self.parts.frames.add("events", batch.events())
        if self._typed:
            self.parts.frames.extend(batch.typed_kinds())
            self.parts.entries.extend(batch.entries())
        self.parts.frames.add("problems", self.records.problems(lines, batch.problems, oversized))


@dataclass(slots=True)
class _Batch:
    """One batch on its way; ``kept`` are the events whose payload is JSON."""

    records: RecordReader
    lines: Lines
    source: Events
    problems: list[LineProblem] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    ids: list[_Ids] = field(default_factory=list)
    headers: list[_HeaderIds] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)

    def read_ids(self) -> None:
        """Read what joins each event to others; a payload that is no JSON is lost here."""
        found = self.source
        self.problems += found.problems
        parts = zip(found.rows, found.topics, found.payloads, found.headers, strict=True)
        for number, (row, named, payload, headers) in enumerate(parts):
            topic = _TENANT.sub("", named, count=1) if named else ""
            inner, session = _inner(payload) if topic.startswith(AGENT_TOPIC) else (payload, None)
            ids = self._ids(row, inner)
            if ids is None:
                continue
            if session is not None and ids.session_id is None:
                ids.session_id = session
            self.kept.append(number)
            self.payloads.append(inner)
            self.ids.append(ids)
            self.headers.append(self._header_ids(row, headers))
            self.topics.append(topic)

    def _ids(self, row: int, payload: bytes) -> _Ids | None:
        try:
            ids = _ids(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._lenient_ids(row, payload)
        self.problems += duplicate_problems(row, payload)
        return ids

    def _lenient_ids(self, row: int, payload: bytes) -> _Ids | None:
        oddities: list[LineProblem] = []
        note = _noting(row, oddities)
        try:
            record = decode_leniently(payload, note)
        except ValueError as error:
            reason = f"the payload is not JSON ({error})"
            self.problems.append(LineProblem(row=row, kind=ProblemKind.BAD, field="payload", reason=reason))
            return None
        found: dict[str, Any] = {}
        if isinstance(record, dict):
            oddities += duplicate_problems(row, payload)
            for name in _Ids.__struct_fields__:
                found[name], oddity = typed(record.get(name), pl.Int64() if name in _INTS else pl.String())
                if oddity:
                    note(name, oddity)
        self.problems += oddities
        return _Ids(**found)

    def _header_ids(self, row: int, headers: bytes) -> _HeaderIds:
        try:
            return _header_ids(headers)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            note = _noting(row, self.problems, within="headers")
        try:
            record = decode_leniently(headers, note)
        except ValueError as error:
            note(None, f"the headers are not JSON ({error})")
            return _NO_HEADERS
        if not isinstance(record, dict):
            note(None, "expected an object of headers")
            return _NO_HEADERS
        texts = {}
        for name in _HeaderIds.__struct_fields__:
            texts[name], oddity = typed(record.get(name), pl.String())
            if oddity:
                note(name, oddity)
        return _HeaderIds(**texts)

    def _rows(self, kept: Iterable[int]) -> list[int]:
        return [self.source.rows[number] for number in kept]

    def events(self) -> pl.DataFrame:
        """Rows of ``events``, and the run each names."""
        found, kept = self.source, self.kept
        columns = self.records.place(self.lines, np.asarray(self._rows(kept), dtype=np.int64))
        for name in _JOINING:
            columns[name] = pl.Series(
                [
                    getattr(ids, name) or getattr(headers, name)
                    for ids, headers in zip(self.ids, self.headers, strict=True)
                ],
                dtype=pl.String,
            )
        tools = pl.Series([ids.tool_call_id for ids in self.ids], dtype=pl.String)
        columns["call_id"] = columns["call_id"].fill_null(tools)
        columns["iteration"] = pl.Series([ids.iteration for ids in self.ids], dtype=pl.Int64)
        columns["span_id"] = self._span_ids()
        columns["type"] = pl.Series([found.kinds[number] for number in kept], dtype=pl.String)
        columns["timestamp"] = self._times(kept)
        columns["topic"] = pl.Series([found.topics[number] for number in kept], dtype=pl.String)
        columns["event_id"] = pl.Series([found.event_ids[number] for number in kept], dtype=pl.Int64)
        runs = [ids.run_id or headers.run_id for ids, headers in zip(self.ids, self.headers, strict=True)]
        named = pl.Series(NAMED_RUN, runs, dtype=pl.String)
        return EVENTS.conform(pl.DataFrame(columns)).with_columns(named)

    def _times(self, numbers: Iterable[int]) -> pl.Series:
        times = [self.source.occurred_at_ms[number] for number in numbers]
        return pl.Series(times, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC")).cast(Instant)

    def _span_ids(self) -> pl.Series:
        spans = []
        for ids, headers in zip(self.ids, self.headers, strict=True):
            text = headers.span_id
            known = ids.span_id is None and text is not None and text.isdecimal() and len(text) < 19
            spans.append(int(text or 0) if known else ids.span_id)
        return pl.Series(spans, dtype=pl.Int64)

    def entries(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Transcript entries by event type, with the digest that tells entries without a ``call_id`` apart.

        An entry that is no object is an event only, and told.
        """
        by_type: dict[str, list[int]] = {}
        for position, topic in enumerate(self.topics):
            if topic == TRANSCRIPT_TOPIC:
                kind = self.ids[position].type or self.source.kinds[self.kept[position]]
                if kind in _ENTRY_TYPES and self._is_object(position):
                    by_type.setdefault(kind, []).append(position)
        for kind, positions in by_type.items():
            digests = [
                None if self.ids[position].call_id else entry_digest(self.payloads[position])
                for position in positions
            ]
            yield (
                kind,
                self._family(kind, positions).with_columns(
                    topic=self._topic(positions), digest=pl.Series(digests, dtype=pl.String)
                ),
            )

    def typed_kinds(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Frames of the kinds that have a family; an event whose payload is no object has no row, and is told."""
        by_family: dict[str, list[int]] = {}
        for position, topic in enumerate(self.topics):
            family = self._family_of(position, topic)
            if family and self._is_object(position):
                by_family.setdefault(family, []).append(position)
        for family, positions in by_family.items():
            frame = self._family(family, positions).with_columns(
                event_kind=pl.Series(
                    [self.source.kinds[self.kept[position]] for position in positions], dtype=pl.String
                ),
                occurred_at=self._times([self.kept[position] for position in positions]),
                topic=self._topic(positions),
                **{
                    f"header_{name}": pl.Series(
                        [getattr(self.headers[position], name) for position in positions], dtype=pl.String
                    )
                    for name in ("request_id", "trace_id", "event_id", "binding_key")
                },
            )
            if family in _WHOLE:
                texts = [self.payloads[position].decode("utf-8", "replace") for position in positions]
                frame = frame.with_columns(payload=pl.Series(texts, dtype=pl.String))
            yield family, frame

    def _is_object(self, position: int) -> bool:
        payload = self.payloads[position].strip()
        if payload[:1] != b"{":
            found = shown(payload[:_SHOWN].decode("utf-8", "replace"))
            self._note(position, f"expected an object, found the JSON {found}")
        return payload[:1] == b"{"

    def _note(self, position: int, reason: str) -> None:
        row = self.source.rows[self.kept[position]]
        self.problems.append(LineProblem(row=row, kind=ProblemKind.DRIFT, field="payload", reason=reason))

    def _family_of(self, position: int, topic: str) -> str | None:
        kind = self.source.kinds[self.kept[position]]
        if topic == TRANSCRIPT_TOPIC or kind is None:
            return None
        if kind in FAMILY_OF_KIND:
            return FAMILY_OF_KIND[kind].type
        if topic and not topic.startswith(AGENT_TOPIC):
            return None
        if kind in TOOL_KINDS:
            return AGENT_TOOL.type
        return SKILL.type if kind.startswith("skill") else None

    def _topic(self, positions: Iterable[int]) -> pl.Series:
        named = self.source.topics
        return pl.Series([named[self.kept[position]] for position in positions], dtype=pl.String)

    def _family(self, name: str, positions: Sequence[int]) -> pl.DataFrame:
        payloads = [self.payloads[position] for position in positions]
        rows = self._rows(self.kept[position] for position in positions)
        return self.records.family(name, payloads, self.lines, rows, self.problems, times_seen=False)


_ENTRY_TYPES: Final = frozenset(family.type for family in FAMILIES)
#: Families whose frames carry the whole payload: a hash is taken over it, or there is no other place for it.
_WHOLE: Final = frozenset({TRUST.type, SKILL.type})


def _inner(payload: bytes) -> tuple[bytes, str | None]:
    try:
        found = _agent_payload(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return payload, None
    inner = bytes(found.event)
    return (inner, found.session_id) if inner[:1] == b"{" else (payload, None)


def _noting(row: int, problems: list[LineProblem], *, within: str | None = None) -> Note:
    def note(member: str | None, reason: str) -> None:
        name = ".".join(filter(None, (within, member))) or None
        problems.append(LineProblem(row=row, kind=ProblemKind.DRIFT, field=name, reason=reason))

    return note
