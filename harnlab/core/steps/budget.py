"""What a step has used, which ceiling that breaks, and the error it throws (seed step_runtime 0.8.8).

:meth:`Usage.after` and :func:`exceeded_limit` are the only places that add usage and decide a trip; the live
runtime, replay and what-if all come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harnlab.core.rust_semantics import U32_MAX, float_to_i64, saturating_add
from harnlab.core.steps.definition import StepDefinition
from harnlab.core.values import Value, display
from harnlab.errors import HarnError, HarnThrownError
from harnlab.vocabulary import ErrorBoundary, StepLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmCall:
    """One model call as it is charged to a step.

    Attributes
    ----------
    model : str
        Model that answered; empty when not known.
    input_tokens, output_tokens : int
        Token counts; a negative count is charged as 0.
    cost_usd : float
        Price of the call, USD; charged as it stands, so NaN and negative prices count.
    """

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a step has used so far; tokens are held at 2^64 - 1 and calls at 2^32 - 1."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    llm_calls: int = 0
    last_model: str | None = None

    @property
    def total_tokens(self) -> int:
        """Input plus output tokens, held at 2^64 - 1."""
        return saturating_add(self.input_tokens, self.output_tokens)

    def after(self, call: LlmCall) -> Usage:
        """Usage once ``call`` is charged; prices are added left to right, as the runtime adds them."""
        return Usage(
            input_tokens=saturating_add(self.input_tokens, max(call.input_tokens, 0)),
            output_tokens=saturating_add(self.output_tokens, max(call.output_tokens, 0)),
            cost_usd=self.cost_usd + call.cost_usd,
            llm_calls=saturating_add(self.llm_calls, 1, U32_MAX),
            last_model=call.model or self.last_model,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A ceiling that was broken, and by how much.

    Attributes
    ----------
    limit : StepLimit
        Which ceiling.
    limit_value : float
        The ceiling itself, tokens or USD.
    overshoot_tokens : int, optional
        Tokens above the ceiling, when it is ``max_tokens``.
    overshoot_usd : float, optional
        USD above the ceiling, when it is ``max_usd``.
    """

    limit: StepLimit
    limit_value: float
    overshoot_tokens: int | None = None
    overshoot_usd: float | None = None


def running_usage(calls: Iterable[LlmCall]) -> Iterator[Usage]:
    """Usage after each call in turn, one value per call."""
    usage = Usage()
    for call in calls:
        usage = usage.after(call)
        yield usage


def exceeded_limit(definition: StepDefinition, usage: Usage) -> Trip | None:
    """Which ceiling ``usage`` is strictly above: tokens first, then USD, else ``None``."""
    tokens, usd = definition.max_tokens, definition.max_usd
    if tokens is not None and usage.total_tokens > tokens:
        over = usage.total_tokens - tokens
        return Trip(limit=StepLimit.MAX_TOKENS, limit_value=float(tokens), overshoot_tokens=over)
    if usd is not None and usage.cost_usd > usd:
        return Trip(limit=StepLimit.MAX_USD, limit_value=usd, overshoot_usd=usage.cost_usd - usd)
    return None


def exhausted_error(definition: StepDefinition, usage: Usage, trip: Trip) -> HarnThrownError:
    """Error the runtime throws for ``trip``.

    The message shows tokens whichever ceiling tripped, against a ceiling cut to a whole number: that is what
    the runtime prints. The typed members of the thrown dict tell the truth.
    """
    consumed_tokens = float(usage.total_tokens)
    shown = f"{float_to_i64(consumed_tokens)} > {float_to_i64(trip.limit_value)}"
    boundary = definition.error_boundary
    return HarnThrownError(
        {
            "category": "budget_exceeded",
            "kind": "budget_exhausted",
            "reason": "step_budget_exhausted",
            "step": definition.name,
            "function": definition.function,
            "limit": trip.limit.value,
            "limit_value": trip.limit_value,
            "consumed_tokens": consumed_tokens,
            "consumed_cost_usd": usage.cost_usd,
            "error_boundary": ErrorBoundary.FAIL.value if boundary is None else boundary,
            "message": f"step `{definition.name}` exceeded {trip.limit} budget ({shown})",
        }
    )


def is_step_budget_exhausted(error: HarnError) -> bool:
    """Whether ``error`` is one an error boundary acts on.

    True for the dict a step's budget threw (also once escalated) and for any thrown dict of category
    ``budget_exceeded``, which is how a refused pre-flight looks (FORMATS 4.4).
    """
    if not isinstance(error, HarnThrownError) or not isinstance(error.value, dict):
        return False
    thrown = error.value
    by_step = thrown.get("kind") == "budget_exhausted" and thrown.get("reason") == "step_budget_exhausted"
    return by_step or thrown.get("category") == "budget_exceeded"


def mark_escalated(error: HarnError, *, step: str | None = None, function: str | None = None) -> HarnError:
    """Turn a thrown dict into a handoff escalation; any other error comes back as it is.

    Parameters
    ----------
    error : HarnError
        What left the step; it is not changed.
    step, function : str, optional
        Identity of the step, filled in only where the dict has none.
    """
    if not isinstance(error, HarnThrownError) or not isinstance(error.value, dict):
        return error
    identity = {"step": step, "function": function}
    filled: dict[str, Value] = {name: text for name, text in identity.items() if text is not None}
    return HarnThrownError({**filled, **error.value, "escalated": True, "category": "handoff_escalation"})


def thrown_text(error: HarnThrownError) -> str:
    """Text of a thrown value as the runtime prints an error."""
    return f"Thrown: {display(error.value)}"
