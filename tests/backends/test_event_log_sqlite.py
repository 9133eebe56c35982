import sqlite3

import pytest

from harnlab.backends.event_log_sqlite import SqliteEventLog
from harnlab.errors import HarnRuntimeError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.sqlite"


@pytest.fixture
def log(path):
    with SqliteEventLog(path) as opened:
        yield opened


@pytest.fixture
def beside(log, path):
    """A second program that has the file open."""
    database = sqlite3.connect(path, isolation_level=None)
    yield database
    database.close()


def append(log, payload=None, topic="t"):
    return log.append(topic, "k", payload, {"a": "é"}, 5)


def test_the_tables_are_the_runtimes(beside):
    columns = {
        table: [row[1] for row in beside.execute(f"PRAGMA table_info({table})")]
        for (table,) in beside.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    assert columns == {
        "topic_heads": ["topic", "last_id"],
        "events": ["topic", "event_id", "kind", "payload", "headers", "occurred_at_ms"],
        "consumers": ["topic", "consumer_id", "cursor", "updated_at_ms"],
    }
    assert beside.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_row_is_a_blob_of_json_with_headers_as_text(log, beside):
    append(log, {"z": 1e-7, "é": 1})
    ((payload, headers),) = beside.execute("SELECT payload, headers FROM events")
    assert payload == '{"z":1e-7,"é":1}'.encode()
    assert headers.startswith('{"a":"é","harn.provenance.schema":')


def test_heads_follow_the_newest_event(log, beside):
    for topic in ("a", "b", "a"):
        append(log, topic=topic)
    assert dict(beside.execute("SELECT topic, last_id FROM topic_heads")) == {"a": 2, "b": 1}


def test_ids_go_on_after_a_restart_and_after_compaction(log, beside, path):
    append(log)
    append(log)
    beside.execute("DELETE FROM events")
    with SqliteEventLog(path) as again:
        assert append(again) == 3
        assert "harn.provenance.prev_hash" not in again.last("t").headers


def test_a_payload_stored_as_text_by_an_older_runtime_is_read(log, beside):
    beside.execute("""INSERT INTO events VALUES ('t', 1, 'k', '{"a": 1}', '{}', 5)""")
    assert log.read("t")[0].payload == {"a": 1}


@pytest.mark.parametrize(
    "row",
    [
        "1, 'k', 'nonsense', '{}', 5",
        "1, 'k', '1', '[]', 5",
        "1, 'k', x'ff', '{}', 5",
        "1, x'6b', '1', '{}', 5",
    ],
)
def test_a_row_that_holds_no_event_is_a_runtime_error(log, beside, row):
    beside.execute(f"INSERT INTO events VALUES ('t', {row})")
    with pytest.raises(HarnRuntimeError, match="event log parse error"):
        log.read("t")


def test_what_is_appended_while_the_log_is_held_is_stored_together_or_not_at_all(log):
    append(log, "before")

    def fail_halfway():
        with log.exclusive():
            append(log, "half")
            append(log, "half", topic="other")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail_halfway()
    assert [event.payload for event in log.read("t")] == ["before"]
    assert append(log, topic="other") == 1
    assert append(log) == 2


def test_two_programs_share_no_id(log, path):
    with SqliteEventLog(path) as other:
        assert [append(log), append(other), append(log)] == [1, 2, 3]


def test_a_file_another_program_holds_is_a_runtime_error(beside, path):
    beside.execute("BEGIN IMMEDIATE")
    with SqliteEventLog(path, wait_s=0) as waiting:
        with pytest.raises(HarnRuntimeError, match="event log sqlite error: database is locked"):
            append(waiting)
        beside.execute("ROLLBACK")
        assert append(waiting) == 1


def test_a_file_that_is_no_database_is_a_runtime_error(tmp_path):
    (tmp_path / "text").write_text("not a database, and long enough to be looked at as one " * 20)
    with pytest.raises(HarnRuntimeError, match="event log sqlite error"):
        SqliteEventLog(tmp_path / "text")
    with pytest.raises(HarnRuntimeError, match="event log sqlite error"):
        SqliteEventLog(tmp_path / "text" / "below")


def test_a_closed_log_is_a_runtime_error(path):
    log = SqliteEventLog(path)
    log.close()
    with pytest.raises(HarnRuntimeError, match="closed"):
        log.read("t")
