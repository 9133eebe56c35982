import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from harnlab.frames import CALLS, TOOL_CALLS
from harnlab.ingest import calls as module
from harnlab.ingest.calls import join_calls, join_tool_calls
from ingest.transcript_lines import read, request, response

ERROR = {
    "type": "provider_call_error",
    "iteration": 1,
    "call_id": "c",
    "timestamp": "1777629601.000",
    "status": "retrying",
    "provider": "anthropic",
    "model": "claude",
    "category": "overloaded",
    "kind": "transient",
    "reason": "529",
    "message": "overloaded",
    "retryable": True,
    "attempt": 1,
}


def calls(tmp_path, *records):
    return join_calls(read(tmp_path / "t.jsonl", *records))


def test_a_request_and_its_response_are_one_call(tmp_path):
    (row,) = calls(
        tmp_path,
        request("c", model="asked", provider="p1"),
        response("c", model="answered", provider="p2"),
    ).rows(named=True)
    assert (row["request_line"], row["response_line"], row["source_line"], row["status"]) == (
        1,
        2,
        2,
        "answered",
    )
    assert (row["requested_model"], row["model"], row["provider"]) == ("asked", "answered", "p2")
    assert (row["max_tokens"], row["input_tokens"]) == (4096, 1200)


def test_a_request_without_an_answer_is_pending_and_keeps_its_route(tmp_path):
    (row,) = calls(tmp_path, request("c", model="asked")).rows(named=True)
    assert (row["status"], row["model"], row["source_line"], row["cost_usd"]) == ("pending", "asked", 1, None)


def test_a_failed_attempt_is_an_error_with_no_price(tmp_path):
    (row,) = calls(tmp_path, request("c"), ERROR).rows(named=True)
    assert (row["status"], row["error_reason"], row["error_retryable"], row["cost_usd"]) == (
        "error",
        "529",
        True,
        None,
    )
    assert (row["request_line"], row["error_line"], row["source_line"]) == (1, 2, 2)


def test_an_answer_without_a_request_is_a_call(tmp_path):
    (row,) = calls(tmp_path, response("c")).rows(named=True)
    assert (row["status"], row["request_line"], row["requested_model"]) == ("answered", None, None)


def test_the_same_id_written_twice_does_not_multiply_rows(tmp_path):
    records = [request("c"), request("c"), response("c"), response("c"), response("c")]
    joined = calls(tmp_path, *records)
    assert joined.select("request_line", "response_line").rows() == [(1, 3), (2, 4), (None, 5)]


def test_records_without_an_id_stay_apart(tmp_path):
    joined = calls(tmp_path, request(None), response(None), response(None))
    assert sorted(joined["status"]) == ["answered", "answered", "pending"]


def test_no_record_is_lost_in_the_join(tmp_path):
    joined = calls(tmp_path, *(make(i) for i in "abc" for make in (request, response)), ERROR)
    columns = ("request_line", "response_line", "error_line")
    lines = [line for name in columns for line in joined[name].drop_nulls()]
    assert sorted(lines) == list(range(1, 8))


def test_every_joined_column_has_the_declared_type(tmp_path):
    assert calls(tmp_path, request(), response()).schema == pl.Schema(CALLS.dtypes)
    assert join_calls({}).schema == pl.Schema(CALLS.dtypes)


def test_a_tool_call_takes_its_result_and_its_recording(tmp_path):
    frames = read(
        tmp_path / "t.jsonl",
        {"type": "tool_call", "call_id": "t1", "tool_name": "grep", "arguments": {"q": "é"}},
        {"type": "tool_result", "call_id": "t1", "ok": True, "message_index": 4},
        {"type": "tool_call", "call_id": "t2", "tool_name": "ls", "arguments": {}},
    )
    recorded = TOOL_CALLS.build(
        [
            {
                "run_id": "run-1",
                "source_path": "r.json",
                "source_line": 9,
                "call_id": "t1",
                "duration_ms": 30,
            },
            {
                "run_id": "run-1",
                "source_path": "r.json",
                "source_line": 20,
                "call_id": "t9",
                "duration_ms": 40,
            },
        ]
    )
    joined = join_tool_calls(frames, recorded)
    told = joined.select(
        "call_id", "tool_name", "ok", "duration_ms", "source_path", "source_line", "result_line"
    )
    assert told.rows() == [
        ("t9", None, None, 40, "r.json", 20, None),
        ("t1", "grep", True, 30, "t.jsonl", 1, 2),
        ("t2", "ls", None, None, "t.jsonl", 3, None),
    ]
    assert joined["arguments_bytes"].to_list() == [None, 10, 2]


@settings(deadline=None, max_examples=20)
@given(
    asked=st.permutations(range(8)),
    answered=st.permutations(range(3, 11)),
    stretch=st.integers(1, 5),
)
def test_calls_are_the_same_however_many_rows_are_gathered_together(
    tmp_path_factory, asked, answered, stretch
):
    records = [*(request(f"c{number}") for number in asked), *(response(f"c{number}") for number in answered)]
    folder = tmp_path_factory.mktemp("calls")
    whole = calls(folder, *records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRETCH_ROWS", stretch)
        # chunks of a row each, so that all that is let go is really gone
        frames = read(folder / "t.jsonl", *records)
        frames = {name: pl.concat(frame.iter_slices(1), rechunk=False) for name, frame in frames.items()}
        assert_frame_equal(join_calls(frames), whole)
    assert whole["request_line"].drop_nulls().to_list() == sorted(whole["request_line"].drop_nulls())
    assert whole["status"].value_counts().sort("status")["count"].to_list() == [5 + 3, 3]


def test_the_place_of_a_call_is_that_of_one_record_even_where_it_has_no_offset(tmp_path):
    # an answer from a log without offsets must not borrow that of its request
    frames = read(tmp_path / "t.jsonl", request(), response())
    nowhere = [pl.lit(None, dtype=pl.Int64).alias(name) for name in ("source_offset", "length")]
    frames["provider_call_response"] = frames["provider_call_response"].with_columns(nowhere)
    assert join_calls(frames).select("source_line", "source_offset", "length").rows() == [(2, None, None)]


NAMED = st.tuples(st.sampled_from(["r", "s", None]), st.sampled_from(["a", "b", "c", None]))


def pairs_by_hand(sides):
    """Rows of a full join of named records: the nth of a name in one side and the nth of it in each other are one."""
    found = {}
    for number, side in enumerate(sides):
        met = {}
        for row, name in enumerate(side):
            nth = met[name] = met.get(name, -1) + 1
            key = (number, row) if None in name else (name, nth)
            found.setdefault(key, [None] * len(sides))[number] = row
    return list(found.values())


@settings(deadline=None, max_examples=200)
@given(
    sides=st.lists(st.lists(NAMED, max_size=6), min_size=2, max_size=4),
    one_run=st.booleans(),
    collide=st.booleans(),
)
def test_records_are_matched_as_by_hand(sides, one_run, collide):
    if one_run:
        sides = [[("r", call) for _, call in side] for side in sides]
    elif len({run for side in sides for run, _ in side} - {None}) == 1:
        sides[0].append(("another", "a"))  # of one run alone, ids tell enough
    ids = {"run_id": pl.String, "call_id": pl.String}
    frames = [pl.DataFrame(side, schema=ids, orient="row") for side in sides]
    with pytest.MonkeyPatch.context() as patch:
        if collide:
            # the first hashes say that all records are of one call
            real = pl.DataFrame.hash_rows
            patch.setattr(pl.DataFrame, "hash_rows", lambda ids, seed: real(ids, seed) * (seed > 1))
        rows = module._matched(frames)
    assert list(zip(*(of_side.to_list() for of_side in rows), strict=True)) == [
        *map(tuple, pairs_by_hand(sides))
    ]
