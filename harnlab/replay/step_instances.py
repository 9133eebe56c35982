"""Each time a step ran: what was recorded of it, the limits it had, and the calls charged to it.

The same finished step may stand in a span, a receipt and a completed-step log. Records that agree in step, usage and
status are the same step, taken in the order they finished.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from harnlab.core.steps import LlmCall, StepDefinition, Trip, Usage, exceeded_limit, running_usage
from harnlab.replay.inputs import Frames

Row = Mapping[str, Any]

#: The best record of a step first: a span knows its place, a completed step its function and error.
_KINDS: Final = {"span": 0, "completed_steps": 1, "receipt": 2}
_SAME_STEP: Final = ("run_id", "step", "input_tokens", "output_tokens", "llm_calls", "status")


#: Statuses of a call's span that say nothing came back.
FAILED: Final = ("retrying", "retries_exhausted", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInstance:
    """One run of one step.

    Attributes
    ----------
    record : mapping
        Row of ``steps``, its missing members filled from other records of the same step; a step that never
        finished has nulls but for its run, persona, name and span.
    definition : StepDefinition or None
        Its declared limits, where exactly one declaration fits.
    answered : tuple of mapping
        Rows of ``step_calls`` charged to the step itself, in order; a failed attempt is charged to nobody.
    usage : tuple of Usage
        What the step had used after each of them.
    """

    record: Row
    definition: StepDefinition | None
    answered: tuple[Row, ...]
    usage: tuple[Usage, ...]

    @property
    def recorded(self) -> Usage | None:
        """Totals the runtime recorded when the step finished."""
        record = self.record
        if record["input_tokens"] is None and record["output_tokens"] is None and record["cost_usd"] is None:
            return None
        return Usage(
            input_tokens=record["input_tokens"] or 0,
            output_tokens=record["output_tokens"] or 0,
            cost_usd=record["cost_usd"] or 0.0,
            llm_calls=record["llm_calls"] or 0,
        )


def trip_of(definition: StepDefinition | None, usage: Iterable[Usage]) -> tuple[int, Trip] | None:
    """Position of the first usage above a limit, and the limit; decided by the runtime's own rule in core."""
    if definition is None:
        return None
    for position, used in enumerate(usage):
        if trip := exceeded_limit(definition, used):
            return position, trip
    return None


def proved_trip(step: StepInstance) -> tuple[int, Trip] | None:
    """First of a step's answered calls that broke a limit, where the record proves which one it was.

    Usage recorded for the whole step is the runtime's own. Where the calls do not add up to it (a step is charged
    without cache prices, a transcript may be incomplete), they cannot tell which of them broke the limit.
    """
    usage, recorded = step.usage, step.recorded
    tripped = trip_of(step.definition, usage)
    if tripped is None or recorded is None or not (limits := step.definition):
        return tripped
    tokens_agree = limits.max_tokens is None or usage[-1].total_tokens == recorded.total_tokens
    spend_agrees = (
        limits.max_usd is None
        or step.record["cost_usd"] is None
        or math.isclose(usage[-1].cost_usd, recorded.cost_usd, rel_tol=1e-9)
    )
    return tripped if tokens_agree and spend_agrees else None


def answer_place(call: Row) -> tuple[str, int | None]:
    """File and line of a call's answer; of its span where there is no transcript."""
    if call["call_path"] is not None:
        return call["call_path"], call["call_line"]
    return call["source_path"], call["source_line"]


def step_instances(runs: Frames) -> list[StepInstance]:
    """Every run of every step, finished ones first, in order of completion."""
    finished = _finished(runs.frame("steps"))
    calls = _calls_by_span(runs)
    declared = runs.frame("step_definitions").to_dicts()
    records: list[dict[str, Any]] = finished.to_dicts()
    seen = {(record["run_id"], record["span_id"]) for record in records}
    for key, charged in calls.items():
        if key not in seen:
            first = charged[0]
            names = {name: first[name] for name in ("run_id", "persona", "step")}
            records.append(dict.fromkeys(finished.columns) | names | {"span_id": key[1]})
    return [
        _instance(
            record, declared_for(record, declared), calls.get((record["run_id"], record["span_id"]), ())
        )
        for record in records
    ]


def _instance(record: Row, definition: StepDefinition | None, calls: Iterable[Row]) -> StepInstance:
    answered = tuple(call for call in calls if call["status"] not in FAILED)
    usage = tuple(running_usage(map(_charged, answered)))
    return StepInstance(record=record, definition=definition, answered=answered, usage=usage)


def _charged(call: Row) -> LlmCall:
    """A call as the runtime charges it; an unknown price counts as 0, as it did there."""
    return LlmCall(
        model=call["model"] or "",
        input_tokens=call["input_tokens"] or 0,
        output_tokens=call["output_tokens"] or 0,
        cost_usd=call["cost_usd"] or 0.0,
    )


def _finished(steps: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``steps``, one a step however many records it stands in."""
    kind = pl.col("source_kind").replace_strict(_KINDS, default=len(_KINDS), return_dtype=pl.Int64())
    rows = steps.with_columns(_kind=kind).sort("run_id", "_kind", "seq")
    rows = rows.with_columns(_nth=pl.int_range(pl.len()).over(*_SAME_STEP, "_kind"))
    others = pl.col(c for c in steps.columns if c not in _SAME_STEP)
    same = rows.group_by(*_SAME_STEP, "_nth", maintain_order=True)
    return same.agg(others.drop_nulls().first()).select(steps.columns)


def _calls_by_span(runs: Frames) -> dict[tuple[str, int], list[Row]]:
    """Calls of each step in order, with the log line of each answer where there is a transcript."""
    answers = (
        runs.frame("calls")
        .select(
            "run_id",
            "call_id",
            call_path="source_path",
            call_line=pl.coalesce("response_line", "error_line", "source_line"),
        )
        .drop_nulls(["run_id", "call_id"])
        .unique(["run_id", "call_id"], keep="first")
    )
    charged = runs.frame("step_calls").filter(pl.col("step_span_id").is_not_null())
    rows = charged.join(answers, on=["run_id", "call_id"], how="left").sort("run_id", "step_span_id", "seq")
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault((row["run_id"], row["step_span_id"]), []).append(row)
    return found


def declared_for(record: Row, declared: Iterable[Row]) -> StepDefinition | None:
    """Limits of a step, where its declarations leave no doubt: of its run and its persona before others."""
    fitting = [row for row in declared if _fits(record, row)]
    for name in ("run_id", "persona"):
        fitting = [row for row in fitting if row[name] == record[name]] or fitting
    limits = {
        StepDefinition(
            name=row["name"] or row["function"] or record["step"],
            function=row["function"] or record["function"] or record["step"],
            max_tokens=row["max_tokens"],
            max_usd=row["max_usd"],
            error_boundary=row["error_boundary"],
        )
        for row in fitting
    }
    return limits.pop() if len(limits) == 1 else None


def _fits(record: Row, declared: Row) -> bool:
    personas = {record["persona"], declared["persona"]} - {None}
    if len(personas) > 1:
        return False
    if record["function"] and declared["function"]:
        return bool(record["function"] == declared["function"])
    return record["step"] is not None and record["step"] in (declared["name"], declared["function"])
