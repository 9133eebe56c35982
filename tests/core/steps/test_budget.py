import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.steps import (
    LlmCall,
    StepDefinition,
    Trip,
    Usage,
    exceeded_limit,
    exhausted_error,
    is_step_budget_exhausted,
    mark_escalated,
    running_usage,
    thrown_text,
)
from harnlab.errors import HarnRuntimeError, HarnThrownError
from harnlab.vocabulary import StepLimit

I64 = st.integers(-(2**63), 2**63 - 1)
PRICES = st.floats(0, 1e6) | st.sampled_from([0.0, 0.1, 0.2, 1e-9])
CALLS = st.builds(
    LlmCall, model=st.sampled_from(["", "a", "b"]), input_tokens=I64, output_tokens=I64, cost_usd=PRICES
)
SMALL_CALLS = st.builds(
    LlmCall, input_tokens=st.integers(-5, 60), output_tokens=st.integers(-5, 60), cost_usd=PRICES
)
DEFINITIONS = st.builds(
    StepDefinition,
    name=st.just("n"),
    function=st.just("f"),
    max_tokens=st.none() | st.integers(0, 2**64 - 1) | st.integers(0, 200),
    max_usd=st.none() | st.floats(0, 1e7),
)


def limited(max_tokens=None, max_usd=None, error_boundary=None):
    return StepDefinition(
        name="plan",
        function="plan_step",
        max_tokens=max_tokens,
        max_usd=max_usd,
        error_boundary=error_boundary,
    )


def test_a_call_is_charged_member_by_member():
    usage = Usage().after(LlmCall(model="m", input_tokens=10, output_tokens=20, cost_usd=0.5))
    assert usage == Usage(input_tokens=10, output_tokens=20, cost_usd=0.5, llm_calls=1, last_model="m")
    assert usage.total_tokens == 30


def test_an_empty_call_counts_as_a_call_and_costs_nothing():
    assert Usage().after(LlmCall()) == Usage(
        input_tokens=0, output_tokens=0, cost_usd=0.0, llm_calls=1, last_model=None
    )
    assert (Usage().input_tokens, Usage().output_tokens, Usage().cost_usd, Usage().llm_calls) == (
        0,
        0,
        0.0,
        0,
    )


def test_a_negative_count_is_charged_as_zero_and_a_negative_price_as_it_stands():
    usage = Usage().after(LlmCall(input_tokens=-5, output_tokens=-1, cost_usd=-0.25))
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd, usage.llm_calls) == (0, 0, -0.25, 1)


def test_an_unnamed_model_leaves_the_last_one_standing():
    first = Usage().after(LlmCall(model="a"))
    assert first.after(LlmCall(model="")).last_model == "a"
    assert first.after(LlmCall(model="b")).last_model == "b"
    assert Usage().after(LlmCall()).last_model is None


def test_counters_stop_at_their_width():
    full = Usage(input_tokens=2**64 - 2, output_tokens=2**64 - 2, llm_calls=2**32 - 1)
    assert full.after(LlmCall(input_tokens=5, output_tokens=5)) == Usage(
        input_tokens=2**64 - 1, output_tokens=2**64 - 1, llm_calls=2**32 - 1
    )
    assert full.total_tokens == 2**64 - 1


@given(st.lists(CALLS, max_size=8))
def test_running_usage_is_one_value_per_call_and_never_falls(calls):
    totals = list(running_usage(calls))
    assert len(totals) == len(calls)
    for before, after in zip([Usage(), *totals], totals, strict=False):
        assert after.total_tokens >= before.total_tokens
        assert after.cost_usd >= before.cost_usd
        assert after.llm_calls == before.llm_calls + 1


@given(st.lists(CALLS, max_size=8))
def test_running_usage_sums_exactly_until_it_saturates(calls):
    *_, last = [Usage(), *running_usage(calls)]
    assert last.input_tokens == min(sum(max(call.input_tokens, 0) for call in calls), 2**64 - 1)
    assert last.output_tokens == min(sum(max(call.output_tokens, 0) for call in calls), 2**64 - 1)
    assert last.total_tokens == min(last.input_tokens + last.output_tokens, 2**64 - 1)


def test_prices_are_added_from_left_to_right():
    *_, last = running_usage([LlmCall(cost_usd=price) for price in (0.1, 0.2, 0.3)])
    assert last.cost_usd == (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)


@pytest.mark.parametrize(
    ("tokens", "usd", "trip"),
    [
        (100, 0.05, None),
        (101, 0.05, Trip(limit=StepLimit.MAX_TOKENS, limit_value=100.0, overshoot_tokens=1)),
        (100, 0.0625, Trip(limit=StepLimit.MAX_USD, limit_value=0.05, overshoot_usd=0.0625 - 0.05)),
        (250, 99.0, Trip(limit=StepLimit.MAX_TOKENS, limit_value=100.0, overshoot_tokens=150)),
    ],
)
def test_a_ceiling_breaks_strictly_above_it_and_tokens_are_looked_at_first(tokens, usd, trip):
    usage = Usage(input_tokens=tokens - 40, output_tokens=40, cost_usd=usd)
    assert exceeded_limit(limited(100, 0.05), usage) == trip


def test_a_ceiling_of_nothing_breaks_at_the_first_token_or_cent():
    assert exceeded_limit(limited(0, 0.0), Usage(llm_calls=3)) is None
    assert exceeded_limit(limited(0), Usage(output_tokens=1)) is not None
    assert exceeded_limit(limited(max_usd=0.0), Usage(cost_usd=1e-300)) is not None


def test_a_saturated_count_is_never_above_the_widest_ceiling():
    usage = Usage(input_tokens=2**64 - 1, output_tokens=2**64 - 1)
    assert exceeded_limit(limited(2**64 - 1), usage) is None
    assert exceeded_limit(limited(2**64 - 2), usage) == Trip(
        limit=StepLimit.MAX_TOKENS, limit_value=float(2**64), overshoot_tokens=1
    )


@pytest.mark.parametrize(("cost", "breaks"), [(math.nan, False), (-math.inf, False), (math.inf, True)])
def test_an_odd_price_breaks_a_ceiling_only_when_it_is_above_it(cost, breaks):
    assert (exceeded_limit(limited(max_usd=1.0), Usage(cost_usd=cost)) is not None) is breaks


@given(DEFINITIONS, st.lists(SMALL_CALLS, min_size=1, max_size=10))
def test_later_usage_never_heals_a_broken_ceiling(definition, calls):
    broken = [exceeded_limit(definition, usage) is not None for usage in running_usage(calls)]
    assert broken == sorted(broken)


@given(DEFINITIONS, st.lists(SMALL_CALLS, max_size=6), st.integers(1, 50), st.floats(0.001, 10))
def test_a_looser_ceiling_breaks_no_sooner(definition, calls, more_tokens, more_usd):
    looser = StepDefinition(
        name="n",
        function="f",
        max_tokens=None if definition.max_tokens is None else definition.max_tokens + more_tokens,
        max_usd=None if definition.max_usd is None else definition.max_usd + more_usd,
    )
    for usage in running_usage(calls):
        assert exceeded_limit(looser, usage) is None or exceeded_limit(definition, usage) is not None


@given(DEFINITIONS, SMALL_CALLS)
def test_an_overshoot_is_above_zero_in_the_unit_of_its_limit(definition, call):
    trip = exceeded_limit(definition, Usage().after(call))
    if trip is not None:
        in_tokens = trip.limit is StepLimit.MAX_TOKENS
        assert (trip.overshoot_tokens is None, trip.overshoot_usd is None) == (not in_tokens, in_tokens)
        assert (trip.overshoot_tokens or 0) + (trip.overshoot_usd or 0) > 0


def error_of(definition, usage):
    return exhausted_error(definition, usage, exceeded_limit(definition, usage))


def test_the_token_error_names_step_limit_and_usage():
    error = error_of(limited(100, 0.05, "continue"), Usage(input_tokens=60, output_tokens=70, cost_usd=0.01))
    assert error.value == {
        "category": "budget_exceeded",
        "kind": "budget_exhausted",
        "reason": "step_budget_exhausted",
        "step": "plan",
        "function": "plan_step",
        "limit": "max_tokens",
        "limit_value": 100.0,
        "consumed_tokens": 130.0,
        "consumed_cost_usd": 0.01,
        "error_boundary": "continue",
        "message": "step `plan` exceeded max_tokens budget (130 > 100)",
    }
    assert [type(error.value[key]) for key in ("limit", "limit_value", "consumed_tokens")] == [
        str,
        float,
        float,
    ]


def test_the_usd_message_shows_tokens_against_whole_dollars_as_the_runtime_does():
    error = error_of(limited(max_usd=0.5), Usage(input_tokens=60, output_tokens=70, cost_usd=0.75))
    assert error.value["message"] == "step `plan` exceeded max_usd budget (130 > 0)"
    assert (error.value["limit"], error.value["limit_value"]) == ("max_usd", 0.5)
    assert error.value["consumed_cost_usd"] == 0.75
    assert error.value["error_boundary"] == "fail"


def test_a_boundary_declared_as_an_empty_word_is_quoted_as_declared():
    assert error_of(limited(1, error_boundary=""), Usage(input_tokens=2)).value["error_boundary"] == ""


def test_counts_beyond_63_bits_are_held_in_the_message():
    error = error_of(limited(2**64 - 2), Usage(input_tokens=2**64 - 1))
    assert error.value["message"].endswith("(9223372036854775807 > 9223372036854775807)")
    assert error.value["consumed_tokens"] == 18446744073709551616.0


def test_the_text_of_a_thrown_error_is_the_displayed_value():
    assert thrown_text(HarnThrownError({"b": 1.0, "a": "x"})) == "Thrown: {a: x, b: 1.0}"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (HarnRuntimeError("budget_exceeded"), False),
        (HarnThrownError("budget_exceeded"), False),
        (HarnThrownError([]), False),
        (HarnThrownError({}), False),
        (HarnThrownError({"category": "budget_exceeded"}), True),
        (HarnThrownError({"category": "Budget_exceeded"}), False),
        (HarnThrownError({"kind": "budget_exhausted"}), False),
        (HarnThrownError({"reason": "step_budget_exhausted"}), False),
        (HarnThrownError({"kind": "budget_exhausted", "reason": "step_budget_exhausted"}), True),
        (HarnThrownError({"kind": "terminal", "reason": "budget_exceeded"}), False),
        (HarnThrownError({"category": None, "kind": 1, "reason": []}), False),
    ],
)
def test_a_budget_error_is_known_by_its_kind_and_reason_or_its_category(error, answer):
    assert is_step_budget_exhausted(error) is answer


@pytest.mark.parametrize("error", [HarnRuntimeError("x"), HarnThrownError("x"), HarnThrownError([])])
def test_only_a_thrown_dict_can_be_escalated(error):
    assert mark_escalated(error, step="S", function="F") is error


@pytest.mark.parametrize(
    ("thrown", "identity", "escalated"),
    [
        ({}, {}, {}),
        ({}, {"step": "S", "function": "F"}, {"step": "S", "function": "F"}),
        ({}, {"step": ""}, {"step": ""}),
        (
            {"step": "own", "function": None},
            {"step": "S", "function": "F"},
            {"step": "own", "function": None},
        ),
        ({"escalated": False, "category": 3, "x": 1}, {}, {"x": 1}),
    ],
)
def test_escalating_fills_in_only_the_identity_that_is_missing(thrown, identity, escalated):
    original = dict(thrown)
    error = mark_escalated(HarnThrownError(thrown), **identity)
    assert error.value == {**escalated, "escalated": True, "category": "handoff_escalation"}
    assert thrown == original


def test_an_escalated_step_error_is_still_a_budget_error_and_a_preflight_one_is_not():
    by_step = error_of(limited(1), Usage(input_tokens=2))
    preflight = HarnThrownError(
        {"category": "budget_exceeded", "kind": "terminal", "reason": "budget_exceeded"}
    )
    assert is_step_budget_exhausted(mark_escalated(by_step))
    assert not is_step_budget_exhausted(mark_escalated(preflight))
