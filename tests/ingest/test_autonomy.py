"""One row a decision, whatever traces it left, with the answer a person gave."""

import pytest

import harnlab as hl
from ingest.log_events import approval_requested, event, write_files, write_sqlite

HOURLY = "hourly_autonomy_budget_exceeded"
COUNTS = {"autonomous_decisions_hour": 3, "autonomous_decisions_today": 5}


def lifecycle(request_id="r1", **members):
    return event(
        "triggers.lifecycle",
        "autonomy.budget_exceeded",
        {
            "agent_key": "agent.a",
            "session_id": "s1",
            "trace_id": "t1",
            "reason": HOURLY,
            "request_id": request_id,
            "reviewers": ["mara"],
            "from_tier": "act_auto",
            "requested_tier": "act_with_approval",
            "per_hour": 3,
            "per_day": None,
            "source": "agent_loop",
        }
        | COUNTS
        | members,
    )


def dispatcher_lifecycle(request_id="r1"):
    payload = {
        "trigger_id": "nightly",
        "event_id": "evt_1",
        "reason": HOURLY,
        "request_id": request_id,
        "reviewers": ["sven"],
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "replay_of_event_id": None,
    }
    headers = {"event_id": "evt_1", "trace_id": "t9", "binding_key": "nightly@v3"}
    return event("triggers.lifecycle", "autonomy.budget_exceeded", payload, headers)


def asked(request_id="r1", **detail):
    payload = approval_requested(request_id)
    payload["payload"]["detail"] = {"reason": HOURLY, **detail}
    return event("hitl.approvals", "hitl.approval_requested", payload)


def trusted(record_id="rec1", **members):
    payload = {
        "schema": "opentrustgraph/v0",
        "record_id": record_id,
        "agent": "agent.a",
        "action": "autonomy.tier_transition",
        "outcome": "denied",
        "trace_id": "t1",
        "autonomy_tier": "act_with_approval",
        "timestamp": "2026-05-01T10:00:00Z",
        "metadata": {
            "session_id": "s1",
            "from_tier": "act_auto",
            "to_tier": "act_with_approval",
            "reason": HOURLY,
            "request_id": "r1",
            "source": "agent_loop",
        },
    }
    return event("trust_graph", "trust_recorded", payload | members)


def deed(record_id="rec2", **members):
    admitted = {"action": "issue.label", "outcome": "success", "autonomy_tier": "act_auto"}
    return trusted(
        record_id, **admitted | {"metadata": {"session_id": "s1", "source": "agent_loop"}} | members
    )


def attempt(kind="attempt_recorded", event_id="evt_1", **members):
    payload = {"trigger_id": "nightly", "binding_key": "nightly@v3", "event_id": event_id}
    if kind == "attempt_recorded":
        payload |= {
            "attempt": 1,
            "handler_kind": "worker",
            "started_at": "2026-05-01T10:00:00Z",
            "outcome": "success",
        }
    return event(
        "trigger.attempts",
        kind,
        payload | members,
        {"trace_id": f"trace of {event_id}", "event_id": event_id},
    )


def checks(folder, *events):
    write_sqlite(folder / ".harn/events.sqlite", events)
    return hl.load(folder).autonomy_checks.to_dicts()


def test_the_three_events_of_a_denial_are_one_decision(tmp_path):
    (row,) = checks(tmp_path, asked(agent_key="agent.a", per_hour=3), lifecycle(), trusted())
    expected = {
        "producer": "agent_loop",
        "agent_key": "agent.a",
        "session_id": "s1",
        "trace_id": "t1",
        "decision": "denied",
        "reason": HOURLY,
        "request_id": "r1",
        "reviewers": ["mara"],
        "from_tier": "act_auto",
        "requested_tier": "act_with_approval",
        "per_hour": 3,
        "per_day": None,
        "evidence": "lifecycle",
        "approval_status": "pending",
    }
    assert {name: row[name] for name in expected} == expected
    assert (row["autonomous_decisions_hour"], row["autonomous_decisions_today"]) == (3, 5)


def test_a_dispatchers_counters_come_from_its_approval_request(tmp_path):
    detail = {
        "trigger_id": "nightly",
        "max_autonomous_decisions_per_hour": 2,
        "max_autonomous_decisions_per_day": 12,
    }
    (row,) = checks(
        tmp_path, asked(**detail, **COUNTS), dispatcher_lifecycle(), attempt("budget_deferred", reason=HOURLY)
    )
    assert (row["producer"], row["agent_key"], row["evidence"]) == (
        "trigger_dispatcher",
        "nightly",
        "lifecycle",
    )
    assert (row["per_hour"], row["per_day"]) == (2, 12)
    assert (row["autonomous_decisions_hour"], row["autonomous_decisions_today"]) == (3, 5)
    assert (row["event_id"], row["binding_key"], row["trace_id"]) == ("evt_1", "nightly@v3", "t9")
    assert row["reviewers"] == ["sven"]


@pytest.mark.parametrize(
    ("events", "evidence"),
    [
        ([lifecycle()], "lifecycle"),
        ([trusted()], "trust_record"),
        ([asked(agent_key="agent.a")], "approval"),
        ([attempt("budget_deferred", reason=HOURLY)], "attempt"),
    ],
)
def test_a_denial_is_told_by_whatever_trace_is_left(tmp_path, events, evidence):
    (row,) = checks(tmp_path, *events)
    assert (row["decision"], row["reason"], row["evidence"]) == ("denied", HOURLY, evidence)


def test_a_trigger_put_off_for_money_is_no_autonomy_decision(tmp_path):
    assert checks(tmp_path, attempt("budget_deferred", reason="daily_budget_exceeded")) == []


def test_deeds_an_agent_did_on_its_own_are_admitted_decisions(tmp_path):
    rows = checks(
        tmp_path,
        deed("a"),
        deed("b", outcome="failure"),
        deed("c", outcome="denied"),
        deed("d", autonomy_tier="act_with_approval"),
        deed("e", action="trust.promote"),
    )
    assert [(row["decision"], row["evidence"], row["producer"]) for row in rows] == [
        ("admitted", "trust_record", "agent_loop")
    ] * 2


def test_a_dispatchs_trust_record_and_first_attempt_are_one_decision(tmp_path):
    record = deed(
        agent="nightly", trace_id="trace of evt_1", metadata={"binding_key": "nightly@v3", "provider": "cron"}
    )
    (row,) = checks(tmp_path, attempt(), attempt(attempt=2), record)
    assert (row["evidence"], row["producer"], row["event_id"]) == (
        "trust_record",
        "trigger_dispatcher",
        "evt_1",
    )


def test_retries_are_no_new_decisions(tmp_path):
    rows = checks(tmp_path, attempt(attempt=2), attempt(attempt=1), attempt(event_id="evt_2"))
    assert [row["event_id"] for row in rows] == ["evt_1", "evt_2"]
    assert [row["evidence"] for row in rows] == ["attempt", "attempt"]


def test_an_attempt_that_a_person_let_through_is_no_decision_of_the_agents(tmp_path):
    rows = checks(tmp_path, dispatcher_lifecycle(), attempt())
    assert [row["decision"] for row in rows] == ["denied"]


def test_two_denials_of_one_session_stay_two(tmp_path):
    assert len(checks(tmp_path, lifecycle("r1"), lifecycle("r2"), lifecycle("r2"))) == 2


# --- approvals


def hitl(word, /, **payload):
    at = payload.pop("at", 1_777_629_700_000)
    return event("hitl.approvals", f"hitl.{word}", {"request_id": "r1"} | payload, at=at)


def request(kind="approval_requested", request_id="r1", **inner):
    payload = approval_requested(request_id)
    payload["payload"] |= inner
    payload["kind"] = {"approval_requested": "approval", "question_asked": "question"}.get(kind, "escalation")
    return event("hitl.approvals", f"hitl.{kind}", payload, at=1_777_629_600_000)


APPROVED = hitl(
    "response_received", approved=True, reviewer="mara", reason="fine", responded_at="2026-05-01T11:00:00Z"
)
DENIED = hitl(
    "response_received", approved=False, reviewer="sven", reason="no", responded_at="2026-05-01T12:00:00Z"
)


@pytest.mark.parametrize(
    ("events", "status", "who_why_when"),
    [
        ([request()], "pending", (None, None, None)),
        ([request(), APPROVED], "approved", ("mara", "fine", 11)),
        ([request(quorum=2), APPROVED], "pending", (None, None, None)),
        ([request(quorum=2), APPROVED, DENIED], "denied", ("sven", "no", 12)),
        ([request(), DENIED], "denied", ("sven", "no", 12)),
        (
            [request(), APPROVED, hitl("approval_approved", record={"reviewers": ["mara"]})],
            "approved",
            ("mara", "fine", 11),
        ),
        (
            [request(), DENIED, hitl("approval_denied", reviewer="sven", reason="no")],
            "denied",
            ("sven", "no", 12),
        ),
        (
            [
                request(),
                hitl(
                    "approval_approved", record={"reviewers": ["ann"], "approved_at": "2026-05-01T13:00:00Z"}
                ),
            ],
            "approved",
            ("ann", None, 13),
        ),
        (
            [request(), hitl("timeout", kind="approval", timed_out_at="2026-05-02T10:00:00Z"), APPROVED],
            "timeout",
            (None, None, 10),
        ),
        (
            [
                request("question_asked"),
                hitl("response_received", answer="yes", reviewer="mara", responded_at="2026-05-01T11:00:00Z"),
            ],
            "answered",
            ("mara", None, 11),
        ),
        (
            [
                request("escalation_issued"),
                hitl("escalation_accepted", reviewer="mara", responded_at="2026-05-01T11:00:00Z"),
            ],
            "accepted",
            ("mara", None, 11),
        ),
        (
            [request("dual_control_requested"), hitl("dual_control_denied", reviewer="mara")],
            "denied",
            ("mara", None, 10),
        ),
    ],
)
def test_the_first_event_that_ends_a_request_decides(tmp_path, events, status, who_why_when):
    write_files(tmp_path / ".harn/events", events)
    (row,) = hl.load(tmp_path).approvals.to_dicts()
    hour = row["answered_at"] and row["answered_at"].hour
    assert (row["status"], (row["reviewer"], row["answer_reason"], hour)) == (status, who_why_when)
    assert (row["answer_line"] is None) == (status == "pending")
    assert (row["source_line"], row["request_id"], row["action"]) == (1, "r1", "deploy")


def test_a_request_only_its_header_names_is_still_a_request(tmp_path):
    asking = request()
    del asking["payload"]["request_id"]
    asking["headers"] = {"request_id": "r1", "trace_id": "t"}
    write_files(tmp_path / ".harn/events", [asking, APPROVED])
    assert hl.load(tmp_path).approvals["status"].to_list() == ["approved"]


def test_an_answer_whose_request_was_compacted_away_is_a_row(tmp_path):
    answer = hitl("approval_denied", request_id="hitl_question_7", reviewer="mara")
    write_files(tmp_path / ".harn/events", [answer])
    (row,) = hl.load(tmp_path).approvals.to_dicts()
    assert (row["request_id"], row["kind"], row["status"], row["action"]) == (
        "hitl_question_7",
        "question",
        "denied",
        None,
    )
