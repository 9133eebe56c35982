"""The imitated event log: topics with chained headers, written as files or as a SQLite database."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from .clock import Clock, rfc3339
from .files import Project, compact, pretty
from .routes import Json

_TABLES = """
CREATE TABLE topic_heads(topic TEXT PRIMARY KEY, last_id INTEGER NOT NULL);
CREATE TABLE events(topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
  headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, event_id));
CREATE TABLE consumers(topic TEXT NOT NULL, consumer_id TEXT NOT NULL, cursor INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, consumer_id));
"""
#: Place and value of "written by SQLite 3.40.1" in a database header, so that every machine makes the same bytes.
_SQLITE_VERSION = (96, (3_040_001).to_bytes(4, "big"))


def sha256(value: Any) -> str:
    """Hash of a value in canonical form: keys sorted at every depth, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def topic_part(name: str) -> str:
    """A free name as part of a topic: every character that is not allowed becomes one ``_``."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)


class EventLog:
    """Events by topic, each chained to the one before it in its topic."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.topics: dict[str, list[Json]] = {}
        self._trust: list[Json] = []

    def append(self, topic: str, kind: str, payload: Json, headers: dict[str, str] | None = None) -> int:
        events = self.topics.setdefault(topic, [])
        chained = dict(headers or {}) | {"harn.provenance.schema": "harn-eventlog-provenance-v1"}
        if events:
            chained["harn.provenance.prev_hash"] = events[-1]["headers"]["harn.provenance.record_hash"]
        event = {"kind": kind, "payload": payload, "headers": chained, "occurred_at_ms": self.clock.ms}
        record = {"event_id": len(events) + 1, "topic": topic, **event}
        event["headers"] = dict(sorted((chained | {"harn.provenance.record_hash": sha256(record)}).items()))
        events.append(event)
        return len(events)

    def trust(
        self,
        agent: str,
        action: str,
        *,
        outcome: str,
        tier: str,
        trace_id: str,
        approver: str | None,
        metadata: Json,
    ) -> Json:
        """Chain one trust record and append it to its four topics."""
        previous = self._trust[-1]["entry_hash"] if self._trust else None
        record: Json = {"schema": "opentrustgraph/v0", "record_id": self.clock.uuid7(), "agent": agent}
        record |= {"action": action, "approver": approver, "outcome": outcome, "trace_id": trace_id}
        record |= {"autonomy_tier": tier, "timestamp": rfc3339(self.clock.ms), "cost_usd": None}
        record |= {"chain_index": len(self._trust) + 1, "previous_hash": previous, "metadata": metadata}
        record["entry_hash"] = sha256(record)
        self._trust.append(record)
        headers = {"trace_id": trace_id, "agent": agent, "autonomy_tier": tier, "outcome": outcome}
        headers["entry_hash"] = record["entry_hash"]
        name = topic_part(agent)
        for topic in ("trust_graph", "trust.graph", f"trust_graph.{name}", f"trust.graph.{name}"):
            self.append(topic, "trust_recorded", record, headers)
        return record

    def write_files(self, project: Project, folder: str) -> None:
        for topic, events in sorted(self.topics.items()):
            lines = [{"id": number, "event": event} for number, event in enumerate(events, start=1)]
            project.write_lines(f"{folder}/topics/{topic}.jsonl", lines)
        for topic, consumer, cursor in self._consumers():
            content = {
                "topic": topic,
                "consumer_id": consumer,
                "cursor": cursor,
                "updated_at_ms": self.clock.ms,
            }
            project.write(f"{folder}/consumers/{topic}__{topic_part(consumer)}.json", pretty(content))

    def write_sqlite(self, project: Project, path: str, *, as_text: int) -> None:
        """Write the database; the first ``as_text`` events keep their payload as TEXT, as older versions did."""
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder, "events.sqlite")
            connection = sqlite3.connect(database, isolation_level=None)
            connection.execute("PRAGMA page_size=4096")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_TABLES)
            connection.execute("BEGIN")
            self._insert(connection, as_text)
            connection.execute("COMMIT")
            connection.close()
            content = bytearray(database.read_bytes())
        at, version = _SQLITE_VERSION
        content[at : at + 4] = version
        project.write(path, bytes(content))

    def _insert(self, connection: sqlite3.Connection, as_text: int) -> None:
        rows = [
            (event["occurred_at_ms"], topic, number, event)
            for topic, events in sorted(self.topics.items())
            for number, event in enumerate(events, start=1)
        ]
        rows.sort(key=lambda row: row[:3])
        for position, (at_ms, topic, number, event) in enumerate(rows):
            text = compact(event["payload"])
            payload = text if position < as_text else text.encode()
            values = (topic, number, event["kind"], payload, compact(event["headers"]), at_ms)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", values)
        for topic, events in sorted(self.topics.items()):
            connection.execute("INSERT INTO topic_heads VALUES (?, ?)", (topic, len(events)))
        for topic, consumer, cursor in self._consumers():
            values = (topic, consumer, cursor, self.clock.ms)
            connection.execute("INSERT INTO consumers VALUES (?, ?, ?, ?)", values)

    def _consumers(self) -> list[tuple[str, str, int]]:
        approvals = len(self.topics.get("hitl.approvals", []))
        return [("hitl.approvals", "approval-bot@ops", approvals)] if approvals else []
