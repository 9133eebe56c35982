"""The two JSON files of durable state: who wrote a key last, and the handoff envelope (FORMATS 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from harnlab.frames import HANDOFFS, STATE_ENTRIES, Hash, Instant
from harnlab.ingest.document_rows import Row, Rows, event, json_text, reading, typed_member
from harnlab.ingest.documents import Findings, Record, read_value, shown_safely
from harnlab.ingest.fields import typed
from harnlab.ingest.sources import Problem, Source
from harnlab.vocabulary import ProblemKind

HANDOFF_FILE: Final = "__handoff.json"
HANDOFF_TYPE: Final = "agent_state_handoff"
HANDOFF_VERSION: Final = 1

_WRITER: Final = {
    "writer_id": "writer.writer_id",
    "writer_stage_id": "writer.stage_id",
    "writer_session_id": "writer.session_id",
    "writer_worker_id": "writer.worker_id",
}
_METADATA: Final = reading(STATE_ENTRIES, "", kept_in_file="updated_at", **_WRITER)
_HANDOFF: Final = reading(
    HANDOFFS, "version", as_json="summary", kept_in_file="_type key session_id root written_at", **_WRITER
)
_ENVELOPE: Final = {"version", "summary", "writer", "written_at"}


def read_metadata(source: Source, content: bytes) -> tuple[Row, list[Problem]]:
    """Writer columns, ``updated_at`` and ``extra`` of a metadata file; empty where nothing can be read."""
    record, findings = _object(content)
    if record is None:
        return {}, _named(source, findings)
    row = _METADATA.row(source, record, findings)
    row["updated_at"] = _second(record, "updated_at", findings)
    _note_null_writer(record, findings)
    columns = {name: value for name, value in row.items() if name in _COLUMNS}
    return columns, _named(source, findings)


_COLUMNS: Final = {*_WRITER, "updated_at", "extra"}


def read_handoff(source: Source, content: bytes, *, root: str, session_id: str) -> tuple[Rows, list[Problem]]:
    """Rows of ``handoffs`` and ``events`` for one envelope, found under a root and a session.

    ``root`` and ``session_id`` are those of the folder: a root that the envelope names differently is the one on
    the machine where it was written, and stands in ``extra``.
    """
    record, findings = _object(content)
    if record is None:
        return {}, _named(source, findings)
    rows: Rows = {"events": list(event(source, record, findings, session_id="session_id"))}
    _note_surprises(record, {"_type": HANDOFF_TYPE, "key": HANDOFF_FILE, "session_id": session_id}, findings)
    if record.member("_type") == HANDOFF_TYPE or record.value.keys() & _ENVELOPE:
        _note_null_writer(record, findings)
        row = _HANDOFF.row(source, record, findings)
        if row["version"] != HANDOFF_VERSION:
            found = shown_safely(record.member("version"))
            reason = f"expected version {HANDOFF_VERSION}, found {found}; read all the same"
            findings.note(record, "version", reason, kind=ProblemKind.UNSUPPORTED)
        if row["summary"] is not None and not isinstance(record.member("summary"), dict):
            found = shown_safely(record.member("summary"))
            findings.note(record, "summary", f"expected an object, found {found}")
        extra = _HANDOFF.unknown(record)
        if record.member("root") != root:
            extra["root"] = record.member("root")
        row["extra"] = json_text(record, "", extra or None, findings)
        written_at = _second(record, "written_at", findings)
        rows["handoffs"] = [row | {"root": root, "session_id": session_id, "written_at": written_at}]
    for row in rows["events"]:
        row["timestamp"] = _second(record, "written_at", findings)
    return rows, _named(source, findings)


def recorded_session(content: bytes) -> Any:
    """Session an envelope or a metadata file names, of whatever type."""
    record, _ = _object(content)
    if record is None:
        return None
    writer = record.member("writer")
    return record.member("session_id") or (writer.get("session_id") if isinstance(writer, dict) else None)


def _object(content: bytes) -> tuple[Record | None, Findings]:
    document = read_value(content)
    whole = [record for record in document.records if record.complete]
    if len(whole) == 1 and content.lstrip()[:1] == b"{":
        return whole[0], document.findings
    if not document.findings.lost:
        reason = "expected a JSON object, found an array"
        problem = Problem(kind=ProblemKind.BAD, reason=reason, line=1, offset=0, length=len(content))
        document.findings.lost.append(problem)
    return None, document.findings


def _second(record: Record, member: str, findings: Findings) -> Any:
    """UTC second: the runtime writes an unsigned integer."""
    second = typed_member(record, member, Hash, findings)
    at, oddity = typed(second, Instant)
    if oddity:
        findings.note(record, member, oddity)
    return at


def _note_null_writer(record: Record, findings: Findings) -> None:
    if "writer" in record.value and record.value["writer"] is None:
        findings.note(record, "writer", "expected an object, found null")


def _note_surprises(record: Record, expected: Mapping[str, Any], findings: Findings) -> None:
    for member, word in expected.items():
        found = record.member(member)
        if found != word:
            kind = ProblemKind.UNSUPPORTED if member == "_type" and found is not None else ProblemKind.DRIFT
            findings.note(record, member, f"expected {word}, found {shown_safely(found)}", kind=kind)


def _named(source: Source, findings: Findings) -> list[Problem]:
    return [replace(problem, path=source.shown) for problem in findings.problems()]
