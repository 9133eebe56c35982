"""Steps: what one declares, what it may use, what becomes of it (port of step_runtime 0.8.8).

Definitions
    :class:`StepDefinition`, :class:`PersonaDefinition`, :func:`read_step_definition`
Decisions, from values to values
    :meth:`Usage.after` charges a call, :func:`running_usage` a row of them, :func:`exceeded_limit` finds the
    ceiling that broke, :func:`exhausted_error` is what the runtime throws, :func:`cross_boundary` what the
    step's caller sees, and :func:`run_calls` does all of it for a recorded run of calls
Live state
    :class:`StepRuntime` holds stacks, hooks and the completed-step log; :class:`SpanLog` collects its tracing
Hooks
    :class:`Hook`, :class:`HookEvent`, :func:`matching_hooks`

Examples
--------
>>> verify = read_step_definition("verify", {"budget": {"max_usd": 0.25}, "error_boundary": "continue"})
>>> outcome = run_calls(verify, [LlmCall(cost_usd=0.25), LlmCall(cost_usd=0.05), LlmCall(cost_usd=0.05)])
>>> outcome.status.value, outcome.tripped_at, outcome.unreached, round(outcome.trip.overshoot_usd, 2)
('skipped', 1, 1, 0.05)
"""

from __future__ import annotations

from harnlab.core.steps.boundary import BoundaryExit, StepOutcome, cross_boundary, run_calls
from harnlab.core.steps.budget import (
    LlmCall,
    Trip,
    Usage,
    exceeded_limit,
    exhausted_error,
    is_step_budget_exhausted,
    mark_escalated,
    running_usage,
    thrown_text,
)
from harnlab.core.steps.definition import (
    PersonaDefinition,
    StepDefinition,
    persona_from_args,
    read_step_definition,
    step_from_args,
)
from harnlab.core.steps.hooks import Hook, HookEvent, matching_hooks
from harnlab.core.steps.runtime import (
    ActiveContext,
    ActivePersona,
    ActiveStep,
    CompletedStep,
    StepRuntime,
)
from harnlab.core.steps.spans import SpanCall, SpanEnded, SpanLog, SpanRecorder, SpanSet, SpanStarted

__all__ = [
    "ActiveContext",
    "ActivePersona",
    "ActiveStep",
    "BoundaryExit",
    "CompletedStep",
    "Hook",
    "HookEvent",
    "LlmCall",
    "PersonaDefinition",
    "SpanCall",
    "SpanEnded",
    "SpanLog",
    "SpanRecorder",
    "SpanSet",
    "SpanStarted",
    "StepDefinition",
    "StepOutcome",
    "StepRuntime",
    "Trip",
    "Usage",
    "cross_boundary",
    "exceeded_limit",
    "exhausted_error",
    "is_step_budget_exhausted",
    "mark_escalated",
    "matching_hooks",
    "persona_from_args",
    "read_step_definition",
    "run_calls",
    "running_usage",
    "step_from_args",
    "thrown_text",
]
