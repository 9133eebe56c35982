"""An autonomy denial, end to end: three records in the runtime's order, one hash chain."""

import json
from itertools import count
from uuid import UUID

import pytest

from harnlab.backends.event_log_denials import EventLogLedger, enforce_budget, system_clock_ms, uuid7
from harnlab.backends.event_log_files import FileEventLog
from harnlab.backends.event_log_sqlite import SqliteEventLog
from harnlab.backends.event_log_trust import append_trust_record, trust_topics, verify_trust_log
from harnlab.core.autonomy import Approved, AutonomyBudget, AutonomyCounters, Denied
from harnlab.core.trust import TrustDecision
from harnlab.errors import HarnRuntimeError

NOW_MS = 1_777_629_600_250
BUDGET = AutonomyBudget(key="agent α", per_hour=1, reviewer="ada")
DECISION = TrustDecision(agent="bot", action="step", outcome="success", trace_id="t")


@pytest.fixture(params=["files", "sqlite"])
def log(request, tmp_path):
    if request.param == "files":
        yield FileEventLog(tmp_path, durable=False)
    else:
        with SqliteEventLog(tmp_path / "events.sqlite") as opened:
            yield opened


@pytest.fixture
def ledger(log):
    ids = count(1)
    return EventLogLedger(log=log, clock_ms=lambda: NOW_MS, new_id=lambda: f"id-{next(ids)}")


def enforce(ledger, counters, budget=BUDGET, request_id="hitl_approval_9"):
    return enforce_budget(
        counters,
        budget,
        ledger=ledger,
        now_s=NOW_MS // 1000,
        session_id="s-1",
        trace_id="t-1",
        request_id=request_id,
    )


@pytest.fixture
def spent():
    counters = AutonomyCounters()
    counters.note(BUDGET.key, NOW_MS // 1000)
    return counters


def own_headers(event):
    return {name: value for name, value in event.headers.items() if not name.startswith("harn.provenance.")}


def test_an_approval_needs_no_log_and_writes_nothing(log, ledger):
    assert enforce(None, AutonomyCounters()) == Approved(budget=BUDGET)
    assert enforce(ledger, AutonomyCounters()) == Approved(budget=BUDGET)
    assert log.read("hitl.approvals") == log.read("triggers.lifecycle") == log.read("trust_graph") == []


def test_a_denial_without_a_log_is_the_runtimes_error(spent):
    with pytest.raises(HarnRuntimeError) as refused:
        enforce(None, spent)
    assert refused.value.message == (
        "autonomy_budget enforcement requires an active event log before agent_loop"
    )


def test_a_denial_asks_for_approval_on_the_approvals_topic(log, ledger, spent):
    denied = enforce(ledger, spent)
    (event,) = log.read("hitl.approvals")
    assert (event.kind, event.occurred_at_ms) == ("hitl.approval_requested", NOW_MS)
    assert own_headers(event) == {"request_id": "hitl_approval_9", "trace_id": "t-1"}
    asked = {
        "id": "hitl_approval_9",
        "action": (
            "approve autonomous agent_loop dispatch for 'agent α' after hourly_autonomy_budget_exceeded"
        ),
        "args": denied.approval.detail,
        "principal": "agent α",
        "requested_at": "2026-05-01T10:00:00.25Z",
        "deadline": "2026-05-02T10:00:00.25Z",
        "approvers_required": 1,
        "evidence_refs": [],
        "undo_metadata": None,
        "capabilities_requested": [],
    }
    assert event.payload == {
        "request_id": "hitl_approval_9",
        "kind": "approval",
        "agent": "agent α",
        "trace_id": "t-1",
        "requested_at": "2026-05-01T10:00:00.25Z",
        "payload": asked
        | {
            "approval_request": asked,
            "detail": denied.approval.detail,
            "quorum": 1,
            "reviewers": ["ada"],
            "deadline_ms": 86_400_000,
        },
    }


def test_a_denial_is_told_on_the_lifecycle_topic_without_headers_of_its_own(log, ledger, spent):
    denied = enforce(ledger, spent)
    (event,) = log.read("triggers.lifecycle")
    assert event.kind == "autonomy.budget_exceeded"
    assert event.payload == denied.lifecycle.payload
    assert own_headers(event) == {}
    assert event.occurred_at_ms == NOW_MS


def test_a_denial_stands_in_four_trust_topics_as_one_record(log, ledger, spent):
    denied = enforce(ledger, spent)
    assert isinstance(denied, Denied)
    topics = ("trust_graph", "trust.graph", "trust_graph.agent__", "trust.graph.agent__")
    assert trust_topics("agent α") == topics
    stored = [log.read(topic) for topic in topics]
    assert [len(events) for events in stored] == [1, 1, 1, 1]
    first = stored[0][0]
    assert all(events[0].payload == first.payload for events in stored)
    assert first.kind == "trust_recorded"
    assert first.payload["record_id"] == "id-1"
    assert first.payload["timestamp"] == "2026-05-01T10:00:00.25Z"
    assert first.payload["metadata"] == denied.trust.metadata
    assert own_headers(first) == {
        "trace_id": "t-1",
        "agent": "agent α",
        "autonomy_tier": "act_with_approval",
        "outcome": "denied",
        "entry_hash": first.payload["entry_hash"],
    }


def test_denials_of_several_agents_form_one_chain(log, ledger):
    for number in range(3):
        enforce(ledger, AutonomyCounters(), AutonomyBudget(key=f"bot-{number}", per_day=0))
    report = verify_trust_log(log)
    assert (report.topic, report.total, report.verified) == ("trust_graph", 3, True)
    assert [event.payload["chain_index"] for event in log.read("trust_graph")] == [1, 2, 3]
    assert [event.payload["chain_index"] for event in log.read("trust.graph.bot-2")] == [3]


class FailingLog:
    """An event log that cannot write to one topic."""

    def __init__(self, log, topic):
        self.log, self.topic = log, topic
        self.read, self.last, self.exclusive = log.read, log.last, log.exclusive

    def append(self, topic, *event):
        if topic == self.topic:
            raise HarnRuntimeError("disk full")
        return self.log.append(topic, *event)


@pytest.mark.parametrize(
    ("broken", "written"),
    [("hitl.approvals", (0, 0, 0)), ("triggers.lifecycle", (1, 0, 0)), ("trust_graph", (1, 1, 0))],
)
def test_after_a_failed_append_the_later_ones_are_not_made(log, spent, broken, written):
    with pytest.raises(HarnRuntimeError) as failed:
        enforce(EventLogLedger(log=FailingLog(log, broken)), spent)
    assert failed.value.message == "disk full"
    topics = ("hitl.approvals", "triggers.lifecycle", "trust_graph")
    assert tuple(len(log.read(topic)) for topic in topics) == written


def test_a_new_record_continues_the_older_global_topic(log):
    record = append_trust_record(log, DECISION, record_id="r-1", occurred_at_ms=NOW_MS)
    moved = FileEventLogWithout(log, "trust_graph")
    assert verify_trust_log(moved).topic == "trust.graph"
    second = append_trust_record(moved, DECISION, record_id="r-2", occurred_at_ms=NOW_MS)
    assert (second.chain_index, second.previous_hash) == (2, record.entry_hash)


class FileEventLogWithout:
    """A log as an older runtime left it: without one of today's topics."""

    def __init__(self, log, topic):
        self.log, self.topic = log, topic
        self.append, self.exclusive = log.append, log.exclusive

    def read(self, topic):
        return [] if topic == self.topic else self.log.read(topic)

    def last(self, topic):
        return None if topic == self.topic else self.log.last(topic)


def test_a_new_record_continues_the_chain_past_events_of_other_kinds(log):
    record = append_trust_record(log, DECISION, record_id="r-1", occurred_at_ms=NOW_MS)
    log.append("trust_graph", "note", {"chain_index": 99}, {}, NOW_MS)
    log.append("trust_graph", "trust_recorded", "no record", {}, NOW_MS)
    log.append("trust_graph", "note", {}, {}, NOW_MS)
    second = append_trust_record(log, DECISION, record_id="r-2", occurred_at_ms=NOW_MS)
    assert (second.chain_index, second.previous_hash) == (2, record.entry_hash)
    assert [link.field for link in verify_trust_log(log).broken] == ["payload"]


def test_a_log_without_trust_records_verifies_as_an_empty_chain(log):
    report = verify_trust_log(log)
    assert (report.topic, report.total, report.verified) == ("trust_graph", 0, True)


def test_a_record_changed_on_disk_is_found(tmp_path):
    log = FileEventLog(tmp_path, durable=False)
    for number in (1, 2):
        append_trust_record(log, DECISION, record_id=f"r-{number}", occurred_at_ms=NOW_MS)
    path = tmp_path / "topics" / "trust_graph.jsonl"
    path.write_text(path.read_text().replace('"record_id":"r-1"', '"record_id":"r-9"'))
    (link,) = verify_trust_log(log).broken
    assert (link.event_id, link.record_id, link.field) == (1, "r-9", "entry_hash")


def test_ids_and_clock_come_from_the_system_unless_given(log, spent):
    ledger = EventLogLedger(log=log)
    before = system_clock_ms()
    request_id = ledger.new_request_id()
    assert request_id.startswith("hitl_approval_")
    enforce(ledger, spent, request_id=request_id)
    (event,) = log.read("hitl.approvals")
    assert before <= event.occurred_at_ms <= system_clock_ms()
    assert json.loads(json.dumps(event.payload))["request_id"] == request_id


def test_a_uuid7_is_one_and_begins_with_its_time(monkeypatch):
    made = UUID(uuid7())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) - system_clock_ms()) < 60_000
    assert len({uuid7() for _ in range(100)}) == 100
