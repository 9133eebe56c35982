"""What a step's trip would have kept from happening: calls inside it that came later, and the run after it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from harnlab.money import exact_sum
from harnlab.replay.inputs import Frames
from harnlab.replay.step_instances import StepInstance

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Calls that started after a moment: how many, and their known cost in USD, summed exactly."""

    calls: int
    usd: float


class Timeline:
    """Calls of some runs in order of their start, each with the spans around it."""

    def __init__(self, runs: Frames, run_ids: Iterable[str]) -> None:
        wanted = pl.col("run_id").is_in(list(run_ids))
        spans = runs.frame("spans").filter(wanted).select("run_id", "span_id", "parent_id")
        self._parents = {(run, span): parent for run, span, parent in spans.iter_rows()}
        calls = runs.frame("step_calls").filter(wanted).drop_nulls("start_ms").sort("start_ms")
        self._calls: dict[str, list[Row]] = {}
        for row in calls.select("run_id", "step_span_id", "start_ms", "cost_usd").iter_rows(named=True):
            self._calls.setdefault(row["run_id"], []).append(row)

    def after(self, step: StepInstance, call: Row) -> tuple[Later | None, Later | None]:
        """Calls of steps nested in ``step``, and calls outside it, that began once ``call`` had ended.

        ``None`` where the record has no times or no spans to tell by.
        """
        run, span = step.record["run_id"], step.record["span_id"]
        if call["start_ms"] is None or (run, span) not in self._parents:
            return None, None
        calls = self._calls.get(run, [])
        ended = call["start_ms"] + (call["duration_ms"] or 0)
        later = calls[bisect_left(calls, ended, key=lambda row: row["start_ms"]) :]
        nested: list[Row] = []
        outside: list[Row] = []
        for one in later:
            if one["step_span_id"] == span:
                continue
            (nested if self._is_inside(run, one["step_span_id"], span) else outside).append(one)
        return _summed(nested), _summed(outside)

    def _is_inside(self, run: str, span: int | None, step: int) -> bool:
        seen = set()
        while span is not None and span not in seen:
            if span == step:
                return True
            seen.add(span)
            span = self._parents.get((run, span))
        return False

    def enclosing(self, step: StepInstance) -> list[int]:
        """Spans around a step, the nearest first."""
        run, around = step.record["run_id"], []
        span = self._parents.get((run, step.record["span_id"]))
        while span is not None and span not in around:
            around.append(span)
            span = self._parents.get((run, span))
        return around


def _summed(calls: list[Row]) -> Later:
    costs = [call["cost_usd"] for call in calls if call["cost_usd"] is not None]
    return Later(calls=len(calls), usd=float(exact_sum(costs)))
