"""Steps that spent more than they were allowed: which limit, at which call, by how much, and how we know.

Whether a limit is broken is decided by :mod:`harnlab.core.steps`, as it was live: usage is added call by call, left
to right, tokens are tested before USD, and the test is a strict ``>`` after the call is paid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.core.steps import Trip, Usage
from harnlab.questions import question
from harnlab.replay.step_instances import StepInstance, answer_place, proved_trip, step_instances, trip_of
from harnlab.vocabulary import StepLimit, StepStatus

_ERROR: Final = re.compile(
    r"step `(?P<step>.*)` exceeded (?P<limit>max_tokens|max_usd) budget \((?P<used>-?\d+) > (?P<allowed>-?\d+)\)",
    re.DOTALL,
)
#: Statuses that only a budget error brings about (FORMATS 4.1).
_STOPPED: Final = (StepStatus.SKIPPED, StepStatus.ESCALATED)

_UNIT: Final = {StepLimit.MAX_TOKENS: "tokens", StepLimit.MAX_USD: "USD"}

_OVERRUN: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "persona": pl.String(),
    "step": pl.String(),
    "function": pl.String(),
    "span_id": pl.Int64(),
    "limit": pl.String(),
    "unit": pl.String(),
    "limit_value": pl.Float64(),
    "observed": pl.Float64(),
    "overshoot": pl.Float64(),
    "overshoot_pct": pl.Float64(),
    "spent_before": pl.Float64(),
    "tripping_call_id": pl.String(),
    "tripping_seq": pl.UInt32(),
    "tripping_source_path": pl.String(),
    "tripping_source_line": pl.UInt32(),
    "boundary": pl.String(),
    "status": pl.String(),
    "calls_in_step": pl.Int64(),
    "unpriced_calls": pl.Int64(),
    "cost_usd": pl.Float64(),
    "because": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What is known of one overrun; ``position`` is that of the tripping call, where the record proves it."""

    limit: StepLimit | None = None
    limit_value: float | None = None
    observed: float | None = None
    position: int | None = None
    because: str


@question
def overruns(runs: Frames, /) -> pl.DataFrame:
    """Every step that went past a declared limit, or was stopped by a budget error.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a step instance, in order of completion. ``limit`` (``max_tokens`` or ``max_usd``) and its ``unit``
        (``tokens`` or ``USD``) hold for ``limit_value``, ``observed``, ``overshoot`` and ``spent_before``.
        ``observed`` is the usage right after the tripping call; where that call is not proved, the step's recorded
        total. ``tripping_*`` name that call and its log line (null where not proved), ``tripping_seq`` counts from
        0. ``cost_usd`` is the step's own spend (as the runtime charged it, without cache prices), nested steps not
        included. ``because`` says in a sentence how we know. ``source_path``, ``source_line``: the step's record.

    Notes
    -----
    A step exactly at its limit is no overrun. Follows seed step_runtime 0.8.8 and FORMATS 4.2.
    """
    rows = [_row(step, found) for step in step_instances(runs) if (found := _finding(step))]
    return pl.DataFrame(rows, schema=_OVERRUN, orient="row")


def _finding(step: StepInstance) -> _Finding | None:
    """Overrun of one step: by its calls, by its recorded total, by its recorded error, in this order."""
    if by_calls := proved_trip(step):
        return _by_calls(step, *by_calls)
    if step.recorded and (by_total := trip_of(step.definition, [step.recorded])):
        return _by_total(step, step.recorded, by_total[1])
    return _by_record(step)


def _by_calls(step: StepInstance, position: int, trip: Trip) -> _Finding:
    usage, limit = step.usage, trip.limit
    after = _spent(usage[position], limit)
    before = _spent(usage[position - 1], limit) if position else 0.0
    because = (
        f"call {position + 1} of {len(usage)} took `{step.record['step']}` from {_text(before, limit)} to "
        f"{_text(after, limit)}, {_over(after, trip)}; the test comes after the call, so it is paid"
    )
    unpriced = sum(call["cost_usd"] is None for call in step.answered[: position + 1])
    if unpriced and limit is StepLimit.MAX_USD:
        because += f" ({unpriced} call{'s' * (unpriced > 1)} up to it had no known price and counted as 0)"
    return _Finding(
        limit=limit, limit_value=trip.limit_value, observed=after, position=position, because=because
    )


def _by_total(step: StepInstance, recorded: Usage, trip: Trip) -> _Finding:
    usage, total = step.usage, _spent(recorded, trip.limit)
    because = (
        f"the recorded total of `{step.record['step']}` is {_text(total, trip.limit)}, {_over(total, trip)}; "
    )
    if usage:
        summed = _text(_spent(usage[-1], trip.limit), trip.limit)
        because += f"its recorded calls sum to {summed} (a step is charged without cache prices), "
        because += "so the call that broke the limit is not proved"
    else:
        because += "its calls are not recorded, so the call that broke the limit is not known"
    return _Finding(limit=trip.limit, limit_value=trip.limit_value, observed=total, because=because)


def _by_record(step: StepInstance) -> _Finding | None:
    """A budget error the runtime recorded where declared limits do not show it."""
    status, error = step.record["status"], step.record["error"] or ""
    if said := _ERROR.search(error):
        return _by_error(step, said)
    if status in _STOPPED:
        why = "which only a budget error does; the record names no limit"
        return _Finding(because=f"recorded as {status}, {why}")
    if status == StepStatus.FAILED and "budget" in error.lower() and "exceed" in error.lower():
        why = f"with the error {error!r}, raised outside the step's own limits"
        return _Finding(because=f"recorded as failed {why}")
    return None


def _by_error(step: StepInstance, said: re.Match[str]) -> _Finding:
    """A step budget's own error text; for ``max_usd`` it prints tokens and whole dollars, so it gives no numbers."""
    record, limit = step.record, StepLimit(said["limit"])
    if said["step"] != record["step"]:
        why = f"the budget error of step `{said['step']}` inside it went through it"
        return _Finding(because=f"recorded as {record['status']}: {why}")
    declared = getattr(step.definition, limit.value, None)
    tokens = limit is StepLimit.MAX_TOKENS
    return _Finding(
        limit=limit,
        limit_value=float(said["allowed"]) if declared is None and tokens else declared,
        observed=float(said["used"]) if tokens else record["cost_usd"],
        because=f"recorded as {record['status']} with the error {said[0]!r}; the call that did it is not recorded",
    )


def _row(step: StepInstance, found: _Finding) -> dict[str, Any]:
    record, limit, position = step.record, found.limit, found.position
    call = step.answered[position] if position is not None else None
    before = step.usage[position - 1] if position else Usage()
    over = None if found.observed is None or found.limit_value is None else found.observed - found.limit_value
    path, line = answer_place(call) if call else (None, None)
    return {
        **{name: record[name] for name in ("run_id", "persona", "step", "span_id", "status")},
        "function": record["function"] or (step.definition.function if step.definition else None),
        "limit": limit.value if limit else None,
        "unit": _UNIT[limit] if limit else None,
        "limit_value": found.limit_value,
        "observed": found.observed,
        "overshoot": over,
        "overshoot_pct": 100 * over / found.limit_value if over is not None and found.limit_value else None,
        "spent_before": _spent(before, limit) if call and limit else None,
        "tripping_call_id": call["call_id"] if call else None,
        "tripping_seq": call["seq"] if call else None,
        "tripping_source_path": path,
        "tripping_source_line": line,
        "boundary": step.definition.boundary.value if step.definition else None,
        "calls_in_step": record["llm_calls"] if record["llm_calls"] is not None else len(step.answered),
        "unpriced_calls": sum(c["cost_usd"] is None for c in step.answered) if step.answered else None,
        "cost_usd": record["cost_usd"] if step.recorded or not step.usage else step.usage[-1].cost_usd,
        "because": found.because,
        "source_path": record["source_path"] or path,
        "source_line": record["source_line"] if record["source_path"] else line,
    }


def _spent(usage: Usage, limit: StepLimit) -> float:
    return float(usage.total_tokens) if limit is StepLimit.MAX_TOKENS else usage.cost_usd


def _over(spent: float, trip: Trip) -> str:
    excess = _text(spent - trip.limit_value, trip.limit)
    return f"over its {trip.limit.value} of {_text(trip.limit_value, trip.limit)} by {excess}"


def _text(amount: float, limit: StepLimit) -> str:
    """Amount for a sentence; ten digits after the point hide the dust of adding floats."""
    if limit is StepLimit.MAX_TOKENS:
        return f"{amount:,.0f} tokens"
    return f"{round(Decimal(repr(amount)), 10).normalize():f} USD"
