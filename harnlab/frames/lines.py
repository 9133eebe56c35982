"""Every line that was read, and every one that could not be."""

from __future__ import annotations

from harnlab.frames.columns import SOURCE, Column, Text, instant, integer, text
from harnlab.frames.frame_schema import FrameSchema

EVENTS = FrameSchema(
    name="events",
    row="one line, log row or document of any kind, known or not",
    key=("source_path", "source_line", "source_offset"),
    columns=(
        *SOURCE,
        Column(
            "source_kind", Text, "kind of file: transcript, run_record, receipt, event_log, …", nullable=False
        ),
        text("type", "event type or kind as written"),
        instant("timestamp", "when it was written"),
        text("call_id", "provider call attempt, or tool call for tool events"),
        integer("iteration", "agent-loop turn; 0 is also written outside a loop"),
        integer("span_id", "trace span, per process"),
        text("session_id", "agent session"),
        text("trace_id", "trace across agents"),
        text("request_id", "approval or other human request"),
        text("topic", "event-log topic"),
        integer("event_id", "position in the topic, from 1"),
    ),
)

PROBLEMS = FrameSchema(
    name="problems",
    row="one thing that could not be read as it should",
    key=("source_path", "source_line", "kind", "field"),
    columns=(
        Column("run_id", Text, "run the file belongs to, where known"),
        *SOURCE[1:],
        Column(
            "kind", Text, "torn, bad, blank, drift, duplicate_key, unsupported or unreadable", nullable=False
        ),
        text("field", "member concerned"),
        Column("reason", Text, "what was found and what was expected", nullable=False),
    ),
)
