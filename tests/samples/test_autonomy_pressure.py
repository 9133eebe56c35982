from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["autonomy-pressure"], indirect=True)

Topics = dict[str, list[dict[str, Any]]]


def _europe(incident: Incident) -> Topics:
    files = sorted((incident.folder / "europe/.harn/events/topics").glob("*.jsonl"))
    relative = {file.stem: file.relative_to(incident.folder).as_posix() for file in files}
    return {topic: [line["event"] for line in incident.lines(path)] for topic, path in relative.items()}


def _america(incident: Incident) -> Topics:
    copy = sqlite3.connect(":memory:")
    copy.deserialize(_without_wal((incident.folder / "america/.harn/events.sqlite").read_bytes()))
    topics: Topics = {}
    rows = copy.execute(
        "SELECT topic, kind, payload, headers FROM events ORDER BY topic, event_id"
    ).fetchall()
    copy.close()
    for topic, kind, payload, headers in rows:
        event = {"kind": kind, "payload": json.loads(payload), "headers": json.loads(headers)}
        topics.setdefault(topic, []).append(event)
    return topics


def _without_wal(database: bytes) -> bytes:
    assert database[18:20] == b"\x02\x02", "the runtime's database is in WAL mode"
    return database[:18] + b"\x01\x01" + database[20:]


def test_topics_hold_the_expected_events(incident: Incident) -> None:
    for log, topics in (("europe", _europe(incident)), ("america", _america(incident))):
        assert {topic: len(events) for topic, events in topics.items()} == incident.expected["events"][log]


def test_denials_are_the_ones_worked_out_by_hand(incident: Incident) -> None:
    named = ("reason", "autonomous_decisions_hour", "autonomous_decisions_today")
    for log, topics in (("europe", _europe(incident)), ("america", _america(incident))):
        expected = [row for row in incident.expected["denials"] if row["log"] == log]
        requests = [e["payload"] for e in topics["hitl.approvals"] if e["kind"] == "hitl.approval_requested"]
        for row, request in zip(expected, requests, strict=True):
            assert (request["request_id"], request["agent"]) == (row["request_id"], row["key"])
            assert [request["payload"]["detail"][name] for name in named] == [row[name] for name in named]
        exceeded = [e for e in topics["triggers.lifecycle"] if e["kind"] == "autonomy.budget_exceeded"]
        assert [e["payload"]["request_id"] for e in exceeded] == [row["request_id"] for row in expected]
    assert Counter(row["reason"] for row in incident.expected["denials"]) == incident.expected["by_reason"]
    assert Counter(row["key"] for row in incident.expected["denials"]) == incident.expected["by_key"]
    assert Counter(row["answer"] for row in incident.expected["denials"]) == incident.expected["approvals"]


def test_each_trust_record_stands_in_four_topics_of_one_chain(incident: Incident) -> None:
    for log, topics in (("europe", _europe(incident)), ("america", _america(incident))):
        expected = incident.expected["trust_records"][log]
        hashes = Counter(
            event["payload"]["entry_hash"]
            for topic, events in topics.items()
            for event in events
            if topic.startswith(("trust_graph", "trust.graph"))
        )
        assert (len(hashes), set(hashes.values())) == (expected["records"], {4})
        records = [event["payload"] for event in topics["trust_graph"]]
        assert [r["previous_hash"] for r in records] == [None, *(r["entry_hash"] for r in records[:-1])]
        admitted = [r for r in records if r["outcome"] == "success" and r["action"] != "trust.promote"]
        assert len(admitted) == incident.expected["admitted_trust_records"][log]


def test_the_small_run_stands_in_its_file_and_in_the_log(incident: Incident) -> None:
    run_id = incident.expected["transcript_twice"]["run_id"]
    in_file = incident.lines(f"america/transcripts/{run_id}/llm_transcript.jsonl")
    assert [event["payload"] for event in _america(incident)["agent.transcript.llm"]] == in_file
