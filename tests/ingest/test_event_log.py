"""What an event log becomes: each member read back, the same from a file and from a database, nothing lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.frames import SCHEMAS, SOURCE
from harnlab.ingest.event_families import EVENT_FAMILIES, FAMILY_OF_KIND
from harnlab.ingest.event_frames import EventReader
from harnlab.ingest.event_log_sqlite import batch
from harnlab.ingest.families import Member, RawJson, TextSize
from harnlab.vocabulary import LOST_LINE_KINDS
from ingest.log_events import (
    compact,
    envelope,
    event,
    numbered,
    read_database,
    read_topics,
    source,
    write_files,
    write_sqlite,
)
from ingest.transcript_lines import dispatch, line, request, response

PLACES = {column.name for column in SOURCE} | {
    "source_kind",
    "answer_line",
    "request_line",
    "response_line",
    "error_line",
}


def distinct_value(dtype, number):
    """A value of its own for column ``number``, and what should be read back."""
    if dtype == pl.String():
        return f"text {number} é", f"text {number} é"
    if dtype == pl.Int64():
        return 1000 + number, 1000 + number
    if dtype == pl.Float64():
        return number + 0.125, number + 0.125
    if dtype == pl.Boolean():
        return True, True
    if dtype == pl.List(pl.String()):
        return [f"item {number}"], [f"item {number}"]
    assert isinstance(dtype, pl.Datetime)
    at = datetime(2026, 5, 1, 10, 0, number, 250_000, tzinfo=UTC)
    return f"2026-05-01T10:00:{number:02}.25Z", at


def payload_of(family):
    """A payload with a distinct value for each column of a family, and the row it should become."""
    payload, row = {}, {}
    for number, (column, reading) in enumerate(family.columns.items(), 10):
        if isinstance(reading, RawJson):
            value, row[column] = {"n": number}, f'{{"n":{number}}}'
        elif isinstance(reading, TextSize):
            value, row[column] = {"n": number}, len(f'{{"n":{number}}}')
        else:
            assert isinstance(reading, Member)
            value, row[column] = distinct_value(family.dtype(column), number)
        target, *inner = reading.path.split(".")
        if inner:
            payload.setdefault(target, {})[inner[0]] = value
        else:
            payload[target] = value
    return payload | {"a_new_member": [1, "é"]}, row | {"extra": '{"a_new_member":[1,"é"]}'}


KINDS = {family.type: kind for kind, family in FAMILY_OF_KIND.items()} | {
    "agent_skill": "skill_activated",
    "agent_tool": "tool_call",
}


@pytest.mark.parametrize("family", EVENT_FAMILIES, ids=lambda family: family.type)
def test_every_member_of_a_typed_kind_is_read_back(tmp_path, family):
    payload, row = payload_of(family)
    topic = "observability.agent_events.s" if family.type.startswith("agent_") else "some.topic"
    wrapped = {"index_hint": 1, "session_id": "other", "event": payload} if topic != "some.topic" else payload
    parts = read_topics(write_files(tmp_path, [event(topic, KINDS[family.type], wrapped)]))
    (found,) = parts.frames.concat()[family.type].to_dicts()
    assert {name: found[name] for name in row} == row
    assert "problems" not in parts.frames.frames


def test_every_part_of_the_envelope_is_in_events(tmp_path):
    ids = {
        "call_id": "call-1",
        "iteration": 2,
        "span_id": 3,
        "session_id": "session-4",
        "trace_id": "trace-5",
        "request_id": "request-6",
    }
    write_files(tmp_path / ".harn/events", [event("a.b", "k", ids, at=1_777_629_600_007)])
    (row,) = hl.load(tmp_path).events.to_dicts()
    assert {name: row[name] for name in ids} == ids
    assert (row["topic"], row["event_id"], row["type"]) == ("a.b", 1, "k")
    assert row["timestamp"] == datetime(2026, 5, 1, 10, 0, 0, 7000, tzinfo=UTC)
    assert (row["source_line"], row["source_offset"]) == (1, 0)
    assert row["source_kind"] == "event_log_file"
    assert row["run_id"] == tmp_path.name


def test_headers_tell_the_ids_a_payload_does_not(tmp_path):
    headers = {"trace_id": "t", "session_id": "s", "request_id": "r", "call_id": "c", "span_id": "7"}
    parts = read_topics(write_files(tmp_path, [event(headers=headers, payload={"trace_id": "its own"})]))
    (row,) = parts.frames.concat()["events"].to_dicts()
    assert (row["trace_id"], row["session_id"], row["request_id"]) == ("its own", "s", "r")
    assert (row["call_id"], row["span_id"]) == ("c", 7)


def test_an_agent_event_in_a_topic_gives_its_inner_ids(tmp_path):
    inner = {"type": "tool_call", "tool_call_id": "tool-1", "iteration": 4}
    payload = {"index_hint": 1, "session_id": "s-1", "event": inner}
    topic = "observability.agent_events.s-1"
    parts = read_topics(write_files(tmp_path, [event(topic, "tool_call", payload)]))
    (row,) = parts.frames.concat()["events"].to_dicts()
    assert (row["session_id"], row["call_id"], row["iteration"]) == ("s-1", "tool-1", 4)


@pytest.mark.parametrize("payload", [None, 5, "text", [1], True, {}])
def test_a_payload_may_be_any_json(tmp_path, payload):
    log = event("t", "trust_recorded")
    log["payload"] = payload
    for parts in (
        read_topics(write_files(tmp_path, [log])),
        read_database(write_sqlite(tmp_path / "l.sqlite", [log])),
    ):
        assert parts.frames.concat()["events"].height == 1
        assert "problems" not in parts.frames.frames


@pytest.mark.parametrize("payload", [[1], "text", 7, None])
@pytest.mark.parametrize(
    ("topic", "kind"), [("trust_graph", "trust_recorded"), ("agent.transcript.llm", "message")]
)
def test_a_payload_of_a_known_kind_that_is_no_object_is_an_event_and_told(tmp_path, topic, kind, payload):
    write_files(tmp_path, [event(topic, kind, payload)] if payload is not None else [])
    if payload is None:
        line = compact({"id": 1, "event": {"kind": kind, "payload": None, "occurred_at_ms": 5}})
        (tmp_path / "topics" / f"{topic}.jsonl").write_text(line + "\n")
    runs = hl.load(tmp_path)
    assert (runs.events.height, runs.trust_records.height, runs.messages.height) == (1, 0, 0)
    (problem,) = runs.problems.to_dicts()
    assert (problem["field"], problem["source_line"]) == ("payload", 1)
    assert problem["reason"].startswith("expected an object, found the JSON ")


def test_unknown_topics_and_kinds_are_events(tmp_path):
    parts = read_topics(
        write_files(tmp_path, [event("new.topic", "brand.new", {"x": 1}), event("new.topic", "é", {})])
    )
    assert parts.frames.concat()["events"]["type"].to_list() == ["brand.new", "é"]


SAMPLE_EVENTS = [
    event("agent.transcript.llm", "provider_call_request", request()),
    event("agent.transcript.llm", "provider_call_response", response()),
    event("agent.transcript.llm", "resolved_dispatch", dispatch()),
    event("triggers.lifecycle", "autonomy.budget_exceeded", payload_of(EVENT_FAMILIES[3])[0]),
    event(
        "hitl.approvals", "hitl.approval_requested", {"request_id": "r", "payload": {"detail": {"é": 1e-7}}}
    ),
    event("hitl.approvals", "hitl.timeout", {"request_id": "r"}, {"trace_id": "t"}),
    event("trust_graph", "trust_recorded", {"record_id": "a", "metadata": {"f": 1e16}, "cost_usd": 1.0}),
    event("trust.graph", "trust_recorded", {"record_id": "a", "metadata": {"f": 1e16}, "cost_usd": 1.0}),
    event("unknown", "unknown", [1, 2]),
]


def without_place(frame):
    return frame.drop(name for name in PLACES if name in frame.columns).sort(pl.all(), nulls_last=True)


@pytest.mark.parametrize("text", [False, True])
def test_a_file_log_and_a_database_of_the_same_events_give_equal_frames(tmp_path, text):
    write_files(tmp_path / "files/.harn/events", SAMPLE_EVENTS)
    write_sqlite(tmp_path / "rows/.harn/events.sqlite", SAMPLE_EVENTS, text=text)
    files, rows = hl.load(tmp_path / "files"), hl.load(tmp_path / "rows")
    for name in SCHEMAS:
        if name == "runs":
            continue
        left, right = without_place(files.frame(name)), without_place(rows.frame(name))
        assert left.equals(right), name
    assert files.trust_records.height == files.approvals.height == files.calls.height == 1
    assert files.events.height == len(SAMPLE_EVENTS)


def test_every_row_gives_its_original_back(tmp_path):
    write_files(tmp_path / ".harn/events", SAMPLE_EVENTS)
    write_sqlite(tmp_path / ".harn/events.sqlite", SAMPLE_EVENTS)
    runs = hl.load(tmp_path)
    by_place = {(one["topic"], one["event_id"]): one for one in numbered(SAMPLE_EVENTS)}
    for row in runs.events.to_dicts():
        one = by_place[row["topic"], row["event_id"]]
        recorded = runs.record(row)
        if row["source_kind"] == "event_log_sqlite":
            assert (row["source_offset"], row["length"]) == (None, None)
            assert recorded == one["payload"]
        else:
            assert recorded == json.loads(envelope(one))


# --- entries of transcripts that stand in a log too


TRANSCRIPT = [
    request("c1"),
    response("c1"),
    dispatch("c1"),
    {
        "type": "message",
        "role": "user",
        "content": "é",
        "session_id": "s",
        "message_index": 0,
        "timestamp": "1777629600.001",
    },
    {"type": "tool_call", "call_id": "t1", "tool_name": "x", "arguments": {}, "timestamp": "1777629600.002"},
    {"type": "tool_result", "call_id": "t1", "ok": True, "timestamp": "1777629600.003"},
]
SAID_IN = ("calls", "dispatches", "messages", "tool_calls")


def write_transcript(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line(**entry) + b"\n" for entry in entries))


def in_topic(entries):
    return [event("agent.transcript.llm", entry["type"], entry) for entry in entries]


def test_the_transcript_topic_gives_the_same_frames_as_the_file(tmp_path):
    write_transcript(tmp_path / "file/llm_transcript.jsonl", TRANSCRIPT)
    write_sqlite(tmp_path / "rows/.harn/events.sqlite", in_topic(TRANSCRIPT))
    file, rows = hl.load(tmp_path / "file"), hl.load(tmp_path / "rows")
    for name in SAID_IN:
        assert (
            without_place(file.frame(name))
            .drop("result_line", strict=False)
            .equals(without_place(rows.frame(name)).drop("result_line", strict=False))
        ), name
        assert file.frame(name).height == 1


def test_an_entry_in_the_file_and_in_the_log_is_told_once_from_the_file(tmp_path):
    (tmp_path / ".harn-runs").mkdir()
    (tmp_path / ".harn-runs/r.json").write_text('{"_type":"run_record","id":"r"}')
    write_transcript(tmp_path / "llm_transcript.jsonl", TRANSCRIPT)
    swapped = [dict(reversed(entry.items())) for entry in TRANSCRIPT]
    write_sqlite(tmp_path / ".harn/events.sqlite", in_topic(swapped))
    runs = hl.load(tmp_path)
    for name in SAID_IN:
        assert runs.frame(name).height == 1
        assert runs.frame(name)["source_path"][0].endswith(".jsonl")
    assert runs.events.filter(pl.col("source_kind") != "run_record").height == 2 * len(TRANSCRIPT)


def test_an_entry_that_only_the_log_has_is_kept(tmp_path):
    (tmp_path / ".harn").mkdir()
    write_transcript(tmp_path / "llm_transcript.jsonl", TRANSCRIPT[:1])
    other = TRANSCRIPT[3] | {"content": "ü"}
    write_transcript(tmp_path / "more/llm_transcript.jsonl", [TRANSCRIPT[3]])
    write_files(tmp_path / ".harn/events", in_topic([*TRANSCRIPT, other]))
    runs = hl.load(tmp_path)
    # the same time, session and size, another text
    assert runs.messages.height == 2
    assert runs.dispatches.height == 1


def test_the_second_of_two_equal_entries_is_kept_where_the_file_has_one(tmp_path):
    (tmp_path / ".harn").mkdir()
    write_transcript(tmp_path / "llm_transcript.jsonl", [TRANSCRIPT[3]])
    write_files(tmp_path / ".harn/events", in_topic([TRANSCRIPT[3], TRANSCRIPT[3]]))
    assert hl.load(tmp_path).messages.height == 2


def test_two_logs_of_the_same_entries_tell_them_once(tmp_path):
    (tmp_path / ".harn").mkdir()
    write_files(tmp_path / ".harn/events", in_topic(TRANSCRIPT))
    write_sqlite(tmp_path / ".harn/events.sqlite", in_topic(TRANSCRIPT))
    runs = hl.load(tmp_path)
    assert [runs.frame(name).height for name in SAID_IN] == [1, 1, 1, 1]


# --- which run a row belongs to


def write_run(root, run_id, *, calls=(), sessions=()):
    path = root / ".harn-runs" / f"{run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    spans = [
        {"span_id": n, "kind": "llm_call", "metadata": {"call_id": call}} for n, call in enumerate(calls, 1)
    ]
    stages = [
        {"id": session, "transcript": {"id": session, "messages": [{"role": "user", "content": "x"}]}}
        for session in sessions
    ]
    path.write_text(json.dumps({"_type": "run_record", "id": run_id, "trace_spans": spans, "stages": stages}))


def runs_by_kind(root):
    events = hl.load(root).events.filter(pl.col("topic").is_not_null())
    return dict(events.select("type", "run_id").iter_rows())


def test_rows_of_a_project_with_one_run_are_that_run(tmp_path):
    write_run(tmp_path, "only")
    write_files(tmp_path / ".harn/events", [event("a", "one"), event("b", "two")])
    assert runs_by_kind(tmp_path) == {"one": "only", "two": "only"}


def test_rows_are_told_by_the_ids_that_run_records_name(tmp_path):
    write_run(tmp_path, "a", calls=["call-a"], sessions=["session-a"])
    write_run(tmp_path, "b", calls=["call-b"], sessions=["session-b"])
    events = [
        event(kind="by call", payload={"call_id": "call-a"}),
        event(kind="by session", payload={"session_id": "session-b", "trace_id": "trace-b"}),
        event(kind="by run", headers={"run_id": "b"}),
        event(kind="by another row", headers={"trace_id": "trace-b"}),
        event(kind="unknown", payload={"session_id": "elsewhere"}),
        event(kind="no run", headers={"run_id": "never seen"}),
    ]
    write_sqlite(tmp_path / ".harn/events.sqlite", events)
    assert runs_by_kind(tmp_path) == {
        "by call": "a",
        "by session": "b",
        "by run": "b",
        "by another row": "b",
        "unknown": tmp_path.name,
        "no run": tmp_path.name,
    }


# --- agent event logs


def agent_line(index, kind, **members):
    return compact(
        {"index": index, "emitted_at_ms": 1_777_629_600_000 + index, "frame_depth": None, "type": kind}
        | members
    )


def test_a_rotated_agent_event_log_is_one_run(tmp_path):
    first = [
        agent_line(0, "turn_start", session_id="s", iteration=1),
        agent_line(1, "tool_call", session_id="s", tool_call_id="t"),
    ]
    second = [
        agent_line(2, "skill_activated", session_id="s", skill_name="lint", iteration=1, reason="asked")
    ]
    (tmp_path / "event_log-s.jsonl").write_text("\n".join(first) + "\n")
    (tmp_path / "event_log-s-000001.jsonl").write_text("\n".join(second) + "\n")
    runs = hl.load(tmp_path)
    assert runs.run_ids == ["event_log-s"]
    events = runs.events.sort("timestamp")
    assert events["type"].to_list() == ["turn_start", "tool_call", "skill_activated"]
    assert events["call_id"].to_list() == [None, "t", None]
    assert events["timestamp"].dt.timestamp("ms").to_list() == [
        1_777_629_600_000,
        1_777_629_600_001,
        1_777_629_600_002,
    ]
    (skill,) = runs.skill_events.to_dicts()
    assert (skill["skill"], skill["kind"], skill["reason"], skill["iteration"]) == (
        "lint",
        "skill_activated",
        "asked",
        1,
    )
    assert (skill["session_id"], skill["seq"]) == ("s", 0)
    assert runs.record(skill)["skill_name"] == "lint"


# --- receipts


def test_a_provenance_receipt_is_a_log_of_its_own(tmp_path):
    events = [{**one, "record_hash": "sha256:x"} for one in numbered(SAMPLE_EVENTS)]
    receipt = {
        "schema": "harn-provenance-receipt-v1",
        "receipt_id": "receipt-1",
        "event_log": {"backend": "sqlite", "topics": [], "events": events},
    }
    (tmp_path / "receipt-1.json").write_text(json.dumps(receipt, indent=1))
    runs = hl.load(tmp_path)
    assert runs.events.height == len(SAMPLE_EVENTS) + 1
    assert runs.trust_records.height == runs.approvals.height == runs.calls.height == 1
    assert runs.record(runs.trust_records)["payload"] == SAMPLE_EVENTS[6]["payload"]
    assert runs.problems.is_empty()


def test_a_receipt_beside_its_log_adds_no_calls_and_no_trust_records(tmp_path):
    write_sqlite(tmp_path / ".harn/events.sqlite", SAMPLE_EVENTS)
    receipt = {"schema": "harn-provenance-receipt-v1", "event_log": {"events": list(numbered(SAMPLE_EVENTS))}}
    (tmp_path / ".harn/receipts").mkdir()
    (tmp_path / ".harn/receipts/r.json").write_text(json.dumps(receipt))
    runs = hl.load(tmp_path)
    assert runs.trust_records.height == runs.approvals.height == runs.calls.height == 1
    assert runs.autonomy_checks.height == 1


# --- damage


BAD_LINES = [
    (b"", "blank"),
    (b"{", "bad"),
    (b"[1]", "bad"),
    (b'{"id":1,"event":{"kind":"k","payload":{,"headers":{},"occurred_at_ms":1}}', "bad"),
    (b"\x00" * 20, "bad"),
    (b"[" * 100_000, "bad"),
]
ODD_LINES = [
    (b'{"id":1}', "event"),
    (b'{"id":"x","event":{"kind":"k","payload":1,"occurred_at_ms":1}}', "id"),
    (b'{"id":1,"event":{"kind":5,"payload":1,"occurred_at_ms":1}}', "event.kind"),
    (b'{"id":1,"event":{"kind":"k","payload":1,"occurred_at_ms":-5}}', "occurred_at_ms"),
    (b'{"id":1,"event":{"kind":"k","payload":1,"occurred_at_ms":99999999999999999}}', "occurred_at_ms"),
    (b'{"id":1,"event":{"kind":"k","payload":1,"headers":[1],"occurred_at_ms":1}}', "headers"),
    (
        b'{"id":1,"event":{"kind":"k","payload":{"session_id":5},"headers":{},"occurred_at_ms":1}}',
        "session_id",
    ),
    (b'{"id":1,"event":{"kind":"k","payload":{"a":1,"a":2},"headers":{},"occurred_at_ms":1}}', "a"),
    (b'{"id":1,"event":{"kind":"k","kind":"l","payload":{},"headers":{},"occurred_at_ms":1}}', "kind"),
    (b'{"id":1,"event":{"kind":"k","payload":{"a":NaN},"headers":{},"occurred_at_ms":1}}', None),
    (b'{"id":1,"event":{"kind":"k","payload":{"a":"\xff"},"headers":{},"occurred_at_ms":1}}', None),
]
GOOD_LINE = envelope({"event_id": 7, **event()}).encode()


def read_lines(folder, content):
    path = folder / "topics/t.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    parts = read_topics(path.parent).frames.concat()
    return parts.get("events", pl.DataFrame()), parts.get("problems", SCHEMAS["problems"].empty())


@pytest.mark.parametrize(("bad", "kind"), BAD_LINES)
def test_a_bad_line_is_named_and_its_neighbours_are_kept(tmp_path, bad, kind):
    events, problems = read_lines(tmp_path, GOOD_LINE + b"\n" + bad + b"\n" + GOOD_LINE + b"\n")
    assert events["source_line"].to_list() == [1, 3]
    (problem,) = problems.to_dicts()
    assert (problem["kind"], problem["source_line"]) == (kind, 2)
    assert (problem["source_offset"], problem["length"]) == (len(GOOD_LINE) + 1, len(bad))


@pytest.mark.parametrize(("odd", "member"), ODD_LINES)
def test_an_odd_line_is_an_event_with_a_problem(tmp_path, odd, member):
    events, problems = read_lines(tmp_path, odd + b"\n" + GOOD_LINE + b"\n")
    assert events.height == 2
    (problem,) = problems.to_dicts()
    assert (problem["field"], problem["source_line"]) == (member, 1)
    assert problem["kind"] not in LOST_LINE_KINDS


def test_a_last_line_without_its_end_is_torn(tmp_path):
    events, problems = read_lines(tmp_path, GOOD_LINE + b"\n" + GOOD_LINE[:-9])
    assert events.height == 1
    assert problems["kind"].to_list() == ["torn"]


CLEAN = "\n".join(envelope(one) for one in numbered(SAMPLE_EVENTS)).encode() + b"\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(CLEAN) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_changed_byte_loses_a_line(tmp_path, changes):
    content = bytearray(CLEAN)
    for place, byte in changes:
        content[place] = byte
    events, problems = read_lines(tmp_path, bytes(content))
    lost = problems.filter(pl.col("kind").is_in([kind.value for kind in LOST_LINE_KINDS]))
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    assert events.height + lost.height == lines
    runs = hl.load(tmp_path)
    for name in ("trust_records", "approvals", "autonomy_checks", "calls"):
        for row in runs.frame(name).to_dicts():
            runs.record(row)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_of_a_row_are_an_event_or_a_problem(payload, headers):
    reader = EventReader([source(Path("events.sqlite"))])
    reader.add(*batch([1], [(b"trust_graph", 1, b"trust_recorded", payload, headers, 5, None)]))
    frames = reader.parts.frames.concat()
    lost = frames.get("problems", SCHEMAS["problems"].empty()).filter(
        pl.col("kind").is_in([kind.value for kind in LOST_LINE_KINDS])
    )
    assert ("events" in frames) + lost.height == 1
