"""What a run record becomes, field by field; and what is kept of a damaged one."""

import json
import random
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.frames import SCHEMAS, SOURCE
from harnlab.ingest.run_records import read
from ingest.document_files import kinds, pointed_at, rows, written

PLACE = {column.name for column in SOURCE}


def at(seconds, micros=0):
    return datetime.fromtimestamp(1_777_629_600 + seconds, UTC).replace(microsecond=micros)


def usage(start):
    return {
        "input_tokens": start,
        "output_tokens": start + 1,
        "total_duration_ms": start + 2,
        "call_count": start + 3,
        "total_cost": start + 0.5,
        "models": [f"m{start}", "é"],
    }


SPAN = {
    "span_id": 12,
    "parent_id": 11,
    "kind": "step",
    "name": "verify",
    "start_ms": 1500,
    "duration_ms": 2500,
    "metadata": {
        "persona": "captain",
        "function": "verify_area",
        "model": "glm-5",
        "provider": "z-ai",
        "call_id": "call-12",
        "status": "skipped",
        "llm_calls": 7,
        "input_tokens": 94290,
        "output_tokens": 3570,
        "cost_usd": 0.33642,
        "error": "over",
        "worker": "w-1",
    },
    "links": ["l"],
}
MESSAGE = {
    "timestamp": "1777629604.25",
    "iteration": 3,
    "role": "tool",
    "name": "grep",
    "tool_call_id": "tc-1",
    "content": 'naïve "quoted"',
    "tool_calls": [{}, {}],
    "id": "msg-1",
}
EVENT = {
    "id": "ev-1",
    "kind": "skill_activated",
    "role": "system",
    "visibility": "internal",
    "text": "deploy",
    "blocks": [],
    "timestamp": "2026-05-01T10:00:05Z",
    "metadata": {
        "name": "project/deploy",
        "iteration": 4,
        "score": 1.25,
        "reason": "asked",
        "allowed_tools": ["bash", "git"],
        "candidates": [{"name": "deploy", "score": 1.25}],
        "signed": True,
        "trusted": False,
        "note": "n",
    },
    "origin": "loop",
}
STAGE = {
    "id": "stage-1",
    "node_id": "node-1",
    "kind": "worker",
    "status": "failed",
    "outcome": "error",
    "branch": "left",
    "started_at": "1777629601",
    "finished_at": "1777629609.5",
    "visible_text": "long",
    "verification": {"ok": False},
    "transcript": {"_type": "transcript", "id": "session-1", "messages": [MESSAGE], "events": [EVENT]},
    "usage": usage(200),
    "attempts": [{"attempt": 1}, {"attempt": 2}],
    "metadata": {"lane": 2},
    "gate": "g",
}
RECORDING = {
    "tool_name": "grep",
    "tool_use_id": "tc-1",
    "args_hash": "0123456789abcdef",
    "result": "found",
    "is_rejected": True,
    "duration_ms": 42,
    "iteration": 5,
    "timestamp": "1777629605",
    "sandbox": "s",
}
RUN = {
    "_type": "run_record",
    "id": "run-1",
    "workflow_id": "release",
    "workflow_name": "Release",
    "task": "ship it",
    "status": "completed",
    "started_at": "1777629600",
    "finished_at": "2026-05-01T10:06:40.25Z",
    "parent_run_id": "run-0",
    "root_run_id": "run-00",
    "stages": [STAGE],
    "child_runs": [{}, {}, {}],
    "transitions": [],
    "failed_nodes": ["n"],
    "usage": usage(100),
    "trace_spans": [SPAN],
    "tool_recordings": [RECORDING],
    "metadata": {"persona": "release_captain"},
    "persisted_path": ".harn-runs/run-1.json",
}
USAGE_COLUMNS = {
    "usage_input_tokens": 100,
    "usage_output_tokens": 101,
    "usage_total_duration_ms": 102,
    "usage_call_count": 103,
    "usage_total_cost_usd": 100.5,
}
EXPECTED = {
    "runs": {
        "workflow_id": "release",
        "workflow_name": "Release",
        "task": "ship it",
        "status": "completed",
        "started_at": at(0),
        "finished_at": datetime(2026, 5, 1, 10, 6, 40, 250_000, UTC),
        "parent_run_id": "run-0",
        "root_run_id": "run-00",
        "persona": "release_captain",
        **USAGE_COLUMNS,
        "usage_models": ["m100", "é"],
        "stage_count": 1,
        "child_run_count": 3,
        "persisted_path": ".harn-runs/run-1.json",
        "metadata": '{"persona":"release_captain"}',
        "extra": '{"child_runs":[{},{},{}],"failed_nodes":["n"]}',
    },
    "stages": {
        "stage_id": "stage-1",
        "node_id": "node-1",
        "kind": "worker",
        "status": "failed",
        "outcome": "error",
        "branch": "left",
        "started_at": at(1),
        "finished_at": at(9, 500_000),
        **{name: value + 100 for name, value in USAGE_COLUMNS.items()},
        "attempt_count": 2,
        "metadata": '{"lane":2}',
        "extra": '{"verification":{"ok":false},"usage.models":["m200","\\u00e9"],'
        '"attempts":[{"attempt":1},{"attempt":2}],"gate":"g"}',
    },
    "spans": {
        "span_id": 12,
        "parent_id": 11,
        "kind": "step",
        "name": "verify",
        "start_ms": 1500,
        "duration_ms": 2500,
        "call_id": "call-12",
        "model": "glm-5",
        "provider": "z-ai",
        "persona": "captain",
        "status": "skipped",
        "llm_calls": 7,
        "input_tokens": 94290,
        "output_tokens": 3570,
        "cost_usd": 0.33642,
        "metadata": json.dumps({"links": ["l"], **SPAN["metadata"]}, separators=(",", ":")),
    },
    "steps": {
        "seq": 0,
        "source_kind": "span",
        "persona": "captain",
        "step": "verify",
        "function": "verify_area",
        "model": "glm-5",
        "span_id": 12,
        "parent_span_id": 11,
        "started_at": at(1, 500_000),
        "start_ms": 1500,
        "duration_ms": 2500,
        "input_tokens": 94290,
        "output_tokens": 3570,
        "cost_usd": 0.33642,
        "llm_calls": 7,
        "status": "skipped",
        "error": "over",
        "extra": '{"metadata.provider":"z-ai","metadata.call_id":"call-12","metadata.worker":"w-1","links":["l"]}',
    },
    "tool_calls": {
        "call_id": "tc-1",
        "tool_name": "grep",
        "finished_at": at(5),
        "is_rejected": True,
        "duration_ms": 42,
        "iteration": 5,
        "args_hash": "0123456789abcdef",
        "extra": '{"sandbox":"s"}',
    },
    "messages": {
        "timestamp": at(4, 250_000),
        "session_id": "session-1",
        "iteration": 3,
        "message_index": 0,
        "role": "tool",
        "name": "grep",
        "tool_call_id": "tc-1",
        "content_bytes": 15,
        "tool_call_count": 2,
        "extra": '{"id":"msg-1"}',
    },
    "skill_events": {
        "seq": 0,
        "event_id": "ev-1",
        "stage_id": "stage-1",
        "kind": "skill_activated",
        "skill": "project/deploy",
        "iteration": 4,
        "score": 1.25,
        "reason": "asked",
        "allowed_tools": ["bash", "git"],
        "candidates": '[{"name":"deploy","score":1.25}]',
        "signed": True,
        "trusted": False,
        "session_id": "session-1",
        "timestamp": at(5),
        "metadata": json.dumps({"origin": "loop", **EVENT["metadata"]}, separators=(",", ":")),
    },
    "events": {
        "source_kind": "run_record",
        "type": "run_record",
        "timestamp": datetime(2026, 5, 1, 10, 6, 40, 250_000, UTC),
    },
}
#: Columns that a run record has nothing for.
ELSEWHERE = {
    "steps": {"receipt_id"},
    "tool_calls": {"session_id", "called_at", "assistant_message_index", "result_message_index", "ok"}
    | {"tool_format", "arguments_bytes", "result_line"},
    "events": {
        "call_id",
        "iteration",
        "span_id",
        "session_id",
        "trace_id",
        "request_id",
        "topic",
        "event_id",
    },
}
POINTED_AT = {
    "runs": RUN,
    "events": RUN,
    "stages": STAGE,
    "spans": SPAN,
    "steps": SPAN,
    "tool_calls": RECORDING,
    "messages": MESSAGE,
    "skill_events": EVENT,
}


def part(tmp_path, content, name="r.json"):
    return read(written(tmp_path / name, content))


@pytest.mark.parametrize("frame", EXPECTED)
def test_every_column_is_read_back_with_its_own_value(tmp_path, frame):
    (row,) = rows(part(tmp_path, RUN), frame)
    assert {name: value for name, value in row.items() if name not in PLACE} == {
        **dict.fromkeys(ELSEWHERE.get(frame, ())),
        **EXPECTED[frame],
    }
    assert (row["run_id"], row["source_path"]) == ("run-1", "shown/r.json")


@pytest.mark.parametrize("frame", EXPECTED)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_row_points_to_its_own_json(tmp_path, frame, indent):
    source = written(tmp_path / "r.json", json.dumps(RUN, indent=indent, ensure_ascii=False).encode())
    (row,) = rows(read(source), frame)
    assert pointed_at(source, row) == (POINTED_AT[frame], row["source_line"])


def test_a_well_formed_record_has_no_problems_and_frames_in_their_schemas(tmp_path):
    read_part = part(tmp_path, RUN)
    assert read_part.problems == []
    for name, frame in read_part.frames.items():
        assert dict(frame.schema) == SCHEMAS[name].dtypes


def test_a_record_without_its_mark_or_anything_but_one_member_reads(tmp_path):
    for record in ({"_type": "run_record"}, {"status": "running"}, {"trace_spans": []}):
        read_part = part(tmp_path, record)
        (row,) = rows(read_part, "runs")
        assert (row["run_id"], row["status"]) == ("folder", record.get("status"))
        assert read_part.problems == []


def test_something_else_is_an_event_and_a_problem_but_no_run(tmp_path):
    read_part = part(tmp_path, {"hello": 1})
    assert list(read_part.frames) == ["events"]
    (problem,) = read_part.problems
    assert problem.reason == 'expected a run record, found an object of ["hello"]'


def test_a_record_with_another_mark_is_read_and_reported(tmp_path):
    read_part = part(tmp_path, {**RUN, "_type": "run_record_v2"})
    assert len(rows(read_part, "runs")) == 1
    (problem,) = read_part.problems
    assert (problem.kind, problem.field) == ("drift", "_type")


def test_inner_steps_finish_first_however_the_file_orders_them(tmp_path):
    def step(span_id, parent_id, start_ms, duration_ms):
        times = {"start_ms": start_ms, "duration_ms": duration_ms}
        return {"span_id": span_id, "parent_id": parent_id, "kind": "step", "name": f"s{span_id}", **times}

    between = {"span_id": 9, "parent_id": 1, "kind": "fn_call", "start_ms": 0, "duration_ms": 50}
    spans = [step(1, None, 0, 100), step(2, 9, 10, 90), between, step(3, 1, 5, 20), step(4, 2, 99, 1)]
    spans += [{"span_id": 5, "kind": "step", "name": "s5"}, {"span_id": 6, "kind": "step", "name": "s6"}]
    found = rows(part(tmp_path, {"trace_spans": spans}), "steps")
    assert [row["step"] for row in found] == ["s3", "s4", "s2", "s1", "s5", "s6"]
    assert [row["seq"] for row in found] == list(range(6))


def test_spans_that_are_their_own_ancestors_are_ordered_all_the_same(tmp_path):
    times = {"kind": "step", "start_ms": 0, "duration_ms": 1}
    spans = [{"span_id": n, "parent_id": n % 3 + 1, **times} for n in (1, 2, 3)]
    spans += [{"span_id": 7, "parent_id": 7, **times}, {"span_id": None, "parent_id": None, **times}]
    assert len(rows(part(tmp_path, {"trace_spans": spans}), "steps")) == 5


def test_a_step_starts_where_the_run_started_only_if_both_are_known(tmp_path):
    span = {"kind": "step", "start_ms": 250}
    timed = rows(
        part(tmp_path, {"started_at": "1777629600", "trace_spans": [span, {"kind": "step"}]}), "steps"
    )
    assert [row["started_at"] for row in timed] == [at(0, 250_000), None]
    far = rows(
        part(tmp_path, {"started_at": "1777629600", "trace_spans": [span | {"start_ms": 2**62}]}), "steps"
    )
    assert far[0]["started_at"] is None


def test_the_cost_of_a_step_that_is_not_finite_is_null_and_reported(tmp_path):
    span = b'{"span_id": 1, "kind": "step", "metadata": {"cost_usd": NaN, "model": "m"}}'
    read_part = part(tmp_path, b'{"trace_spans": [%s]}' % span)
    assert rows(read_part, "steps")[0]["cost_usd"] is None
    assert kinds(read_part.problems) == ["drift"]


def test_the_persona_is_the_steps_where_the_metadata_names_none(tmp_path):
    spans = [{"kind": "step"}, {"kind": "step", "metadata": {"persona": "scout"}}]
    (row,) = rows(part(tmp_path, {"trace_spans": spans}), "runs")
    assert row["persona"] == "scout"


def test_what_stands_in_two_transcripts_of_a_session_is_one_row_with_its_stage(tmp_path):
    later = {**MESSAGE, "content": "new"}
    loaded = {"id": "ev-2", "kind": "skill.loaded", "metadata": {"skill_id": "deploy"}}
    whole = {"id": "session-1", "messages": [MESSAGE, later], "events": [EVENT, loaded]}
    read_part = part(tmp_path, {"transcript": whole, "stages": [STAGE]})
    assert [row["message_index"] for row in rows(read_part, "messages")] == [0, 1]
    found = rows(read_part, "skill_events")
    assert [(row["skill"], row["stage_id"], row["seq"]) for row in found] == [
        ("project/deploy", "stage-1", 0),
        ("deploy", None, 1),
    ]


def test_transcripts_that_name_no_session_are_never_taken_for_one(tmp_path):
    stages = [{"id": name, "transcript": {"messages": [MESSAGE], "events": [EVENT]}} for name in "ab"]
    read_part = part(tmp_path, {"stages": stages})
    assert len(rows(read_part, "messages")) == 2
    assert [row["stage_id"] for row in rows(read_part, "skill_events")] == ["a", "b"]


def test_only_skill_events_become_skill_events(tmp_path):
    events = [{"kind": kind, "text": "deploy"} for kind in ("message", "skill_scope_tools", "skill.loaded")]
    read_part = part(tmp_path, {"transcript": {"events": [*events, {"kind": 5}, {}]}})
    assert [row["kind"] for row in rows(read_part, "skill_events")] == ["skill_scope_tools", "skill.loaded"]
    assert {row["skill"] for row in rows(read_part, "skill_events")} == {"deploy"}


def test_content_that_is_no_text_is_measured_as_it_stands_in_the_file(tmp_path):
    messages = [{"content": [{"type": "text"}]}, {"content": None}, {"content": ""}, {}]
    read_part = part(tmp_path, json.dumps({"transcript": {"messages": messages}}, indent=None).encode())
    assert [row["content_bytes"] for row in rows(read_part, "messages")] == [18, None, 0, None]


def test_members_of_the_wrong_shape_are_reported_with_their_path_and_the_rest_is_kept(tmp_path):
    record = {
        "id": 7,
        "status": True,
        "started_at": "yesterday",
        "usage": 5,
        "trace_spans": {"a": 1},
        "tool_recordings": [1],
        "transcript": [],
        "stages": [{"id": "s", "transcript": "t", "usage": {"input_tokens": "5"}, "attempts": 3}],
    }
    read_part = part(tmp_path, record)
    (run,) = rows(read_part, "runs")
    assert (run["run_id"], run["status"], run["usage_input_tokens"]) == ("folder", None, None)
    (stage,) = rows(read_part, "stages")
    assert (stage["usage_input_tokens"], stage["attempt_count"]) == (5, None)
    assert {problem.field for problem in read_part.problems} == {
        "id",
        "status",
        "started_at",
        "usage",
        "trace_spans",
        "tool_recordings[]",
        "transcript",
        "stages[].transcript",
        "stages[].usage.input_tokens",
    }
    assert set(kinds(read_part.problems)) == {"drift"}


def test_values_too_deep_to_repeat_are_problems_not_crashes(tmp_path):
    # between "too deep to read" and "shallow enough to write again" lie only a few levels
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
        deep = b"[" * depth + b"]" * depth
        read_part = part(tmp_path, b'{"id": "r", "status": %s, "metadata": %s, "n": %s}' % (deep, deep, deep))
        assert read_part.problems


def test_a_lone_surrogate_and_a_number_beyond_64_bits_leave_the_row_readable(tmp_path):
    read_part = part(tmp_path, b'{"status": "a\\ud800b", "usage": {"call_count": 99999999999999999999}}')
    (run,) = rows(read_part, "runs")
    assert (run["status"], run["usage_call_count"]) == ("a\ufffdb", None)
    assert {problem.field for problem in read_part.problems} == {"status", "usage.call_count"}


def test_a_record_cut_short_keeps_its_spans_and_is_a_problem_instead_of_an_event(tmp_path):
    content = json.dumps({**RUN, "trace_spans": [SPAN, SPAN]}, indent=2).encode()
    read_part = part(tmp_path, content[: content.rindex(b'"kind": "step"')])
    assert len(rows(read_part, "spans")) == 1
    assert len(rows(read_part, "runs")) == 1
    assert rows(read_part, "events") == []
    assert kinds(read_part.problems) == ["bad"]


def test_many_records_in_one_file_keep_apart(tmp_path):
    records = [{**RUN, "id": "a"}, {**RUN, "id": "b"}]
    lines = b"\n".join(json.dumps(record).encode() for record in records)
    for read_part in (part(tmp_path, records), part(tmp_path, lines, name="r.jsonl")):
        for frame in EXPECTED:
            assert [row["run_id"] for row in rows(read_part, frame)] == ["a", "b"]
        assert [row["seq"] for row in rows(read_part, "steps")] == [0, 0]


CONTENT = json.dumps(RUN, indent=1, ensure_ascii=False).encode()
edits = st.lists(
    st.tuples(st.integers(0, len(CONTENT)), st.integers(0, 40), st.binary(max_size=12)),
    min_size=1,
    max_size=6,
)


def edited(changes):
    content = CONTENT
    for start, removed, added in changes:
        content = content[:start] + added + content[start + removed :]
    return content


@given(edits.map(edited) | st.integers(0, len(CONTENT)).map(lambda stop: CONTENT[:stop]))
@settings(max_examples=250, deadline=None)
def test_whatever_happens_to_the_bytes_gives_events_or_problems(tmp_path_factory, content):
    source = written(tmp_path_factory.getbasetemp() / "damaged.json", content)
    read_part = read(source)
    assert rows(read_part, "events") or read_part.problems
    for frame in read_part.frames.values():
        assert (
            (frame["source_offset"] >= 0) & (frame["source_offset"] + frame["length"] <= len(content))
        ).all()


def values_swapped(seed):
    """The record with values of other types in some places, still JSON."""
    dice = random.Random(seed)
    odd = [None, True, -1, 1e300, "", "7", [], {}, [None], {"a": {}}, 2**70]

    def swap(value):
        if dice.random() < 0.08:
            return dice.choice(odd)
        if isinstance(value, dict):
            return {name: swap(inner) for name, inner in value.items()}
        return [swap(inner) for inner in value] if isinstance(value, list) else value

    return swap(RUN)


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_values_of_any_type_anywhere_never_crash(tmp_path_factory, seed):
    read_part = read(written(tmp_path_factory.getbasetemp() / "swapped.json", values_swapped(seed)))
    assert rows(read_part, "events") or read_part.problems
