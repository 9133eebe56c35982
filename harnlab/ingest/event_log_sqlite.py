"""Event logs in SQLite (FORMATS 2.3): read in place, never written to, also while the runtime appends.

A database without a ``-wal`` beside it is read as it stands, so that reading leaves no file behind; one with a
``-wal`` is opened the way SQLite shares it. Nothing in a row is trusted to have the type the runtime gives it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import polars as pl

from harnlab.ingest.envelopes import LAST_MS, Events, member, within_time, written_json
from harnlab.ingest.event_frames import EventReader, LogParts
from harnlab.ingest.heads import LineProblem
from harnlab.ingest.records import encoding_problem
from harnlab.ingest.skill_evidence import MARK, in_record
from harnlab.ingest.sources import Problem, Source, problems_frame
from harnlab.ingest.windows import LONGEST_LINE_BYTES, WINDOW_BYTES, Lines
from harnlab.vocabulary import ProblemKind

BATCH_ROWS: Final = 20_000
#: What a damaged database can raise: SQLite quotes it in its messages, and not always in UTF-8.
DATABASE_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError, OverflowError)
_LARGEST_LINE: Final = 2**32 - 1
_COLUMNS: Final = ("topic", "event_id", "kind", "payload", "headers", "occurred_at_ms")
_TOO_LONG: Final = f"length(payload) > {LONGEST_LINE_BYTES}"
#: Types of a row's values as the runtime writes them; a text comes as its bytes.
_USUAL: Final = (bytes, int, bytes, bytes, bytes, int)
_NEEDED: Final = frozenset({"topic", "event_id", "kind", "payload"})

#: A row in the order of the columns selected, the size of a payload that is too long behind.
SqliteRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Database:
    """An open log: how its rows are counted, and what it costs to read it here.

    ``by_rowid`` is false for a table without row ids (or with ids that are no line numbers): its rows are counted
    from 1 in order of topic and id. ``notice`` says what could not be seen.
    """

    connection: sqlite3.Connection
    columns: str
    by_rowid: bool
    notice: str | None = None


class NoEventLog(Exception):
    """A database that holds no event log, or cannot be read; the reason is its text."""


class Changed(Exception):
    """A writer came while a database was read as if nobody wrote."""


def add_database(source: Source) -> LogParts:
    """Frames of one database, in batches of at most :data:`BATCH_ROWS` rows."""
    for still in (True, False):
        reader = EventReader([source])
        try:
            with opened(source.path, still=still) as database:
                _add_rows(reader, database)
                if database.notice:
                    _add_problem(reader, database.notice)
        except NoEventLog as problem:
            _add_problem(reader, str(problem))
        except Changed:
            continue
        break
    return reader.parts


def _add_rows(reader: EventReader, database: Database) -> None:
    """Every row that can be read, also behind a damaged page."""
    last, sound = 0, True
    while True:
        try:
            for numbers, rows in batches(database, after=last):
                _add_batch(reader, numbers, rows)
                last = numbers[-1]
            break
        except DATABASE_ERRORS as error:
            sound = False
            next_row = _behind_damage(database, last)
            if next_row is None:
                _add_problem(reader, f"damaged behind row {last}: {error}")
                return
            _add_problem(reader, f"damaged: rows {last + 1} to {next_row - 1} cannot be read: {error}")
            last = next_row - 1
    if sound and (damage := _damage(database)):
        _add_problem(reader, f"damaged, rows may be missing: {damage}")


def _add_batch(reader: EventReader, numbers: list[int], rows: list[SqliteRow]) -> None:
    lines, events = batch(numbers, rows)
    reader.add(lines, events)
    for row, payload in zip(events.rows, events.payloads, strict=True):
        if MARK in payload:
            found = in_record(reader.records.sources[0], payload, line=numbers[row], offset=None)
            reader.parts.frames.extend(found)


def _behind_damage(database: Database, last: int) -> int | None:
    """The first row behind a damaged stretch, as near as row ids can be tried; ``None`` when there is none."""
    if not database.by_rowid:
        return None
    select = f"SELECT rowid, {database.columns} FROM events WHERE rowid >= ? ORDER BY rowid LIMIT 1"

    def readable(row: int) -> int | None:
        try:
            found = database.connection.execute(select, (row,)).fetchone()
        except DATABASE_ERRORS:
            return None
        return _LARGEST_LINE if found is None else int(found[0])

    low, step = last + 1, 1
    while (found := readable(low + step)) is None:
        low, step = low + step, step * 2
        if low > _LARGEST_LINE:
            return None
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        if (nearer := readable(middle)) is None:
            low = middle
        else:
            high, found = middle, nearer
    return None if found >= _LARGEST_LINE else found


def _damage(database: Database) -> str | None:
    """What SQLite itself finds wrong with the file; a page that was overwritten can look like an empty one."""
    try:
        (found,) = database.connection.execute("PRAGMA quick_check(1)").fetchone()
    except DATABASE_ERRORS as error:
        return str(error)
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    return None if text == "ok" else text


def problem_of(source: Source, reason: str) -> pl.DataFrame:
    """Row of ``problems`` for a database that cannot be read, or not to its end."""
    return problems_frame(source, [Problem(kind=ProblemKind.UNREADABLE, reason=reason)])


def _add_problem(reader: EventReader, reason: str) -> None:
    reader.parts.frames.add("problems", reader.records.problem(0, ProblemKind.UNREADABLE, reason))


@contextmanager
def opened(path: Path, *, still: bool = True) -> Iterator[Database]:
    """Open a log for reading.

    Parameters
    ----------
    path : Path
        Database file.
    still : bool
        Whether to read a database that has no ``-wal`` as one that nobody writes.

    Raises
    ------
    NoEventLog
        When it cannot be opened or has no table of events.
    """
    wal = path.with_name(f"{path.name}-wal")
    before = _state(path, wal)
    alone = still and before[1] == 0
    notice = None
    try:
        connection = _connect(path, immutable=alone)
    except DATABASE_ERRORS as error:
        if alone:
            raise NoEventLog(f"cannot be read: {error}") from None
        try:
            connection = _connect(path, immutable=True)
        except DATABASE_ERRORS:
            raise NoEventLog(f"cannot be read: {error}") from None
        notice = (
            f"read without its -wal of {before[1]:,} bytes, which cannot be shared here ({error}); "
            "rows that are only there are missing"
        )
    try:
        yield _database(connection, notice)
    finally:
        connection.close()
        if alone and _state(path, wal) != before:
            raise Changed


def _state(path: Path, wal: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
        size = wal.stat().st_size if wal.exists() else 0
    except OSError as error:
        raise NoEventLog(f"cannot be read: {error.strerror}") from None
    return status.st_mtime_ns, size, status.st_size


def _connect(path: Path, *, immutable: bool) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)
    try:
        connection.text_factory = bytes
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except DATABASE_ERRORS:
        connection.close()
        raise
    return connection


def _database(connection: sqlite3.Connection, notice: str | None) -> Database:
    try:
        found = connection.execute(
            "SELECT type FROM sqlite_master WHERE name = 'events' AND type IN ('table', 'view')"
        ).fetchone()
        if found is None or found[0] != b"table":
            raise NoEventLog("a database without a table `events`: no event log")
        names = {row[1].decode("utf-8", "replace") for row in connection.execute("PRAGMA table_info(events)")}
        if missing := _NEEDED - names:
            raise NoEventLog(f"the table `events` has no column {', '.join(sorted(missing))}: no event log")
        columns = ", ".join(_selected(name) if name in names else f"NULL AS {name}" for name in _COLUMNS)
        columns += f", CASE WHEN {_TOO_LONG} THEN length(payload) END AS too_long"
        return Database(connection, columns, _has_row_ids(connection), notice)
    except DATABASE_ERRORS as error:
        raise NoEventLog(f"damaged: {error}") from None


def _selected(name: str) -> str:
    # a payload over the limit stays on the disk
    return f"CASE WHEN {_TOO_LONG} THEN NULL ELSE payload END AS payload" if name == "payload" else name


def _has_row_ids(connection: sqlite3.Connection) -> bool:
    try:
        # one at a time: for both together SQLite reads the whole table
        lowest, highest = (
            connection.execute(f"SELECT {edge}(rowid) FROM events").fetchone()[0] for edge in ("min", "max")
        )
    except sqlite3.OperationalError:
        return False
    return lowest is None or (lowest > 0 and highest <= _LARGEST_LINE)


def batches(database: Database, *, after: int = 0) -> Iterator[tuple[list[int], list[SqliteRow]]]:
    """Line numbers and rows of a log, in order, a bounded number and size at a time.

    By row id, each batch is a reading of its own, so that no snapshot is held and a writer's ``-wal`` can be
    moved into the database; rows that come after the start are left for the next time.
    """
    if not database.by_rowid:
        order = f"SELECT {database.columns} FROM events ORDER BY topic, event_id"
        yield from _cut(
            (number, row) for number, row in enumerate(_rows(database, order), 1) if number > after
        )
        return
    (newest,) = database.connection.execute("SELECT max(rowid) FROM events").fetchone()
    select = (
        f"SELECT rowid, {database.columns} FROM events WHERE rowid >= ? AND rowid <= ? ORDER BY rowid LIMIT ?"
    )
    while newest is not None and after < newest:
        rows = _rows(database, select, after + 1, newest, BATCH_ROWS)
        held = False
        for numbers, found in _cut((row[0], row[1:]) for row in rows):
            yield numbers, found
            after, held = numbers[-1], True
        if not held:
            return


def _rows(database: Database, select: str, *parameters: int) -> Iterator[SqliteRow]:
    cursor = database.connection.execute(select, parameters)
    try:
        yield from cursor
    finally:
        cursor.close()


def _cut(rows: Iterator[tuple[int, SqliteRow]]) -> Iterator[tuple[list[int], list[SqliteRow]]]:
    numbers: list[int] = []
    held: list[SqliteRow] = []
    size = 0
    try:
        for number, row in rows:
            numbers.append(number)
            held.append(row)
            size += len(row[3]) if isinstance(row[3], bytes) else 0
            if len(held) == BATCH_ROWS or size > WINDOW_BYTES:
                yield numbers, held
                numbers, held, size = [], [], 0
    except DATABASE_ERRORS:
        # what was read before the damage counts
        if held:
            yield numbers, held
        raise
    if held:
        yield numbers, held


def batch(numbers: list[int], rows: list[SqliteRow]) -> tuple[Lines, Events]:
    """Places and events of some rows."""
    count = len(rows)
    zeros = np.zeros(count, dtype=np.int64)
    lines = Lines(
        starts=zeros,
        ends=zeros,
        files=zeros,
        numbers=np.asarray(numbers, dtype=np.int64),
        offsets=np.full(count, -1, dtype=np.int64),
        torn=zeros.astype(bool),
    )
    events = Events()
    for row, values in enumerate(rows):
        _add_event(events, row, values)
    return lines, events


def _add_event(events: Events, row: int, values: SqliteRow) -> None:
    topic, event_id, kind, payload, headers, occurred, too_long = values
    usual = tuple(map(type, values[:6])) == _USUAL and too_long is None and 0 <= occurred <= LAST_MS
    if not usual or not (topic.isascii() and kind.isascii()):
        _add_odd_event(events, row, values)
        return
    for part in (payload, headers):
        if not part.isascii():
            events.problems += encoding_problem(row, part)
    events.add(
        row,
        topic=topic.decode(),
        event_id=event_id,
        kind=kind.decode(),
        occurred_at_ms=occurred,
        headers=headers,
        payload=payload,
    )


def _add_odd_event(events: Events, row: int, values: SqliteRow) -> None:
    """Add an event of which not every value has the type, or the letters, that the runtime gives it."""
    topic, event_id, kind, payload, headers, occurred, too_long = values
    note = events.note(row)
    if too_long is not None:
        reason = f"a payload of {too_long:,} bytes; the longest that is read is {LONGEST_LINE_BYTES:,}"
        events.problems.append(LineProblem(row=row, kind=ProblemKind.BAD, field="payload", reason=reason))
        return
    content, head = written_json(payload), written_json(headers if headers is not None else b"{}")
    for part in (content, head):
        events.problems += encoding_problem(row, part)
    events.add(
        row,
        topic=member(_text(topic), pl.String(), "topic", note),
        event_id=member(_text(event_id), pl.Int64(), "event_id", note),
        kind=member(_text(kind), pl.String(), "kind", note),
        occurred_at_ms=within_time(member(_text(occurred), pl.Int64(), "occurred_at_ms", note), note),
        headers=head,
        payload=content,
    )


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def payload_at(path: Path, line: int) -> bytes | None:
    """Payload of one row as it stands in the database; ``None`` when there is no such row.

    Raises
    ------
    NoEventLog
        When the database cannot be read.
    """
    for still in (True, False):
        try:
            with opened(path, still=still) as database:
                where = (
                    "WHERE rowid = ?" if database.by_rowid else "ORDER BY topic, event_id LIMIT 1 OFFSET ?"
                )
                number = line if database.by_rowid else line - 1
                try:
                    found = database.connection.execute(
                        f"SELECT payload FROM events {where}", (number,)
                    ).fetchone()
                except DATABASE_ERRORS as error:
                    raise NoEventLog(f"damaged: {error}") from None
        except Changed:
            continue
        return None if found is None else written_json(found[0])
    return None
