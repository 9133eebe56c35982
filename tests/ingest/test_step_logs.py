"""What a completed-step log becomes, field by field and line by line."""

import json

import pytest

from harnlab.frames import SOURCE
from harnlab.ingest.sources import SourceKind
from harnlab.ingest.step_logs import read
from ingest.document_files import kinds, pointed_at, rows, written

STEP = {
    "name": "verify",
    "function": "verify_area",
    "model": "glm-5",
    "input_tokens": 94290,
    "output_tokens": 3570,
    "cost_usd": 0.33642,
    "llm_calls": 7,
    "status": "skipped",
    "error": "step `verify` exceeded",
    "persona": "captain",
    "attempt": 2,
}
EXPECTED = {
    "run_id": "folder",
    "source_path": "shown/steps.json",
    "seq": 0,
    "source_kind": "completed_steps",
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
    "extra": '{"attempt":2}',
}
#: Columns that a completed step has nothing for.
ELSEWHERE = {"span_id", "parent_span_id", "started_at", "start_ms", "duration_ms", "receipt_id"}


def part(tmp_path, content, name="steps.json"):
    return read(written(tmp_path / name, content, SourceKind.COMPLETED_STEPS))


def test_every_column_is_read_back_with_its_own_value(tmp_path):
    source = written(tmp_path / "steps.json", [STEP], SourceKind.COMPLETED_STEPS)
    read_part = read(source)
    (row,) = rows(read_part, "steps")
    place = {name: row.pop(name) for name in ("source_line", "source_offset", "length")}
    assert row == {**dict.fromkeys(ELSEWHERE), **EXPECTED}
    assert pointed_at(source, place) == (STEP, 2)
    (event,) = rows(read_part, "events")
    assert pointed_at(source, event) == (STEP, 2)
    assert event["source_kind"] == "completed_steps"
    kept = {column.name for column in SOURCE} | {"source_kind"}
    assert all(value is None for name, value in event.items() if name not in kept)
    assert read_part.problems == []


@pytest.mark.parametrize("name", ["array.json", "one.json", "lines.jsonl", "lines.json"])
def test_an_array_one_object_and_lines_all_read_in_order(tmp_path, name):
    steps = [{**STEP, "name": "a"}, {**STEP, "name": "b"}]
    wanted = ["a"] if name == "one.json" else ["a", "b"]
    lines = b"".join(json.dumps(step).encode() + b"\n" for step in steps)
    contents = {"array.json": steps, "one.json": steps[0]}
    found = rows(part(tmp_path, contents.get(name, lines), name=name), "steps")
    assert [row["step"] for row in found] == wanted
    assert [row["seq"] for row in found] == list(range(len(wanted)))


def test_lines_are_numbered_and_bad_ones_are_problems(tmp_path):
    good = json.dumps(STEP).encode()
    content = good + b"\n\nnope\n[]\n" + good + b"\r\n" + good[:50]
    read_part = part(tmp_path, content, name="steps.jsonl")
    assert [row["source_line"] for row in rows(read_part, "steps")] == [1, 5]
    assert [row["source_line"] for row in rows(read_part, "events")] == [1, 5]
    assert [(problem.line, problem.kind.value) for problem in read_part.problems] == [
        (2, "blank"),
        (3, "bad"),
        (4, "blank"),
        (6, "torn"),
    ]


def test_a_whole_last_line_without_a_newline_is_not_torn(tmp_path):
    read_part = part(tmp_path, json.dumps(STEP).encode(), name="steps.jsonl")
    assert len(rows(read_part, "steps")) == 1
    assert read_part.problems == []


def test_a_recorded_zero_stays_zero_and_a_missing_member_stays_null(tmp_path):
    zero, missing = rows(part(tmp_path, [{**STEP, "cost_usd": 0, "llm_calls": 0}, {"name": "x"}]), "steps")
    assert (zero["cost_usd"], zero["llm_calls"]) == (0.0, 0)
    assert (missing["cost_usd"], missing["llm_calls"], missing["status"]) == (None, None, None)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_cost_that_is_not_finite_is_null_and_reported(tmp_path, word):
    read_part = part(tmp_path, b'[{"name": "a", "cost_usd": %s}]' % word.encode())
    assert rows(read_part, "steps")[0]["cost_usd"] is None
    assert [(problem.kind.value, problem.field) for problem in read_part.problems] == [
        ("drift", "[].cost_usd")
    ]


def test_an_object_that_is_no_step_is_an_event_and_a_problem(tmp_path):
    read_part = part(tmp_path, [{"hello": 1}, STEP])
    assert len(rows(read_part, "events")) == 2
    assert [row["step"] for row in rows(read_part, "steps")] == ["verify"]
    assert kinds(read_part.problems) == ["drift"]
