"""A SQLite log is read in place: beside a live writer, from folders nobody may write, from damaged files."""

import os
import sqlite3
import subprocess
import sys

import polars as pl
import pytest

import harnlab as hl
from harnlab.errors import UnknownName
from harnlab.ingest import event_log_sqlite
from harnlab.ingest.event_log_sqlite import opened
from ingest.log_events import TABLES, event, insert_event, numbered, read_database, write_sqlite

EVENTS = [event("b.topic", f"kind {n}", {"session_id": f"s{n}"}) for n in range(5)]


def frames_of(path):
    parts = read_database(path).frames.concat()
    return parts.get("events", pl.DataFrame()), parts.get(
        "problems", pl.DataFrame(schema={"reason": pl.String()})
    )


def test_reading_leaves_no_file_behind(tmp_path):
    write_sqlite(tmp_path / "events.sqlite", EVENTS, wal=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert frames_of(tmp_path / "events.sqlite")[0].height == 5
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert list(before) == [tmp_path / "events.sqlite"]


def test_rows_a_live_writer_has_not_moved_into_the_database_are_read(tmp_path):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS[:2], wal=True)
    writer = sqlite3.connect(path)
    try:
        for one in list(numbered(EVENTS))[2:]:
            with writer:
                insert_event(writer, one)
        events, problems = frames_of(path)
    finally:
        writer.close()
    assert events["type"].to_list() == [one["kind"] for one in EVENTS]
    assert problems.is_empty()


def test_a_writer_is_not_held_up_by_a_reader(tmp_path):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS, wal=True)
    writer = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        writer.execute("INSERT INTO topic_heads VALUES ('y', 1)")
        with opened(path) as database:
            rows = event_log_sqlite.batches(database)
            next(rows)
            writer.execute("BEGIN EXCLUSIVE")
            writer.execute("INSERT INTO topic_heads VALUES ('x', 1)")
            writer.execute("COMMIT")
            rows.close()
    finally:
        writer.close()


def test_a_writer_in_the_middle_of_a_transaction_does_not_hold_up_a_reader(tmp_path):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS[:1], wal=True)
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        insert_event(writer, list(numbered(EVENTS))[1])
        assert frames_of(path)[0].height == 1
    finally:
        writer.close()


def test_a_database_that_changes_while_it_is_read_as_still_is_read_again(tmp_path, monkeypatch):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS[:2], wal=True)
    writer = sqlite3.connect(path, isolation_level=None)
    original = event_log_sqlite.batches

    def with_a_writer(database, **options):
        yield from original(database, **options)
        if not (tmp_path / "events.sqlite-wal").exists():
            insert_event(writer, list(numbered(EVENTS))[2])

    monkeypatch.setattr(event_log_sqlite, "batches", with_a_writer)
    try:
        assert frames_of(path)[0]["source_line"].to_list() == [1, 2, 3]
    finally:
        writer.close()


def test_a_wal_that_cannot_be_shared_is_named(tmp_path, monkeypatch):
    path = write_sqlite(tmp_path / "live.sqlite", EVENTS[:2], wal=True)
    writer = sqlite3.connect(path)
    original = event_log_sqlite._connect

    def refused(path, *, immutable):
        if not immutable:
            raise sqlite3.OperationalError("unable to open database file")
        return original(path, immutable=immutable)

    monkeypatch.setattr(event_log_sqlite, "_connect", refused)
    try:
        with writer:
            insert_event(writer, list(numbered(EVENTS))[2])
        events, problems = frames_of(path)
    finally:
        writer.close()
    assert events.height == 2
    assert "without its -wal" in problems["reason"][0]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_log_in_a_folder_that_cannot_be_written_is_read(tmp_path):
    write_sqlite(tmp_path / "log/events.sqlite", EVENTS, wal=True)
    (tmp_path / "log").chmod(0o555)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o555)
    read = (
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "import sqlite3\n"
        "from pathlib import Path\n"
        "from harnlab.ingest.event_log_sqlite import opened\n"
        f"with opened(Path({str(tmp_path / 'log/events.sqlite')!r})) as database:\n"
        "    print(database.connection.execute('SELECT count(*) FROM events').fetchone()[0], database.notice)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import harnlab.ingest.event_log_sqlite\n" + read],
        capture_output=True,
        text=True,
        check=False,
    )
    if "PermissionError" in done.stderr:
        pytest.skip("the interpreter is not readable for others")
    assert done.stdout == "5 None\n", done.stderr


def test_later_columns_and_tables_are_passed_over(tmp_path):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS)
    log = sqlite3.connect(path)
    log.execute("ALTER TABLE events ADD COLUMN shard INTEGER DEFAULT 7")
    log.execute("CREATE TABLE event_idempotency_keys(topic, key, value, event_id)")
    log.commit()
    log.close()
    events, problems = frames_of(path)
    assert (events.height, problems.height) == (5, 0)


def test_a_log_without_row_ids_counts_by_topic_and_id(tmp_path):
    tables = TABLES.replace(
        "PRIMARY KEY(topic, event_id));\nCREATE TABLE consumers",
        "PRIMARY KEY(topic, event_id)) WITHOUT ROWID;\nCREATE TABLE consumers",
    )
    assert tables != TABLES
    mixed = [event("b", "b1"), event("a", "a1"), event("b", "b2")]
    write_sqlite(tmp_path / ".harn/events.sqlite", mixed, tables=tables)
    runs = hl.load(tmp_path)
    assert runs.events.select("source_line", "type").rows() == [(1, "a1"), (2, "b1"), (3, "b2")]
    assert runs.record(runs.events.filter(pl.col("type") == "b2")) == {}
    with pytest.raises(UnknownName):
        runs.record((runs.events["source_path"][0], 9))


def test_row_ids_that_are_no_line_numbers_are_not_used(tmp_path):
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS)
    log = sqlite3.connect(path)
    log.execute("UPDATE events SET rowid = rowid + 5000000000")
    log.commit()
    log.close()
    assert frames_of(path)[0]["source_line"].to_list() == [1, 2, 3, 4, 5]


ODD_ROWS = [
    ((None, 1, "k", b"{}", "{}", 1), []),
    ((b"t", "one", "k", b"{}", "{}", 1), ["event_id"]),
    (("t", 1.5, "k", b"{}", "{}", 1), ["event_id"]),
    (("t", 1, b"\xff", b"{}", "{}", 1), []),
    (("t", 1, "k", 5, "{}", 1), []),
    (("t", 1, "k", None, None, None), []),
    (("t", 1, "k", '{"a":"é"}', "{}", "1777629600001"), ["occurred_at_ms"]),
    (("t", 1, "k", b"{}", "not json", 1), ["headers"]),
    (("t", 1, "k", b'{"a":"\xff"}', "{}", 1), [None]),
]


@pytest.mark.parametrize(("row", "fields"), ODD_ROWS)
def test_a_value_of_another_type_is_reported_and_the_row_kept(tmp_path, row, fields):
    path = tmp_path / "events.sqlite"
    log = sqlite3.connect(path)
    log.execute("CREATE TABLE events(topic, event_id, kind, payload, headers, occurred_at_ms)")
    log.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
    log.commit()
    log.close()
    events, problems = frames_of(path)
    assert events.height == 1
    assert problems.get_column("field", default=pl.Series(dtype=pl.String)).to_list() == fields


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE other(x)", "without a table `events`"),
        (
            "CREATE VIEW events AS SELECT 'a' topic, 1 event_id, 'k' kind, '{}' payload",
            "without a table `events`",
        ),
        ("CREATE TABLE events(topic, kind)", "no column event_id, payload"),
    ],
)
def test_a_database_that_is_no_event_log_says_why(tmp_path, statement, reason):
    log = sqlite3.connect(tmp_path / "events.sqlite")
    log.execute(statement)
    log.commit()
    log.close()
    events, problems = frames_of(tmp_path / "events.sqlite")
    assert events.is_empty()
    assert reason in problems["reason"][0]
    assert problems["kind"].to_list() == ["unreadable"]


def test_a_payload_over_the_limit_stays_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(event_log_sqlite, "_TOO_LONG", "length(payload) > 20")
    path = write_sqlite(tmp_path / "events.sqlite", [event(payload={"a": "x" * 30}), event(payload={"a": 1})])
    events, problems = frames_of(path)
    assert events["source_line"].to_list() == [2]
    assert problems.select("kind", "source_line").rows() == [("bad", 1)]


def test_what_stands_before_and_behind_the_damage_is_read(tmp_path):
    many = [event("t", f"k{n}", {"filler": "x" * 500}) for n in range(2000)]
    path = write_sqlite(tmp_path / "events.sqlite", many)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8 * 4096] = b"\xff" * (8 * 4096)
    path.write_bytes(content)
    events, problems = frames_of(path)
    read = events["source_line"].to_list()
    assert 1900 < len(read) < 2000
    assert (read[0], read[-1]) == (1, 2000)
    missing = sorted({*range(1, 2001)} - {*read})
    assert [*range(missing[0], missing[-1] + 1)] == missing
    assert f"rows {missing[0]} to {missing[-1]} cannot be read" in problems["reason"][0]


@pytest.mark.parametrize("seed", range(60))
def test_no_damage_to_a_database_crashes_the_reader(tmp_path, seed):
    import random

    chance = random.Random(seed)
    path = write_sqlite(tmp_path / "events.sqlite", EVENTS * 20, wal=seed % 2 == 0)
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 40)):
        content[chance.randrange(16, len(content))] = chance.randrange(256)
    path.write_bytes(content[: chance.randint(100, len(content))] if seed % 3 == 0 else content)
    events, problems = frames_of(path)
    assert events.height or problems.height


def test_batches_hold_a_bounded_number_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(event_log_sqlite, "BATCH_ROWS", 7)
    monkeypatch.setattr(event_log_sqlite, "WINDOW_BYTES", 300)
    many = [event("t", payload={"x": "y" * (n * 10)}) for n in range(40)]
    path = write_sqlite(tmp_path / "events.sqlite", many)
    with opened(path) as database:
        held = [
            (numbers, sum(len(row[3]) for row in rows))
            for numbers, rows in event_log_sqlite.batches(database)
        ]
    assert [number for numbers, _ in held for number in numbers] == list(range(1, 41))
    assert max(len(numbers) for numbers, _ in held) == 7
    assert max(size for _, size in held) < 300 + 400


def test_a_path_that_means_something_to_sqlite_is_only_a_path(tmp_path):
    path = write_sqlite(tmp_path / "a?mode=rwc&b#c%41.sqlite", EVENTS)
    assert frames_of(path)[0].height == 5
