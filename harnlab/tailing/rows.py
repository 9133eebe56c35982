"""Following a SQLite event log: by row id while that means the same row, else by the newest event of each topic."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import polars as pl

from harnlab.frames import EVENTS
from harnlab.ingest.event_frames import EventReader
from harnlab.ingest.event_log_sqlite import (
    DATABASE_ERRORS,
    Changed,
    Database,
    NoEventLog,
    SqliteRow,
    batch,
    batches,
    opened,
    problem_of,
)
from harnlab.ingest.sources import Source

Row = dict[str, Any]
State = dict[str, Any]

#: Place of the payload among the columns of a row.
_PAYLOAD: Final = 3


class RowFollower:
    """What is appended to a SQLite log, while it is written to, compacted or vacuumed.

    The state names the newest row given (``rowid``, and a digest of what stood there) and the newest event of each
    topic; ids go on after a compaction, so an event at or below its topic's newest was given before.
    """

    def __init__(self, source: Source, state: State | None) -> None:
        self.problems: list[pl.DataFrame] = []
        self._source = source
        self._rowid: int = state["rowid"] if state else 0
        self._anchor: str = state["anchor"] if state else ""
        self._topics: dict[str, int] = dict(state["topics"]) if state else {}
        self._before = (self._rowid, self._anchor, dict(self._topics))
        self._given: list[tuple[int, SqliteRow]] = []
        self._failed = ""

    def read(self) -> pl.DataFrame:
        """Rows that came since the last look, a batch at most."""
        while found := self._look():
            self._before = (self._rowid, self._anchor, dict(self._topics))
            self._given = found
            self._go_behind(found)
            frame = self._events(found)
            # a batch of rows that are no events is no end
            if frame.height:
                return frame
        return EVENTS.empty()

    def _look(self) -> list[tuple[int, SqliteRow]]:
        for still in (True, False):
            try:
                with opened(self._source.path, still=still) as database:
                    return self._new(database)
            except Changed:
                continue
            except (NoEventLog, *DATABASE_ERRORS) as error:
                self._note(str(error))
                break
        return []

    def text(self, row: Row) -> str:
        """Payload of a row of the newest batch."""
        held = (values for number, values in self._given if number == row["source_line"])
        return next((_text(values[_PAYLOAD]) for values in held), "")

    def state(self, row: Row | None) -> State:
        """Where this is: behind ``row`` of the newest batch, or behind all of it."""
        mine = self._rowid, self._anchor, self._topics
        if row is not None:
            self._rowid, self._anchor, self._topics = self._before[0], self._before[1], dict(self._before[2])
            self._go_behind([one for one in self._given if one[0] <= row["source_line"]])
        told = {"rowid": self._rowid, "anchor": self._anchor, "topics": dict(self._topics)}
        self._rowid, self._anchor, self._topics = mine
        return told | {"kind": self._source.kind.value, "path": str(self._source.path)}

    def close(self) -> None:
        """Nothing is held between two looks."""

    def _new(self, database: Database) -> list[tuple[int, SqliteRow]]:
        after = self._rowid if database.by_rowid else 0
        trusted = self._rowid == 0 or (database.by_rowid and self._holds(database))
        if not trusted:
            after = 0
            if self._is_another(database):
                self._topics = {}
        for numbers, rows in batches(database, after=after):
            found = [one for one in zip(numbers, rows, strict=True) if after or not self._was_given(one[1])]
            if found:
                return found
            if database.by_rowid:
                # all given before: from here on the row id means the same again
                self._go_behind([(numbers[-1], rows[-1])])
        return []

    def _holds(self, database: Database) -> bool:
        """Whether the newest row given still stands where it stood."""
        select = f"SELECT {database.columns} FROM events WHERE rowid = ?"
        row = database.connection.execute(select, (self._rowid,)).fetchone()
        return row is not None and _digest(row) == self._anchor

    def _is_another(self, database: Database) -> bool:
        """Whether this is a new database under the old name: its topics' ids are behind what was given."""
        newest = database.connection.execute(
            "SELECT topic, max(event_id) FROM events GROUP BY topic"
        ).fetchall()
        ids = {_text(topic): last for topic, last in newest if isinstance(last, int)}
        return any(ids[topic] < last for topic, last in self._topics.items() if topic in ids)

    def _was_given(self, row: SqliteRow) -> bool:
        topic, event_id = _text(row[0]), row[1]
        return isinstance(event_id, int) and event_id <= self._topics.get(topic, 0)

    def _go_behind(self, passed: list[tuple[int, SqliteRow]]) -> None:
        for _, row in passed:
            topic, event_id = _text(row[0]), row[1]
            if isinstance(event_id, int):
                self._topics[topic] = max(event_id, self._topics.get(topic, 0))
        self._rowid, last = passed[-1]
        self._anchor = _digest(last)

    def _events(self, found: list[tuple[int, SqliteRow]]) -> pl.DataFrame:
        reader = EventReader([self._source], typed=False)
        reader.add(*batch([number for number, _ in found], [row for _, row in found]))
        frames = reader.parts.frames.concat()
        if "problems" in frames:
            self.problems.append(frames["problems"])
        return EVENTS.conform(frames["events"]) if "events" in frames else EVENTS.empty()

    def _note(self, reason: str) -> None:
        # once, not with every look
        if reason != self._failed:
            self.problems.append(problem_of(self._source, reason))
            self._failed = reason


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _digest(row: SqliteRow) -> str:
    return blake2b(repr(row).encode(), digest_size=16).hexdigest()
