"""Version 0.9: prices that may be null, failures on record, manifests, dispatches with their origins."""

from decimal import Decimal

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong, only_known_members, types
from acceptance.written import (
    INHERITED,
    PINNED,
    UNKNOWN,
    at,
    call_id,
    dispatch,
    error_0_9,
    message_0_8,
    request_0_9,
    response_0_9,
    served,
    system_prompt,
    tool_schemas,
)

QWEN = {"provider": "openrouter", "model": "qwen/qwen3.6-27b"}
DEAD = {"kind": "empty_completion_terminal", "completion_tokens": 8, "content_len": 0}
FLAKE = {
    "kind": "empty_completion_transient_recovered",
    "completion_tokens": 20,
    "content_len": 4,
    "empty_retries": 1,
}


def tool_events():
    call = {
        "type": "tool_call",
        "schema_version": 1,
        "session_id": "s-1",
        "assistant_message_index": 1,
        "call_id": "tc_1",
        "tool_name": "read_file",
        "arguments": {"path": "straße.py"},
        "span_id": None,
        "timestamp": at(6),
    }
    result = {
        "type": "tool_result",
        "schema_version": 1,
        "session_id": "s-1",
        "message_index": 2,
        "call_id": "tc_1",
        "tool_name": "read_file",
        "ok": True,
        "tool_format": "text",
        "span_id": None,
        "timestamp": at(6.25),
    }
    return [call, result]


def capture(number, what, **more):
    return {
        "type": "provider_raw_capture",
        "iteration": 1,
        "call_id": call_id(number),
        "span_id": None,
        "timestamp": at(1),
        "provider": "anthropic",
        "model": "claude-sonnet-4-20250514",
        "capture": what,
        "path": f"raw-provider/{call_id(number)}-{what}.json",
        **more,
    }


def entries():
    manifest = {"type": "context_manifest", "manifest": {"files": []}, "hash": 1, "content_hash": "blake3:b"}
    return [
        system_prompt("Be brief.", content_hash="blake3:" + "c" * 64),
        manifest | {"span_id": None, "timestamp": at(0)},
        tool_schemas(content_hash="blake3:" + "d" * 64),
        message_0_8("s-1", 0, {"role": "user", "content": "go"}),
        # an attempt that failed, and the one that answered in its place: each with an id of its own
        request_0_9(1, second=1),
        capture(1, "request", attempt=1),
        error_0_9(1, second=2),
        request_0_9(2, second=3),
        capture(2, "response-sse"),
        response_0_9(2, second=4, usage=(2000, 200), cost_usd=0.009),
        dispatch(2, second=4.001, provenance=PINNED, outcome=served(200, 16)),
        *tool_events(),
        # the price is not known
        request_0_9(3, second=7, **QWEN),
        response_0_9(3, second=8, usage=(300, 8), cost_usd=None, **QWEN),
        dispatch(3, second=8.001, provenance=INHERITED, outcome=DEAD, **QWEN),
        request_0_9(4, second=9, **QWEN),
        response_0_9(4, second=10, usage=(300, 20), cost_usd=0.0001, **QWEN),
        dispatch(4, second=10.001, provenance=INHERITED, outcome=FLAKE, **QWEN),
        # a terminal failure has a dispatch too
        request_0_9(5, second=11),
        error_0_9(5, second=12, status="error", attempt=3),
        dispatch(
            5, second=12.001, provenance=UNKNOWN, outcome={"kind": "provider_error", "class": "overloaded"}
        ),
        {
            "type": "provider_throttle",
            "provider": "anthropic",
            "org_key": "k",
            "signal": "429",
            "timestamp": at(13),
        },
        {"type": "governor_state", "concurrency_limit": 4, "circuit_state": "closed", "timestamp": at(13)},
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("repo"))
    path = project.transcript(entries())
    project.json(
        path.relative_to(project.folder).parent / f"raw-provider/{call_id(1)}-request.json",
        {"schema_version": "harn.llm.raw_provider_request.v1", "kind": "request", "body": {"type": "x"}},
    )
    return nothing_wrong(load(project.folder))


def test_every_attempt_is_a_call_of_its_own(runs):
    assert column(runs.calls, "call_id") == [call_id(n) for n in (1, 2, 3, 4, 5)]
    assert column(runs.calls, "status") == ["error", "answered", "answered", "answered", "error"]
    assert column(runs.calls, "error_status") == ["retrying", None, None, None, "error"]
    summary = runs.summary.row(0, named=True)
    assert (summary["calls"], summary["failed_calls"], summary["unpriced_calls"]) == (5, 2, 1)
    assert summary["inherited_calls"] == 2


def test_a_null_price_is_counted_apart_from_the_sum(runs):
    assert column(runs.calls, "cost_usd") == [None, 0.009, None, 0.0001, None]
    assert cost(runs) == 0.0091
    whole = hl.costs.by(runs).row(0, named=True)
    assert (whole["calls"], whole["unpriced_calls"], whole["cost_usd"]) == (5, 1, 0.0091)


def test_the_incident_is_the_inherited_calls_and_nothing_else(runs):
    incident = hl.routes.incident(runs)
    assert incident.found
    assert incident.first.call_id == call_id(3)
    assert incident.fields == {"provider": 2, "wire_format": 2}
    assert (incident.calls, incident.dispatches, incident.runs, incident.sessions) == (2, 4, 1, 1)
    assert incident.cost_usd == Decimal("0.0001")
    assert incident.unpriced_calls == 1
    assert (incident.dead, incident.recovered) == (1, 1)
    # five of the terminal failure, `thinking` of both inherited ones
    assert (incident.unknown_origins, incident.origins) == (7, 20)
    record = runs.record(incident.first.place)
    assert record["call_id"] == call_id(3)
    assert record["type"] == "resolved_dispatch"


def test_outcomes_keep_their_own_members(runs):
    rows = runs.dispatches
    assert column(rows, "outcome_kind") == ["served", DEAD["kind"], FLAKE["kind"], "provider_error"]
    assert column(rows, "outcome_completion_tokens") == [200, 8, 20, None]
    assert column(rows, "outcome_empty_retries") == [None, None, 1, None]
    assert column(rows, "outcome_class") == [None, None, None, "overloaded"]
    assert column(rows, "stop") == [None] * 4


def test_a_tool_call_meets_its_result(runs):
    (row,) = runs.tool_calls.to_dicts()
    assert (row["call_id"], row["tool_name"], row["ok"], row["session_id"]) == (
        "tc_1",
        "read_file",
        True,
        "s-1",
    )
    assert (row["assistant_message_index"], row["result_message_index"]) == (1, 2)
    assert row["arguments_bytes"] == len('{"path":"straße.py"}'.encode())


def test_no_known_member_is_taken_for_a_new_one(runs):
    for name in ("calls", "dispatches", "messages", "tool_calls"):
        assert only_known_members(runs.frame(name)), name


def test_raw_captures_are_events_and_their_sidecars_are_no_records(runs):
    assert types(runs)["provider_raw_capture"] == 2
    assert len(runs.sources) == 1
