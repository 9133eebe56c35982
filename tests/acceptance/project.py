"""Project folders as the runtime leaves them: files are written, nothing is read."""

import json
import sqlite3

from acceptance.written import T0, jsonl


class Project:
    """A folder the runtime ran in."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, path, content):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def json(self, path, value):
        return self.file(path, json.dumps(value, indent=2, ensure_ascii=False))

    def transcript(self, entries, path="transcripts/run-a/llm_transcript.jsonl"):
        return self.file(path, jsonl(entries))

    def run_record(self, run_id, **members):
        record = {"_type": "run_record", "id": run_id, **members}
        return self.json(f".harn-runs/{run_id}.json", record)

    def topic(self, topic, events):
        """Topic file of ``(kind, payload, headers)``, ids from 1."""
        return self.file(
            f".harn/events/topics/{topic}.jsonl", jsonl(envelope(i, *one) for i, one in enumerate(events, 1))
        )

    def database(self, topics, path=".harn/events.sqlite", *, as_text=False):
        """SQLite log of ``{topic: [(kind, payload, headers)]}``."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file)
        connection.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE topic_heads(topic TEXT PRIMARY KEY, last_id INTEGER NOT NULL);"
            "CREATE TABLE events(topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT"
            " NULL, headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, event_id));"
            "CREATE TABLE consumers(topic TEXT, consumer_id TEXT, cursor INTEGER, updated_at_ms INTEGER,"
            " PRIMARY KEY(topic, consumer_id));"
        )
        for topic, events in topics.items():
            for number, (kind, payload, headers) in enumerate(events, 1):
                text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
                row = (
                    topic,
                    number,
                    kind,
                    text if as_text else text.encode(),
                    json.dumps(headers),
                    _ms(number, payload),
                )
                connection.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", row)
            connection.execute("INSERT INTO topic_heads VALUES (?,?)", (topic, len(events)))
        connection.commit()
        connection.close()
        return file


def _ms(number, payload=None):
    """When an event occurred: an entry of a transcript when it was written, others one after another."""
    written = payload.get("timestamp") if isinstance(payload, dict) else None
    fits = isinstance(written, str) and written.replace(".", "").isdecimal()
    return int(written.replace(".", "")) if fits else T0 * 1000 + number


def envelope(event_id, kind, payload, headers):
    event = {"kind": kind, "payload": payload, "headers": headers, "occurred_at_ms": _ms(event_id, payload)}
    return {"id": event_id, "event": event}


def as_events(entries):
    """Entries of a transcript as the runtime appends them to its topic."""
    return [(entry["type"], entry, {}) for entry in entries]
