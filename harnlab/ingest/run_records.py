"""Run records (``.harn-runs/<id>.json``, FORMATS 4.5): runs, stages, spans, steps, tools, skills, messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from harnlab.frames import MESSAGES, RUNS, SKILL_EVENTS, SPANS, STAGES, TOOL_CALLS, Text
from harnlab.ingest.document_rows import (
    Row,
    Rows,
    count,
    event,
    first_of,
    json_text,
    objects,
    part,
    reading,
    typed_member,
)
from harnlab.ingest.documents import ELEMENTS, LEAF, Findings, Inside, Record, read_document, shown_safely
from harnlab.ingest.sources import Part, Source
from harnlab.ingest.step_rows import STEP_SPAN, finished_step, in_order_of_completion, numbered
from harnlab.vocabulary import SpanKind

_TRANSCRIPT: Final[Inside] = {
    "events": {ELEMENTS: LEAF},
    "messages": {ELEMENTS: {"content": LEAF, "tool_calls": LEAF}},
}
_RUN: Final[Inside] = {
    "stages": {ELEMENTS: {"transcript": _TRANSCRIPT}},
    "transcript": _TRANSCRIPT,
    "trace_spans": {ELEMENTS: LEAF},
    "tool_recordings": {ELEMENTS: LEAF},
}
#: Members that tell a run record without its mark.
_MEMBERS: Final = _RUN.keys() | {"workflow_id", "workflow_name", "task", "status", "usage", "root_run_id"}

_USAGE: Final = {
    "usage_input_tokens": "usage.input_tokens",
    "usage_output_tokens": "usage.output_tokens",
    "usage_total_duration_ms": "usage.total_duration_ms",
    "usage_call_count": "usage.call_count",
    "usage_total_cost_usd": "usage.total_cost",
}
_RUNS: Final = reading(
    RUNS,
    "workflow_id workflow_name task status started_at finished_at parent_run_id root_run_id persisted_path",
    as_json="metadata",
    usual="transitions checkpoints pending_nodes completed_nodes child_runs handoffs policy execution "
    "observability hitl_questions",
    kept_in_file="_type id artifacts replay_fixture",
    usage_models="usage.models",
    **_USAGE,
)
_STAGES: Final = reading(
    STAGES,
    "node_id kind status outcome branch started_at finished_at",
    as_json="metadata",
    usual="verification consumed_artifact_ids produced_artifact_ids attempts",
    kept_in_file="visible_text private_reasoning artifacts",
    stage_id="id",
    **_USAGE,
)
_SPAN_METADATA: Final = (
    *("call_id", "model", "provider", "persona", "status"),
    *("llm_calls", "input_tokens", "output_tokens", "cost_usd"),
)
_SPANS: Final = reading(
    SPANS,
    "span_id parent_id kind name start_ms duration_ms",
    kept_in_file="metadata",
    **{name: f"metadata.{name}" for name in _SPAN_METADATA},
)
_RECORDINGS: Final = reading(
    TOOL_CALLS,
    "tool_name is_rejected duration_ms iteration args_hash",
    kept_in_file="result",
    call_id="tool_use_id",
    finished_at="timestamp",
)
_MESSAGES: Final = reading(
    MESSAGES,
    "timestamp iteration role name tool_call_id",
    kept_in_file="content tool_calls session_id message_index",
)
_EVENTS: Final = reading(
    SKILL_EVENTS,
    "kind timestamp",
    kept_in_file="role visibility text blocks metadata",
    event_id="id",
    iteration="metadata.iteration",
    score="metadata.score",
    reason="metadata.reason",
    allowed_tools="metadata.allowed_tools",
    signed="metadata.signed",
    trusted="metadata.trusted",
)


def read(source: Source) -> Part:
    """Frames of run records.

    Parameters
    ----------
    source : Source
        A file of one run record, an array of them, or one a line; it may be damaged in any way.

    Returns
    -------
    Part
        ``runs``, ``stages``, ``spans``, ``steps``, ``tool_calls``, ``messages``, ``skill_events`` and
        ``events``, where there are rows. ``run_id`` is the record's own ``id`` where it has one.
    """
    document = read_document(source, _RUN)
    rows: Rows = {}
    for record in document.records:
        for name, added in _RunReader(source, record, document.findings).rows().items():
            rows.setdefault(name, []).extend(added)
    return part(rows, document.findings)


@dataclass(slots=True)
class _RunReader:
    """Rows of one run record."""

    source: Source
    record: Record
    findings: Findings
    run_id: str = ""
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    def rows(self) -> Rows:
        """Rows of every frame the record has something for."""
        self.run_id = self._text(self.record, "id") or self.source.run_id
        times = first_of(self.record, "finished_at", "started_at")
        events = event(self.source, self.record, self.findings, run_id=self.run_id, timestamp=times)
        mark = self.record.member("_type")
        if mark not in (None, "run_record"):
            self.findings.note(self.record, "_type", f"expected run_record, found {shown_safely(mark)}")
        if mark != "run_record" and not self.record.value.keys() & _MEMBERS:
            found = shown_safely(sorted(self.record.value)[:12])
            self.findings.note(self.record, "", f"expected a run record, found an object of {found}")
            return {"events": list(events)}
        return {"events": list(events), **self._spans(), **self._stages(), "tool_calls": self._recordings()}

    def _spans(self) -> Rows:
        """The run itself, its spans, and the steps among them."""
        found = list(objects(self.record, "trace_spans", self.findings))
        spans = [self._span(span) for span in found]
        ran = [span for span in found if span.member("kind") == SpanKind.STEP]
        steps = [finished_step(STEP_SPAN, self.source, s, self.findings, run_id=self.run_id) for s in ran]
        run = _RUNS.row(self.source, self.record, self.findings, run_id=self.run_id)
        run["stage_count"] = count(self.record, "stages")
        run["child_run_count"] = count(self.record, "child_runs")
        personas = (step["persona"] for step in steps)
        run["persona"] = self._text(self.record, "metadata.persona") or next(filter(None, personas), None)
        for step in steps:
            step["source_kind"] = "span"
            if run["started_at"] is not None and step["start_ms"] is not None:
                step["started_at"] = _later(run["started_at"], step["start_ms"])
        return {"runs": [run], "spans": spans, "steps": numbered(in_order_of_completion(steps, spans))}

    def _span(self, span: Record) -> Row:
        row = _SPANS.row(self.source, span, self.findings, run_id=self.run_id)
        row["metadata"] = self._metadata(span, _SPANS.unknown(span))
        return row

    def _stages(self) -> Rows:
        """Stages, and what the transcripts inside the record hold."""
        rows: Rows = {"stages": [], "messages": [], "skill_events": []}
        for stage in objects(self.record, "stages", self.findings):
            row = _STAGES.row(self.source, stage, self.findings, run_id=self.run_id)
            rows["stages"].append(row | {"attempt_count": count(stage, "attempts")})
            self._transcript(stage, row["stage_id"], rows)
        # the run's own transcript last: what also stands in a stage's keeps its stage
        self._transcript(self.record, None, rows)
        numbered(rows["skill_events"])
        return rows

    def _transcript(self, holder: Record, stage_id: str | None, rows: Rows) -> None:
        transcript = holder.value.get("transcript")
        if not isinstance(transcript, Record) or transcript.value is None:
            return
        if not isinstance(transcript.value, dict):
            reason = f"expected an object, found {shown_safely(transcript.value)}"
            self.findings.note(holder, "transcript", reason)
            return
        session = self._text(transcript, "id")
        rows["messages"] += self._messages(transcript, session)
        rows["skill_events"] += self._skill_events(transcript, session, stage_id)

    def _messages(self, transcript: Record, session: str | None) -> Iterator[Row]:
        for index, message in enumerate(objects(transcript, "messages", self.findings)):
            row = _MESSAGES.row(self.source, message, self.findings, run_id=self.run_id)
            content = message.value.get("content")
            row["session_id"] = self._text(message, "session_id") or session
            row["message_index"] = index
            row["content_bytes"] = _size(content)
            row["tool_call_count"] = count(message, "tool_calls")
            said = message.member("content")
            text = said if isinstance(said, str) else json_text(message, "content", said, self.findings)
            if self._is_new("message", session, index, row["role"], text):
                yield row

    def _skill_events(self, transcript: Record, session: str | None, stage_id: str | None) -> Iterator[Row]:
        for found in objects(transcript, "events", self.findings):
            kind = found.member("kind")
            if not isinstance(kind, str) or not kind.startswith("skill"):
                continue
            row = _EVENTS.row(self.source, found, self.findings, run_id=self.run_id)
            row["stage_id"] = stage_id
            row["session_id"] = self._text(found, "metadata.session_id") or session
            named = ("metadata.skill_id", "metadata.name", "metadata.skill", "text")
            row["skill"] = next(filter(None, (self._text(found, path) for path in named)), None)
            metadata = found.member("metadata")
            if isinstance(metadata, dict):
                row["candidates"] = json_text(found, "metadata", metadata.get("candidates"), self.findings)
            row["metadata"] = self._metadata(found, _EVENTS.unknown(found))
            if row["event_id"] is None or self._is_new("event", session, row["event_id"]):
                yield row

    def _recordings(self) -> list[Row]:
        found = objects(self.record, "tool_recordings", self.findings)
        return [_RECORDINGS.row(self.source, tool, self.findings, run_id=self.run_id) for tool in found]

    def _metadata(self, record: Record, unknown: dict[str, Any]) -> str | None:
        """Metadata as JSON text, with the members that the frame has no other place for."""
        metadata = record.member("metadata")
        whole = unknown | metadata if isinstance(metadata, dict) else unknown or metadata
        return json_text(record, "metadata", whole, self.findings)

    def _is_new(self, what: str, session: str | None, *identity: Any) -> bool:
        """Whether a transcript's record is met for the first time; stages repeat what came before."""
        key = (what, session, *identity)
        new = session is None or key not in self._seen
        self._seen.add(key)
        return new

    def _text(self, record: Record, path: str) -> str | None:
        text: str | None = typed_member(record, path, Text, self.findings)
        return text


def _later(start: datetime, milliseconds: int) -> datetime | None:
    try:
        return start + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _size(content: Any) -> int | None:
    """UTF-8 size of a text; anything else is measured as it stands in the file."""
    if not isinstance(content, Record) or content.value is None:
        return None
    if isinstance(content.value, str):
        return len(content.value.encode("utf-8", "surrogatepass"))
    return content.length
