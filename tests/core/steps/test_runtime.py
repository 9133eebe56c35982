import math

import pytest

from harnlab.core.steps import (
    ActiveStep,
    CompletedStep,
    LlmCall,
    SpanEnded,
    SpanLog,
    SpanSet,
    SpanStarted,
    StepDefinition,
    StepRuntime,
    Usage,
    is_step_budget_exhausted,
)
from harnlab.errors import HarnRuntimeError, HarnThrownError
from harnlab.vocabulary import SpanKind, StepStatus

FULL = {
    "name": "plan",
    "model": "claude-haiku-4-5",
    "error_boundary": "continue",
    "budget": {"max_tokens": 100, "max_usd": 0.05},
}


@pytest.fixture
def runtime():
    return StepRuntime()


def call(model="m", input_tokens=0, output_tokens=0, cost_usd=0.0):
    return LlmCall(model=model, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)


def finished(runtime):
    return [(step.name, step.status, step.error) for step in runtime.peek_completed()]


@pytest.mark.ported_from("step_runtime.rs::registers_and_pops_step_from_dict")
def test_registers_and_pops_step_from_dict(runtime):
    runtime.register_step(["plan_step", FULL])
    assert runtime.push_step("plan_step", 3)
    assert runtime.frame_depth == 3
    assert runtime.model_default == "claude-haiku-4-5"

    runtime.record(call("claude-haiku-4-5", 10, 20, 0.001))
    usage = runtime.active.usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 20)
    assert abs(usage.cost_usd - 0.001) < 1e-9

    with pytest.raises(HarnThrownError) as exhausted:
        runtime.record(call("claude-haiku-4-5", 50, 50, 0.0))
    assert is_step_budget_exhausted(exhausted.value)

    runtime.prune(2)
    completed = runtime.drain_completed()
    assert len(completed) == 1
    assert completed[0].llm_calls == 2


@pytest.mark.ported_from("step_runtime.rs::unregistered_function_does_not_push")
def test_unregistered_function_does_not_push(runtime):
    assert not runtime.push_step("not_a_step", 1)
    assert runtime.frame_depth is None


def test_an_empty_runtime_has_nothing_to_show(runtime):
    assert (runtime.active, runtime.persona_name, runtime.model_default) == (None, None, None)
    assert runtime.definition("f") is None
    assert not runtime.is_tracked("f")
    assert not runtime.push_persona("f", 1)
    assert runtime.record(call(input_tokens=10**9)) is None
    assert runtime.take(1) is None
    assert not runtime.pop_and_record(1, "completed")
    assert runtime.drain_completed() == ()


def test_a_refused_registration_leaves_no_trace(runtime):
    with pytest.raises(HarnThrownError):
        runtime.register_step(["f", None])
    with pytest.raises(HarnThrownError):
        runtime.register_persona(["p"])
    assert not runtime.is_tracked("f")
    assert not runtime.is_tracked("p")


def test_steps_and_personas_are_tracked_under_their_functions(runtime):
    runtime.register_step(["f", FULL])
    runtime.register_persona(["p", {"name": "captain"}])
    assert runtime.is_tracked("f")
    assert runtime.is_tracked("p")
    assert not runtime.is_tracked("plan")
    assert runtime.definition("p") is None
    assert not runtime.push_step("p", 1)


def test_a_later_registration_replaces_the_definition_but_not_on_the_stack(runtime):
    runtime.register_step(["f", {"budget": {"max_tokens": 1}}])
    runtime.push_step("f", 1)
    runtime.register_step(["f", {"name": "new"}])
    assert runtime.definition("f") == StepDefinition(name="new", function="f")
    with pytest.raises(HarnThrownError):
        runtime.record(call(input_tokens=2))


def test_a_pushed_step_remembers_depth_arguments_and_persona(runtime):
    runtime.register_step(["f", {}])
    runtime.register_persona(["p", {"name": "captain"}])
    runtime.push_persona("p", 1)
    runtime.push_step("f", 2, ["arg", 1, None])
    assert runtime.active == ActiveStep(
        definition=StepDefinition(name="f", function="f"),
        frame_depth=2,
        persona="captain",
        args=("arg", 1, None),
        usage=Usage(),
        span_id=0,
    )


def test_only_the_innermost_step_is_charged(runtime):
    runtime.register_step(["outer", {"budget": {"max_tokens": 1}, "model": "big"}])
    runtime.register_step(["inner", {}])
    runtime.push_step("outer", 1)
    runtime.push_step("inner", 2)
    assert runtime.model_default is None
    runtime.record(call(input_tokens=500))
    runtime.prune(1)
    assert runtime.active.usage == Usage()
    assert runtime.model_default == "big"


def test_the_call_that_trips_stays_charged_and_so_do_later_ones(runtime):
    runtime.register_step(["f", {"budget": {"max_tokens": 10}}])
    runtime.push_step("f", 1)
    for calls in (1, 2):
        with pytest.raises(HarnThrownError) as caught:
            runtime.record(call(input_tokens=11))
        assert runtime.active.usage.llm_calls == calls
        assert caught.value.value["consumed_tokens"] == 11.0 * calls


def test_pruning_finishes_deeper_steps_inner_first_and_then_drops_deeper_personas(runtime):
    runtime.register_step(["f", {"name": "outer"}])
    runtime.register_step(["g", {"name": "inner"}])
    runtime.register_persona(["p", {}])
    runtime.register_persona(["q", {}])
    runtime.push_persona("p", 1)
    runtime.push_step("f", 2)
    runtime.push_persona("q", 3)
    runtime.push_step("g", 4)
    runtime.prune(2)
    assert finished(runtime) == [("inner", "completed", None)]
    assert (runtime.frame_depth, runtime.persona_name) == (2, "p")
    runtime.prune(0)
    assert finished(runtime) == [("inner", "completed", None), ("outer", "completed", None)]
    assert runtime.persona_name is None


def test_pruning_to_a_depth_keeps_what_stands_at_that_depth(runtime):
    runtime.register_step(["f", {}])
    runtime.register_persona(["p", {}])
    runtime.push_persona("p", 2)
    runtime.push_step("f", 2)
    runtime.prune(2)
    assert (runtime.frame_depth, runtime.persona_name) == (2, "p")


def test_pruning_looks_at_the_top_only(runtime):
    runtime.register_step(["f", {}])
    runtime.push_step("f", 9)
    runtime.push_step("f", 1)
    runtime.prune(5)
    assert runtime.frame_depth == 1
    assert finished(runtime) == []


def test_a_step_is_taken_only_at_its_own_depth_and_logged_only_when_finished(runtime):
    runtime.register_step(["f", {}])
    runtime.push_step("f", 3)
    assert runtime.take(2) is None
    assert runtime.take(4) is None
    step = runtime.take(3)
    assert runtime.active is None
    assert finished(runtime) == []
    runtime.finish(step, "absorbed", "e")
    assert finished(runtime) == [("f", "absorbed", "e")]


def test_popping_records_a_status_only_at_the_steps_own_depth(runtime):
    runtime.register_step(["f", {}])
    runtime.push_step("f", 3)
    assert not runtime.pop_and_record(2, "failed", "e")
    assert runtime.pop_and_record(3, StepStatus.FAILED, "e")
    assert not runtime.pop_and_record(3, "failed", "e")
    assert finished(runtime) == [("f", "failed", "e")]
    assert type(runtime.peek_completed()[0].status) is str


@pytest.mark.parametrize(
    ("declared", "used", "logged"),
    [(None, [], None), ("m", [], "m"), ("m", [""], "m"), ("m", ["x", ""], "x"), (None, ["x", "y"], "y")],
)
def test_a_finished_step_names_the_last_model_used_or_the_declared_one(runtime, declared, used, logged):
    runtime.register_step(["f", {"model": declared}])
    runtime.push_step("f", 1)
    for model in used:
        runtime.record(call(model))
    runtime.prune(0)
    assert runtime.peek_completed()[0].model == logged


def test_the_log_is_peeked_at_or_drained(runtime):
    runtime.register_step(["f", {"name": "plan"}])
    runtime.push_step("f", 1)
    runtime.record(call("x", 1, 2, 0.25))
    runtime.prune(0)
    expected = CompletedStep(
        name="plan",
        function="f",
        model="x",
        input_tokens=1,
        output_tokens=2,
        cost_usd=0.25,
        llm_calls=1,
        status="completed",
        error=None,
    )
    assert runtime.peek_completed() == (expected,)
    assert runtime.drain_completed() == (expected,)
    assert runtime.peek_completed() == ()


@pytest.mark.parametrize(
    ("cost", "written"), [(0.25, 0.25), (math.nan, None), (math.inf, None), (-math.inf, None)]
)
def test_a_completed_step_is_written_with_every_member_and_no_odd_cost(cost, written):
    step = CompletedStep(
        name="n",
        function="f",
        model=None,
        input_tokens=1,
        output_tokens=2,
        cost_usd=cost,
        llm_calls=3,
        status="skipped",
        error="e",
    )
    assert step.as_json() == {
        "name": "n",
        "function": "f",
        "model": None,
        "input_tokens": 1,
        "output_tokens": 2,
        "cost_usd": written,
        "llm_calls": 3,
        "status": "skipped",
        "error": "e",
    }


def test_a_context_taken_out_hides_both_stacks_until_it_is_restored(runtime):
    runtime.register_step(["f", {}])
    runtime.register_persona(["p", {}])
    runtime.push_persona("p", 1)
    runtime.push_step("f", 2)
    context = runtime.take_context()
    assert (runtime.active, runtime.persona_name) == (None, None)
    runtime.push_step("f", 7)
    runtime.restore_context(context)
    assert (runtime.frame_depth, runtime.persona_name) == (2, "p")
    runtime.record(call(input_tokens=5))
    assert context.steps[0].usage == Usage()
    assert finished(runtime) == []


def test_reset_forgets_everything_but_what_the_tracer_was_told(runtime):
    spans = SpanLog()
    runtime = StepRuntime(spans)
    runtime.register_step(["f", {}])
    runtime.register_persona(["p", {}])
    runtime.push_persona("p", 1)
    runtime.push_step("f", 2)
    runtime.pop_and_record(2, "completed")
    runtime.push_step("f", 2)
    told = len(spans.calls)
    runtime.reset()
    assert not runtime.is_tracked("f")
    assert not runtime.is_tracked("p")
    assert (runtime.active, runtime.persona_name, runtime.peek_completed()) == (None, None, ())
    assert len(spans.calls) == told


def test_every_tracing_call_of_a_step_is_told_in_order():
    spans = SpanLog()
    runtime = StepRuntime(spans)
    runtime.register_step(["f", {"name": "plan", "model": "m"}])
    runtime.register_persona(["p", {"name": "captain"}])
    runtime.push_persona("p", 1)
    runtime.push_step("f", 2)
    runtime.record(call("x", 3, 4, 0.5))
    runtime.prune(0)
    assert spans.calls == [
        SpanStarted(id=1, kind=SpanKind.STEP, name="plan"),
        SpanSet(id=1, key="persona", value="captain"),
        SpanSet(id=1, key="model", value="m"),
        SpanSet(id=1, key="status", value="completed"),
        SpanSet(id=1, key="llm_calls", value=1),
        SpanSet(id=1, key="input_tokens", value=3),
        SpanSet(id=1, key="output_tokens", value=4),
        SpanSet(id=1, key="cost_usd", value=0.5),
        SpanEnded(id=1),
    ]


def test_an_odd_cost_is_not_traced_and_ids_count_up():
    spans = SpanLog()
    runtime = StepRuntime(spans)
    runtime.register_step(["f", {}])
    runtime.push_step("f", 1)
    runtime.push_step("f", 2)
    runtime.record(call(cost_usd=math.inf))
    runtime.prune(0)
    assert [one.id for one in spans.calls if isinstance(one, SpanStarted)] == [1, 2]
    assert [one.id for one in spans.calls if isinstance(one, SpanEnded)] == [2, 1]
    assert [(one.id, one.value) for one in spans.calls if getattr(one, "key", None) == "cost_usd"] == [
        (1, 0.0)
    ]


@pytest.mark.parametrize(
    ("boundary", "status", "absorbed"),
    [("fail", "failed", False), ("continue", "skipped", True), ("escalate", "escalated", False)],
)
def test_an_error_that_leaves_a_step_finishes_it_by_its_boundary(runtime, boundary, status, absorbed):
    runtime.register_step(["f", {"error_boundary": boundary}])
    runtime.push_step("f", 2)
    end = runtime.leave_with(HarnThrownError({"category": "budget_exceeded", "message": "no"}), 2)
    assert (end.rethrown is None) is absorbed
    assert finished(runtime) == [("f", status, "no")]


@pytest.mark.parametrize(
    ("error", "depth"),
    [
        (HarnThrownError({"category": "budget_exceeded"}), 3),
        (HarnThrownError({"category": "io"}), 2),
        (HarnRuntimeError("budget_exceeded"), 2),
    ],
)
def test_an_error_from_a_deeper_frame_or_of_another_kind_passes(runtime, error, depth):
    runtime.register_step(["f", {}])
    runtime.push_step("f", 2)
    assert runtime.leave_with(error, depth) is None
    assert runtime.frame_depth == 2
    assert finished(runtime) == []


def test_without_a_step_no_boundary_acts(runtime):
    assert runtime.leave_with(HarnThrownError({"category": "budget_exceeded"}), 1) is None


def test_an_escalated_error_meets_the_enclosing_boundary_too(runtime):
    runtime.register_step(["outer", {"error_boundary": "continue"}])
    runtime.register_step(["inner", {"error_boundary": "escalate", "budget": {"max_tokens": 1}}])
    runtime.push_step("outer", 1)
    runtime.push_step("inner", 2)
    with pytest.raises(HarnThrownError) as caught:
        runtime.record(call(input_tokens=2))
    end = runtime.leave_with(caught.value, 2)
    assert runtime.leave_with(end.rethrown, 1).rethrown is None
    assert [(name, status) for name, status, _ in finished(runtime)] == [
        ("inner", "escalated"),
        ("outer", "skipped"),
    ]
