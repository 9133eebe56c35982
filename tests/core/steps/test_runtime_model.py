"""Any order of calls on a StepRuntime, checked against plain lists and exact integers."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harnlab.core.steps import LlmCall, SpanEnded, SpanLog, SpanStarted, StepRuntime
from harnlab.errors import HarnThrownError

FUNCTIONS = st.sampled_from(["f", "g", "p"])
DEPTHS = st.integers(0, 4)
TOKENS = st.integers(-3, 40) | st.just(2**63 - 1)
COSTS = st.sampled_from([0.0, 0.1, 0.25, -0.05, math.inf, math.nan])
MODELS = st.sampled_from(["", "a", "b"])
LIMITS = {"f": (50, None), "g": (None, 0.3)}


class StepRuntimeAgainstAModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.spans = SpanLog()
        self.runtime = StepRuntime(self.spans)
        self.runtime.register_step(["f", {"budget": {"max_tokens": 50}}])
        self.runtime.register_step(["g", {"model": "big", "budget": {"max_usd": 0.3}}])
        self.runtime.register_persona(["p", {"name": "captain"}])
        self.steps, self.personas, self.log = [], [], []
        self.hand, self.context, self.started = [], None, 0

    def finish(self, step, status, error):
        model = next((name for name in reversed(step["models"]) if name), "big" if step["f"] == "g" else None)
        self.log.append(
            (step["f"], model, step["in"], step["out"], step["usd"], step["calls"], status, error)
        )

    @rule(function=FUNCTIONS, depth=DEPTHS)
    def push_step(self, function, depth):
        pushed = self.runtime.push_step(function, depth)
        assert pushed is (function in LIMITS)
        if pushed:
            self.started += 1
            persona = "captain" if self.personas else None
            fresh = {"f": function, "depth": depth, "persona": persona, "in": 0, "out": 0, "usd": 0.0}
            self.steps.append({**fresh, "calls": 0, "models": []})

    @rule(function=FUNCTIONS, depth=DEPTHS)
    def push_persona(self, function, depth):
        pushed = self.runtime.push_persona(function, depth)
        assert pushed is (function == "p")
        if pushed:
            self.personas.append(depth)

    @rule(model=MODELS, given=TOKENS, got=TOKENS, usd=COSTS)
    def record(self, model, given, got, usd):
        tripped = None
        try:
            self.runtime.record(LlmCall(model=model, input_tokens=given, output_tokens=got, cost_usd=usd))
        except HarnThrownError as error:
            tripped = error.value["limit"]
        if not self.steps:
            assert tripped is None
            return
        step = self.steps[-1]
        step["in"] = min(step["in"] + max(given, 0), 2**64 - 1)
        step["out"] = min(step["out"] + max(got, 0), 2**64 - 1)
        step["usd"] += usd
        step["calls"] += 1
        step["models"].append(model)
        max_tokens, max_usd = LIMITS[step["f"]]
        if max_tokens is not None:
            assert tripped == ("max_tokens" if step["in"] + step["out"] > max_tokens else None)
        else:
            assert tripped == ("max_usd" if step["usd"] > max_usd else None)

    @rule(depth=DEPTHS)
    def prune(self, depth):
        self.runtime.prune(depth)
        while self.steps and self.steps[-1]["depth"] > depth:
            self.finish(self.steps.pop(), "completed", None)
        while self.personas and self.personas[-1] > depth:
            self.personas.pop()

    @rule(depth=DEPTHS, status=st.sampled_from(["failed", "skipped"]), error=st.none() | st.just("e"))
    def pop_and_record(self, depth, status, error):
        popped = self.runtime.pop_and_record(depth, status, error)
        assert popped is bool(self.steps and self.steps[-1]["depth"] == depth)
        if popped:
            self.finish(self.steps.pop(), status, error)

    @rule(depth=DEPTHS)
    def take(self, depth):
        taken = self.runtime.take(depth)
        assert (taken is not None) is bool(self.steps and self.steps[-1]["depth"] == depth)
        if taken is not None:
            self.hand.append((taken, self.steps.pop()))

    @rule()
    def finish_taken(self):
        if self.hand:
            taken, step = self.hand.pop()
            self.runtime.finish(taken, "absorbed", "late")
            self.finish(step, "absorbed", "late")

    @rule()
    def take_context(self):
        self.context = self.runtime.take_context(), [dict(step) for step in self.steps], list(self.personas)
        self.steps, self.personas = [], []

    @rule()
    def restore_context(self):
        if self.context is not None:
            context, self.steps, self.personas = self.context
            self.runtime.restore_context(context)
            self.context = None

    @rule()
    def drain(self):
        assert len(self.runtime.drain_completed()) == len(self.log)
        self.log = []

    @invariant()
    def the_top_of_the_stack_is_the_models(self):
        step = self.runtime.active
        assert (step is None) is (not self.steps)
        assert self.runtime.persona_name == ("captain" if self.personas else None)
        if step is not None:
            model = self.steps[-1]
            assert (step.definition.function, step.frame_depth) == (model["f"], model["depth"])
            assert step.persona == model["persona"]
            assert (step.usage.input_tokens, step.usage.output_tokens) == (model["in"], model["out"])
            assert self.runtime.model_default == ("big" if model["f"] == "g" else None)

    @invariant()
    def the_log_is_the_models(self):
        logged = [
            (s.function, s.model, s.input_tokens, s.output_tokens, s.cost_usd, s.llm_calls, s.status, s.error)
            for s in self.runtime.peek_completed()
        ]
        assert repr(logged) == repr(self.log)

    @invariant()
    def every_span_is_started_once_and_ended_at_most_once(self):
        started = [call.id for call in self.spans.calls if isinstance(call, SpanStarted)]
        ended = [call.id for call in self.spans.calls if isinstance(call, SpanEnded)]
        assert started == list(range(1, self.started + 1))
        assert len(ended) == len(set(ended))
        assert set(ended) <= set(started)


TestStepRuntimeAgainstAModel = StepRuntimeAgainstAModel.TestCase
TestStepRuntimeAgainstAModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
