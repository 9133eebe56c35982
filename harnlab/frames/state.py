"""Durable state: every key with its last writer, and what was handed over."""

from __future__ import annotations

from harnlab.frames.columns import EXTRA, SOURCE, instant, integer, json_text, text
from harnlab.frames.frame_schema import FrameSchema

STATE_ENTRIES = FrameSchema(
    name="state_entries",
    row="one key of one session's durable state with its writer",
    key=("root", "session_id", "key"),
    columns=(
        *SOURCE,
        text("root", "state folder"),
        text("session_id", "session the key belongs to"),
        text("key", "key, with forward slashes"),
        text("state", "value, link, orphan_metadata or crash_leftover"),
        integer("content_bytes", "size of the value", "bytes"),
        text("writer_id", "last writer"),
        text("writer_stage_id", "stage of the last writer"),
        text("writer_session_id", "session of the last writer"),
        text("writer_worker_id", "worker of the last writer"),
        instant("updated_at", "when the metadata says it was written"),
        instant("modified_at", "when this file was changed; a copy of a folder has the time of the copy"),
        EXTRA,
    ),
)

HANDOFFS = FrameSchema(
    name="handoffs",
    row="one handoff envelope",
    key=("root", "session_id"),
    columns=(
        *SOURCE,
        text("root", "state folder"),
        text("session_id", "session handed over"),
        integer("version", "version of the envelope"),
        json_text("summary", "what was handed over"),
        text("writer_id", "who handed over"),
        text("writer_stage_id", "stage of the writer"),
        text("writer_session_id", "session of the writer"),
        text("writer_worker_id", "worker of the writer"),
        instant("written_at", "when"),
        EXTRA,
    ),
)
