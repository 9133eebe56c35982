"""Version 0.7.50: no failures on record, messages by iteration, prices that may be unknown though they say 0.0."""

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong, only_known_members, types
from acceptance.written import (
    at,
    call_id,
    message_0_7,
    request_0_7,
    response_0_7,
    routing_decision,
    system_prompt,
    tool_schemas,
)


def entries():
    retry = {
        "type": "empty_completion_retry",
        "iteration": 1,
        "attempt": 1,
        "provider": "ollama",
        "model": "qwen3",
        "error": "ollama API error: completion_tokens=12 but delivered no content",
        "span_id": None,
        "timestamp": at(3.5),
    }
    interpreted = {
        "type": "interpreted_response",
        "iteration": 0,
        "call_id": call_id(1),
        "tool_format": "text",
        "prose": "ok",
        "tool_calls": [{"id": "tc_1", "name": "read_file", "arguments": {"path": "a"}}],
        "tool_parse_errors": [],
        "span_id": None,
        "timestamp": at(2),
    }
    local = {"provider": "ollama", "model": "qwen3"}
    return [
        system_prompt("You are careful."),
        tool_schemas(),
        message_0_7("user", "Fix the bug", iteration=0),
        message_0_7("user", [{"type": "text", "text": "und zwar schön"}], iteration=0),
        routing_decision(1, iteration=0, second=0.5),
        request_0_7(1, iteration=0, second=1),
        response_0_7(1, iteration=0, second=1.9, usage=(1000, 100), cost_usd=0.0045),
        interpreted,
        request_0_7(2, second=3, **local),
        retry,
        request_0_7(3, second=4, **local),
        response_0_7(3, second=5, usage=(50, 5), cost_usd=0.0, **local),
        # a call that failed: 0.7 writes its request and nothing more
        request_0_7(4, second=6),
        {
            "type": "feedback_injected",
            "iteration": 2,
            "session_id": "s-1",
            "kind": "nudge",
            "content": "go on",
            "span_id": None,
            "timestamp": at(7),
        },
        {
            "type": "daemon_event",
            "daemon_id": "d-1",
            "name": "watch",
            "kind": "spawned",
            "persist_path": "/tmp/d",
            "payload_summary": None,
            "span_id": None,
            "timestamp": at(8),
        },
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("repo"))
    project.transcript(entries())
    return nothing_wrong(load(project.folder))


def test_every_line_is_an_event_and_the_only_run_is_named_after_its_folder(runs):
    assert runs.events.height == len(entries())
    assert runs.run_ids == ["run-a"]


def test_a_call_without_an_answer_is_pending_and_is_neither_failed_nor_unpriced(runs):
    assert column(runs.calls, "call_id") == [call_id(n) for n in (1, 2, 3, 4)]
    assert column(runs.calls, "status") == ["answered", "pending", "answered", "pending"]
    summary = runs.summary.row(0, named=True)
    assert (summary["calls"], summary["failed_calls"], summary["unpriced_calls"]) == (4, 0, 0)
    assert (summary["input_tokens"], summary["output_tokens"]) == (1050, 105)


def test_a_recorded_price_of_zero_stays_a_zero(runs):
    assert column(runs.calls, "cost_usd") == [0.0045, None, 0.0, None]
    assert cost(runs) == 0.0045
    assert hl.costs.by(runs, "provider").select("provider", "cost_usd").rows() == [
        ("anthropic", 0.0045),
        ("ollama", 0.0),
    ]


def test_messages_are_read_with_their_turn(runs):
    assert column(runs.messages, "role") == ["user", "user"]
    assert column(runs.messages, "iteration") == [0, 0]
    assert column(runs.messages, "content_bytes")[0] == len("Fix the bug")
    assert column(runs.messages, "session_id") == [None, None]


def test_no_known_member_is_taken_for_a_new_one(runs):
    for name in ("calls", "messages", "routing_decisions"):
        assert only_known_members(runs.frame(name)), name


def test_a_log_without_dispatches_gives_no_incident_and_says_why(runs):
    incident = hl.routes.incident(runs)
    assert not incident.found
    assert "no dispatches are recorded" in incident.paragraph
    assert runs.dispatches.is_empty()
    assert hl.routes.inherited(runs).is_empty()
    assert hl.routes.outcomes(runs, by=["model", "origin"]).is_empty()


def test_times_are_utc_to_the_millisecond(runs):
    row = runs.calls.row(0, named=True)
    assert row["requested_at"].isoformat() == "2026-05-01T10:00:01+00:00"
    assert row["answered_at"].isoformat() == "2026-05-01T10:00:01.900000+00:00"


def test_the_answer_is_measured_in_bytes(runs):
    assert column(runs.calls, "text_bytes")[0] == len("fertig – été ✓".encode())


def test_every_event_type_is_kept(runs):
    assert types(runs)["daemon_event"] == types(runs)["interpreted_response"] == 1


def test_fixtures_without_times_and_older_requests_without_thinking_are_valid(tmp_path):
    bare = [{k: v for k, v in e.items() if k not in ("timestamp", "span_id", "thinking")} for e in entries()]
    project = Project(tmp_path / "fixture")
    project.transcript(bare, "tests/fixtures/conversation.jsonl")
    runs = nothing_wrong(load(project.folder))
    assert column(runs.calls, "answered_at") == [None] * 4
    assert cost(runs) == 0.0045
    assert runs.summary["started_at"].to_list() == [None]
    assert hl.costs.trend(runs, by=None)["calls"].to_list() == [4]
