"""What is appended is given once and in order, whatever happens to the file in between."""

import json
import os
import shutil
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.ingest import event_log_sqlite
from harnlab.tailing import lines as following_lines
from ingest.log_events import TABLES, compact, envelope, event, insert_event, numbered, write_sqlite
from ingest.transcript_lines import line


def entry(number):
    return line(type="note", call_id=f"c{number}", timestamp="1777629600.001") + b"\n"


def ids(rows):
    return [int(row["call_id"][1:]) for row in rows]


def new(path, state=None):
    """Rows that are new, and the state behind them."""
    with hl.tail(path, state=state, follow=False) as tail:
        return ids(tail), json.loads(json.dumps(tail.state))


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "llm_transcript.jsonl"
    path.write_bytes(entry(1) + entry(2))
    return path


def append(path, *content):
    with path.open("ab") as file:
        file.write(b"".join(content))


@pytest.fixture(params=["one tail", "a new tail each time"])
def look(request):
    """A look at what is new: by one tail that stays, or by one that goes on from the state of the last."""
    kept = {}

    def look_again(path):
        if request.param == "one tail":
            tail = kept.setdefault("tail", hl.tail(path, follow=False))
            return ids(tail)
        found, kept["state"] = new(path, kept.get("state"))
        return found

    yield look_again
    if "tail" in kept:
        kept["tail"].close()


def test_lines_are_given_as_they_come(log, look):
    assert look(log) == [1, 2]
    assert look(log) == []
    append(log, entry(3))
    assert look(log) == [3]


def test_rows_are_those_of_the_events_frame(log):
    with hl.tail(log, follow=False) as tail:
        assert list(tail) == hl.load(log).events.to_dicts()


def test_half_a_line_is_held_back_until_it_is_whole(log, look):
    third = entry(3)
    append(log, third[:20])
    assert look(log) == [1, 2]
    append(log, third[20:-1])
    assert look(log) == []
    append(log, b"\n")
    assert look(log) == [3]


def test_a_log_renamed_and_begun_anew_is_read_to_its_end_first(log, look):
    assert look(log) == [1, 2]
    append(log, entry(3))
    log.rename(log.with_name("llm_transcript.jsonl.1"))
    log.write_bytes(entry(4))
    assert look(log) == [3, 4]


def test_two_rotations_between_looks_lose_nothing(log, look):
    assert look(log) == [1, 2]
    append(log, entry(3))
    log.rename(log.with_name("llm_transcript.jsonl.2"))
    middle = log.with_name("llm_transcript.jsonl.1")
    middle.write_bytes(entry(4))
    log.write_bytes(entry(5))
    for age, path in enumerate((log, middle, log.with_name("llm_transcript.jsonl.2"))):
        os.utime(path, (1_777_629_600 - age, 1_777_629_600 - age))
    assert look(log) == [3, 4, 5]


def test_a_log_copied_and_truncated_starts_again(log, look):
    assert look(log) == [1, 2]
    shutil.copy(log, log.with_name("llm_transcript.jsonl.1"))
    os.truncate(log, 0)
    assert look(log) == []
    append(log, entry(3))
    assert look(log) == [3]


def test_a_log_truncated_and_grown_longer_than_it_was_starts_again(log, look):
    assert look(log) == [1, 2]
    log.write_bytes(entry(3) + entry(4) + entry(5))
    assert look(log) == [3, 4, 5]


def test_a_log_rewritten_with_what_it_held_goes_on_behind_it(log, look):
    assert look(log) == [1, 2]
    other = log.with_name("rewritten")
    other.write_bytes(entry(2) + entry(3))
    other.replace(log)
    assert look(log) == [3]


def test_a_last_line_that_is_never_finished_is_a_problem(log):
    with hl.tail(log, follow=False) as tail:
        assert ids(tail) == [1, 2]
        append(log, entry(3)[:20])
        log.rename(log.with_name("llm_transcript.jsonl.1"))
        log.write_bytes(entry(4))
        assert ids(tail) + ids(tail) == [4]
        assert tail.problems["kind"].to_list() == ["torn"]


def test_a_window_of_bad_lines_is_no_end(log, monkeypatch):
    monkeypatch.setattr(following_lines, "WINDOW_BYTES", 100)
    append(log, b"nonsense\n" * 50, entry(3))
    assert new(log)[0] == [1, 2, 3]


def test_a_bad_line_is_a_problem_once(log):
    append(log, b"{nonsense\n", entry(3))
    with hl.tail(log, follow=False) as tail:
        assert ids(tail) == [1, 2, 3]
        assert ids(tail) == []
        assert tail.problems.select("kind", "source_line").rows() == [("bad", 3)]
    assert new(log, tail.state)[0] == []


def test_a_tail_goes_on_behind_the_last_row_it_gave(log):
    append(log, entry(3), entry(4))
    with hl.tail(log) as tail:
        assert [next(tail)["call_id"] for _ in range(2)] == ["c1", "c2"]
        state = tail.state
    assert new(log, state)[0] == [3, 4]


def test_rows_read_and_not_taken_come_with_the_next_poll(log):
    with hl.tail(log) as tail:
        next(tail)
        assert ids(tail.poll().to_dicts()) == [2]
        assert tail.poll().is_empty()
        assert tail.poll().columns == hl.load(log).events.columns


def test_a_line_longer_than_any_is_passed_over_and_named(log, monkeypatch):
    monkeypatch.setattr(following_lines, "WINDOW_BYTES", 256)
    monkeypatch.setattr(following_lines, "LONGEST_LINE_BYTES", 1000)
    append(log, b'{"type":"' + b"x" * 3000)
    with hl.tail(log, follow=False) as tail:
        assert ids(tail) == [1, 2]
        append(log, b'y"}\n' + entry(3))
        assert ids(tail) == [3]
        (problem,) = tail.problems.to_dicts()
    assert (problem["kind"], problem["source_line"], problem["length"]) == ("bad", 3, 3012)


def test_windows_smaller_than_the_backlog_give_every_line(log, monkeypatch):
    monkeypatch.setattr(following_lines, "WINDOW_BYTES", 100)
    append(log, *map(entry, range(3, 200)))
    assert new(log)[0] == list(range(1, 200))


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    path = tmp_path / "llm_transcript.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + entry(1))
    found, state = new(path)
    assert found == [1]
    append(path, entry(2))
    assert new(path, state)[0] == [2]


def test_a_log_gone_for_a_while_is_waited_for(log):
    with hl.tail(log, follow=False) as tail:
        assert ids(tail) == [1, 2]
        log.unlink()
        assert ids(tail) == []
        log.write_bytes(entry(3))
        assert ids(tail) == [3]


def test_an_agent_event_log_is_followed_into_its_next_part(tmp_path, look):
    first, second = tmp_path / "event_log-s.jsonl", tmp_path / "event_log-s-000001.jsonl"

    def agent_line(number):
        members = {"index": number, "emitted_at_ms": number, "type": "x", "session_id": "s"}
        return compact(members | {"tool_call_id": f"c{number}"}).encode() + b"\n"

    first.write_bytes(agent_line(1))
    assert look(first) == [1]
    append(first, agent_line(2))
    second.write_bytes(agent_line(3))
    assert look(first) == [2, 3]
    append(second, agent_line(4))
    assert look(first) == [4]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 60), max_size=25), st.booleans())
def test_however_a_log_grows_each_line_is_given_once(tmp_path, cuts, restart):
    content = b"".join(map(entry, range(1, 12))) + b"nonsense\n\n" + entry(12)
    path = tmp_path / "llm_transcript.jsonl"
    path.write_bytes(b"")
    tail = hl.tail(path, follow=False)
    found, at = [], 0
    for cut in [*cuts, len(content)]:
        append(path, content[at : at + cut])
        at += cut
        found += ids(tail)
        if restart:
            tail.close()
            tail = hl.tail(path, state=json.loads(json.dumps(tail.state)), follow=False)
    tail.close()
    assert found == list(range(1, 13))


# --- topic files


@pytest.fixture
def topic(tmp_path):
    path = tmp_path / "events/topics/some.topic.jsonl"
    path.parent.mkdir(parents=True)
    return path


def topic_line(event_id, call=None):
    return (
        envelope({"event_id": event_id, **event(payload={"call_id": f"c{call or event_id}"})}).encode()
        + b"\n"
    )


def test_a_compacted_topic_is_not_read_again(topic, look):
    topic.write_bytes(b"".join(map(topic_line, range(1, 6))))
    assert look(topic) == [1, 2, 3, 4, 5]
    compacted = topic.with_suffix(".jsonl.tmp")
    compacted.write_bytes(topic_line(4) + topic_line(5))
    compacted.replace(topic)
    append(topic, topic_line(6))
    assert look(topic) == [6]


def test_a_topic_deleted_by_compaction_may_count_from_one_again(topic, look):
    topic.write_bytes(topic_line(1) + topic_line(2))
    assert look(topic) == [1, 2]
    topic.unlink()
    topic.write_bytes(topic_line(1, 31) + topic_line(2, 32) + topic_line(3, 33))
    assert look(topic) == [31, 32, 33]


# --- databases


def calls(*numbers, topic="t"):
    return [event(topic, payload={"call_id": f"c{number}"}) for number in numbers]


@pytest.fixture
def database(tmp_path):
    return write_sqlite(tmp_path / "events.sqlite", calls(1, 2), wal=True)


def add(path, *numbers, first, topic="t"):
    log = sqlite3.connect(path)
    with log:
        for event_id, one in enumerate(calls(*numbers, topic=topic), first):
            insert_event(log, {"event_id": event_id, **one})
    log.close()


def change(path, statement):
    log = sqlite3.connect(path, isolation_level=None)
    log.execute(statement)
    log.close()


def test_rows_are_given_as_they_come(database, look):
    assert look(database) == [1, 2]
    assert look(database) == []
    add(database, 3, first=3)
    add(database, 4, first=1, topic="other")
    assert look(database) == [3, 4]


def test_a_tail_of_rows_goes_on_behind_the_last_row_it_gave(database):
    with hl.tail(database) as tail:
        assert next(tail)["call_id"] == "c1"
        state = tail.state
    assert new(database, state)[0] == [2]


def test_a_compacted_log_is_not_read_again(database, look):
    add(database, 3, 4, first=1, topic="other")
    assert look(database) == [1, 2, 3, 4]
    change(database, "DELETE FROM events WHERE topic = 'other'")
    add(database, 5, first=3, topic="other")
    assert look(database) == [5]
    add(database, 6, first=3)
    assert look(database) == [6]


def test_a_vacuumed_log_with_new_row_ids_is_not_read_again(database, look):
    assert look(database) == [1, 2]
    change(database, "DELETE FROM events WHERE event_id = 1")
    change(database, "VACUUM")
    add(database, 3, first=3)
    assert look(database) == [3]


def test_another_database_under_the_name_is_read_from_its_start(database, look):
    add(database, 3, first=3)
    assert look(database) == [1, 2, 3]
    for part in database.parent.glob("events.sqlite*"):
        part.unlink()
    write_sqlite(database, calls(41, 42))
    assert look(database) == [41, 42]


def test_a_log_without_row_ids_is_followed_by_its_topics(tmp_path, look):
    columns = "topic TEXT, event_id INTEGER, kind TEXT, payload, headers, occurred_at_ms INTEGER"
    tables = f"CREATE TABLE events({columns}, PRIMARY KEY(topic, event_id)) WITHOUT ROWID"
    path = write_sqlite(tmp_path / "events.sqlite", calls(1, 2, topic="m"), tables=tables)
    assert look(path) == [1, 2]
    add(path, 3, first=1, topic="a")
    add(path, 4, first=3, topic="m")
    assert look(path) == [3, 4]
    assert look(path) == []


def test_a_database_that_cannot_be_read_is_named_once(database):
    with hl.tail(database, follow=False) as tail:
        assert ids(tail) == [1, 2]
        database.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
        assert ids(tail) == ids(tail) == []
        assert tail.problems["kind"].to_list() == ["unreadable"]


def test_a_batch_of_rows_that_are_no_events_is_no_end(database, monkeypatch):
    monkeypatch.setattr(event_log_sqlite, "BATCH_ROWS", 2)
    change(database, "UPDATE events SET payload = 'nonsense'")
    add(database, 3, first=3)
    with hl.tail(database, follow=False) as tail:
        assert ids(tail) == [3]
        assert tail.problems["kind"].to_list() == ["bad", "bad"]


# --- the folder of a file log


@pytest.fixture
def topics(tmp_path):
    folder = tmp_path / ".harn" / "events" / "topics"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(topic_line(1) + topic_line(2))
    (folder / "b.jsonl").write_bytes(topic_line(3))
    return folder


def test_a_folder_of_topics_is_followed_and_topics_that_come_later_too(topics, look):
    events = topics.parent
    assert look(events) == [1, 2, 3]
    append(topics / "b.jsonl", topic_line(4))
    (topics / "c.jsonl").write_bytes(topic_line(5))
    assert sorted(look(events)) == [4, 5]
    append(topics / "a.jsonl", topic_line(6)[:20])
    assert look(events) == []
    append(topics / "a.jsonl", topic_line(6)[20:])
    assert look(events) == [6]


def test_a_topic_compacted_away_comes_again(topics, look):
    assert look(topics) == [1, 2, 3]
    (topics / "b.jsonl").unlink()
    assert look(topics) == []
    (topics / "b.jsonl").write_bytes(topic_line(9))
    assert look(topics) == [9]


def test_a_tail_of_topics_goes_on_behind_the_last_row_it_gave(topics):
    seen, state = [], None
    for _ in range(4):
        with hl.tail(topics, state=state, follow=False) as tail:
            row = next(tail, None)
            seen += [] if row is None else ids([row])
            assert row is None or json.loads(tail.text(row))["event"]
            state = json.loads(json.dumps(tail.state))
    assert sorted(seen) == [1, 2, 3]


def test_a_bad_line_of_a_topic_is_told_with_its_file(topics):
    append(topics / "b.jsonl", b"no event\n")
    with hl.tail(topics, follow=False) as tail:
        assert len(list(tail)) == 3
    (problem,) = tail.problems.to_dicts()
    assert problem["source_path"].endswith("topics/b.jsonl")
    assert problem["source_line"] == 2


# --- arguments


def test_a_file_that_does_not_grow_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"_type":"run_record","id":"r"}')
    with pytest.raises(InvalidArgument, match="not one growing log"):
        hl.tail(tmp_path / "run.json")
    with pytest.raises(UnreadablePath):
        hl.tail(tmp_path / "missing.jsonl")


def test_a_folder_of_several_logs_is_refused(log, topic):
    topic.write_bytes(topic_line(1))
    with pytest.raises(InvalidArgument, match="not one growing log"):
        hl.tail(log.parent)


def test_the_state_of_another_kind_of_log_is_refused(log, database):
    with hl.tail(database, follow=False) as tail, pytest.raises(InvalidArgument, match="a state of kind"):
        hl.tail(log, state=tail.state)
    with pytest.raises(InvalidArgument, match="no state of a tail"):
        hl.tail(log, state={"offset": 3})


@pytest.mark.parametrize("seconds", [0, -1, "soon", float("nan")])
def test_looks_that_are_no_time_apart_are_refused(log, seconds):
    with pytest.raises(InvalidArgument, match="expected seconds above 0"):
        hl.tail(log, interval_s=seconds)


def test_the_tables_of_these_tests_are_the_runtimes():
    assert "PRIMARY KEY(topic, event_id)" in TABLES
    assert [one["event_id"] for one in numbered(calls(1, 2))] == [1, 2]
