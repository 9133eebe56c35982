"""``autonomy-pressure``: two hosts, two event-log backends, agents that ran out of decisions."""

from __future__ import annotations

import json
from typing import Final

from .autonomy_host import DAILY, HOURLY, Budget, Host, Trigger
from .clock import Clock, epoch_ms
from .event_log import EventLog, sha256
from .files import Project
from .routes import Json, Origins, Route, Tokens
from .runtime import Run
from .session import Session

TRIAGE: Final = Budget(key="agent.triage", per_hour=3, per_day=8)
DEPLOY: Final = Trigger(budget=Budget(key="nightly-deploy", per_hour=2, per_day=12, reviewer="sven"))
REFUNDS: Final = Budget(key="agent.refunds", per_day=4, reviewer="finance")
TRIAGE_US: Final = Budget(key="agent.triage", per_hour=2)
OPS: Final = Budget(key="ops/é", per_hour=1, per_day=5)
HAIKU: Final = Route(provider="anthropic", model="claude-haiku-4-5", origins=Origins(provider="operator_pin"))

#: What the host must have denied, in order, worked out by hand: (time, key, reason, hour count, day count, answer).
EUROPE: Final = (
    ("2026-06-08T09:41:07.250Z", "agent.triage", HOURLY, 3, 3, "approved"),
    ("2026-06-08T09:52:30Z", "agent.triage", HOURLY, 3, 3, "denied"),
    ("2026-06-08T10:38:12.5Z", "agent.triage", HOURLY, 3, 6, "approved"),
    ("2026-06-08T11:20:45Z", "agent.triage", DAILY, 2, 8, "timeout"),
    ("2026-06-08T13:05:19.004Z", "agent.triage", DAILY, 0, 8, "pending"),
    ("2026-06-09T01:40:00Z", "nightly-deploy", HOURLY, 2, 2, "approved"),
    ("2026-06-09T08:47:33Z", "agent.triage", HOURLY, 3, 3, "pending"),
)
AMERICA: Final = (
    ("2026-06-08T15:40:00Z", "agent.triage", HOURLY, 2, 2, "pending"),
    ("2026-06-08T17:30:05.75Z", "ops/é", HOURLY, 1, 1, "denied"),
    ("2026-06-08T19:15:00Z", "agent.refunds", DAILY, 0, 4, "approved"),
    ("2026-06-08T20:02:41Z", "agent.refunds", DAILY, 0, 4, "pending"),
)


def make(project: Project) -> None:
    europe, america = _europe(), _america()
    run = _run(america.log)
    europe.log.write_files(project, "europe/.harn/events")
    america.log.write_sqlite(project, "america/.harn/events.sqlite", as_text=6)
    path = f"transcripts/{run.id}/llm_transcript.jsonl"
    project.write(f"america/{path}", run.transcript.text)
    project.write_json(f"america/.harn-runs/{run.id}.json", run.record(transcript_path=path, stage="label"))
    project.write_json("expected.json", _facts(europe, america, run))


def _loops(host: Host, budget: Budget, action: str, *moments: str) -> list[str]:
    """Start loops in order; the request ids of those that were denied."""
    asked = (host.loop(moment, budget, action=action) for moment in moments)
    return [request_id for request_id in asked if request_id]


def _europe() -> Host:
    host = Host(EventLog(Clock("2026-06-08T07:55:00Z", "autonomy-europe")))
    _promote(host)
    day = "2026-06-08T"
    morning = (f"{day}09:02:10Z", f"{day}09:14:44Z", f"{day}09:31:02Z", EUROPE[0][0], EUROPE[1][0])
    first, second = _loops(host, TRIAGE, "issue.label", *morning)
    host.answer(f"{day}10:02:00Z", first, approved=True, reviewer="mara", reason="labels only")
    host.answer(f"{day}10:04:31Z", second, approved=False, reviewer="mara", reason="wait for the next hour")
    later = (f"{day}10:05:00Z", f"{day}10:11:12Z", f"{day}10:26:40Z", EUROPE[2][0])
    [third] = _loops(host, TRIAGE, "issue.label", *later)
    host.answer(f"{day}10:58:20Z", third, approved=True, reviewer="mara", reason=None)
    noon = (f"{day}11:03:09Z", f"{day}11:09:51Z", EUROPE[3][0], EUROPE[4][0])
    fourth, _ = _loops(host, TRIAGE, "issue.label", *noon)
    for moment in ("2026-06-09T01:00:00Z", "2026-06-09T01:20:00Z"):
        host.dispatch(moment, DEPLOY)
    deferred = host.dispatch(EUROPE[5][0], DEPLOY) or ""
    host.answer("2026-06-09T02:10:27Z", deferred, approved=True, reviewer="sven", reason="planned deploy")
    day = "2026-06-09T"
    _loops(host, TRIAGE, "issue.label", f"{day}08:10:00Z", f"{day}08:20:30Z", f"{day}08:33:15Z", EUROPE[6][0])
    trace = next(event for event in _requests(host) if event["request_id"] == fourth)["trace_id"]
    host.time_out("2026-06-09T11:20:45Z", fourth, trace)
    return host


def _promote(host: Host) -> None:
    approval = {"required": True, "quorum": 1, "signatures": []}
    host.log.trust(
        "agent.triage",
        "trust.promote",
        outcome="success",
        tier="act_auto",
        trace_id=f"trace_{host.log.clock.uuid7()}",
        approver="mara",
        metadata={"from_tier": "act_with_approval", "to_tier": "act_auto", "approval": approval},
    )


def _america() -> Host:
    host = Host(EventLog(Clock("2026-06-08T14:00:00Z", "autonomy-america")))
    day = "2026-06-08T"
    _loops(host, REFUNDS, "refund.issue", f"{day}14:01:00Z", f"{day}14:40:00Z")
    _loops(
        host, TRIAGE_US, "issue.label", f"{day}15:10:00Z", f"{day}15:25:00Z", AMERICA[0][0], f"{day}16:05:00Z"
    )
    _loops(host, REFUNDS, "refund.issue", f"{day}16:10:00Z")
    [refused] = _loops(host, OPS, "host.restart", f"{day}17:00:00Z", AMERICA[1][0])
    host.answer(
        f"{day}17:31:00Z", refused, approved=False, reviewer="operator", reason="once an hour is enough"
    )
    [first] = _loops(host, REFUNDS, "refund.issue", f"{day}18:30:00Z", AMERICA[2][0])
    host.answer(f"{day}19:20:00Z", first, approved=True, reviewer="finance", reason="ticket 4471")
    _loops(host, REFUNDS, "refund.issue", AMERICA[3][0], "2026-06-09T00:05:00Z")
    return host


def _run(log: EventLog) -> Run:
    """A run whose transcript entries stand in its file and in the event log as well."""
    run = Run(
        clock=Clock("2026-06-08T16:05:00.500Z", "autonomy-run"),
        workflow="label_issue",
        task="Label issue 912",
    )
    with run.span("pipeline", "label_issue"):
        session = Session(run, system="Label one issue.", tools=[], task=run.task, sized=False)
        session.turn(HAIKU, Tokens(input=900, output=40), "This reads like a billing question.")
        session.turn(HAIKU, Tokens(input=980, output=25), "Label: billing")
    run.status = "completed"
    _copy_entries(run, log)
    return run


def _copy_entries(run: Run, log: EventLog) -> None:
    for line in run.transcript.lines:
        entry = json.loads(line)
        seconds, millis = entry["timestamp"].split(".")
        log.clock.ms = int(seconds) * 1000 + int(millis)
        headers = {"pipeline": "label_issue", "span_id": str(entry["span_id"])}
        log.append("agent.transcript.llm", entry["type"], entry, headers)
    log.clock.ms = epoch_ms("2026-06-09T00:10:00Z")


def _requests(host: Host) -> list[Json]:
    kind = "hitl.approval_requested"
    return [event["payload"] for event in host.log.topics["hitl.approvals"] if event["kind"] == kind]


def _facts(europe: Host, america: Host, run: Run) -> Json:
    rows = [*(("europe", *row) for row in EUROPE), *(("america", *row) for row in AMERICA)]
    made = [*europe.denials, *america.denials]
    names = (
        "log",
        "at",
        "key",
        "reason",
        "autonomous_decisions_hour",
        "autonomous_decisions_today",
        "answer",
    )
    denials = [dict(zip(names, row, strict=True)) for row in rows]
    for denial, written in zip(denials, made, strict=True):
        denial["request_id"] = written["request_id"]
        denial["source"] = "dispatcher" if denial["key"] == "nightly-deploy" else "agent_loop"
    answers = [row[-1] for row in rows]
    return {
        "denials": denials,
        "by_reason": {HOURLY: 7, DAILY: 4},
        "by_log": {"europe": 7, "america": 4},
        "by_key": {"agent.triage": 7, "nightly-deploy": 1, "ops/é": 1, "agent.refunds": 2},
        "approvals": {word: answers.count(word) for word in sorted(set(answers))},
        "trust_records": {"europe": _chain(europe), "america": _chain(america)},
        "admitted_trust_records": {"europe": 13, "america": 9},
        "events": {
            "europe": {topic: len(events) for topic, events in sorted(europe.log.topics.items())},
            "america": {topic: len(events) for topic, events in sorted(america.log.topics.items())},
        },
        "transcript_twice": {"run_id": run.id, "lines": len(run.transcript.lines), "calls": 2},
        "payloads_stored_as_text": 6,
        "problems": {},
    }


def _chain(host: Host) -> Json:
    """The chain walked here again: every hash recomputed from the record it stands in."""
    records = [event["payload"] for event in host.log.topics["trust_graph"]]
    previous = None
    for index, record in enumerate(records, start=1):
        rest = {key: value for key, value in record.items() if key != "entry_hash"}
        if (record["previous_hash"], record["chain_index"], sha256(rest)) != (
            previous,
            index,
            record["entry_hash"],
        ):
            raise ValueError(f"the chain breaks at {index}")
        previous = record["entry_hash"]
    return {"records": len(records), "topics_each": 4, "verified": True, "root_hash": previous}
