"""Events held against the hashes they carry: a sound log verifies, any change is named."""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import harnlab as hl
from harnlab.backends.event_log_files import FileEventLog
from harnlab.backends.event_log_sqlite import SqliteEventLog

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
#: The line of FORMATS 3.4, whose hashes the runtime's own form gave.
LITERAL = (
    '{"id":1,"event":{"kind":"trust_recorded","payload":{"schema":"opentrustgraph/v0","record_id":'
    '"019e0000-0000-7000-8000-000000000001","agent":"agent.alpha","action":"autonomy.tier_transition","approver":'
    '"operator","outcome":"denied","trace_id":"trace-1","autonomy_tier":"act_with_approval","timestamp":'
    '"2026-05-01T10:00:00.25Z","cost_usd":null,"chain_index":1,"previous_hash":null,"metadata":{"session_id":"s-1",'
    '"from_tier":"act_auto","to_tier":"act_with_approval","reason":"hourly_autonomy_budget_exceeded","request_id":'
    '"hitl_approval_019e0000-0000-7000-8000-0000000000aa","source":"agent_loop"},"entry_hash":'
    '"sha256:e3c0a8a10bf7a726823f7bc2765804bee538a73b572921c3e47995840978f2d4"},"headers":{"agent":"agent.alpha",'
    '"autonomy_tier":"act_with_approval","entry_hash":'
    '"sha256:e3c0a8a10bf7a726823f7bc2765804bee538a73b572921c3e47995840978f2d4","harn.provenance.record_hash":'
    '"sha256:fe62c92fa138cc98169686a73d5d6b613d5a7a597f22fcd8c013e00792028f0c","harn.provenance.schema":'
    '"harn-eventlog-provenance-v1","outcome":"denied","trace_id":"trace-1"},"occurred_at_ms":1777629600250}}\n'
)
PAYLOADS = ({"a": 1e-7, "é": [1e16, -0.0, 1.0]}, "text", None, {"deep": {"b": {}, "a": [2**63]}}, [True])


def events(path):
    return hl.trust.events(hl.load(path))


def written(folder, backend):
    """A log of five events in one topic and two in another, and its file."""
    path = folder / ".harn" / ("events" if backend == "file" else "events.sqlite")
    log = FileEventLog(path) if backend == "file" else SqliteEventLog(path)
    for number, payload in enumerate(PAYLOADS):
        log.append("some.topic", "kind", payload, {"trace_id": f"t{number}"}, 1_777_629_600_000 + number)
    for number in range(2):
        log.append("other", "kind", {"n": number}, {}, 1_777_629_600_000)
    if backend == "sqlite":
        log.close()
    return path / "topics" / "some.topic.jsonl" if backend == "file" else path


def broken(path):
    found = events(path).filter(verified=False)
    return found.select("event_id", "broken_field").rows()


def test_the_line_of_the_format_reference_verifies(tmp_path):
    topic = tmp_path / "topics" / "trust_graph.jsonl"
    topic.parent.mkdir()
    topic.write_text(LITERAL)
    (row,) = events(tmp_path).to_dicts()
    assert (row["verified"], row["event_id"], row["type"]) == (True, 1, "trust_recorded")
    assert row["recorded_hash"] == row["replayed_hash"]
    assert row["recorded_hash"].startswith("sha256:fe62c92f")


@pytest.mark.parametrize("backend", ["file", "sqlite"])
def test_a_log_as_the_runtime_writes_it_verifies(tmp_path, backend):
    written(tmp_path, backend)
    found = events(tmp_path)
    assert (found.height, found["verified"].all()) == (7, True)


def test_every_event_of_the_sample_logs_verifies():
    runs = hl.load(SAMPLES / "autonomy-pressure")
    found = hl.trust.events(runs)
    assert found["verified"].all()
    assert found.height == runs.events["topic"].is_not_null().sum() > 100


def test_a_bit_flipped_anywhere_is_named(tmp_path):
    topic = written(tmp_path, "file")
    sound = topic.read_bytes()
    chance = random.Random("bits")
    for _ in range(40):
        at = chance.randrange(len(sound))
        changed = bytearray(sound)
        changed[at] ^= 1 << chance.randrange(8)
        topic.write_bytes(changed)
        runs = hl.load(topic.parents[1])
        found = hl.trust.events(runs)
        assert runs.problems.height or not found["verified"].all(), (at, bytes(changed))


@pytest.mark.parametrize("backend", ["file", "sqlite"])
def test_a_changed_event_is_named_with_its_hash(tmp_path, backend):
    path = written(tmp_path, backend)
    if backend == "file":
        path.write_text(path.read_text().replace('"text"', '"test"'))
    else:
        with closing(sqlite3.connect(path)) as log, log:
            log.execute("UPDATE events SET payload = '\"test\"' WHERE topic = 'some.topic' AND event_id = 2")
    assert broken(tmp_path) == [(2, "record_hash")]
    (because,) = events(tmp_path).filter(verified=False)["broken_because"]
    assert because.startswith("expected sha256:")


@pytest.mark.parametrize("backend", ["file", "sqlite"])
def test_an_event_left_out_is_named_at_the_next_one(tmp_path, backend):
    path = written(tmp_path, backend)
    if backend == "file":
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:2] + lines[3:]))
    else:
        with closing(sqlite3.connect(path)) as log, log:
            log.execute("DELETE FROM events WHERE topic = 'some.topic' AND event_id = 3")
    assert broken(tmp_path) == [(4, "prev_hash")]


def test_a_changed_event_whose_hash_was_made_again_breaks_the_next_link(tmp_path):
    topic = written(tmp_path, "file")
    lines = topic.read_text().splitlines(keepends=True)
    forged = FileEventLog(tmp_path / "forged")
    forged.append("some.topic", "kind", {"a": 1}, {"trace_id": "t0"}, 1_777_629_600_000)
    topic.write_text((tmp_path / "forged/topics/some.topic.jsonl").read_text() + "".join(lines[1:]))
    assert broken(tmp_path / ".harn") == [(2, "prev_hash")]


def test_a_compacted_topic_holds_from_its_first_event(tmp_path):
    topic = written(tmp_path, "file")
    topic.write_text("".join(topic.read_text().splitlines(keepends=True)[2:]))
    assert broken(tmp_path) == []


def test_an_event_put_before_the_first_is_named(tmp_path):
    topic = written(tmp_path, "file")
    first, second, *_ = topic.read_text().splitlines(keepends=True)
    record = json.loads(second)
    record["id"] = 1
    topic.write_text(json.dumps(record) + "\n" + first)
    assert broken(tmp_path)[0] == (1, "record_hash")


def test_a_receipt_carries_the_hashes_of_its_events(tmp_path):
    topic = written(tmp_path, "file")
    embedded = []
    for line in map(json.loads, topic.read_text().splitlines()):
        headers = line["event"]["headers"]
        hashes = {"record_hash": headers["harn.provenance.record_hash"]}
        if "harn.provenance.prev_hash" in headers:
            hashes["prev_hash"] = headers["harn.provenance.prev_hash"]
        embedded.append({"topic": "some.topic", "event_id": line["id"], **line["event"], **hashes})
    receipt = {"schema": "harn-provenance-receipt-v1", "receipt_id": "r", "event_log": {"events": embedded}}
    (tmp_path / "signed").mkdir()
    (tmp_path / "signed" / "r.json").write_text(json.dumps(receipt))
    assert events(tmp_path / "signed")["verified"].to_list() == [True] * 5
    embedded[3]["payload"] = {"deep": 1}
    (tmp_path / "signed" / "r.json").write_text(json.dumps(receipt))
    assert broken(tmp_path / "signed") == [(4, "record_hash")]


def test_events_without_hashes_are_not_judged(tmp_path):
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "old.jsonl").write_text(
        '{"id":1,"event":{"kind":"k","payload":1,"occurred_at_ms":5}}\n'
    )
    runs = hl.load(tmp_path)
    assert hl.trust.events(runs).is_empty()
    assert runs.events.height == 1
