import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.steps import (
    LlmCall,
    StepDefinition,
    StepOutcome,
    StepRuntime,
    Trip,
    Usage,
    cross_boundary,
    run_calls,
)
from harnlab.errors import HarnRuntimeError, HarnThrownError
from harnlab.vocabulary import StepLimit, StepStatus

CALLS = st.lists(
    st.builds(
        LlmCall,
        model=st.sampled_from(["", "a", "b"]),
        input_tokens=st.integers(-5, 60),
        output_tokens=st.integers(-5, 60),
        cost_usd=st.floats(-0.1, 1) | st.just(0.0),
    ),
    max_size=8,
)
DEFINITIONS = st.builds(
    StepDefinition,
    name=st.just("verify"),
    function=st.just("verify_step"),
    max_tokens=st.none() | st.integers(0, 200),
    max_usd=st.none() | st.floats(0, 3),
    error_boundary=st.sampled_from([None, "fail", "continue", "escalate", "odd"]),
)
STOPPED = {"fail": StepStatus.FAILED, "continue": StepStatus.SKIPPED, "escalate": StepStatus.ESCALATED}


def step(boundary=None, max_tokens=None, max_usd=None):
    return StepDefinition(
        name="verify", function="verify_step", max_tokens=max_tokens, max_usd=max_usd, error_boundary=boundary
    )


def test_a_failing_step_rethrows_the_error_unchanged():
    error = HarnThrownError({"category": "budget_exceeded", "message": "too much"})
    end = cross_boundary(step("fail"), error)
    assert (end.status, end.recorded_error) == (StepStatus.FAILED, "too much")
    assert end.rethrown is error


def test_a_continuing_step_swallows_the_error_and_is_skipped():
    end = cross_boundary(step("continue"), HarnThrownError({"category": "budget_exceeded", "message": "m"}))
    assert (end.status, end.recorded_error, end.rethrown) == (StepStatus.SKIPPED, "m", None)


def test_an_escalating_step_rethrows_with_its_identity():
    end = cross_boundary(step("escalate"), HarnThrownError({"category": "budget_exceeded", "message": "m"}))
    assert (end.status, end.recorded_error) == (StepStatus.ESCALATED, "m")
    assert end.rethrown.value == {
        "category": "handoff_escalation",
        "message": "m",
        "escalated": True,
        "step": "verify",
        "function": "verify_step",
    }


@pytest.mark.parametrize("boundary", [None, "odd", ""])
def test_a_step_without_a_known_boundary_fails(boundary):
    assert cross_boundary(step(boundary), HarnThrownError({"category": "budget_exceeded"})).status == "failed"


@pytest.mark.parametrize("boundary", ["fail", "continue", "escalate"])
@pytest.mark.parametrize("error", [HarnRuntimeError("budget_exceeded"), HarnThrownError({"category": "io"})])
def test_no_boundary_acts_on_other_errors(boundary, error):
    assert cross_boundary(step(boundary), error) is None


@pytest.mark.parametrize(
    ("thrown", "recorded"),
    [
        ({"category": "budget_exceeded", "message": 1.0}, "1.0"),
        ({"category": "budget_exceeded", "message": None}, "nil"),
        ({"category": "budget_exceeded"}, "Thrown: {category: budget_exceeded}"),
    ],
)
def test_the_recorded_error_is_the_message_displayed_or_the_whole_value(thrown, recorded):
    assert cross_boundary(step(), HarnThrownError(thrown)).recorded_error == recorded


@pytest.mark.parametrize("boundary", ["fail", "continue", "escalate"])
def test_the_tripping_call_is_paid_and_the_rest_is_unreached(boundary):
    calls = [LlmCall(model=f"m{n}", input_tokens=30, output_tokens=10, cost_usd=0.25) for n in range(5)]
    assert run_calls(step(boundary, max_tokens=100), calls) == StepOutcome(
        status=STOPPED[boundary],
        usage=Usage(input_tokens=90, output_tokens=30, cost_usd=0.75, llm_calls=3, last_model="m2"),
        trip=Trip(limit=StepLimit.MAX_TOKENS, limit_value=100.0, overshoot_tokens=20),
        tripped_at=2,
        unreached=2,
        error="step `verify` exceeded max_tokens budget (120 > 100)",
    )


def test_a_run_that_meets_its_ceilings_exactly_is_completed():
    calls = [LlmCall(input_tokens=50, cost_usd=0.25)] * 2
    assert run_calls(step(max_tokens=100, max_usd=0.5), calls) == StepOutcome(
        status=StepStatus.COMPLETED, usage=Usage(input_tokens=100, cost_usd=0.5, llm_calls=2)
    )


def test_a_step_without_calls_is_completed_even_under_a_ceiling_of_nothing():
    assert run_calls(step(max_tokens=0, max_usd=0.0), []) == StepOutcome(
        status=StepStatus.COMPLETED, usage=Usage()
    )


def test_a_trip_at_the_last_call_leaves_none_unreached():
    outcome = run_calls(step(max_usd=0.5), [LlmCall(cost_usd=0.75)])
    assert (outcome.tripped_at, outcome.unreached) == (0, 0)
    assert outcome.trip == Trip(limit=StepLimit.MAX_USD, limit_value=0.5, overshoot_usd=0.25)


@given(DEFINITIONS, CALLS)
def test_a_replayed_run_ends_as_the_live_runtime_ends_it(definition, calls):
    runtime = StepRuntime()
    runtime.define_step(definition)
    runtime.push_step("verify_step", 1)
    position = None
    for position, call in enumerate(calls):  # noqa: B007
        try:
            runtime.record(call)
        except HarnThrownError as error:
            runtime.leave_with(error, 1)
            break
    else:
        position = None
    runtime.prune(0)
    [completed] = runtime.drain_completed()
    outcome = run_calls(definition, calls)
    assert outcome.tripped_at == position
    assert completed.status == outcome.status
    assert completed.error == outcome.error
    assert completed.model == outcome.usage.last_model
    assert (completed.input_tokens, completed.output_tokens) == (
        outcome.usage.input_tokens,
        outcome.usage.output_tokens,
    )
    assert (completed.cost_usd, completed.llm_calls) == (outcome.usage.cost_usd, outcome.usage.llm_calls)


@given(DEFINITIONS, CALLS)
def test_every_call_is_either_charged_or_unreached(definition, calls):
    outcome = run_calls(definition, calls)
    assert outcome.usage.llm_calls + outcome.unreached == len(calls)
    stopped = outcome.status is not StepStatus.COMPLETED
    assert {outcome.trip is not None, outcome.tripped_at is not None, outcome.error is not None} == {stopped}


@given(DEFINITIONS, CALLS, st.integers(0, 50))
def test_a_stricter_token_ceiling_never_makes_more_calls(definition, calls, less):
    if definition.max_tokens is None:
        return
    stricter = step(max_tokens=max(definition.max_tokens - less, 0), max_usd=definition.max_usd)
    assert run_calls(stricter, calls).usage.llm_calls <= run_calls(definition, calls).usage.llm_calls
