import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn, at
from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters, Denied, decide
from harnlab.replay import autonomy

BUDGET = AutonomyBudget(key="triage", per_hour=2, per_day=3)


def told(minutes, *, budget=BUDGET, counters):
    """Row of ``autonomy_checks``, and of ``approvals`` where it is denied, as the runtime writes them."""
    now_s = int(at(minutes).timestamp())
    verdict = decide(counters, budget, now_s=now_s, session_id="s", trace_id="t", request_id=f"q{minutes}")
    row = {"at": at(minutes), "producer": "agent_loop", "agent_key": budget.key}
    if not isinstance(verdict, Denied):
        counters.note(budget.key, now_s)
        return row | {"decision": "admitted"}, None
    payload = verdict.lifecycle.payload
    named = ("session_id", "trace_id", "reason", "request_id", "reviewers", "from_tier", "requested_tier")
    counted = ("per_hour", "per_day", "autonomous_decisions_hour", "autonomous_decisions_today")
    asked = {"request_id": f"q{minutes}", "action": verdict.approval.action}
    return (
        row | {"decision": "denied"} | {name: payload[name] for name in (*named, *counted)},
        asked | {"detail": json.dumps(verdict.approval.detail)},
    )


def log(*minutes, budget=BUDGET):
    counters = AutonomyCounters()
    made = [told(minute, budget=budget, counters=counters) for minute in minutes]
    return [row for row, _ in made], [asked for _, asked in made if asked]


def replay(checks, approvals=()):
    return [
        (row["verdict"], row["field"])
        for row in autonomy(StandIn(autonomy_checks=checks, approvals=approvals)).to_dicts()
    ]


MATCH = ("match", None)


def test_decisions_the_core_took_match():
    checks, approvals = log(0, 5, 10, 65, 70)
    assert [row["decision"] for row in checks] == ["admitted", "admitted", "denied", "admitted", "denied"]
    assert replay(checks, approvals) == [MATCH] * 5


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("reason", "daily_autonomy_budget_exceeded", "reason"),
        ("from_tier", "shadow", "from_tier"),
        ("requested_tier", "suggest", "requested_tier"),
        ("autonomous_decisions_hour", 1, "decision"),
        ("per_hour", 9, "decision"),
        ("autonomous_decisions_hour", 4, "approval_autonomous_decisions_hour"),
        ("autonomous_decisions_today", 2**40, "approval_autonomous_decisions_today"),
        ("per_day", 4, "approval_per_day"),
    ],
)
def test_a_denial_that_its_counters_or_its_approval_request_contradict_is_found(field, value, named):
    checks, approvals = log(0, 5, 10)
    checks[2][field] = value
    assert replay(checks, approvals)[2] == ("mismatch", named)


@pytest.mark.parametrize("detail", ["5", "{", None, '{"per_hour": "x"}'])
def test_an_approval_request_that_says_something_else_is_found(detail):
    checks, approvals = log(0, 5, 10)
    approvals[0]["detail"] = detail
    assert replay(checks, approvals)[2][0] == "mismatch"


def test_without_its_approval_request_a_denial_is_held_against_its_own_counters():
    checks, _ = log(0, 5, 10)
    assert replay(checks)[2] == MATCH


def test_counters_that_the_admitted_decisions_in_the_log_do_not_explain_are_not_decided():
    checks, approvals = log(0, 5, 10)
    assert replay(checks[1:], approvals) == [MATCH, ("insufficient", "autonomous_decisions_hour")]


def test_a_log_without_admitted_decisions_says_nothing_against_the_counters():
    checks, approvals = log(0, 5, 10)
    assert replay(checks[2:], approvals) == [MATCH]


def test_admitted_decisions_need_limits_that_only_denials_record():
    checks, _ = log(0, 5)
    assert replay(checks) == [("insufficient", "decision")] * 2
    other = log(0, 5, 10, budget=AutonomyBudget(key="triage", per_hour=1))
    assert replay(log(600, 605, 610)[0] + other[0], other[1])[0] == ("insufficient", "decision")


def test_an_admitted_decision_that_the_log_would_have_denied_may_follow_a_restart():
    checks, approvals = log(0, 5, 10)
    extra = checks[1] | {"at": at(7)}
    assert replay([*checks[:2], extra, checks[2]], approvals)[2] == ("insufficient", "decision")


def test_hosts_and_keys_are_counted_apart():
    here, asked = log(0, 5, 10)
    there = [row | {"source_path": "b/log.jsonl"} for row in log(1, 6, 11)[0]]
    other = [row | {"agent_key": "other"} for row in log(2, 7)[0]]
    verdicts = replay([*here, *there, *other], asked)
    assert verdicts[:6] == [MATCH] * 6
    assert verdicts[6:] == [("insufficient", "decision")] * 2


@pytest.mark.parametrize(
    "lost",
    [
        {"at": None},
        {"agent_key": None},
        {"per_hour": None, "per_day": None},
        {"autonomous_decisions_hour": None},
        {"reason": "monthly"},
        {"decision": "deferred"},
    ],
)
def test_what_the_record_lacks_or_this_core_does_not_know_is_not_decided(lost):
    checks, approvals = log(0, 5, 10)
    assert replay([*checks[:2], checks[2] | lost], approvals)[2] == ("insufficient", "decision")


limits = st.one_of(st.none(), st.integers(1, 4))


@given(st.lists(st.integers(0, 3000), max_size=25).map(sorted), limits, limits)
def test_replay_with_the_recorded_limits_equals_the_record(minutes, per_hour, per_day):
    budget = AutonomyBudget(key="triage", per_hour=per_hour, per_day=per_day)
    counters = AutonomyCounters()
    made = [told(minute + n / 1000, budget=budget, counters=counters) for n, minute in enumerate(minutes)]
    checks = [row for row, _ in made]
    verdicts = replay(checks, [asked for _, asked in made if asked])
    denied = [verdict for verdict, row in zip(verdicts, checks, strict=True) if row["decision"] == "denied"]
    assert set(denied) <= {MATCH}
    assert set(verdicts) <= ({MATCH} if denied else {("insufficient", "decision")})


def test_a_clock_that_steps_back_empties_the_counters():
    checks, approvals = log(120, 125, 61, 62, 63)
    for seconds, row in enumerate(checks):
        row["at"] += timedelta(seconds=seconds)
    assert [row["decision"] for row in checks].count("denied") >= 1
    assert "mismatch" not in {verdict for verdict, _ in replay(checks, approvals)}
