"""Each model call is charged to the innermost step around it, once, in the order the steps were charged."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.frames import CALLS, SPANS, STEP_CALLS
from harnlab.ingest import step_calls as module
from harnlab.ingest.step_calls import step_calls

SPAN_PLACE = {"source_path": "run.json", "source_line": 11, "source_offset": 12, "length": 13}
CALL_PLACE = {"source_path": "log.jsonl", "source_line": 21, "source_offset": 22, "length": 23}


def span(span_id, kind, parent_id=None, **members):
    defaults = {"run_id": "r", "name": f"{kind} {span_id}", "start_ms": 0, "duration_ms": 100}
    return {**SPAN_PLACE, **defaults, "span_id": span_id, "kind": kind, "parent_id": parent_id, **members}


def asked(span_id, parent_id=None, **members):
    return span(span_id, "llm_call", parent_id, **{"call_id": f"c{span_id}", **members})


def call(call_id, **members):
    return {**CALL_PLACE, "run_id": "r", "call_id": call_id, "status": "answered", **members}


def rows(spans, calls=()):
    frame = step_calls(SPANS.build(spans), CALLS.build(calls))
    assert dict(frame.schema) == STEP_CALLS.dtypes
    return frame.rows(named=True)


def one(spans, calls=()):
    (row,) = rows(spans, calls)
    return row


def test_every_column_is_read_back_with_its_own_value_from_the_span():
    usage = {"input_tokens": 31, "output_tokens": 32, "cost_usd": 0.33}
    names = {"provider": "anthropic", "model": "haiku", "status": "retrying"}
    spans = [
        span(1, "step", name="outer", persona="captain"),
        span(2, "step", 1, name="inner", persona="scout"),
        asked(3, 2, call_id="call-3", start_ms=41, duration_ms=42, **usage, **names),
    ]
    told = call("call-3", span_id=99, provider="p", model="m", response_ms=5, input_tokens=1, cost_usd=9.0)
    assert one(spans, [told]) == {
        **SPAN_PLACE,
        **usage,
        **names,
        "run_id": "r",
        "call_id": "call-3",
        "span_id": 3,
        "step_span_id": 2,
        "persona": "scout",
        "step": "inner",
        "step_path": ["outer", "inner"],
        "seq": 0,
        "start_ms": 41,
        "duration_ms": 42,
    }


def test_what_the_span_did_not_record_is_the_calls_own():
    told = call("c2", input_tokens=7, output_tokens=8, cost_usd=0.5, provider="p", model="m", response_ms=9)
    row = one([span(1, "step"), asked(2, 1, duration_ms=None, cost_usd=0.0)], [told])
    assert (row["input_tokens"], row["output_tokens"], row["provider"], row["model"]) == (7, 8, "p", "m")
    assert row["cost_usd"] == 0.0
    assert (row["duration_ms"], row["status"]) == (9, "ok")
    assert row["source_path"] == "run.json"


def test_a_call_without_a_span_is_listed_outside_every_step():
    usage = {"input_tokens": 7, "output_tokens": 8, "cost_usd": 0.5}
    told = call("lost", span_id=5, provider="p", model="m", response_ms=9, **usage)
    row = one([span(1, "step")], [told])
    wanted = {**CALL_PLACE, **usage, "run_id": "r", "call_id": "lost", "span_id": 5, "provider": "p"}
    wanted |= {"model": "m", "duration_ms": 9, "status": "ok", "seq": 0}
    assert {name: value for name, value in row.items() if value is not None} == wanted


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "answered"}, "ok"),
        ({"status": "error"}, "error"),
        ({"status": "error", "error_status": "retries_exhausted"}, "retries_exhausted"),
        ({"status": "pending"}, None),
        ({"status": "a newer word"}, None),
    ],
)
def test_the_status_of_a_call_without_a_span_is_said_in_the_words_of_spans(told, status):
    assert one([], [call("c", **told)])["status"] == status


def test_steps_are_charged_when_a_call_ends_not_when_it_starts():
    spans = [
        span(1, "step"),
        asked(2, 1, start_ms=0, duration_ms=90),
        asked(4, 1, start_ms=10, duration_ms=20),
        asked(3, 1, start_ms=20, duration_ms=10),
        asked(5, 1, start_ms=None),
        span(6, "step", 1),
        asked(7, 6, start_ms=50, duration_ms=5),
    ]
    found = rows(spans)
    assert [row["call_id"] for row in found] == ["c3", "c4", "c7", "c2", "c5"]
    assert [(row["step_span_id"], row["seq"]) for row in found] == [(1, 0), (1, 1), (6, 0), (1, 2), (1, 3)]


def test_spans_between_a_call_and_its_step_do_not_matter():
    spans = [span(1, "step"), span(2, "fn_call", 1), span(3, "parallel", 2), asked(4, 3), asked(5, 9)]
    assert [(row["call_id"], row["step_span_id"]) for row in rows(spans)] == [("c4", 1), ("c5", None)]


def test_the_same_span_ids_in_two_runs_do_not_mix():
    first = [span(1, "step", name="a"), asked(2, 1)]
    second = [{**s, "run_id": "s"} for s in (span(1, "fn_call"), asked(2, 1))]
    found = rows([*first, *second], [call("c2", cost_usd=1.0), {**call("c2", cost_usd=2.0), "run_id": "s"}])
    assert [(row["run_id"], row["step"], row["cost_usd"]) for row in found] == [
        ("r", "a", 1.0),
        ("s", None, 2.0),
    ]


def test_a_retried_attempt_without_usage_keeps_a_null_cost():
    spans = [span(1, "step"), asked(2, 1, status="retrying"), asked(3, 1, status="ok", cost_usd=0.1)]
    failed = call("c2", status="error", error_status="retrying")
    assert [row["cost_usd"] for row in rows(spans, [failed])] == [None, 0.1]


def test_a_span_that_names_no_call_is_the_call_that_names_the_span():
    spans = [span(1, "step"), asked(2, 1, call_id=None, cost_usd=0.25, start_ms=5)]
    found = rows(spans, [call("a", span_id=2), call("b", span_id=2, cost_usd=1.0)])
    assert [(row["call_id"], row["step_span_id"], row["cost_usd"]) for row in found] == [
        ("a", 1, 0.25),
        ("b", 1, 1.0),
    ]
    (alone,) = rows(spans)
    assert (alone["call_id"], alone["span_id"], alone["cost_usd"]) == (None, 2, 0.25)


def test_a_call_that_names_a_span_which_is_another_calls_shares_its_step_but_not_its_cost():
    spans = [span(1, "step"), asked(2, 1, cost_usd=0.25)]
    found = rows(spans, [call("c2", span_id=2), call("first try", span_id=2)])
    assert [(row["call_id"], row["step_span_id"], row["cost_usd"]) for row in found] == [
        ("c2", 1, 0.25),
        ("first try", 1, None),
    ]


def test_a_call_with_a_span_of_its_own_takes_no_other():
    spans = [asked(2, call_id=None, cost_usd=0.25), asked(3, cost_usd=0.5)]
    found = rows(spans, [call("c3", span_id=2), call("b", span_id=2)])
    assert [(row["call_id"], row["cost_usd"]) for row in found] == [("b", 0.25), ("c3", 0.5)]


def test_a_call_named_twice_is_one_row_with_the_cost_that_is_known():
    spans = [span(1, "step"), asked(2, 1, call_id="c"), asked(3, 1, call_id="c", cost_usd=0.5)]
    row = one(spans, [call("c"), call("c")])
    assert (row["span_id"], row["cost_usd"]) == (3, 0.5)


def test_calls_without_an_id_stay_rows_of_their_own():
    assert len(rows([], [call(None), call(None)])) == 2


def test_where_two_spans_claim_one_id_the_first_is_meant():
    spans = [span(1, "step", name="first"), span(1, "step", name="second"), asked(2, 1)]
    assert one(spans)["step"] == "first"


def test_parents_in_a_circle_are_borne_and_a_step_among_them_stands_alone():
    circle = [span(1, "fn_call", 2), span(2, "fn_call", 1), asked(3, 1)]
    assert one(circle)["step_span_id"] is None
    steps = [span(4, "step", 5), span(5, "step", 4), span(6, "step", 4), asked(7, 6), span(8, "step", 8)]
    row = one(steps)
    assert (row["step_span_id"], row["step_path"]) == (6, ["step 6"])
    assert one([asked(9, 9)])["step_span_id"] is None


def test_the_path_keeps_the_innermost_steps_of_a_nest_without_end(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_PATH", 3)
    spans = [span(n, "step", n - 1) for n in range(1, 50)]
    assert one([*spans, asked(99, 49)])["step_path"] == ["step 47", "step 48", "step 49"]


def test_nothing_gives_an_empty_frame():
    assert rows([]) == []


def expected_path(spans, span_id):
    """Steps around a span by walking up one parent at a time; ``None`` where the walk goes round."""
    by_id = {}
    for each in spans:
        by_id.setdefault(each["span_id"], each)
    path, seen = [], set()
    while span_id in by_id:
        if span_id in seen:
            return None
        seen.add(span_id)
        if by_id[span_id]["kind"] == "step":
            path.append(span_id)
        span_id = by_id[span_id]["parent_id"]
    return path[::-1]


ids = st.integers(1, 9)
trees = st.lists(
    st.tuples(ids, st.sampled_from(["step", "llm_call", "fn_call"]), st.none() | ids, st.integers(0, 5)),
    max_size=14,
)


@given(trees, st.lists(st.tuples(ids, st.none() | ids), max_size=8))
@settings(max_examples=150, deadline=None)
def test_in_any_tangle_every_call_is_once_and_in_the_step_that_walking_up_finds(tree, told):
    spans = [
        span(n, kind, parent, name=str(n), start_ms=at, call_id=f"c{n}" if kind == "llm_call" else None)
        for n, kind, parent, at in tree
    ]
    calls = [call(f"c{n}", span_id=at) for n, at in told]
    found = rows(spans, calls)
    named = {s["call_id"] for s in spans if s["call_id"]} | {c["call_id"] for c in calls}
    assert Counter(row["call_id"] for row in found) == Counter(dict.fromkeys(named, 1))
    unambiguous = [n for n, times in Counter(n for n, *_ in tree).items() if times == 1]
    for row in found:
        if row["source_path"] == "run.json" and row["span_id"] in unambiguous:
            path = expected_path(spans, row["span_id"])
            if path is not None:
                assert (row["step_path"] or []) == [str(n) for n in path]
                assert row["step_span_id"] == (path[-1] if path else None)
    for step in {row["step_span_id"] for row in found} - {None}:
        assert sorted(row["seq"] for row in found if row["step_span_id"] == step) == list(
            range(sum(row["step_span_id"] == step for row in found))
        )


def test_a_hundred_thousand_nested_spans_are_no_burden():
    count = 100_000
    kinds = ["step", "fn_call", "fn_call", "llm_call"] * (count // 4)
    spans = pl.DataFrame({"span_id": range(count), "kind": kinds}).with_columns(
        parent_id=pl.col("span_id") - 1, run_id=pl.lit("r"), source_path=pl.lit("p"), name=pl.lit("s")
    )
    frame = step_calls(SPANS.conform(spans), CALLS.empty())
    assert frame.height == count // 4
    assert frame["step_path"].list.len().max() == module.LONGEST_PATH
