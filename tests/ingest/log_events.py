"""Events as the runtime logs them, and logs of every backend made of them."""

import json
import sqlite3

from harnlab.ingest.event_log import read_event_logs
from harnlab.ingest.sources import Source, SourceKind

TABLES = """
CREATE TABLE topic_heads(topic TEXT PRIMARY KEY, last_id INTEGER NOT NULL);
CREATE TABLE events(topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
  headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, event_id));
CREATE TABLE consumers(topic TEXT NOT NULL, consumer_id TEXT NOT NULL, cursor INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, consumer_id));
"""


def event(topic="some.topic", kind="happened", payload=None, headers=None, at=1_777_629_600_001):
    return {
        "topic": topic,
        "kind": kind,
        "payload": {} if payload is None else payload,
        "headers": headers or {},
        "occurred_at_ms": at,
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def numbered(events):
    """Events with their ids: each topic counts from 1."""
    last = {}
    for one in events:
        last[one["topic"]] = last.get(one["topic"], 0) + 1
        yield {"event_id": last[one["topic"]], **one}


def envelope(one):
    members = {name: one[name] for name in ("kind", "payload", "headers", "occurred_at_ms")}
    return compact({"id": one["event_id"], "event": members})


def write_files(root, events):
    """A file log; returns its topics folder."""
    topics = root / "topics"
    topics.mkdir(parents=True, exist_ok=True)
    for one in numbered(events):
        with (topics / f"{one['topic']}.jsonl").open("a", encoding="utf-8") as file:
            file.write(envelope(one) + "\n")
    return topics


def write_sqlite(path, events, *, tables=TABLES, text=False, wal=False):
    """A SQLite log; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = sqlite3.connect(path)
    if wal:
        log.execute("PRAGMA journal_mode = WAL")
    log.executescript(tables)
    with log:
        for one in numbered(events):
            insert_event(log, one, text=text)
    log.close()
    return path


def insert_event(log, one, *, text=False):
    payload = compact(one["payload"])
    log.execute(
        "INSERT INTO events(topic, event_id, kind, payload, headers, occurred_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (
            one["topic"],
            one["event_id"],
            one["kind"],
            payload if text else payload.encode(),
            compact(one["headers"]),
            one["occurred_at_ms"],
        ),
    )


def source(path, kind=SourceKind.EVENT_LOG_FILE, run_id="run-1"):
    return Source(path=path, shown=path.name, kind=kind, run_id=run_id, project=str(path.parent))


def read_topics(topics):
    return read_event_logs(source(path) for path in sorted(topics.glob("*.jsonl")))


def read_database(path):
    return read_event_logs([source(path, SourceKind.EVENT_LOG_SQLITE)])


def approval_requested(request_id="hitl_approval_1", **members):
    return {
        "request_id": request_id,
        "kind": "approval",
        "agent": "agent.a",
        "trace_id": "trace-1",
        "requested_at": "2026-05-01T10:00:00.25Z",
        "payload": {
            "approval_request": {"id": request_id},
            "id": request_id,
            "action": "deploy",
            "args": {},
            "principal": "agent.a",
            "requested_at": "2026-05-01T10:00:00.25Z",
            "deadline": "2026-05-02T10:00:00.25Z",
            "approvers_required": 1,
            "evidence_refs": [],
            "undo_metadata": None,
            "capabilities_requested": [],
            "detail": {"why": "because"},
            "quorum": 1,
            "reviewers": ["mara"],
            "deadline_ms": 86_400_000,
        },
    } | members
