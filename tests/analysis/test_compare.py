"""Two sets of runs side by side."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn, at, call, dispatch, inside
from harnlab.analysis.compare import compare
from harnlab.errors import InvalidArgument


def run(run_id, task=None, minutes=0, **more):
    return {"run_id": run_id, "task": task, "started_at": at(minutes), "status": "completed"} | more


def of(run_id, rows):
    return [row | {"run_id": run_id} for row in rows]


def side(*tasks, **frames):
    """Runs ``r0``, ``r1``, … of some tasks, and rows of the first."""
    rows = {name: of("r0", given) for name, given in frames.items()}
    return StandIn(runs=[run(f"r{n}", task, n) for n, task in enumerate(tasks)], **rows)


def only(told, kind, what):
    rows = told.of(kind).filter(what=what)
    assert rows.height == 1, told.differences
    return rows.row(0, named=True)


def test_runs_of_a_task_pair_in_the_order_they_started():
    a = StandIn(runs=[run("a1", "x", 5), run("a2", "x", 1), run("a3", "y", 9), run("a4", None, 2)])
    b = StandIn(runs=[run("b1", "x", 3), run("b2", "z", 4), run("b3", None, 7)])
    told = compare(a, b)
    assert told.pairs.select("task", "a_run_id", "b_run_id").rows() == [
        ("x", "a2", "b1"),
        (None, "a4", "b3"),
        ("x", "a1", None),
        ("y", "a3", None),
        ("z", None, "b2"),
    ]
    assert told.aligned == 2


def test_runs_may_be_paired_by_order_whatever_they_did():
    a, b = (
        StandIn(runs=[run("a1", "x", 5), run("a2", "x", 1)]),
        StandIn(runs=[run("b1", "y", 3), run("b2", "z", 4)]),
    )
    assert compare(a, b, by="order").pairs.select("a_run_id", "b_run_id").rows() == [
        ("a2", "b1"),
        ("a1", "b2"),
    ]


def test_a_run_compared_with_itself_differs_in_nothing():
    runs = hl.load("sample_transcripts/cost-overrun", progress=False)
    told = compare(runs, runs)
    assert (told.found, told.differences.height, told.aligned) == (False, 0, 1)


def test_a_cost_difference_points_at_the_first_call_with_another_cost():
    steps = [inside("1", "verify", 2, 0), inside("2", "verify", 2, 1), inside("3", "verify", 2, 2)]
    a = side("x", calls=[call("1", 0.1), call("2", 0.2), call("3", 0.3)], step_calls=steps)
    b = side("x", calls=[call("1", 0.1), call("2", 0.5), call("3", 0.2)], step_calls=steps)
    row = only(compare(a, b), "cost", "step verify")
    assert (row["a_cost_usd"], row["b_cost_usd"], row["change_usd"], row["pairs_differing"]) == (
        0.6,
        0.8,
        0.2,
        1,
    )
    assert (row["a_source_line"], row["b_source_line"], row["first_task"]) == (2, 2, "x")
    assert row["because"] == "0.80 USD in 3 calls instead of 0.60 USD in 3; first in calls.jsonl:2"
    assert only(compare(a, b), "cost", "(total)")["change_usd"] == 0.2


def test_a_call_more_is_the_first_row_that_differs():
    a, b = side("x", calls=[call("1", 0.1)]), side("x", calls=[call("1", 0.1), call("2", 0.1)])
    row = only(compare(a, b), "cost", "(total)")
    assert (row["a_source_line"], row["b_source_line"], row["change_count"]) == (None, 2, 1)


def test_costs_that_swap_between_pairs_are_told_although_the_sums_agree():
    def swapped(first, second):
        calls = of("r0", [call("1", first)]) + of("r1", [call("2", second)])
        return StandIn(runs=[run("r0", "x"), run("r1", "y", 1)], calls=calls)

    row = only(compare(swapped(0.1, 0.2), swapped(0.2, 0.1)), "cost", "(total)")
    assert (row["change_usd"], row["pairs_differing"]) == (0.0, 2)


def test_a_route_that_became_inherited_is_a_difference_with_counts_shares_and_cost():
    calls = [call("1", 0.1), call("2", 0.4)]
    a = side("x", dispatches=[dispatch("1"), dispatch("2")], calls=calls)
    b = side("x", dispatches=[dispatch("1"), dispatch("2", origins="ieicc")], calls=calls)
    told = compare(a, b)
    row = only(told, "route", "openrouter/claude-sonnet-4-6/openai_compat (inherited_from_primary)")
    assert (row["a_count"], row["b_count"], row["a_share_pct"], row["b_share_pct"]) == (0, 1, 0.0, 50.0)
    assert (row["b_cost_usd"], row["b_source_line"], row["a_source_line"]) == (0.4, 2, None)
    assert row["because"] == "1 (50%) instead of 0 (0%); first in dispatches.jsonl:2"
    word = only(told, "vocabulary", "dispatches.provenance_provider: inherited_from_primary")
    assert (word["known_word"], word["b_count"]) == (True, 1)


def test_outcomes_and_words_nobody_knows_are_differences():
    a = side("x", dispatches=[dispatch("1")])
    b = side("x", dispatches=[dispatch("1", kind="lane_quarantined")])
    told = compare(a, b)
    assert only(told, "outcome", "lane_quarantined")["change_count"] == 1
    row = only(told, "vocabulary", "dispatches.outcome_kind: lane_quarantined")
    assert row["known_word"] is False
    assert row["because"].startswith("a word of b alone, in 1 rows, which harnlab does not know")
    assert told.of("vocabulary").filter(what="dispatches.outcome_kind: served")["a_count"].to_list() == [1]


DECISIONS = [
    ({"steps": [{"step": "verify", "status": "skipped"}]}, "step verify skipped"),
    (
        {"skill_cards": [{"turn": 0, "position": 0, "skill_id": "k", "omitted_reason": "budget"}]},
        "skill k omitted (budget)",
    ),
    (
        {"autonomy_checks": [{"agent_key": "ann", "decision": "denied", "reason": "hourly"}]},
        "ann denied (hourly)",
    ),
]


@pytest.mark.parametrize(("rows", "what"), DECISIONS)
def test_decisions_are_compared(rows, what):
    row = only(compare(side("x"), side("x", **rows)), "decision", what)
    assert (row["a_count"], row["b_count"], row["b_share_pct"], row["b_source_line"]) == (0, 1, 100.0, 1)


def test_a_run_that_ended_otherwise_is_a_decision():
    a, b = StandIn(runs=[run("a", "x")]), StandIn(runs=[run("b", "x", status="failed")])
    assert set(compare(a, b).of("decision")["what"]) == {"run completed", "run failed"}


def test_the_same_steps_in_two_kinds_of_record_are_counted_once():
    steps = [
        {"step": "v", "status": "completed"},
        {"step": "v", "status": "completed", "source_kind": "receipt"},
    ]
    assert compare(side("x", steps=steps[:1]), side("x", steps=steps)).of("decision").height == 0


def test_rows_of_runs_without_a_partner_are_counted_too():
    a = StandIn(runs=[run("a", "x")], calls=of("a", [call("1", 0.1)]))
    b = StandIn(runs=[run("b", "y")], calls=of("b", [call("1", 0.3)]))
    row = only(compare(a, b), "cost", "(total)")
    assert (row["a_cost_usd"], row["b_cost_usd"], row["pairs_differing"]) == (0.1, 0.3, 2)


def test_the_first_of_each_kind_is_the_largest():
    told = compare(
        hl.load("sample_transcripts/regression/baseline", progress=False),
        hl.load("sample_transcripts/regression/candidate", progress=False),
    )
    assert told.first()["kind"].to_list() == ["cost", "route", "outcome", "decision", "vocabulary"]
    assert told.first()["what"][0] == "step verify"


def test_unknown_alignments_and_kinds_are_refused():
    with pytest.raises(InvalidArgument, match="task, order"):
        compare(StandIn(), StandIn(), by="name")
    with pytest.raises(InvalidArgument, match="cost, route"):
        compare(StandIn(), StandIn()).of("price")


def test_nothing_compared_with_nothing_differs_in_nothing():
    assert compare(StandIn(), StandIn()).found is False


COSTS = st.lists(st.integers(0, 9).map(lambda n: n / 10), max_size=6)


@given(COSTS, COSTS)
@settings(max_examples=25, deadline=None)
def test_turning_the_sides_turns_the_signs(a, b):
    def made(costs):
        return side("x", calls=[call(str(n), cost) for n, cost in enumerate(costs)])

    there, back = (compare(made(x), made(y)).differences for x, y in ((a, b), (b, a)))
    keys = ["kind", "what"]
    both = there.join(back, on=keys, suffix="_back")
    assert both.height == there.height == back.height
    assert (both["change_usd"].fill_null(0) == -both["change_usd_back"].fill_null(0)).all()
    assert (both["change_count"] == -both["change_count_back"]).all()
    total = there.filter(what="(total)")
    change = sum(map(Decimal, map(str, b))) - sum(map(Decimal, map(str, a)))
    assert total.height or (change == 0 and len(a) == len(b))
    assert total["change_usd"].fill_null(0).to_list() in ([], [float(change)])


@pytest.fixture(scope="module")
def regression():
    return compare(
        *(hl.load(f"sample_transcripts/regression/{s}", progress=False) for s in ("baseline", "candidate"))
    )


def test_the_planted_regressions_of_the_sample_are_found(regression):
    assert (regression.aligned, regression.pairs.height) == (4, 4)
    verify = only(regression, "cost", "step verify")
    assert (verify["a_cost_usd"], verify["b_cost_usd"], verify["a_count"], verify["b_count"]) == (
        0.027,
        0.0378,
        8,
        6,
    )
    inherited = regression.of("route").filter(pl.col("what").str.contains("inherited")).row(0, named=True)
    assert (inherited["b_count"], inherited["b_cost_usd"], inherited["first_task"]) == (
        6,
        0.16542,
        "#890 Invoice footer",
    )
    dead = only(regression, "outcome", "empty_completion_terminal")
    assert (dead["b_count"], dead["first_task"]) == (1, "#893 Seats API")
    skill = only(regression, "decision", "skill test-writer omitted (budget)")
    assert (skill["a_count"], skill["b_count"], skill["pairs_differing"]) == (0, 4, 4)
    words = regression.of("vocabulary").filter(known_word=False)
    assert words["what"].to_list() == ["dispatches.outcome_kind: lane_quarantined"]


def test_what_is_unchanged_in_the_sample_is_not_told_as_a_cost(regression):
    row = only(regression, "cost", "step read")
    assert (row["change_usd"], row["a_cost_usd"], row["change_count"]) == (0.0, 0.00714, 1)
    total = only(regression, "cost", "(total)")
    assert (total["a_cost_usd"], total["b_cost_usd"], total["change_usd"]) == (0.3787854, 0.3820554, 0.00327)
