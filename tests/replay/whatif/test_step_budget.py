"""Limits of steps asked about again; the truth is a run of the core that no limit had cut before."""

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn, inside
from harnlab.core.steps import LlmCall, StepDefinition, run_calls
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.replay import whatif

LIMITS = {"function": "verify", "name": "verify", "persona": "captain", "error_boundary": "continue"}
STEP = {"step": "verify", "persona": "captain", "span_id": 2, "status": "completed"}


def calls(*costs, tokens=10, step="verify", span=2, start=0):
    return [
        inside(
            f"{step}-{n}", step, span, n, cost, input_tokens=tokens, output_tokens=0, start_ms=start + 10 * n
        )
        for n, cost in enumerate(costs)
    ]


def spans(**parents):
    return [
        {"span_id": int(name[1:]), "parent_id": parent, "kind": "step"} for name, parent in parents.items()
    ]


def world(*costs, status="completed", limit=None, total=None, tokens=None, rows=True, **more):
    """One step: its calls, and the totals the runtime recorded (by default what the calls sum to)."""
    used = None if total == "none" else total if total is not None else sum(costs)
    record = STEP | {
        "status": status,
        "cost_usd": used,
        "input_tokens": None if total == "none" else tokens if tokens is not None else 10 * len(costs),
        "output_tokens": None if total == "none" else 0,
        "llm_calls": len(costs),
    }
    frames = {
        "steps": [record],
        "step_definitions": [LIMITS | {"max_usd": limit} | more],
        "step_calls": calls(*costs) if rows else [],
        "spans": spans(s2=None),
    }
    return StandIn(**frames)


def ask(runs, **limits):
    frame = whatif.step_budget(runs, **limits)
    assert frame.height == 1
    row = frame.row(0, named=True)
    assert row["decidability"] in list(whatif.Decidability)
    assert row["because"]
    return row


def shown(row, *names):
    return tuple(row[name] for name in names)


# the table of DESIGN 5, cell by cell


def test_stricter_with_known_calls_is_exact_tripping_call_and_overshoot():
    row = ask(world(0.5, 0.25, 1.0, 0.125, limit=5.0), max_usd=1.5)
    assert shown(row, "decidability", "whatif_trips", "whatif_limit", "whatif_calls") == (
        "exact",
        True,
        "max_usd",
        3,
    )
    assert shown(row, "tripping_call_id", "tripping_seq", "whatif_cost_usd") == ("verify-2", 2, 1.75)
    assert shown(row, "overshoot", "overshoot_unit") == (0.25, "USD")
    assert shown(row, "unreached_calls", "savings_usd", "savings_side") == (1, 0.125, None)
    assert row["because"] == (
        "call 3 of 4 takes it to 1.75 USD, over max_usd of 1.5 USD; that call is paid, later ones are not made"
    )


def test_a_limit_met_exactly_is_not_broken():
    row = ask(world(0.5, 0.25, 0.75), max_usd=1.5)
    assert shown(row, "decidability", "whatif_trips", "savings_usd", "unreached_calls") == (
        "exact",
        False,
        0.0,
        0,
    )


def test_tokens_are_tested_before_usd():
    row = ask(world(0.5, 0.5, 0.5), max_usd=0.75, max_tokens=15)
    assert shown(row, "whatif_limit", "overshoot", "overshoot_unit") == ("max_tokens", 5.0, "tokens")
    assert ask(world(0.5, 0.5, 0.5), max_usd=0.25, max_tokens=15)["whatif_calls"] == 1


def test_looser_for_a_step_that_was_cut_is_censored_and_saves_nothing():
    row = ask(world(0.5, 1.0, limit=1.0, status="skipped"), max_usd=2.0)
    assert row["decidability"] == "censored"
    assert {row[name] for name in row if name.startswith(("whatif_", "savings_", "unreached", "later"))} == {
        None
    }
    assert (
        row["because"]
        == "its max_usd cut it at 20 tokens and 1.5 USD; what it would have used beyond is not known"
    )


def test_looser_for_a_step_that_was_cut_is_exact_while_the_same_call_breaks_it():
    row = ask(world(0.5, 1.0, limit=1.0, status="skipped"), max_usd=1.25)
    assert shown(row, "decidability", "whatif_trips", "whatif_calls", "savings_usd") == (
        "exact",
        True,
        2,
        0.0,
    )
    assert row["overshoot"] == 0.25


def test_looser_for_a_step_that_was_not_cut_is_exact_and_changes_nothing():
    row = ask(world(0.5, 0.25, limit=1.0), max_usd=9.0)
    assert shown(row, "decidability", "whatif_trips", "whatif_cost_usd", "savings_usd") == (
        "exact",
        False,
        0.75,
        0.0,
    )


def test_stricter_with_only_totals_is_a_bound_on_whether_it_trips_and_on_savings():
    row = ask(world(0.5, 1.0, rows=False), max_usd=1.25)
    assert shown(row, "decidability", "whatif_trips", "whatif_limit", "tripping_call_id") == (
        "bound",
        True,
        "max_usd",
        None,
    )
    assert shown(row, "savings_usd", "savings_side", "whatif_cost_usd") == (0.25, "at_most", None)
    row = ask(world(0.5, 1.0, rows=False), max_usd=1.5)
    assert shown(row, "decidability", "whatif_trips", "savings_usd") == ("bound", False, 0.0)


def test_looser_with_only_totals_is_censored_where_the_step_was_cut():
    row = ask(world(0.5, 1.0, rows=False, limit=1.0, status="failed"), max_usd=2.0)
    assert shown(row, "decidability", "savings_usd") == ("censored", None)


@pytest.mark.parametrize(
    ("boundary", "later"), [("fail", "unreached"), (None, "unreached"), ("continue", "unknown")]
)
def test_calls_of_the_run_after_the_step_are_unreached_only_under_fail(boundary, later):
    runs = StandIn(
        steps=[
            STEP | {"cost_usd": 0.75, "input_tokens": 20, "output_tokens": 0, "llm_calls": 2},
            STEP | {"step": "ship", "span_id": 3, "cost_usd": 2.0, "input_tokens": 10, "output_tokens": 0},
        ],
        step_definitions=[LIMITS | {"error_boundary": boundary}],
        step_calls=calls(0.5, 0.25, start=1000)
        + calls(9.0, step="before", span=4)
        + calls(2.0, step="ship", span=3, start=2000),
        spans=spans(s2=None, s3=None),
    )
    row = ask(runs, step="verify", max_usd=0.25)
    assert shown(row, "later", "later_calls", "later_usd", "savings_usd") == (later, 1, 2.0, 0.25)


def test_calls_of_inner_steps_that_began_later_go_with_the_step():
    runs = StandIn(
        steps=[
            STEP | {"cost_usd": 0.75, "input_tokens": 20, "output_tokens": 0, "llm_calls": 2},
            STEP | {"step": "inner", "span_id": 3, "cost_usd": 2.5, "input_tokens": 20, "output_tokens": 0},
        ],
        step_definitions=[LIMITS | {"error_boundary": "fail"}],
        step_calls=calls(0.5, 0.25)
        + [c | {"start_ms": at} for c, at in zip(calls(2.0, 0.5, step="inner", span=3), (5, 0), strict=True)],
        spans=spans(s2=None, s9=2, s3=9),
    )
    row = ask(runs, step="verify", max_usd=0.25)
    assert shown(row, "unreached_calls", "nested_calls", "nested_usd", "later_calls") == (1, 2, 2.5, 0)


def test_an_enclosing_step_that_catches_makes_the_rest_unknown():
    runs = StandIn(
        steps=[
            STEP | {"cost_usd": 1.0, "input_tokens": 10, "output_tokens": 0},
            STEP | {"step": "outer", "span_id": 1},
        ],
        step_definitions=[
            LIMITS | {"error_boundary": "fail"},
            LIMITS | {"function": "outer", "name": "outer"},
        ],
        step_calls=calls(1.0) + calls(0.5, step="outer", span=1, start=50),
        spans=spans(s1=None, s2=1),
    )
    assert ask(runs, step="verify", max_usd=0.5)["later"] == "unknown"


# what else a record may look like


def test_a_step_that_went_on_after_its_own_trip_gives_a_bound():
    row = ask(world(1.0, 1.0, 1.0, limit=1.5), max_usd=0.5)
    assert shown(row, "decidability", "savings_usd", "savings_side", "unreached_calls") == (
        "bound",
        2.0,
        "at_most",
        2,
    )
    assert "went on" in row["because"]


def test_a_limit_not_asked_about_still_cuts_the_step():
    runs = world(0.5, 0.5, limit=9.0, status="skipped", max_tokens=15)
    row = ask(runs, max_usd=20.0)
    assert shown(row, "decidability", "whatif_trips", "whatif_limit", "whatif_calls") == (
        "exact",
        True,
        "max_tokens",
        2,
    )


def test_an_error_from_a_step_inside_changes_nothing():
    runs = StandIn(
        steps=[
            STEP
            | {"status": "skipped", "error": "step `inner` exceeded max_usd budget (9 > 0)"}
            | {"cost_usd": 0.5, "input_tokens": 10, "output_tokens": 0}
        ],
        step_definitions=[LIMITS | {"max_usd": 1.0}],
        step_calls=calls(0.5),
    )
    row = ask(runs, max_usd=3.0)
    assert shown(row, "decidability", "whatif_trips", "recorded_trips") == ("exact", False, False)


def test_calls_that_do_not_add_up_decide_no_more_than_totals_do():
    row = ask(world(0.5, 0.25, total=2.0, limit=5.0), max_usd=0.5)
    assert shown(row, "decidability", "savings_usd", "savings_side", "tripping_call_id") == (
        "bound",
        1.5,
        "at_most",
        None,
    )
    row = ask(world(0.5, 0.25, total=2.0, limit=5.0), max_tokens=10)
    assert shown(row, "decidability", "whatif_calls", "savings_usd", "whatif_cost_usd") == (
        "exact",
        2,
        0.0,
        None,
    )
    assert "not charged" in row["because"]


def test_a_step_nobody_says_finished_is_insufficient_unless_a_call_breaks_the_limit():
    runs = StandIn(step_definitions=[LIMITS | {"max_usd": 9.0}], step_calls=calls(0.5, 0.5, 0.25))
    assert ask(runs, max_usd=5.0)["decidability"] == "insufficient"
    assert shown(ask(runs, max_usd=0.75), "decidability", "savings_usd") == ("exact", 0.25)


def test_without_calls_or_totals_nothing_is_decided():
    row = ask(world(rows=False, total="none"), max_usd=1.0)
    assert shown(row, "decidability", "savings_usd", "whatif_trips") == ("insufficient", None, None)


def test_a_call_without_a_price_counts_as_nothing_and_is_told():
    runs = world(0.5, None, 0.75, total=1.25)
    row = ask(runs, max_usd=1.0)
    assert shown(row, "whatif_calls", "decidability") == (3, "exact")
    assert "(1 without a known price up to it counted as 0)" in row["because"]


def test_savings_are_summed_exactly():
    row = ask(world(1.0, *[0.1] * 10), max_usd=0.5)
    assert row["savings_usd"] == 1.0
    assert sum([0.1] * 10) != 1.0


def test_a_question_without_a_limit_is_refused():
    with pytest.raises(InvalidArgument, match="no limit"):
        whatif.step_budget(world(1.0))


@pytest.mark.parametrize(
    "limits", [{"max_usd": -1}, {"max_usd": float("nan")}, {"max_usd": "1"}, {"max_usd": []}]
)
def test_an_amount_that_is_none_is_refused(limits):
    with pytest.raises(InvalidArgument, match="max_usd"):
        whatif.step_budget(world(1.0), **limits)


@pytest.mark.parametrize("tokens", [True, 1.5, -1, 2**64])
def test_a_count_that_is_none_is_refused(tokens):
    with pytest.raises(InvalidArgument, match="max_tokens"):
        whatif.step_budget(world(1.0), max_tokens=tokens)


def test_a_step_that_never_ran_is_named_with_those_that_did():
    with pytest.raises(UnknownName, match="no step 'verfy'; expected one of verify"):
        whatif.step_budget(world(1.0), step="verfy", max_usd=1)


def test_no_runs_give_no_rows():
    assert whatif.step_budget(StandIn(), max_usd=1).height == 0


# always: against what really would have happened

COSTS = st.lists(st.integers(0, 40).map(lambda n: n / 8), min_size=0, max_size=8)
CAPS = st.none() | st.integers(0, 120).map(lambda n: n / 8)
TOKENS = st.none() | st.integers(0, 90)


BOTH = st.tuples(TOKENS, CAPS)


def any_limit(limits):
    return limits != (None, None)


def definition(tokens, usd, boundary="continue"):
    return StepDefinition(
        name="verify", function="verify", max_tokens=tokens, max_usd=usd, error_boundary=boundary
    )


def lived(costs, tokens, usd, *, rows=True):
    """Record of a step that meant to make every call, as the core ends it."""
    meant = [LlmCall(input_tokens=10, cost_usd=cost) for cost in costs]
    end = run_calls(definition(tokens, usd), meant)
    made = costs[: len(costs) - end.unreached]
    record = STEP | {
        "status": end.status.value,
        "cost_usd": end.usage.cost_usd,
        "input_tokens": end.usage.input_tokens,
        "output_tokens": 0,
        "llm_calls": end.usage.llm_calls,
    }
    runs = StandIn(
        steps=[record],
        step_definitions=[LIMITS | {"max_usd": usd, "max_tokens": tokens}],
        step_calls=calls(*made) if rows else [],
    )
    return runs, meant, end


@given(COSTS, BOTH, BOTH.filter(any_limit), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_answer_contradicts_what_would_have_happened(costs, limits, asked, rows):
    (tokens, usd), (asked_tokens, asked_usd) = limits, asked
    runs, meant, recorded = lived(costs, tokens, usd, rows=rows)
    row = ask(runs, max_tokens=asked_tokens, max_usd=asked_usd)
    truth = run_calls(
        definition(tokens if asked_tokens is None else asked_tokens, usd if asked_usd is None else asked_usd),
        meant,
    )
    saved = recorded.usage.cost_usd - truth.usage.cost_usd
    match row["decidability"]:
        case "exact":
            assert row["whatif_trips"] == (truth.trip is not None)
            assert row["whatif_calls"] == truth.usage.llm_calls
            assert row["whatif_cost_usd"] == truth.usage.cost_usd
            assert row["savings_usd"] == saved
            assert row["whatif_limit"] == (truth.trip and truth.trip.limit.value)
        case "bound":
            assert row["whatif_trips"] == (truth.trip is not None)
            assert row["savings_usd"] is None or row["savings_usd"] >= saved
        case "censored":
            assert recorded.trip is not None
            assert row["savings_usd"] is None
        case word:
            raise AssertionError(word)


@given(COSTS, CAPS, st.lists(st.integers(0, 120).map(lambda n: n / 8), min_size=2, max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_stricter_limit_never_raises_spend(costs, usd, asked, rows):
    runs, _, _ = lived(costs, None, usd, rows=rows)
    spent = whatif.step_budget(runs, max_usd=sorted(asked))["whatif_cost_usd"].drop_nulls().to_list()
    assert all(less <= more for less, more in itertools.pairwise(spent))
    assert all(cost <= row for cost in spent for row in [runs.frame("steps")["cost_usd"][0]])


@given(COSTS, st.integers(0, 60).map(lambda n: n / 8), st.integers(1, 60).map(lambda n: n / 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_looser_limit_never_reports_savings_for_a_censored_step(costs, usd, more, rows):
    runs, _, recorded = lived(costs, None, usd, rows=rows)
    row = ask(runs, max_usd=usd + more)
    assert row["decidability"] != "censored" or row["savings_usd"] is None
    assert not recorded.trip or rows is False or row["savings_usd"] in {None, 0.0}


@given(COSTS, BOTH.filter(any_limit), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_recorded_limit_gives_the_record(costs, limits, rows):
    tokens, usd = limits
    runs, _, recorded = lived(costs, tokens, usd, rows=rows)
    row = ask(runs, max_tokens=tokens, max_usd=usd)
    assert shown(row, "decidability", "savings_usd", "unreached_calls") == ("exact", 0.0, 0)
    for name in ("trips", "limit", "calls", "tokens", "cost_usd"):
        assert row[f"whatif_{name}"] == row[f"recorded_{name}"], name
    assert row["whatif_cost_usd"] == recorded.usage.cost_usd


@given(
    COSTS,
    CAPS,
    st.lists(st.integers(0, 90), min_size=1, max_size=3),
    st.lists(st.integers(0, 120).map(lambda n: n / 8), min_size=1, max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_a_sweep_equals_the_single_answers(costs, usd, tokens, caps):
    runs, _, _ = lived(costs, None, usd)
    single = [whatif.step_budget(runs, max_tokens=t, max_usd=u) for t in tokens for u in caps]
    assert whatif.step_budget(runs, max_tokens=tokens, max_usd=caps).equals(pl.concat(single))


# the sample


@pytest.fixture(scope="module")
def release():
    return hl.load("sample_transcripts/cost-overrun", progress=False)


def test_verify_under_other_limits_saves_what_the_sample_was_made_to_save(release):
    limits = [0.1, 0.2, 0.25, 0.4]
    told = whatif.step_budget(release, step="verify", max_usd=limits)
    exact = told.filter(pl.col("decidability") == "exact")
    sums = (
        exact.group_by("asked_max_usd")
        .agg(pl.col("unreached_calls", "savings_usd").sum())
        .sort("asked_max_usd")
    )
    assert sums["unreached_calls"].to_list() == [4, 1, 0, 0]
    assert sums["savings_usd"].to_list() == pytest.approx([0.24426, 0.08643, 0, 0])
    censored = told.filter(pl.col("decidability") == "censored")
    assert censored.select("asked_max_usd", "recorded_cost_usd").rows() == [(0.4, pytest.approx(0.33642))]
    tripping = told.filter(pl.col("asked_max_usd") == 0.25, pl.col("whatif_trips"))
    assert tripping["tripping_call_id"].to_list() == ["019e3b32-b20f-708f-b1b4-1fb0d84ba6a3"]
    assert tripping["tripping_source_line"].to_list() == [188]


def test_review_is_exact_in_tokens_and_a_bound_in_usd(release):
    tokens = ask(release, step="review", max_tokens=60_000)
    assert shown(tokens, "decidability", "whatif_calls", "whatif_tokens") == ("exact", 3, 62_800)
    assert shown(tokens, "nested_calls", "nested_usd", "later") == (17, 0.57438, "unreached")
    usd = ask(release, step="review", max_usd=0.3)
    assert shown(usd, "decidability", "savings_side") == ("bound", "at_most")
    assert usd["savings_usd"] == pytest.approx(0.49494)
