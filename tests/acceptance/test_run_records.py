"""Run records of every age: Unix seconds or RFC 3339, all keys or hardly any, with and without tracing."""

import json

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong
from acceptance.written import T0, call_id, jsonl, message_0_7, request_0_7, response_0_7


def span(span_id, parent_id, kind, name, *, start_ms, duration_ms, **metadata):
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "kind": kind,
        "name": name,
        "start_ms": start_ms,
        "duration_ms": duration_ms,
        "metadata": metadata,
    }


def llm_span(
    span_id, parent_id, start_ms, number, *, usage=(100, 10), cost_usd=0.00045, status="ok", **metadata
):
    known = {
        "call_id": call_id(number),
        "model": "claude-sonnet-4-20250514",
        "provider": "anthropic",
        "prompt_chars": 40,
        "route_policy": "manual",
        "fallback_chain": [],
        "iteration": 1,
        "llm_attempt": 0,
        "status": status,
        "input_tokens": usage[0],
        "output_tokens": usage[1],
        "cost_usd": cost_usd,
    }
    return span(
        span_id, parent_id, "llm_call", "llm_call", start_ms=start_ms, duration_ms=100, **(known | metadata)
    )


def step_span(span_id, parent_id, name, *, start_ms, duration_ms, **metadata):
    known = {
        "persona": "fixer",
        "model": "claude-sonnet-4-20250514",
        "status": "completed",
        "llm_calls": 1,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": 0.00045,
    }
    return span(
        span_id, parent_id, "step", name, start_ms=start_ms, duration_ms=duration_ms, **(known | metadata)
    )


def transcript(session, events=(), messages=()):
    return {
        "_type": "transcript",
        "version": 2,
        "id": session,
        "messages": list(messages),
        "events": list(events),
        "assets": [],
        "summary": None,
        "metadata": {},
        "state": None,
    }


def skill_event(event_id, kind, text, **metadata):
    return {
        "id": event_id,
        "kind": kind,
        "role": "system",
        "visibility": "internal",
        "text": text,
        "blocks": [],
        "metadata": metadata,
    }


SKILLS = [
    skill_event(
        "e1",
        "skill_matched",
        "git",
        strategy="lexical",
        iteration=0,
        reassess=False,
        candidates=[{"name": "git", "score": 1.5, "reason": "prompt mentions git"}],
        working_files=[],
    ),
    skill_event(
        "e2",
        "skill_activated",
        "git",
        name="git",
        description="d",
        iteration=0,
        score=1.5,
        reason="r",
        allowed_tools=["run"],
    ),
    skill_event("e3", "skill_scope_tools", "git", name="git", allowed_tools=["run"]),
    skill_event("e4", "skill_mcp_bind_failed", "git", skill="git", server="gh", error="refused"),
    skill_event(
        "e5", "skill.loaded", "git", skill_id="team/git", signer_fingerprint=None, signed=False, trusted=True
    ),
    skill_event("e6", "skill_deactivated", "git", name="git", iteration=3),
]


def stage(stage_id, **more):
    return {
        "id": stage_id,
        "node_id": "n1",
        "kind": "agent",
        "status": "completed",
        "outcome": "success",
        "branch": None,
        "started_at": str(T0 + 1),
        "finished_at": str(T0 + 5),
        "visible_text": "done",
        "private_reasoning": None,
        "transcript": None,
        "verification": None,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 10,
            "total_duration_ms": 100,
            "call_count": 1,
            "total_cost": 0.00045,
            "models": ["claude-sonnet-4-20250514"],
        },
        "artifacts": [],
        "consumed_artifact_ids": [],
        "produced_artifact_ids": [],
        "attempts": [{"attempt": 1, "status": "completed", "outcome": "success", "started_at": str(T0 + 1)}],
        "metadata": {},
        **more,
    }


def full(run_id, **more):
    """Every key of a record of 0.7.50, times as the runtime writes them."""
    said = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "text", "text": "ok"}]},
    ]
    return {
        "_type": "run_record",
        "id": run_id,
        "workflow_id": "wf",
        "workflow_name": "Fix",
        "task": "fix the bug",
        "status": "completed",
        "started_at": str(T0),
        "finished_at": str(T0 + 60),
        "parent_run_id": None,
        "root_run_id": run_id,
        "stages": [stage("st-1", transcript=transcript("s-1", SKILLS, said))],
        "transitions": [],
        "checkpoints": [],
        "pending_nodes": [],
        "completed_nodes": ["n1"],
        "child_runs": [{"worker_id": "w-1", "run_id": "child", "status": "completed"}],
        "artifacts": [],
        "handoffs": [],
        "policy": {"tools": []},
        "execution": None,
        "transcript": transcript("s-1", SKILLS, said),
        "usage": {
            "input_tokens": 200,
            "output_tokens": 20,
            "total_duration_ms": 200,
            "call_count": 2,
            "total_cost": 0.0009,
            "models": ["claude-sonnet-4-20250514"],
        },
        "replay_fixture": None,
        "observability": {"schema_version": 1, "planner_rounds": [], "research_fact_count": 0},
        "trace_spans": [
            span(1, None, "pipeline", "main", start_ms=0, duration_ms=5000),
            step_span(2, 1, "plan", start_ms=100, duration_ms=2000, llm_calls=1),
            llm_span(3, 2, 200, 1),
            step_span(4, 2, "verify", start_ms=500, duration_ms=1000, status="skipped"),
            llm_span(5, 4, 600, 2),
            span(6, 1, "tool_call", "read_file", start_ms=2500, duration_ms=10),
        ],
        "tool_recordings": [
            {
                "tool_name": "read_file",
                "tool_use_id": "tc_1",
                "args_hash": "00ff00ff00ff00ff",
                "result": "text",
                "is_rejected": False,
                "duration_ms": 10,
                "iteration": 1,
                "timestamp": str(T0 + 3),
            }
        ],
        "hitl_questions": [],
        "metadata": {"persona": "fixer"},
        "persisted_path": f".harn-runs/{run_id}.json",
        **more,
    }


def calls(*numbers):
    return [entry for n in numbers for entry in (request_0_7(n, second=n), response_0_7(n, second=n + 0.5))]


def test_a_record_of_0_7_says_when_what_it_cost_and_who_ran(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    row = runs.runs.row(0, named=True)
    assert row["started_at"].isoformat() == "2026-05-01T10:00:00+00:00"
    assert (row["persona"], row["stage_count"], row["child_run_count"]) == ("fixer", 1, 1)
    assert (row["usage_total_cost_usd"], row["usage_models"]) == (0.0009, ["claude-sonnet-4-20250514"])
    assert runs.summary["duration_ms"].to_list() == [60_000]
    # priced from the spans of its calls, each in its innermost step
    assert hl.costs.by(runs, "step").select("step", "calls", "cost_usd").rows() == [
        ("plan", 1, 0.00045),
        ("verify", 1, 0.00045),
    ]
    assert hl.costs.total(runs)["cost_sources"].to_list() == [["spans"]]


def test_what_stands_in_a_stage_and_in_the_run_is_told_once(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.skill_events, "kind") == [event["kind"] for event in SKILLS]
    assert column(runs.skill_events, "skill") == ["git", "git", "git", "git", "team/git", "git"]
    assert column(runs.messages, "role") == ["user", "assistant"]
    assert column(runs.stages, "started_at")[0].isoformat() == "2026-05-01T10:00:01+00:00"
    assert column(runs.stages, "usage_total_cost_usd") == [0.00045]


def test_a_skipped_step_is_over_its_limit_whatever_the_record_lacks(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    runs = nothing_wrong(load(tmp_path))
    (row,) = hl.costs.overruns(runs).to_dicts()
    assert (row["step"], row["status"], row["limit"]) == ("verify", "skipped", None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (str(T0), "2026-05-01T10:00:00+00:00"),
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00+00:00"),
        ("2026-05-01T12:00:00.123456789+02:00", "2026-05-01T10:00:00.123456+00:00"),
        ("2026-05-01T10:00:00.5Z", "2026-05-01T10:00:00.500000+00:00"),
        ("2026-05-01 10:00:00 +00:00", "2026-05-01T10:00:00+00:00"),
    ],
)
def test_times_are_read_in_every_form(tmp_path, written, read):
    Project(tmp_path).run_record("r1", **full("r1", started_at=written))
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.runs, "started_at")[0].isoformat() == read


@pytest.mark.parametrize(
    "record",
    [
        {"_type": "run_record", "id": "r1"},
        {"id": "r1", "workflow_id": "wf", "status": "running"},
        {
            "_type": "run_record",
            "id": "r1",
            "usage": None,
            "stages": None,
            "trace_spans": None,
            "transcript": None,
        },
        {"_type": "run_record", "id": "r1", "stages": [{"id": "s"}], "trace_spans": [{"span_id": 1}]},
        {"_type": "run_record", "id": "r1", "transcript": {}, "tool_recordings": [{}], "usage": {}},
    ],
)
def test_hardly_anything_is_enough_for_a_record(tmp_path, record):
    Project(tmp_path).json(".harn-runs/r1.json", record)
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert runs.summary["calls"].to_list() == [0]


def test_unknown_keys_of_a_record_are_kept(tmp_path):
    Project(tmp_path).run_record("r1", **full("r1", failed_nodes=["n2"], mood={"a": 1}))
    runs = nothing_wrong(load(tmp_path))
    assert json.loads(column(runs.runs, "extra")[0])["mood"] == {"a": 1}


def test_a_record_still_being_written_is_not_read(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    project.file(".harn-runs/r2.json.tmp", '{"_type":"run_record","id":"r2","sta')
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]


def test_child_runs_have_rows_of_their_own_and_cost_is_not_counted_twice(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    project.run_record("child", **full("child", parent_run_id="r1", root_run_id="r1"))
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["child", "r1"]
    assert column(runs.runs, "parent_run_id") == ["r1", None]
    assert cost(runs) == 0.0018


def test_calls_of_spans_and_of_the_transcript_are_one(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    project.transcript(calls(1, 2), "llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert cost(runs) == 0.0009
    assert column(runs.step_calls, "call_id") == [call_id(1), call_id(2)]
    assert column(runs.step_calls, "step_path") == [["plan"], ["plan", "verify"]]
    assert hl.costs.total(runs)["cost_sources"].to_list() == [["transcript"]]


def test_one_transcript_of_several_runs_is_shared_out_by_their_spans(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    project.run_record("r2", **full("r2", trace_spans=[llm_span(1, None, 0, 3), llm_span(2, None, 300, 4)]))
    entries = [message_0_7("user", "a"), *calls(1, 2), message_0_7("user", "b"), *calls(3, 4)]
    project.transcript(entries, "llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1", "r2"]
    assert runs.calls.select("run_id", "call_id").rows() == [
        ("r1", call_id(1)),
        ("r1", call_id(2)),
        ("r2", call_id(3)),
        ("r2", call_id(4)),
    ]
    sent = runs.messages.filter(source_path=next(s.shown for s in runs.sources if s.kind == "transcript"))
    assert column(sent, "run_id") == ["r1", "r2"]
    assert runs["r2"].calls.height == 2
    assert cost(runs) == 0.0018


def test_a_run_without_tracing_has_the_transcript_beside_it(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1", trace_spans=[]))
    project.transcript(calls(1, 2, 3), "logs/llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert column(runs.step_calls, "step") == [None] * 3
    # one more call than the record's usage says: the transcript counts
    assert cost(runs) == 0.00135
    assert hl.costs.by(runs, "step").select("step", "calls").rows() == [("(unattributed)", 3)]


def test_a_run_with_neither_transcript_nor_spans_is_priced_from_its_usage(tmp_path):
    Project(tmp_path).run_record("r1", **full("r1", trace_spans=[]))
    runs = nothing_wrong(load(tmp_path))
    assert cost(runs) == 0.0009
    assert hl.costs.by(runs)["calls"].to_list() == [2]


def test_a_call_that_failed_has_a_span_and_no_cost(tmp_path):
    spans = [
        step_span(1, None, "plan", start_ms=0, duration_ms=900),
        llm_span(
            2, 1, 0, 1, usage=(0, 0), cost_usd=None, status="retrying", error="Overloaded", retryable=True
        ),
        llm_span(3, 1, 200, 2),
    ]
    Project(tmp_path).run_record("r1", **full("r1", trace_spans=spans))
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.step_calls, "status") == ["retrying", "ok"]
    assert cost(runs) == 0.00045
    whole = hl.costs.by(runs).row(0, named=True)
    assert (whole["calls"], whole["unpriced_calls"]) == (2, 0)


def test_several_records_in_one_file_are_several_runs(tmp_path):
    records = [full("r1"), full("r2")]
    Project(tmp_path / "a").file("runs.jsonl", jsonl(records))
    Project(tmp_path / "b").json("runs.json", [full("r3"), full("r4")])
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1", "r2", "r3", "r4"]


@pytest.mark.parametrize("spans", [None, []])
def test_the_summary_and_the_costs_tell_the_same_of_a_run_without_a_transcript(tmp_path, spans):
    record = full("r1") if spans is None else full("r1", trace_spans=spans)
    Project(tmp_path).run_record("r1", **record)
    runs = nothing_wrong(load(tmp_path))
    (row,) = runs.summary.to_dicts()
    assert (row["calls"], row["cost_usd"], row["unpriced_calls"], row["failed_calls"]) == (2, 0.0009, 0, 0)
    assert (row["input_tokens"], row["output_tokens"]) == (200, 20)
