"""How a step must have ended, told from what it used, its limits and the errors around it (FORMATS 4.1, 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harnlab.core.steps import (
    StepDefinition,
    Trip,
    Usage,
    cross_boundary,
    exceeded_limit,
    exhausted_error,
)
from harnlab.errors import HarnThrownError
from harnlab.vocabulary import StepStatus

_STATUSES: Final = frozenset(StepStatus)
#: Statuses that only a budget error brings about.
_STOPPED: Final = (StepStatus.SKIPPED, StepStatus.ESCALATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What is recorded of one finished step.

    Attributes
    ----------
    record : mapping
        Its row of ``steps``.
    definition : StepDefinition or None
        Its declared limits, where exactly one declaration fits.
    usage : Usage or None
        What it used in all; ``None`` where its calls are not recorded. Where ``cost_is_known`` is false, the cost
        is the one recorded for the whole step.
    cost_is_known : bool
        Whether its calls' prices are the ones it was charged.
    calls_after_trip : int or None
        Calls it made after one that broke a limit; ``None`` where no call is proved to have.
    error_is_recorded : bool
        Whether its record would tell an error: a span alone does not.
    has_trouble : bool
        Whether a call in it failed or a step inside it did not complete.
    """

    record: Mapping[str, Any]
    definition: StepDefinition | None
    usage: Usage | None
    cost_is_known: bool
    calls_after_trip: int | None
    error_is_recorded: bool
    has_trouble: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the step must have ended, or why that cannot be told."""

    status: str | None = None
    error: str | None = None
    trip: Trip | None = None
    undecided: str | None = None


def ending_of(facts: StepFacts) -> Ending:
    """Decide a step's end by the core's rules.

    A broken limit ends the step as its boundary says. A script may catch that error and go on, which no log says:
    then calls follow the one that broke the limit, and any recorded end but the boundary's is undecided.
    """
    record, definition, usage = facts.record, facts.definition, facts.usage
    if record["status"] not in _STATUSES:
        return Ending(undecided=f"`{record['status']}` is no status of 0.8.8")
    if usage is None:
        return Ending(undecided="its calls are not recorded")
    if definition is None:
        return Ending(undecided=f"no single declaration of the limits of `{record['step']}` is loaded")
    if trip := exceeded_limit(definition, usage):
        return _after_trip(facts, definition, usage, trip)
    if record["status"] == StepStatus.COMPLETED:
        return Ending(status=StepStatus.COMPLETED.value)
    return _without_trip(facts, definition)


def _after_trip(facts: StepFacts, definition: StepDefinition, usage: Usage, trip: Trip) -> Ending:
    end = cross_boundary(definition, exhausted_error(definition, usage, trip))
    assert end is not None, "a boundary acts on every error of a step's own budget"
    told = Ending(status=end.status.value, error=end.recorded_error, trip=trip)
    went_on = facts.calls_after_trip or 0
    if went_on and facts.record["status"] != told.status:
        return Ending(
            status=told.status,
            error=told.error,
            trip=trip,
            undecided=f"{went_on} calls follow the one that broke {trip.limit.value}, so the script caught its error",
        )
    return told


def _without_trip(facts: StepFacts, definition: StepDefinition) -> Ending:
    """End of a step that is recorded as stopped although its own calls broke no limit."""
    status, error = facts.record["status"], facts.record["error"]
    own = f"step `{facts.record['step']}` exceeded "
    if error is not None and error.startswith(own):
        return Ending(status=StepStatus.COMPLETED.value)
    if error is None and (facts.error_is_recorded or not facts.has_trouble):
        return Ending(status=StepStatus.COMPLETED.value)
    is_budget = status in _STOPPED or (error or "").startswith("step `")
    end = cross_boundary(definition, HarnThrownError({"category": "budget_exceeded", "message": error or ""}))
    if end is not None and is_budget and (status != end.status or error is not None):
        return Ending(status=end.status.value, error=error)
    return Ending(
        status=StepStatus.COMPLETED.value,
        undecided="its own calls broke no limit; the error that stopped it arose elsewhere and is not recorded",
    )
