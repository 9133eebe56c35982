import json

from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.autonomy import Approved, AutonomyBudget, AutonomyCounters, Denied, decide
from harnlab.core.trust import TrustDecision

NOON = 1_777_636_800


def verdict(counters, budget, now_s=NOON):
    return decide(
        counters, budget, now_s=now_s, session_id="s-1", trace_id="t-1", request_id="hitl_approval_7"
    )


def spent(key="triage", times=2):
    counters = AutonomyCounters()
    for _ in range(times):
        counters.note(key, NOON)
    return counters


BUDGET = AutonomyBudget(key="triage", per_hour=2, per_day=5, reviewer="ada")


def test_a_decision_that_fits_is_approved_and_writes_nothing():
    assert verdict(spent(times=1), BUDGET) == Approved(budget=BUDGET)


def test_neither_verdict_counts_as_a_decision():
    counters = spent(times=1)
    verdict(counters, BUDGET)
    assert counters.snapshot("triage", NOON).today == 1
    counters = spent(times=2)
    verdict(counters, BUDGET)
    assert counters.snapshot("triage", NOON).today == 2


def test_a_denied_loop_gets_an_answer_shaped_like_an_agents():
    assert verdict(spent(), BUDGET).result == {
        "status": "approval_required",
        "approval_required": True,
        "reason": "hourly_autonomy_budget_exceeded",
        "request_id": "hitl_approval_7",
        "reviewers": ["ada"],
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "per_hour": 2,
        "per_day": 5,
        "autonomous_decisions_hour": 2,
        "autonomous_decisions_today": 2,
        "session_id": "s-1",
        "agent_key": "triage",
        "llm": {"iterations": 0, "duration_ms": 0, "input_tokens": 0, "output_tokens": 0},
        "tools": {"calls": [], "successful": [], "rejected": [], "mode": ""},
    }


def test_a_denial_asks_the_reviewer_with_the_facts():
    approval = verdict(spent(), BUDGET).approval
    assert approval.request_id == "hitl_approval_7"
    assert (approval.agent, approval.trace_id, approval.reviewers) == ("triage", "t-1", ("ada",))
    assert approval.action == (
        "approve autonomous agent_loop dispatch for 'triage' after hourly_autonomy_budget_exceeded"
    )
    assert approval.detail == {
        "agent_key": "triage",
        "session_id": "s-1",
        "reason": "hourly_autonomy_budget_exceeded",
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "per_hour": 2,
        "per_day": 5,
        "autonomous_decisions_hour": 2,
        "autonomous_decisions_today": 2,
    }


def test_a_denial_tells_the_operators():
    denied = verdict(spent(), BUDGET)
    lifecycle = denied.lifecycle
    assert (lifecycle.topic, lifecycle.kind) == ("triggers.lifecycle", "autonomy.budget_exceeded")
    joined = {
        "trace_id": "t-1",
        "request_id": "hitl_approval_7",
        "reviewers": ["ada"],
        "source": "agent_loop",
    }
    assert lifecycle.payload == denied.approval.detail | joined


def test_a_denial_lowers_the_agents_tier_on_record():
    assert verdict(spent(), BUDGET).trust == TrustDecision(
        agent="triage",
        action="autonomy.tier_transition",
        approver="ada",
        outcome="denied",
        trace_id="t-1",
        autonomy_tier="act_with_approval",
        cost_usd=None,
        metadata={
            "session_id": "s-1",
            "from_tier": "act_auto",
            "to_tier": "act_with_approval",
            "reason": "hourly_autonomy_budget_exceeded",
            "request_id": "hitl_approval_7",
            "source": "agent_loop",
        },
    )


def test_a_full_day_is_named_with_the_counters_of_the_new_hour():
    daily = AutonomyBudget(key="triage", per_day=2)
    result = verdict(spent(), daily, now_s=NOON + 3600).result
    assert result["reason"] == "daily_autonomy_budget_exceeded"
    assert (result["autonomous_decisions_hour"], result["autonomous_decisions_today"]) == (0, 2)
    assert (result["per_hour"], result["per_day"], result["reviewers"]) == (None, 2, ["operator"])


def test_changing_one_record_of_a_denial_leaves_the_others_alone():
    denied = verdict(spent(), BUDGET)
    denied.result["reviewers"].append("eve")
    assert denied.lifecycle.payload["reviewers"] == ["ada"]
    assert denied.approval.reviewers == ("ada",)


@given(st.integers(0, 5), st.none() | st.integers(0, 4), st.none() | st.integers(0, 4))
def test_a_verdict_is_a_denial_exactly_when_a_cap_is_full(noted, per_hour, per_day):
    budget = AutonomyBudget(key="triage", per_hour=per_hour, per_day=per_day)
    full = any(cap is not None and noted >= cap for cap in (per_hour, per_day))
    answer = verdict(spent(times=noted), budget)
    assert isinstance(answer, Denied) == full


def test_every_record_of_a_denial_is_plain_json():
    denied = verdict(spent(), BUDGET)
    for record in (denied.result, denied.approval.detail, denied.lifecycle.payload, denied.trust.metadata):
        read_back = json.loads(json.dumps(record))
        assert [(value, type(value)) for value in record.values()] == [
            (value, type(value)) for value in read_back.values()
        ]
