"""What a receipt becomes, field by field."""

import json
from datetime import UTC, datetime

import pytest

from harnlab.frames import SOURCE
from harnlab.ingest.receipts import read
from harnlab.ingest.sources import SourceKind
from ingest.document_files import kinds, pointed_at, rows, written

PLACE = {column.name for column in SOURCE}
ENTRY = {
    "step": "verify",
    "function": "verify_area",
    "model": "glm-5",
    "input_tokens": 94290,
    "output_tokens": 3570,
    "llm_calls": 7,
    "status": "skipped",
    "error": "step `verify` exceeded",
    "cost_usd": 0.33642,
    "lane": "slow",
}
RECEIPT = {
    "schema": "harn.receipt.v1",
    "id": "receipt-1",
    "parent_run_id": "run-1",
    "persona": "captain",
    "step": "release",
    "trace_id": "trace-1",
    "started_at": "2026-05-01T10:00:00.5Z",
    "completed_at": "2026-05-01T10:00:09Z",
    "status": "failure",
    "inputs_digest": "sha256:in",
    "outputs_digest": "sha256:out",
    "model_calls": [ENTRY, {"model": "glm-5"}],
    "tool_calls": [{}, {}, {}],
    "cost_usd": 1.25,
    "approvals": [{}, {}, {}, {}],
    "handoffs": [{}],
    "side_effects": ["push"],
    "error": {"message": "over"},
    "redaction_class": "internal",
    "metadata": {"tag": "v4"},
    "signed_by": "k",
}
EXPECTED = {
    "receipts": {
        "receipt_id": "receipt-1",
        "parent_run_id": "run-1",
        "persona": "captain",
        "step": "release",
        "trace_id": "trace-1",
        "started_at": datetime(2026, 5, 1, 10, 0, 0, 500_000, UTC),
        "completed_at": datetime(2026, 5, 1, 10, 0, 9, 0, UTC),
        "status": "failure",
        "cost_usd": 1.25,
        "model_call_count": 2,
        "tool_call_count": 3,
        "approval_count": 4,
        "handoff_count": 1,
        "inputs_digest": "sha256:in",
        "outputs_digest": "sha256:out",
        "redaction_class": "internal",
        "error": '{"message":"over"}',
        "metadata": '{"tag":"v4"}',
        "extra": '{"side_effects":["push"],"signed_by":"k"}',
    },
    "steps": {
        "seq": 0,
        "source_kind": "receipt",
        "persona": "captain",
        "step": "verify",
        "function": "verify_area",
        "model": "glm-5",
        "input_tokens": 94290,
        "output_tokens": 3570,
        "cost_usd": 0.33642,
        "llm_calls": 7,
        "status": "skipped",
        "error": "step `verify` exceeded",
        "receipt_id": "receipt-1",
        "extra": '{"lane":"slow"}',
    },
    "events": {
        "source_kind": "receipt",
        "type": "harn.receipt.v1",
        "timestamp": datetime(2026, 5, 1, 10, 0, 9, 0, UTC),
        "trace_id": "trace-1",
    },
}
#: Columns that a receipt has nothing for.
ELSEWHERE = {
    "steps": {"span_id", "parent_span_id", "started_at", "start_ms", "duration_ms"},
    "events": {"call_id", "iteration", "span_id", "session_id", "request_id", "topic", "event_id"},
}


def part(tmp_path, content, name="receipt.json"):
    return read(written(tmp_path / name, content, SourceKind.RECEIPT))


@pytest.mark.parametrize("frame", EXPECTED)
def test_every_column_is_read_back_with_its_own_value(tmp_path, frame):
    read_part = part(tmp_path, RECEIPT)
    (row,) = rows(read_part, frame)
    assert {name: value for name, value in row.items() if name not in PLACE} == {
        **dict.fromkeys(ELSEWHERE.get(frame, ())),
        **EXPECTED[frame],
    }
    assert row["run_id"] == "run-1"
    assert read_part.problems == []


def test_rows_point_to_the_receipt_and_to_the_entry_of_each_step(tmp_path):
    source = written(tmp_path / "receipt.json", RECEIPT, SourceKind.RECEIPT)
    read_part = read(source)
    for frame, wanted in (("receipts", RECEIPT), ("events", RECEIPT), ("steps", ENTRY)):
        (row,) = rows(read_part, frame)
        assert pointed_at(source, row) == (wanted, row["source_line"])


@pytest.mark.parametrize("name", ["many.json", "many.jsonl", "lines.json"])
def test_a_file_may_hold_one_an_array_or_lines_of_receipts(tmp_path, name):
    receipts = [{**RECEIPT, "id": "a"}, {**RECEIPT, "id": "b"}, {**RECEIPT, "id": "c", "parent_run_id": None}]
    lines = b"\n".join(json.dumps(receipt).encode() for receipt in receipts)
    read_part = part(tmp_path, receipts if name == "many.json" else lines, name=name)
    assert [row["receipt_id"] for row in rows(read_part, "receipts")] == ["a", "b", "c"]
    steps = [(row["run_id"], row["seq"], row["receipt_id"]) for row in rows(read_part, "steps")]
    assert steps == [("run-1", 0, "a"), ("run-1", 1, "b"), ("folder", 0, "c")]


def test_a_cost_that_was_not_finite_is_null(tmp_path):
    entry = {name: value for name, value in ENTRY.items() if name != "cost_usd"}
    (step,) = rows(part(tmp_path, {**RECEIPT, "model_calls": [entry]}), "steps")
    assert step["cost_usd"] is None


def test_a_newer_schema_is_read_and_called_unsupported(tmp_path):
    read_part = part(tmp_path, {**RECEIPT, "schema": "harn.receipt.v2"})
    assert len(rows(read_part, "receipts")) == 1
    (problem,) = read_part.problems
    assert (problem.kind, problem.field) == ("unsupported", "schema")


def test_a_receipt_without_its_schema_is_read_and_reported_and_anything_else_is_only_an_event(tmp_path):
    bare = part(tmp_path, {"persona": "captain"})
    assert [row["persona"] for row in rows(bare, "receipts")] == ["captain"]
    assert kinds(bare.problems) == ["drift"]
    other = part(tmp_path, {"hello": 1})
    assert list(other.frames) == ["events"]
    assert kinds(other.problems) == ["drift"]


def test_damage_is_reported_and_what_stands_before_it_is_kept(tmp_path):
    content = json.dumps([RECEIPT, RECEIPT]).encode()
    read_part = part(tmp_path, content[:-40])
    assert len(rows(read_part, "events")) == 1
    assert len(rows(read_part, "steps")) == 2
    assert kinds(read_part.problems) == ["bad"]
    wrong = part(tmp_path, {**RECEIPT, "model_calls": [5], "tool_calls": {}})
    assert {problem.field for problem in wrong.problems} == {"model_calls[]"}
    assert rows(wrong, "receipts")[0]["tool_call_count"] is None
