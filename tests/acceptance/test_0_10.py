"""Version 0.10: the usage ledger on every row of a call, stop sequences, queues, quarantines; and what is newer."""

from decimal import Decimal

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, load, nothing_wrong, only_known_members, types
from acceptance.written import (
    INHERITED,
    PINNED,
    at,
    call_id,
    dispatch,
    error_0_10,
    ledger,
    request_0_10,
    response_0_10,
    served,
)


def retry():
    return {
        "type": "empty_completion_retry",
        "schema": "harn.llm.empty_completion_retry.v1",
        "receipt_kind": "empty_completion_retry",
        "iteration": 1,
        "attempt": 1,
        "provider": "anthropic",
        "model": "claude-sonnet-4-20250514",
        "error": "empty",
        "reason": "empty_generation",
        "duration_ms": 40,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        **ledger(0.0, status="unknown"),
        "span_id": None,
        "timestamp": at(2),
    }


def queue(status, **more):
    return {
        "type": "rate_limit_queue",
        "schema": "harn.llm.rate_limit_queue.v1",
        "receipt_kind": "rate_limit_queue",
        "status": status,
        "provider": "anthropic",
        "model": "claude-sonnet-4-20250514",
        "consumer_id": "c-1",
        "waited_ms": 20,
        "served_count": 1,
        "queued_count": 0,
        "rerouted_count": 0,
        "message": "…",
        "timestamp": at(3),
        **more,
    }


def entries():
    return [
        {
            "type": "served_message",
            "schema": "harn.llm.served_message.v1",
            "content_hash": "blake3:e",
            "message": {"role": "user", "content": "go"},
            "timestamp": at(0),
        },
        request_0_10(1, second=1),
        retry(),
        queue("queued", queue_position=2, expected_wait_ms=100),
        queue("served"),
        request_0_10(2, second=4),
        response_0_10(2, second=5, usage=(1000, 100), cost_usd=0.0045),
        dispatch(2, second=5.001, provenance=PINNED, outcome=served(100, 16)) | {"stop": ["</done>", "\n\n"]},
        # partly priced: two provider calls, one of them without a price
        request_0_10(3, second=6),
        response_0_10(3, second=7, usage=(500, 50), cost_usd=None, known=0.0011)
        | {
            "provider_call_count": 2,
            "unpriced_calls": 1,
            "unpriced_tokens": 275,
            "accounting_status": "partial",
        },
        dispatch(3, second=7.001, provenance=INHERITED) | {"stop": None},
        request_0_10(4, second=8),
        error_0_10(4, second=9, status="retries_exhausted", attempt=3),
        dispatch(4, second=9.001, outcome={"kind": "usage_limit"}) | {"stop": []},
        {
            "type": "route_quarantined",
            "schema": "harn.llm.route_quarantine.v1",
            "receipt_kind": "route_quarantine",
            "provider": "anthropic",
            "model": "m",
            "until": at(99),
            "timestamp": at(10),
        },
        # newer than anything known: a type, members of all shapes, words
        {"type": "agent.dream", "nested": {"deep": [1, {"a": None}]}, "timestamp": at(11)},
        response_0_10(5, second=12, usage=(7, 7), cost_usd=0.1)
        | {"stop_reason": "enlightened", "karma": {"type": "good"}, "retry_of": call_id(4)},
        dispatch(
            5, second=12.001, provenance=PINNED | {"provider": "horoscope"}, outcome={"kind": "served_twice"}
        )
        | {"region": "eu"},
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("repo"))
    project.transcript(entries())
    return nothing_wrong(load(project.folder))


def test_known_cost_counts_where_the_cost_as_a_whole_is_null(runs):
    assert column(runs.calls, "cost_usd") == [None, 0.0045, None, None, 0.1]
    assert column(runs.calls, "known_cost_usd") == [None, 0.0045, 0.0011, 0.0, 0.1]
    assert sum(hl.costs.exact(runs).values()) == Decimal("0.1056")
    assert runs.summary["cost_usd"].to_list() == [0.1056]


def test_a_price_known_in_part_is_still_counted_among_the_unpriced(runs):
    whole = hl.costs.by(runs).row(0, named=True)
    assert (whole["calls"], whole["unpriced_calls"]) == (5, 1)
    assert runs.summary["unpriced_calls"].to_list() == [1]


def test_the_ledger_of_a_failure_is_kept(runs):
    failed = runs.calls.row(3, named=True)
    assert failed["accounting_status"] == "unknown"
    assert failed["provider_call_count"] == 1
    assert failed["unpriced_reason"] == "no_response"
    assert failed["error_attempt_count"] == 3
    assert failed["error_failover_eligible"] is True


def test_stop_sequences_are_none_where_null_and_empty_where_empty(runs):
    assert column(runs.dispatches, "stop") == [["</done>", "\n\n"], None, [], None]


def test_new_members_survive_and_new_words_are_text(runs):
    last = runs.calls.row(4, named=True)
    assert last["stop_reason"] == "enlightened"
    assert '"karma":{"type":"good"}' in last["extra"]
    assert runs.dispatches.row(3, named=True)["extra"] == '{"region":"eu"}'
    assert runs.dispatches.row(3, named=True)["provenance_provider"] == "horoscope"
    assert only_known_members(runs.calls.head(4))
    assert only_known_members(runs.dispatches.head(3))


def test_a_new_origin_is_in_the_matrix_and_a_new_outcome_in_the_mix(runs):
    matrix = hl.routes.matrix(runs)
    assert matrix.filter(field="provider", origin="horoscope")["calls"].to_list() == [1]
    mix = hl.routes.outcomes(runs).filter(outcome_kind="served_twice")
    assert mix["lane"].to_list() == [None]


def test_an_answer_without_its_request_is_a_call(runs):
    last = runs.calls.row(4, named=True)
    assert (last["request_line"], last["status"], last["requested_model"]) == (None, "answered", None)


def test_one_call_inherited(runs):
    incident = hl.routes.incident(runs)
    assert (incident.calls, incident.dispatches) == (1, 4)
    assert incident.cost_usd == Decimal("0.0011")
    assert incident.unpriced_calls == 1


def test_every_line_is_an_event_of_its_type(runs):
    assert runs.events.height == len(entries())
    assert types(runs)["rate_limit_queue"] == 2
    assert types(runs)["agent.dream"] == 1
