"""The live state of a program's steps and personas (seed step_runtime 0.8.8).

The seed keeps this state in thread-locals; here it is one value that the host holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harnlab.core.steps.boundary import BoundaryExit, cross_boundary
from harnlab.core.steps.budget import LlmCall, Usage, exceeded_limit, exhausted_error
from harnlab.core.steps.definition import (
    PersonaDefinition,
    StepDefinition,
    persona_from_args,
    step_from_args,
)
from harnlab.core.steps.hooks import Hook, matching_hooks
from harnlab.core.steps.spans import NoSpans, SpanRecorder
from harnlab.core.values import Value
from harnlab.errors import HarnError
from harnlab.vocabulary import SpanKind, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveStep:
    """One step on the stack; alive while the call stack is at least ``frame_depth`` deep."""

    definition: StepDefinition
    frame_depth: int
    persona: str | None = None
    args: tuple[Value, ...] = ()
    usage: Usage = field(default_factory=Usage)
    span_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePersona:
    """One persona on the stack."""

    definition: PersonaDefinition
    frame_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveContext:
    """Both stacks, taken out of a runtime so that other work can run in between."""

    steps: tuple[ActiveStep, ...]
    personas: tuple[ActivePersona, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedStep:
    """One entry of the completed-step log (FORMATS 4.1)."""

    name: str
    function: str
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float
    llm_calls: int
    status: str
    error: str | None

    def as_json(self) -> dict[str, str | int | float | None]:
        """Members as the runtime writes them; a cost that is no finite number becomes null."""
        return {
            "name": self.name,
            "function": self.function,
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd if math.isfinite(self.cost_usd) else None,
            "llm_calls": self.llm_calls,
            "status": self.status,
            "error": self.error,
        }


class StepRuntime:
    """Registered definitions, the stacks of personas and steps, hooks, and the completed-step log.

    A depth is the length of the host's call stack; a step pushed at depth 3 belongs to the third frame.

    Parameters
    ----------
    spans : SpanRecorder, optional
        Told of every tracing call; tracing is off without it.
    """

    def __init__(self, spans: SpanRecorder | None = None) -> None:
        self._spans: SpanRecorder = spans if spans is not None else NoSpans()
        self.reset()

    def reset(self) -> None:
        """Forget everything: definitions, stacks, hooks and log; the tracer keeps what it was told."""
        self._step_definitions: dict[str, StepDefinition] = {}
        self._persona_definitions: dict[str, PersonaDefinition] = {}
        self._steps: list[ActiveStep] = []
        self._personas: list[ActivePersona] = []
        self._completed: list[CompletedStep] = []
        self._hooks: list[Hook[Any]] = []

    # Definitions

    def register_step(self, args: Sequence[Value]) -> None:
        """Register a step from the builtin's arguments, in place of an earlier one for that function.

        Raises
        ------
        HarnThrownError
            When the arguments are not ``(function_name, metadata_dict)``.
        """
        self.define_step(step_from_args(args))

    def register_persona(self, args: Sequence[Value]) -> None:
        """Register a persona from the builtin's arguments.

        Raises
        ------
        HarnThrownError
            When the arguments are not ``(function_name, metadata_dict)``.
        """
        function, definition = persona_from_args(args)
        self._persona_definitions[function] = definition

    def define_step(self, definition: StepDefinition) -> None:
        """Register a definition already read; steps on the stack keep the one they were pushed with."""
        self._step_definitions[definition.function] = definition

    def definition(self, function: str) -> StepDefinition | None:
        """Definition of a step's function, if registered."""
        return self._step_definitions.get(function)

    def is_tracked(self, function: str) -> bool:
        """Whether ``function`` is a registered step or persona."""
        return function in self._step_definitions or function in self._persona_definitions

    # Stacks

    @property
    def persona_name(self) -> str | None:
        """Name of the innermost persona."""
        return self._personas[-1].definition.name if self._personas else None

    @property
    def active(self) -> ActiveStep | None:
        """The innermost step."""
        return self._steps[-1] if self._steps else None

    @property
    def frame_depth(self) -> int | None:
        """Depth of the innermost step's frame."""
        return self._steps[-1].frame_depth if self._steps else None

    @property
    def model_default(self) -> str | None:
        """Model the innermost step imposes on a call that pins none."""
        return self._steps[-1].definition.model if self._steps else None

    def push_persona(self, function: str, depth: int) -> bool:
        """Enter a persona's frame; false when ``function`` is none."""
        definition = self._persona_definitions.get(function)
        if definition is None:
            return False
        self._personas.append(ActivePersona(definition=definition, frame_depth=depth))
        return True

    def push_step(self, function: str, depth: int, args: Sequence[Value] = ()) -> bool:
        """Enter a step's frame and open its span; false when ``function`` is no step."""
        definition = self._step_definitions.get(function)
        if definition is None:
            return False
        persona = self.persona_name
        span_id = self._spans.start(SpanKind.STEP, definition.name)
        if persona is not None:
            self._spans.set(span_id, "persona", persona)
        if definition.model is not None:
            self._spans.set(span_id, "model", definition.model)
        self._steps.append(
            ActiveStep(
                definition=definition, frame_depth=depth, persona=persona, args=tuple(args), span_id=span_id
            )
        )
        return True

    def record(self, call: LlmCall) -> None:
        """Charge a call to the innermost step; without a step nothing happens.

        Raises
        ------
        HarnThrownError
            When the step is now above a ceiling. The call stays charged.
        """
        step = self.active
        if step is None:
            return
        usage = step.usage.after(call)
        self._steps[-1] = replace(step, usage=usage)
        trip = exceeded_limit(step.definition, usage)
        if trip is not None:
            raise exhausted_error(step.definition, usage, trip)

    def prune(self, depth: int) -> None:
        """Unwind to ``depth``: finish every deeper step as completed, then drop deeper personas."""
        while self._steps and self._steps[-1].frame_depth > depth:
            self.finish(self._steps.pop(), StepStatus.COMPLETED)
        while self._personas and self._personas[-1].frame_depth > depth:
            self._personas.pop()

    def take(self, depth: int) -> ActiveStep | None:
        """Remove the innermost step if its frame is at ``depth``, unfinished; :meth:`finish` it later."""
        return self._steps.pop() if self.frame_depth == depth else None

    def finish(self, step: ActiveStep, status: str, error: str | None = None) -> None:
        """Close the span of a step that is off the stack and log it under ``status``."""
        usage, status = step.usage, str(status)  # a plain word in the log, even from an enumeration
        self._spans.set(step.span_id, "status", status)
        self._spans.set(step.span_id, "llm_calls", usage.llm_calls)
        self._spans.set(step.span_id, "input_tokens", usage.input_tokens)
        self._spans.set(step.span_id, "output_tokens", usage.output_tokens)
        if math.isfinite(usage.cost_usd):
            self._spans.set(step.span_id, "cost_usd", usage.cost_usd)
        self._spans.end(step.span_id)
        self._completed.append(
            CompletedStep(
                name=step.definition.name,
                function=step.definition.function,
                model=step.definition.model if usage.last_model is None else usage.last_model,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost_usd=usage.cost_usd,
                llm_calls=usage.llm_calls,
                status=status,
                error=error,
            )
        )

    def pop_and_record(self, depth: int, status: str, error: str | None = None) -> bool:
        """Take the step at ``depth`` and finish it at once; false when the innermost step is not there."""
        step = self.take(depth)
        if step is None:
            return False
        self.finish(step, status, error)
        return True

    def leave_with(self, error: HarnError, depth: int) -> BoundaryExit | None:
        """Apply the innermost step's error boundary to an error that is leaving the frame at ``depth``.

        Returns
        -------
        BoundaryExit or None
            ``None`` when no boundary acts: the error is no budget error, or it is not leaving the step's own
            frame. Otherwise the step is finished and the exit says what its caller sees.
        """
        step = self.active
        if step is None or step.frame_depth != depth:
            return None
        end = cross_boundary(step.definition, error)
        if end is not None:
            self.pop_and_record(depth, end.status, end.recorded_error)
        return end

    def take_context(self) -> ActiveContext:
        """Empty both stacks into a value."""
        context = ActiveContext(steps=tuple(self._steps), personas=tuple(self._personas))
        self._steps, self._personas = [], []
        return context

    def restore_context(self, context: ActiveContext) -> None:
        """Put both stacks back; what was pushed in between is dropped."""
        self._steps, self._personas = list(context.steps), list(context.personas)

    # Completed-step log

    def peek_completed(self) -> tuple[CompletedStep, ...]:
        """The log in the order steps finished, inner ones first."""
        return tuple(self._completed)

    def drain_completed(self) -> tuple[CompletedStep, ...]:
        """The log, which is then empty."""
        drained = self.peek_completed()
        self._completed.clear()
        return drained

    # Hooks

    def register_hook(self, hook: Hook[Any]) -> None:
        """Add a hook after those already there."""
        self._hooks.append(hook)

    def clear_hooks(self) -> None:
        """Remove every hook."""
        self._hooks.clear()

    def matching_hooks(
        self, event: str, *, step_name: str | None = None, budget_pct: float | None = None
    ) -> list[Hook[Any]]:
        """Hooks to call now for the innermost persona; see :func:`harnlab.core.steps.matching_hooks`."""
        return matching_hooks(
            self._hooks, event, persona=self.persona_name, step_name=step_name, budget_pct=budget_pct
        )
