"""Event logs of both backends: alone, beside a transcript, with tenants; approvals, trust, denials."""

import hashlib
import json

import pytest

import harnlab as hl
from acceptance.project import Project, as_events
from acceptance.seen import column, cost, load, nothing_wrong
from acceptance.test_0_9 import entries
from acceptance.test_run_records import calls, full
from acceptance.written import T0, call_id, message_0_7, message_0_8

REQUEST = "hitl_approval_019e0000-0000-7000-8000-0000000000aa"
OTHER = "hitl_approval_evt_9_1"


def approval_request(request_id=REQUEST, agent="agent.alpha", **more):
    facts = {
        "agent_key": agent,
        "session_id": "s-1",
        "reason": "hourly_autonomy_budget_exceeded",
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "per_hour": 2,
        "per_day": None,
        "autonomous_decisions_hour": 2,
        "autonomous_decisions_today": 5,
    }
    action = f"approve autonomous agent_loop dispatch for '{agent}' after hourly_autonomy_budget_exceeded"
    request = {
        "id": request_id,
        "action": action,
        "args": facts,
        "principal": agent,
        "requested_at": "2026-05-01T10:00:00.25Z",
        "approvers_required": 1,
        "evidence_refs": [],
        "undo_metadata": None,
        "capabilities_requested": [],
    }
    inner = request | {
        "approval_request": request,
        "detail": facts,
        "quorum": 1,
        "reviewers": ["operator"],
        "deadline_ms": 86400000,
    }
    return {
        "request_id": request_id,
        "kind": "approval",
        "agent": agent,
        "trace_id": "trace-1",
        "requested_at": "2026-05-01T10:00:00.25Z",
        "payload": inner,
        **more,
    }


def denied_by_agent_loop():
    return {
        "agent_key": "agent.alpha",
        "session_id": "s-1",
        "trace_id": "trace-1",
        "reason": "hourly_autonomy_budget_exceeded",
        "request_id": REQUEST,
        "reviewers": ["operator"],
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "per_hour": 2,
        "per_day": None,
        "autonomous_decisions_hour": 2,
        "autonomous_decisions_today": 5,
        "source": "agent_loop",
    }


def denied_by_dispatcher():
    return {
        "trigger_id": "nightly",
        "event_id": "evt_9",
        "reason": "daily_autonomy_budget_exceeded",
        "request_id": OTHER,
        "reviewers": ["operator"],
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "replay_of_event_id": None,
    }


def hash_of(record):
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def trust_record(index, previous, **more):
    record = {
        "schema": "opentrustgraph/v0",
        "record_id": f"019e0000-0000-7000-8000-{index:012x}",
        "agent": "agent.alpha",
        "action": "autonomy.tier_transition",
        "approver": "operator",
        "outcome": "denied",
        "trace_id": "trace-1",
        "autonomy_tier": "act_with_approval",
        "timestamp": "2026-05-01T10:00:00.25Z",
        "cost_usd": None,
        "chain_index": index,
        "previous_hash": previous,
        "metadata": {
            "session_id": "s-1",
            "from_tier": "act_auto",
            "to_tier": "act_with_approval",
            "reason": "hourly_autonomy_budget_exceeded",
            "request_id": REQUEST,
            "source": "agent_loop",
        },
        **more,
    }
    return record | {"entry_hash": hash_of(record)}


def chain():
    first = trust_record(1, None)
    second = trust_record(
        2, first["entry_hash"], action="trust.promote", outcome="success", metadata={"ä": 0.25}
    )
    return [("trust_recorded", record, {"agent": record["agent"]}) for record in (first, second)]


def decisions():
    """Topics of one denial by each producer, with the answer to the first."""
    records = chain()
    answered = {
        "request_id": REQUEST,
        "approved": True,
        "reviewer": "ada",
        "responded_at": "2026-05-01T10:05:00Z",
    }
    return {
        "hitl.approvals": [
            ("hitl.approval_requested", approval_request(), {"request_id": REQUEST, "trace_id": "trace-1"}),
            ("hitl.response_received", answered, {}),
            ("hitl.approval_approved", {"request_id": REQUEST, "record": {"reviewers": ["ada"]}}, {}),
            ("hitl.approval_requested", approval_request(OTHER, "nightly"), {}),
        ],
        "triggers.lifecycle": [
            ("autonomy.budget_exceeded", denied_by_agent_loop(), {}),
            ("autonomy.budget_exceeded", denied_by_dispatcher(), {"binding_key": "nightly@v1"}),
            ("DispatchStarted", {"event_id": "evt_9"}, {}),
        ],
        "trust_graph": records,
        "trust.graph": records,
        "trust_graph.agent.alpha": records,
        "trust.graph.agent.alpha": records,
    }


def write(project, backend, topics):
    if backend == "sqlite":
        project.database(topics)
    elif backend == "sqlite as text":
        project.database(topics, as_text=True)
    else:
        for topic, events in topics.items():
            project.topic(topic, events)


BACKENDS = pytest.mark.parametrize("backend", ["files", "sqlite"])


@pytest.mark.parametrize("backend", ["files", "sqlite", "sqlite as text"])
def test_a_log_alone_tells_what_the_transcript_would(tmp_path, backend):
    write(Project(tmp_path / "log"), backend, {"agent.transcript.llm": as_events(entries())})
    Project(tmp_path / "file").transcript(entries())
    log, file = nothing_wrong(load(tmp_path / "log")), nothing_wrong(load(tmp_path / "file"))
    assert len(log) == len(file) == 1
    for name in ("calls", "dispatches", "messages", "tool_calls"):
        places = ["run_id", "source_path", "source_line", "source_offset", "length"]
        places += ["request_line", "response_line", "error_line", "result_line"]
        mine, other = (runs.frame(name).drop(places, strict=False) for runs in (log, file))
        # compact JSON is as long in both
        assert mine.equals(other), name
    assert cost(log) == cost(file) == 0.0091
    assert hl.routes.incident(log).calls == 2


@BACKENDS
def test_what_stands_in_the_transcript_and_in_the_log_is_told_once(tmp_path, backend):
    project = Project(tmp_path)
    project.transcript(entries(), "transcripts/llm_transcript.jsonl")
    write(project, backend, {"agent.transcript.llm": as_events(entries())})
    project.run_record("r1", **full("r1", trace_spans=[]))
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert runs.calls.height == 5
    assert runs.dispatches.height == 4
    assert runs.messages.filter(session_id="s-1", role="user").height >= 1
    assert cost(runs) == 0.0091
    assert hl.routes.incident(runs).calls == 2


def test_messages_that_repeat_are_told_as_often_as_they_were_written(tmp_path):
    project = Project(tmp_path)
    said = [message_0_7("user", "yes"), message_0_7("user", "yes"), message_0_8("s", 0, {"role": "user"})]
    project.transcript(said, "llm_transcript.jsonl")
    project.database({"agent.transcript.llm": as_events(said)})
    runs = nothing_wrong(load(tmp_path))
    assert runs.messages.height == 3


@BACKENDS
def test_a_tenants_copies_are_not_counted_again(tmp_path, backend):
    project = Project(tmp_path)
    topics = {"agent.transcript.llm": as_events(entries()), **decisions()}
    topics |= {f"tenant.acme.{topic}": events for topic, events in topics.items()}
    write(project, backend, topics)
    runs = nothing_wrong(load(tmp_path))
    assert runs.calls.height == 5
    assert cost(runs) == 0.0091
    assert runs.approvals.height == 2
    assert runs.trust_records.height == 2
    assert runs.autonomy_checks.height == 2


@BACKENDS
def test_a_tenants_topics_alone_are_read(tmp_path, backend):
    topics = {f"tenant.acme.{topic}": events for topic, events in decisions().items()}
    write(Project(tmp_path), backend, topics | {"tenant.acme.agent.transcript.llm": as_events(calls(1))})
    runs = nothing_wrong(load(tmp_path))
    assert (runs.approvals.height, runs.trust_records.height, runs.calls.height) == (2, 2, 1)


@BACKENDS
def test_a_denial_an_approval_and_a_trust_record_are_joined(tmp_path, backend):
    write(Project(tmp_path), backend, decisions())
    runs = nothing_wrong(load(tmp_path))
    first, second = runs.autonomy_checks.sort("producer").to_dicts()
    assert (first["producer"], first["agent_key"], first["decision"]) == (
        "agent_loop",
        "agent.alpha",
        "denied",
    )
    assert (first["per_hour"], first["per_day"], first["autonomous_decisions_today"]) == (2, None, 5)
    assert first["approval_status"] == "approved"
    assert (second["producer"], second["agent_key"]) == ("trigger_dispatcher", "nightly")
    assert second["approval_status"] == "pending"
    approvals = {row["request_id"]: row for row in runs.approvals.to_dicts()}
    assert (approvals[REQUEST]["status"], approvals[REQUEST]["reviewer"]) == ("approved", "ada")
    assert approvals[REQUEST]["requested_at"].isoformat() == "2026-05-01T10:00:00.250000+00:00"
    assert approvals[REQUEST]["deadline_ms"] == 86400000
    assert approvals[OTHER]["status"] == "pending"
    assert column(hl.trust.verified(runs.trust_records), "verified") == [True, True]
    assert column(runs.trust_records, "chain_index") == [1, 2]


def test_unknown_topics_and_kinds_are_events(tmp_path):
    project = Project(tmp_path)
    strange = {"acme.stats": [("tick", [1, 2], {}), ("tock", None, {}), ("tack", "text", {"a": "b"})]}
    project.database(strange)
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.events, "type") == ["tick", "tock", "tack"]
    assert column(runs.events, "topic") == ["acme.stats"] * 3
    assert [runs.record(row) for row in runs.events.iter_rows(named=True)] == [[1, 2], None, "text"]


def test_a_run_and_its_log_in_other_places_than_the_default(tmp_path):
    project = Project(tmp_path)
    project.database({"agent.transcript.llm": as_events(calls(1))}, "var/harn-log.db")
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.calls, "call_id") == [call_id(1)]


def test_events_have_the_time_they_occurred(tmp_path):
    Project(tmp_path).database({"x": [("k", {}, {})]})
    (row,) = load(tmp_path).events.to_dicts()
    assert row["timestamp"].timestamp() == T0 + 0.001


def test_old_envelopes_without_headers_are_valid(tmp_path):
    lines = [{"id": 1, "event": {"kind": "k", "payload": {"a": 1}, "occurred_at_ms": T0 * 1000}}]
    Project(tmp_path).file(".harn/events/topics/x.y.jsonl", json.dumps(lines[0]) + "\n")
    assert column(nothing_wrong(load(tmp_path)).events, "topic") == ["x.y"]


def agent_events():
    at_ms = {"emitted_at_ms": T0 * 1000, "frame_depth": None, "session_id": "s-1"}
    return [
        {"index": 0, **at_ms, "type": "turn_start", "iteration": 0},
        {
            "index": 1,
            **at_ms,
            "type": "skill_activated",
            "skill_name": "git",
            "iteration": 0,
            "reason": "asked",
        },
        {"index": 2, **at_ms, "type": "skill_scope_tools", "skill_name": "git", "allowed_tools": ["run"]},
        {
            "index": 3,
            **at_ms,
            "type": "tool_call",
            "tool_call_id": "tc_1",
            "tool_name": "grep",
            "kind": None,
            "status": "pending",
            "raw_input": {},
        },
        {"index": 4, **at_ms, "type": "budget_exhausted", "max_iterations": 8},
        {"index": 5, **at_ms, "type": "progress_reported", "entries": [], "mutation_status": "none"},
    ]


def test_agent_events_of_both_sinks_name_their_skills_and_session(tmp_path):
    Project(tmp_path / "a").file(
        "events/event_log-s-1.jsonl", "".join(json.dumps(event) + "\n" for event in agent_events())
    )
    payloads = [
        (event["type"], {"index_hint": T0 * 1000, "session_id": "s-1", "event": event}, {"session_id": "s-1"})
        for event in (
            {k: v for k, v in e.items() if k not in ("index", "emitted_at_ms")} for e in agent_events()
        )
    ]
    Project(tmp_path / "b").database({"observability.agent_events.s-1": payloads})
    for name in ("a", "b"):
        runs = nothing_wrong(load(tmp_path / name))
        assert runs.events.height == 6
        assert column(runs.events, "session_id") == ["s-1"] * 6
        assert column(runs.skill_events, "skill") == ["git", "git"]
        assert column(runs.skill_events, "kind") == ["skill_activated", "skill_scope_tools"]
