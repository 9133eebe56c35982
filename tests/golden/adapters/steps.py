"""Answers of ``harnlab.core.steps`` to the vectors ``step_budget``, ``hooks`` and ``hooks_glob_extended``."""

from golden.codec import decode, encode
from harnlab.core.steps import (
    Hook,
    LlmCall,
    SpanEnded,
    SpanLog,
    SpanSet,
    SpanStarted,
    StepRuntime,
    is_step_budget_exhausted,
    mark_escalated,
    matching_hooks,
    thrown_text,
)
from harnlab.errors import HarnRuntimeError, HarnThrownError


def read_error(spelled):
    if spelled["kind"] == "runtime":
        return HarnRuntimeError(spelled["message"])
    return HarnThrownError(decode(spelled["value"]))


def spell_error(error):
    if isinstance(error, HarnThrownError):
        return {"kind": "thrown", "value": encode(error.value)}
    return {"kind": "runtime", "message": error.message}


def spell_definition(definition):
    return definition and {
        "name": definition.name,
        "function": definition.function,
        "model": definition.model,
        "max_tokens": definition.max_tokens,
        "max_usd": definition.max_usd,
        "error_boundary": definition.error_boundary,
        "boundary": definition.boundary.value,
    }


def spell_active(step):
    return step and {
        "name": step.definition.name,
        "function": step.definition.function,
        "frame_depth": step.frame_depth,
        "persona": step.persona,
        "args": encode(step.args),
        "input_tokens": step.usage.input_tokens,
        "output_tokens": step.usage.output_tokens,
        "cost_usd": encode(step.usage.cost_usd),
        "llm_calls": step.usage.llm_calls,
        "last_model": step.usage.last_model,
        "span_id": step.span_id,
    }


def spell_span_call(call):
    match call:
        case SpanStarted():
            return {"call": "start", "id": call.id, "kind": call.kind.value, "name": call.name}
        case SpanSet():
            return {"call": "set", "id": call.id, "key": call.key, "value": call.value}
        case SpanEnded():
            return {"call": "end", "id": call.id}


class Sequence:
    """One vector: a runtime, a step "in hand" and a context put aside."""

    def __init__(self):
        self.spans = SpanLog()
        self.runtime = StepRuntime(self.spans)
        self.hand = None
        self.context = None

    def answer(self, op):
        arguments = {key: value for key, value in op.items() if key != "op"}
        return getattr(self, op["op"])(**arguments)

    def reset(self):
        self.runtime.reset()

    def register_step(self, args):
        return self._registered(self.runtime.register_step, args)

    def register_persona(self, args):
        return self._registered(self.runtime.register_persona, args)

    def _registered(self, register, args):
        try:
            register(decode(args))
        except HarnThrownError as error:
            return {"error": spell_error(error)}
        return {"ok": None}

    def definition(self, function):
        return spell_definition(self.runtime.definition(function))

    def is_tracked(self, function):
        return self.runtime.is_tracked(function)

    def push_step(self, function, depth, args=()):
        return self.runtime.push_step(function, depth, decode(list(args)))

    def push_persona(self, function, depth):
        return self.runtime.push_persona(function, depth)

    def persona_name(self):
        return self.runtime.persona_name

    def frame_depth(self):
        return self.runtime.frame_depth

    def model_default(self):
        return self.runtime.model_default

    def active(self):
        return spell_active(self.runtime.active)

    def record(self, model, input_tokens, output_tokens, cost_usd):
        call = LlmCall(
            model=model, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=decode(cost_usd)
        )
        try:
            self.runtime.record(call)
        except HarnThrownError as error:
            escalated = mark_escalated(error, step="esc_step", function="esc_fn")
            return {
                "error": spell_error(error),
                "is_step_budget_exhausted": is_step_budget_exhausted(error),
                "display": thrown_text(error),
                "escalated": spell_error(escalated),
                "escalated_is_step_budget_exhausted": is_step_budget_exhausted(escalated),
            }
        return {"ok": None}

    def prune(self, depth):
        self.runtime.prune(depth)

    def pop_and_record(self, depth, status, error):
        return self.runtime.pop_and_record(depth, status, error)

    def take(self, depth):
        self.hand = self.runtime.take(depth)
        return spell_active(self.hand)

    def finish_taken(self, status, error):
        step, self.hand = self.hand, None
        if step is not None:
            self.runtime.finish(step, status, error)
        return step is not None

    def peek(self):
        return [completed.as_json() for completed in self.runtime.peek_completed()]

    def drain(self):
        return [completed.as_json() for completed in self.runtime.drain_completed()]

    def take_context(self):
        self.context = self.runtime.take_context()

    def restore_context(self):
        context, self.context = self.context, None
        if context is not None:
            self.runtime.restore_context(context)
        return context is not None

    def is_exhausted(self, error):
        return is_step_budget_exhausted(read_error(error))

    def mark_escalated(self, error, step, function):
        escalated = mark_escalated(read_error(error), step=step, function=function)
        return {
            "error": spell_error(escalated),
            "is_step_budget_exhausted": is_step_budget_exhausted(escalated),
        }


def step_budget(given, _room):
    sequence = Sequence()
    results = [sequence.answer(op) for op in given["ops"]]
    return {"results": results, "span_calls": [spell_span_call(call) for call in sequence.spans.calls]}


def matches(given):
    hooks = [Hook(**decode(hook)) for hook in given["hooks"]]
    answers = []
    for query in given["queries"]:
        if query.get("clear"):
            hooks = []
            answers.append([])
            continue
        found = matching_hooks(hooks, **decode(query))
        answers.append([{"handler": hook.handler, "event": hook.event} for hook in found])
    return answers


def hooks(given, _room):
    return {"matches": matches(given)}


def hooks_glob_extended(given, _room):
    return {"matches_globset": matches(given)}


OPS = {"step_budget": step_budget, "hooks": hooks, "hooks_glob_extended": hooks_glob_extended}
