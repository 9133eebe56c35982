"""What transcripts become, field by field; and what is kept of every kind of bad line."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.ingest.families import FAMILIES, ItemCount, Member, RawJson, TextSize
from harnlab.ingest.transcripts import read_transcripts
from harnlab.vocabulary import LOST_LINE_KINDS
from ingest.transcript_lines import CALL_ID, dispatch, line, read, request, response, source


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
        return [f"item {number}", "b"], [f"item {number}", "b"]
    assert isinstance(dtype, pl.Datetime)
    return f"17776296{number:02d}.250", datetime.fromtimestamp(1777629600 + number, UTC).replace(
        microsecond=250_000
    )


def record_of(family):
    """A record with a distinct value for each column of a family, and the row it should become."""
    record, row = {"type": family.type}, {}
    for number, (column, reading) in enumerate(family.columns.items(), 10):
        match reading:
            case Member():
                value, row[column] = distinct_value(family.dtype(column), number)
            case RawJson():
                value, row[column] = {"n": number}, f'{{"n":{number}}}'
            case TextSize():
                value, row[column] = "ä" * number, 2 * number
            case ItemCount():
                value, row[column] = [{}] * number, number
        target, *inner = reading.path.split(".")
        if inner:
            record.setdefault(target, {})[inner[0]] = value
        else:
            record[target] = value
    return record, row


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.type)
def test_every_field_is_read_back_with_its_own_value(tmp_path, family):
    record, row = record_of(family)
    frames = read(tmp_path / "t.jsonl", record)
    got = frames[family.type].row(0, named=True)
    assert {name: got[name] for name in row} == row
    assert got["extra"] is None
    assert "problems" not in frames


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.type)
def test_a_column_of_a_family_is_a_column_of_its_frame(family):
    assert set(family.columns) <= set(family.schema.names)


def test_the_head_of_every_line_is_an_event_known_or_not(tmp_path):
    frames = read(
        tmp_path / "t.jsonl",
        {
            "type": "from_the_future",
            "timestamp": "1777629600.123",
            "call_id": "c",
            "iteration": 4,
            "span_id": 5,
            "session_id": "s",
            "trace_id": "t",
            "request_id": "r",
        },
    )
    assert frames["events"].row(0, named=True) == {
        "run_id": "run-1",
        "source_path": "t.jsonl",
        "source_line": 1,
        "source_offset": 0,
        "length": 144,
        "source_kind": "transcript",
        "type": "from_the_future",
        "timestamp": datetime(2026, 5, 1, 10, 0, 0, 123_000, tzinfo=UTC),
        "call_id": "c",
        "iteration": 4,
        "span_id": 5,
        "session_id": "s",
        "trace_id": "t",
        "request_id": "r",
        "topic": None,
        "event_id": None,
    }


def test_members_of_a_newer_runtime_are_kept_in_extra(tmp_path):
    frames = read(
        tmp_path / "t.jsonl",
        response(),
        response(novel={"a": [1, "ü"]}, other=None),
        response(),
    )
    extras = frames["provider_call_response"]["extra"].to_list()
    assert [extra and json.loads(extra) for extra in extras] == [
        None,
        {"novel": {"a": [1, "ü"]}, "other": None},
        None,
    ]
    assert "problems" not in frames


def test_a_new_member_inside_a_nested_record_is_kept_too(tmp_path):
    record = dispatch()
    record["provenance"]["stop"] = "operator_pin"
    frames = read(tmp_path / "t.jsonl", record)
    row = frames["resolved_dispatch"].row(0, named=True)
    assert json.loads(row["extra"]) == {"provenance.stop": "operator_pin"}
    assert row["provenance_tool_format"] == "operator_pin"
    assert "problems" not in frames


def test_a_hundred_new_members_are_all_kept(tmp_path):
    frames = read(tmp_path / "t.jsonl", *(response(**{f"new_{i}": i}) for i in range(100)))
    extras = [json.loads(extra) for extra in frames["provider_call_response"]["extra"]]
    assert extras == [{f"new_{i}": i} for i in range(100)]


@pytest.mark.parametrize(
    ("value", "kept", "reason"),
    [
        ("5333.0", 5333, "read as 5333"),
        ("5333.5", None, "found 5333.5"),
        ('"5333"', 5333, "read as 5333"),
        ("18446744073709551615", None, "18446744073709551615 is outside"),
        ("true", None, "found true"),
        ("NaN", None, "found NaN"),
        ("[1]", None, "found [1]"),
    ],
)
def test_a_number_of_the_wrong_kind_is_kept_only_where_nothing_is_lost(tmp_path, value, kept, reason):
    raw = line(**response(input_tokens="@")).replace(b'"@"', value.encode())
    frames = read(tmp_path / "t.jsonl", response(), raw, response())
    assert frames["provider_call_response"]["input_tokens"].to_list() == [1200, kept, 1200]
    problems = frames["problems"].filter(pl.col("field") == "input_tokens")
    assert problems.select("source_line", "source_offset", "length", "kind").rows() == [
        (2, len(line(**response())) + 1, len(raw), "drift")
    ]
    assert reason in problems["reason"][0]


def test_zero_null_and_absent_costs_stay_apart(tmp_path):
    absent = {name: value for name, value in response().items() if name != "cost_usd"}
    frames = read(
        tmp_path / "t.jsonl", response(cost_usd=0), response(cost_usd=None), absent, response(cost_usd=0.0)
    )
    assert frames["provider_call_response"]["cost_usd"].to_list() == [0.0, None, None, 0.0]
    assert "problems" not in frames


BAD_LINES = {
    "torn": (b'{"type":"message","ro', "torn", b""),
    "garbage": (b'{"type":"mess', "bad", b"\n"),
    "interleaved": (b'{"type":"a","x{"type":"b"}":1}', "bad", b"\n"),
    "two on one line": (b'{"type":"a"}{"type":"b"}', "bad", b"\n"),
    "blank": (b"  ", "blank", b"\n"),
    "array": (b"[1,2]", "bad", b"\n"),
    "number": (b"42", "bad", b"\n"),
    "null": (b"null", "bad", b"\n"),
    "zero bytes": (b"\x00" * 40, "bad", b"\n"),
    "too deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad", b"\n"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_is_no_record_is_a_problem_and_its_neighbours_are_kept(tmp_path, name):
    bad, kind, ending = BAD_LINES[name]
    first = line(**request())
    neighbours = (first, bad) if kind == "torn" else (first, bad, response())
    frames = read(tmp_path / "t.jsonl", *neighbours, ending=ending)
    assert frames["problems"].select("source_line", "source_offset", "length", "kind").rows() == [
        (2, len(first) + 1, len(bad), kind)
    ]
    assert frames["events"].height == len(neighbours) - 1


@pytest.mark.parametrize(
    ("record", "kind", "field", "reason"),
    [
        (b'{"type":"message","role":"user","content":"a\xff"}', "drift", None, "0xff at 44 is not UTF-8"),
        (b'{"type":"message","role":"a","role":"user"}', "duplicate_key", "role", "more than once"),
        (b'{"type":"unknown","x":NaN}', "drift", None, "NaN is not JSON"),
        (b'{"type":"message","role":"\\ud800"}', "drift", "role", "lone surrogate"),
        (b'{"type":"unknown","timestamp":"yesterday"}', "drift", "timestamp", "expected a time"),
        (b'{"type":7}', "drift", "type", "expected text, found 7"),
    ],
)
def test_an_odd_record_is_kept_and_reported(tmp_path, record, kind, field, reason):
    frames = read(tmp_path / "t.jsonl", record)
    assert frames["events"].height == 1
    (problem,) = frames["problems"].rows(named=True)
    assert (problem["kind"], problem["field"]) == (kind, field)
    assert reason in problem["reason"]


@pytest.mark.parametrize(
    "record",
    [
        b'{"type":"message","content":"a","message":{"content":"b"}}',
        b'{"type": "message", "content": "a"}',
        b'{"type":"message","\\u0072ole":"user"}',
        b'{"type":"m\xc3\xa4","\xc3\xa4":1}',
        b"{}",
        b" {} \r",
        b'\xef\xbb\xbf{"type":"message"}\r',
        b'{"type":"tool_call","arguments":{"role":1,"a":{"role":2}}}',
    ],
)
def test_an_ordinary_record_in_an_unusual_dress_is_no_problem(tmp_path, record):
    frames = read(tmp_path / "t.jsonl", record)
    assert frames["events"].height == 1
    assert "problems" not in frames


def test_a_null_in_place_of_a_nested_record_gives_nulls(tmp_path):
    frames = read(tmp_path / "t.jsonl", dispatch(thinking=None, provenance={}))
    row = frames["resolved_dispatch"].row(0, named=True)
    assert (row["thinking_mode"], row["provenance_model"], row["outcome_completion_tokens"]) == (
        None,
        None,
        8,
    )
    assert "problems" not in frames


def test_an_empty_file_gives_nothing(tmp_path):
    (tmp_path / "t.jsonl").write_bytes(b"")
    assert read_transcripts([source(tmp_path / "t.jsonl")]) == {}


def test_rows_of_many_files_keep_their_own_run_and_line(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(line(**request(call_id=name)) + b"\n" + line(**response(call_id=name)))
    frames = read_transcripts([source(tmp_path / name, run_id=f"run {name}") for name in "ab"])
    places = frames["provider_call_response"].select("run_id", "source_path", "source_line", "call_id").rows()
    assert places == [("run a", "a", 2, "a"), ("run b", "b", 2, "b")]


TRANSCRIPT = b"\n".join(
    line(**one) for one in (request(), response(), dispatch(), {"type": "x", "n": [1, "ä"]})
)


def count_lines(content):
    content = content.removeprefix(b"\xef\xbb\xbf")
    return content.count(b"\n") + (not content.endswith(b"\n") and content != b"")


@settings(max_examples=300, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(TRANSCRIPT)), st.integers(0, 40), st.binary(max_size=6)), max_size=6
    )
)
def test_every_line_is_an_event_or_a_problem_whatever_the_bytes(tmp_path_factory, edits):
    content = TRANSCRIPT
    for at, cut, put in edits:
        content = content[:at] + put + content[at + cut :]
    path = tmp_path_factory.mktemp("mutated") / "t.jsonl"
    path.write_bytes(content)
    frames = read_transcripts([source(path)])
    events = frames["events"]["source_line"].to_list() if "events" in frames else []
    problems = frames.get("problems", pl.DataFrame({"kind": [], "source_line": []}))
    lost = problems.filter(pl.col("kind").is_in(list(LOST_LINE_KINDS)))["source_line"].to_list()
    assert sorted(events + lost) == list(range(1, count_lines(content) + 1))


def test_the_ids_of_the_sample_lines_are_what_the_tests_assume(tmp_path):
    assert read(tmp_path / "t.jsonl", request())["provider_call_request"]["call_id"].to_list() == [CALL_ID]
