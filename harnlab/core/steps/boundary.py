"""What becomes of a step whose budget error leaves it, and of a whole run of calls (FORMATS 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from harnlab.core.steps.definition import StepDefinition
from harnlab.core.values import display
from harnlab.errors import HarnError, HarnThrownError
from harnlab.vocabulary import ErrorBoundary, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryExit:
    """How a step ends when a budget error leaves it.

    Attributes
    ----------
    status : StepStatus
        ``failed``, ``skipped`` or ``escalated``.
    recorded_error : str
        Text for the completed-step log.
    rethrown : HarnError, optional
        What the caller of the step sees; none when the boundary swallowed it and the step returned nil.
    """

    status: StepStatus
    recorded_error: str
    rethrown: HarnError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What a run of calls comes to under one definition.

    Attributes
    ----------
    status : StepStatus
        ``completed``, or what the boundary makes of the trip.
    usage : Usage
        What was spent; the call that tripped is paid and included.
    trip : Trip, optional
        The ceiling that was broken, and by how much.
    tripped_at : int, optional
        Position of the call that broke it, from 0.
    unreached : int
        Calls after the tripping one, which the step did not get to make.
    error : str, optional
        Text for the completed-step log.
    """

    status: StepStatus
    usage: Usage
    trip: Trip | None = None
    tripped_at: int | None = None
    unreached: int = 0
    error: str | None = None


def cross_boundary(definition: StepDefinition, error: HarnError) -> BoundaryExit | None:
    """Apply a step's error boundary to an error that leaves its own frame.

    Returns
    -------
    BoundaryExit or None
        ``None`` when the error is no budget error: it passes untouched and the boundary records nothing.
    """
    if not isinstance(error, HarnThrownError) or not is_step_budget_exhausted(error):
        return None
    return _exit(definition, error)


def run_calls(definition: StepDefinition, calls: Sequence[LlmCall]) -> StepOutcome:
    """Charge ``calls`` to a fresh step one by one, up to the first that breaks a ceiling.

    Parameters
    ----------
    definition : StepDefinition
        The ceilings and the boundary to decide by.
    calls : sequence of LlmCall
        The step's calls in the order they were made.

    Returns
    -------
    StepOutcome
        The trip comes after the call and ends the step under every boundary. (A live step may catch the error
        in a function it calls and go on; no log says so.)
    """
    usage = Usage()
    for position, usage in enumerate(running_usage(calls)):
        trip = exceeded_limit(definition, usage)
        if trip is not None:
            end = _exit(definition, exhausted_error(definition, usage, trip))
            return StepOutcome(
                status=end.status,
                usage=usage,
                trip=trip,
                tripped_at=position,
                unreached=len(calls) - position - 1,
                error=end.recorded_error,
            )
    return StepOutcome(status=StepStatus.COMPLETED, usage=usage)


def _exit(definition: StepDefinition, error: HarnThrownError) -> BoundaryExit:
    recorded = _recorded_text(error)
    match definition.boundary:
        case ErrorBoundary.CONTINUE:
            return BoundaryExit(status=StepStatus.SKIPPED, recorded_error=recorded, rethrown=None)
        case ErrorBoundary.ESCALATE:
            escalated = mark_escalated(error, step=definition.name, function=definition.function)
            return BoundaryExit(status=StepStatus.ESCALATED, recorded_error=recorded, rethrown=escalated)
        case ErrorBoundary.FAIL:  # pragma: no branch - mypy proves the match complete
            return BoundaryExit(status=StepStatus.FAILED, recorded_error=recorded, rethrown=error)


def _recorded_text(error: HarnThrownError) -> str:
    if "message" in error.value:
        return display(error.value["message"])
    return thrown_text(error)
