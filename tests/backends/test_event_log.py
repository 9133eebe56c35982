"""What both event logs promise: the same events for the same calls, in the shape the runtime reads."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.backends.event_log import (
    LoggedEvent,
    checked_topic,
    next_event,
    read_back,
    record_hash,
    rfc3339,
    topic_part,
)
from harnlab.backends.event_log_files import FileEventLog
from harnlab.backends.event_log_sqlite import SqliteEventLog
from harnlab.errors import HarnRuntimeError, InvalidArgument

NOW_MS = 1_777_629_600_250


@pytest.fixture(params=["files", "sqlite"])
def log(request, tmp_path):
    if request.param == "files":
        yield FileEventLog(tmp_path / "log", durable=False)
    else:
        with SqliteEventLog(tmp_path / "log" / "events.sqlite") as opened:
            yield opened


def append(log, payload=None, *, topic="t", headers=None):
    return log.append(topic, "started", payload, headers or {}, NOW_MS)


def test_ids_count_from_one_in_each_topic(log):
    assert [append(log, topic="a"), append(log, topic="b"), append(log, topic="a")] == [1, 1, 2]


def test_an_event_is_read_back_as_it_was_appended(log):
    payload = {"é": [1, 1.0, -0.0, 1e-7, None, True, "line\nbreak\r"], "b": {"z": 1, "a": 2}}
    append(log, payload, topic="agent.a", headers={"trace_id": "x"})
    (event,) = log.read("agent.a")
    assert (event.topic, event.event_id, event.kind) == ("agent.a", 1, "started")
    assert repr(event.payload) == repr(payload)
    assert event.headers["trace_id"] == "x"
    assert event.occurred_at_ms == NOW_MS


def test_a_topic_nobody_wrote_to_is_empty(log):
    assert log.read("silent") == []
    assert log.last("silent") is None


def test_the_last_event_is_the_newest(log):
    for number in range(3):
        append(log, number)
    assert log.last("t") == log.read("t")[-1]
    assert log.last("t").payload == 2


def test_each_event_carries_the_hash_of_the_one_before(log):
    append(log, "first")
    append(log, "second")
    first, second = log.read("t")
    assert first.headers["harn.provenance.schema"] == "harn-eventlog-provenance-v1"
    assert "harn.provenance.prev_hash" not in first.headers
    assert second.headers["harn.provenance.prev_hash"] == first.headers["harn.provenance.record_hash"]
    for event in (first, second):
        assert event.headers["harn.provenance.record_hash"] == record_hash(event)


def test_provenance_headers_handed_in_are_not_believed(log):
    append(log, headers={"harn.provenance.prev_hash": "sha256:0", "harn.provenance.record_hash": "sha256:1"})
    (event,) = log.read("t")
    assert "harn.provenance.prev_hash" not in event.headers
    assert event.headers["harn.provenance.record_hash"] == record_hash(event)


@pytest.mark.parametrize("topic", ["", "a/b", "..\\up", "é", "a b", "tab\t", "a\n"])
def test_a_topic_name_outside_the_alphabet_is_refused(log, topic):
    text = "topic cannot be empty" if not topic else f"topic '{topic}' contains unsupported characters"
    for use in (lambda: append(log, topic=topic), lambda: log.read(topic), lambda: log.last(topic)):
        with pytest.raises(HarnRuntimeError) as refused:
            use()
        assert refused.value.message == text


@pytest.mark.parametrize("payload", [{1: 2}, {1, 2}, b"bytes"])
def test_a_payload_without_a_json_form_is_refused_and_takes_no_id(log, payload):
    with pytest.raises(InvalidArgument):
        append(log, payload)
    assert log.read("t") == []
    assert append(log, "fine") == 1


def test_text_that_is_no_utf8_is_refused_and_takes_no_id(log):
    with pytest.raises(HarnRuntimeError, match="event log encode error"):
        append(log, "\ud800")
    assert append(log, "fine") == 1


def test_a_number_that_is_not_finite_is_stored_as_null(log):
    append(log, {"cost_usd": float("nan")})
    (event,) = log.read("t")
    assert event.payload == {"cost_usd": None}
    assert event.headers["harn.provenance.record_hash"] == record_hash(event)


def test_threads_that_append_at_once_lose_nothing_and_share_no_id(log):
    def work(name):
        for number in range(10):
            append(log, [name, number])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = log.read("t")
    assert [event.event_id for event in found] == list(range(1, 41))
    assert sorted(event.payload for event in found) == [[n, i] for n in "abcd" for i in range(10)]
    for before, after in pairwise(found):
        assert after.headers["harn.provenance.prev_hash"] == before.headers["harn.provenance.record_hash"]


def test_holding_the_log_twice_holds_it_once(log):
    with log.exclusive(), log.exclusive():
        append(log, "inside")
    append(log, "outside")
    assert [event.payload for event in log.read("t")] == ["inside", "outside"]


@pytest.mark.parametrize("name", ["a", "Z9._-", "hitl.approvals", "..", "trust_graph."])
def test_names_of_the_alphabet_are_topics(name):
    assert checked_topic(name) == name


def test_free_text_becomes_part_of_a_topic_one_character_at_a_time():
    assert topic_part("Ann Lee/β😀.x_y-z") == "Ann_Lee___.x_y-z"
    assert topic_part("") == ""


@given(st.text())
def test_every_text_becomes_part_of_a_topic(text):
    part = topic_part(text)
    assert len(part) == len(text)
    assert checked_topic("t." + part)


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (NOW_MS, "2026-05-01T10:00:00.25Z"),
        (1_777_629_600_000, "2026-05-01T10:00:00Z"),
        (1_777_629_600_001, "2026-05-01T10:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_spelled_as_the_runtime_spells_them(at_ms, text):
    assert rfc3339(at_ms) == text


def test_the_hash_of_an_older_event_without_one_is_made_up_for():
    old = LoggedEvent(topic="t", event_id=4, kind="k", payload=1, headers={"a": "b"}, occurred_at_ms=5)
    event = next_event(old, topic="t", event_id=5, kind="k", payload=2, headers={}, occurred_at_ms=6)
    assert event.headers["harn.provenance.prev_hash"] == record_hash(old)


GOOD = {"topic": "t", "event_id": 1, "kind": "k", "payload": None, "headers": {}, "occurred_at_ms": 5}


@pytest.mark.parametrize(
    "wrong",
    [{"event_id": True}, {"event_id": 1.0}, {"kind": None}, {"headers": []}, {"occurred_at_ms": "5"}],
    ids=str,
)
def test_a_part_of_another_type_is_no_event(wrong):
    (name,) = wrong
    assert read_back(**GOOD) == LoggedEvent(**GOOD)
    with pytest.raises(HarnRuntimeError, match=f"event log parse error: {name} is"):
        read_back(**GOOD | wrong)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
)
payloads = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3)
)
calls = st.tuples(
    st.sampled_from(["a", "b.c"]),
    st.text(st.characters(codec="utf-8"), max_size=5),
    payloads,
    st.dictionaries(st.sampled_from(["x", "trace_id"]), st.text(st.characters(codec="utf-8"), max_size=3)),
    st.integers(-(2**40), 2**45),
)


@settings(max_examples=40, deadline=None)
@given(made=st.lists(calls, max_size=8))
def test_both_logs_hold_equal_events_after_equal_calls(made, tmp_path_factory):
    root = tmp_path_factory.mktemp("logs")
    files = FileEventLog(root, durable=False)
    with SqliteEventLog(root / "events.sqlite") as sqlite:
        for call in made:
            assert files.append(*call) == sqlite.append(*call)
        for topic in ("a", "b.c"):
            assert repr(files.read(topic)) == repr(sqlite.read(topic))
            assert repr(files.last(topic)) == repr(sqlite.last(topic))
            for event in files.read(topic):
                assert record_hash(event) == event.headers["harn.provenance.record_hash"]
