"""An event log in one SQLite file (FORMATS 2.3)."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from harnlab.backends.event_log import LoggedEvent, checked_topic, next_event, read_back
from harnlab.core.trust import compact_json
from harnlab.errors import HarnRuntimeError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS topic_heads (topic TEXT PRIMARY KEY, last_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
    headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL, PRIMARY KEY (topic, event_id));
CREATE TABLE IF NOT EXISTS consumers (
    topic TEXT NOT NULL, consumer_id TEXT NOT NULL, cursor INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, consumer_id));
"""
_NEXT_ID: Final = """
INSERT INTO topic_heads (topic, last_id) VALUES (?, 1)
ON CONFLICT (topic) DO UPDATE SET last_id = last_id + 1 RETURNING last_id
"""
_INSERT: Final = """
INSERT INTO events (topic, event_id, kind, payload, headers, occurred_at_ms) VALUES (?, ?, ?, ?, ?, ?)
"""
_SELECT: Final = "SELECT event_id, kind, payload, headers, occurred_at_ms FROM events WHERE topic = ? "


class SqliteEventLog:
    """Event log in one SQLite file in WAL mode, readable by the runtime.

    Use it as a context manager, or call :meth:`close`. Ids go on after old events were compacted away.

    Parameters
    ----------
    path : Path or str
        Database file; created with its folder if missing.
    wait_s : float
        Seconds to wait for another process's write.

    Raises
    ------
    HarnRuntimeError
        If the file cannot be opened as an event log.
    """

    def __init__(self, path: Path | str, *, wait_s: float = 30.0) -> None:
        self._lock = threading.RLock()
        with _as_runtime_error():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, timeout=wait_s, isolation_level=None, check_same_thread=False
            )
        try:
            with _as_runtime_error():
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.executescript(_SCHEMA)
        except HarnRuntimeError:
            self._database.close()
            raise

    def append(
        self, topic: str, kind: str, payload: Any, headers: Mapping[str, str], occurred_at_ms: int
    ) -> int:
        """Store an event; see :meth:`harnlab.backends.event_log.EventLog.append`."""
        checked_topic(topic)
        with self.exclusive(), _as_runtime_error():
            (event_id,) = self._database.execute(_NEXT_ID, (topic,)).fetchone()
            event = next_event(
                self.last(topic),
                topic=topic,
                event_id=event_id,
                kind=kind,
                payload=payload,
                headers=headers,
                occurred_at_ms=occurred_at_ms,
            )
            body, head = _encoded(event)
            self._database.execute(_INSERT, (topic, event_id, kind, body, head, occurred_at_ms))
            return event.event_id

    def read(self, topic: str) -> list[LoggedEvent]:
        """Events of a topic in order.

        Raises
        ------
        HarnRuntimeError
            If the file cannot be read, or a row holds no event.
        """
        return self._events(topic, "ORDER BY event_id")

    def last(self, topic: str) -> LoggedEvent | None:
        """Newest event of a topic, or ``None``."""
        newest = self._events(topic, "ORDER BY event_id DESC LIMIT 1")
        return newest[0] if newest else None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log in one transaction; what is appended inside is stored together or not at all."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            with _as_runtime_error():
                self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                with _as_runtime_error():
                    self._database.commit()
            except BaseException:
                self._database.rollback()
                raise

    def close(self) -> None:
        """Close the file; the log cannot be used any more."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _events(self, topic: str, order: str) -> list[LoggedEvent]:
        with self._lock, _as_runtime_error():
            rows = self._database.execute(_SELECT + order, (checked_topic(topic),)).fetchall()
        return [_event(topic, row) for row in rows]


def _encoded(event: LoggedEvent) -> tuple[bytes, str]:
    try:
        return compact_json(event.payload).encode(), compact_json(event.headers)
    except UnicodeEncodeError as problem:
        raise HarnRuntimeError(f"event log encode error: {problem}") from problem


def _event(topic: str, row: tuple[Any, ...]) -> LoggedEvent:
    event_id, kind, payload, headers, occurred_at_ms = row
    try:
        # Older logs hold the payload as text; json.loads takes both.
        return read_back(
            topic=topic,
            event_id=event_id,
            kind=kind,
            payload=json.loads(payload),
            headers=json.loads(headers),
            occurred_at_ms=occurred_at_ms,
        )
    except (ValueError, TypeError, RecursionError) as problem:
        raise HarnRuntimeError(f"event log parse error: {problem} in topic {topic}") from problem


@contextmanager
def _as_runtime_error() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        raise HarnRuntimeError(f"event log sqlite error: {problem}") from problem
