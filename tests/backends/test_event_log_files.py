import json
import os
import subprocess
import sys

import pytest

from harnlab.backends import event_log_files
from harnlab.backends.event_log import record_hash
from harnlab.backends.event_log_files import FileEventLog
from harnlab.backends.event_log_trust import verify_trust_log
from harnlab.core.trust import entry_hash
from harnlab.errors import HarnRuntimeError

#: Made by hand and hashed by another program (FORMATS 3.4).
MEASURED = (
    '{"id":1,"event":{"kind":"trust_recorded","payload":{"schema":"opentrustgraph/v0",'
    '"record_id":"019e0000-0000-7000-8000-000000000001","agent":"agent.alpha",'
    '"action":"autonomy.tier_transition","approver":"operator","outcome":"denied","trace_id":"trace-1",'
    '"autonomy_tier":"act_with_approval","timestamp":"2026-05-01T10:00:00.25Z","cost_usd":null,'
    '"chain_index":1,"previous_hash":null,"metadata":{"session_id":"s-1","from_tier":"act_auto",'
    '"to_tier":"act_with_approval","reason":"hourly_autonomy_budget_exceeded",'
    '"request_id":"hitl_approval_019e0000-0000-7000-8000-0000000000aa","source":"agent_loop"},'
    '"entry_hash":"sha256:e3c0a8a10bf7a726823f7bc2765804bee538a73b572921c3e47995840978f2d4"},'
    '"headers":{"agent":"agent.alpha","autonomy_tier":"act_with_approval",'
    '"entry_hash":"sha256:e3c0a8a10bf7a726823f7bc2765804bee538a73b572921c3e47995840978f2d4",'
    '"harn.provenance.record_hash":"sha256:fe62c92fa138cc98169686a73d5d6b613d5a7a597f22fcd8c013e00792028f0c",'
    '"harn.provenance.schema":"harn-eventlog-provenance-v1","outcome":"denied","trace_id":"trace-1"},'
    '"occurred_at_ms":1777629600250}}\n'
)


@pytest.fixture
def topics(tmp_path):
    return tmp_path / "topics"


@pytest.fixture
def log(tmp_path, topics):
    return FileEventLog(topics.parent, durable=False)


def append(log, payload=None, topic="t"):
    return log.append(topic, "k", payload, {}, 5)


def test_a_line_made_by_another_program_verifies_hash_for_hash(log, topics):
    (topics / "trust_graph.jsonl").write_text(MEASURED, encoding="utf-8")
    (event,) = log.read("trust_graph")
    assert entry_hash(event.payload) == event.headers["entry_hash"]
    assert record_hash(event) == event.headers["harn.provenance.record_hash"]
    assert verify_trust_log(log).verified


def test_the_measured_line_is_reproduced_to_the_hash(log, topics):
    event = json.loads(MEASURED)["event"]
    handed_in = {k: v for k, v in event["headers"].items() if not k.startswith("harn.")}
    log.append("trust_graph", event["kind"], event["payload"], handed_in, event["occurred_at_ms"])
    assert json.loads((topics / "trust_graph.jsonl").read_text()) == json.loads(MEASURED)


def test_a_line_is_compact_json_with_floats_in_the_runtimes_spelling(log, topics):
    append(log, {"z": 1e-7, "a": "é"})
    text = (topics / "t.jsonl").read_text(encoding="utf-8")
    assert text.startswith('{"id":1,"event":{"kind":"k","payload":{"z":1e-7,"a":"é"},"headers":{')
    assert text.endswith(',"occurred_at_ms":5}}\n')
    assert text.count("\n") == 1


def test_ids_go_on_after_a_restart(log, topics):
    append(log)
    assert append(FileEventLog(topics.parent, durable=False)) == 2


def test_ids_go_on_from_the_last_line_of_a_compacted_topic(log, topics):
    (topics / "t.jsonl").write_text('{"id":41,"event":{"kind":"k","payload":1,"occurred_at_ms":5}}\n')
    assert append(log) == 42
    assert log.read("t")[0].headers == {}


def test_ids_start_again_after_a_topic_was_compacted_away(log, topics):
    append(log)
    (topics / "t.jsonl").unlink()
    assert append(log) == 1


def test_a_write_that_was_cut_short_is_moved_aside_before_the_next(log, topics):
    append(log, "kept")
    path = topics / "t.jsonl"
    with path.open("ab") as file:
        file.write(b'{"id":2,"event":{"ki')
    assert [event.payload for event in log.read("t")] == ["kept"]
    assert append(log, "next") == 2
    assert [event.payload for event in log.read("t")] == ["kept", "next"]
    assert (topics / "t.jsonl.torn").read_bytes() == b'{"id":2,"event":{"ki\n'
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_topic_that_is_one_torn_line_starts_over(log, topics):
    (topics / "t.jsonl").write_bytes(b'{"id":7,')
    assert log.last("t") is None
    assert append(log) == 1


def test_a_last_line_that_lacks_only_its_end_is_finished(log, topics):
    append(log, "first")
    path = topics / "t.jsonl"
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert append(log, "second") == 2
    assert [event.payload for event in log.read("t")] == ["first", "second"]
    assert not (topics / "t.jsonl.torn").exists()


def test_blank_lines_are_passed_over(log, topics):
    append(log, "first")
    with (topics / "t.jsonl").open("ab") as file:
        file.write(b"\n  \r\n")
    assert append(log, "second") == 2
    assert len(log.read("t")) == 2


def test_an_empty_file_is_an_empty_topic(log, topics):
    (topics / "t.jsonl").touch()
    assert log.read("t") == []
    assert log.last("t") is None
    assert append(log) == 1


@pytest.mark.parametrize(
    "line", [b"nonsense", b"5", b"{}", b'{"id":1,"event":5}', b'{"id":"1","event":{}}', b"\xff"]
)
def test_a_finished_line_that_holds_no_event_refuses_the_topic(log, topics, line):
    (topics / "t.jsonl").write_bytes(line + b"\n")
    for use in (log.read, log.last, lambda topic: append(log, topic=topic)):
        with pytest.raises(HarnRuntimeError, match="event log parse error"):
            use("t")
    assert (topics / "t.jsonl").read_bytes() == line + b"\n"


@pytest.mark.parametrize("chunk", [1, 7, 64, 10_000])
def test_the_last_event_is_found_whatever_is_read_at_once(log, monkeypatch, chunk):
    monkeypatch.setattr(event_log_files, "_TAIL_BYTES", chunk)
    for number in range(5):
        assert append(log, "é" * number * 20) == number + 1
    assert log.last("t") == log.read("t")[-1]


def test_a_disk_that_takes_only_part_of_an_event_leaves_none_of_it(log, topics, monkeypatch):
    append(log, "kept")
    before = (topics / "t.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:9]))
    with pytest.raises(HarnRuntimeError, match="only part of an event"):
        append(log, "lost")
    assert (topics / "t.jsonl").read_bytes() == before


def test_what_the_system_refuses_is_a_runtime_error(log, topics, tmp_path):
    (topics / "t.jsonl").mkdir()
    with pytest.raises(HarnRuntimeError, match="event log read error"):
        log.read("t")
    with pytest.raises(HarnRuntimeError, match="event log write error"):
        append(log)
    (tmp_path / "taken").touch()
    with pytest.raises(HarnRuntimeError, match="event log mkdir error"):
        FileEventLog(tmp_path / "taken")


def test_a_durable_append_waits_for_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    append(FileEventLog(tmp_path))
    assert len(synced) == 1
    append(FileEventLog(tmp_path, durable=False))
    assert len(synced) == 1


WRITER = """
import sys
from harnlab.backends.event_log_files import FileEventLog
log = FileEventLog(sys.argv[1], durable=False)
for number in range(40):
    log.append("t", "k", [sys.argv[2], number], {}, 5)
"""


def test_processes_that_append_at_once_share_no_id(log, topics):
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(topics.parent), name]) for name in ("a", "b")
    ]
    assert [process.wait(timeout=60) for process in started] == [0, 0]
    assert [event.event_id for event in log.read("t")] == list(range(1, 81))
