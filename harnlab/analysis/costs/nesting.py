"""Costs of nested groups down to the single call, with times and the limits of their steps."""

from __future__ import annotations

from typing import Final

import polars as pl

from harnlab.analysis.costs.breakdown import ranked, summed
from harnlab.analysis.costs.running import running
from harnlab.analysis.dimensions import CALL, CALL_DIMENSIONS, checked, joined, labelled
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import charges
from harnlab.questions import question

_NESTED: Final = ("persona", "step", "route", "call_id")


@question
@question
def nested(runs: Frames, /, *dimensions: str) -> pl.DataFrame:
    """Cost, tokens and time by nested dimensions, down to the call.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    *dimensions : str
        Names out of ``hl.costs.DIMENSIONS`` and ``"call_id"``, outermost first. Default: persona, step, route,
        call_id.

    Returns
    -------
    polars.DataFrame
        As :func:`by`, and ``response_ms`` (Int64, milliseconds from request to answer; null where no call has it),
        ``step_visits`` (step instances of the row's persona and step whose calls are recorded), ``step_visits_over``
        (those among them proved to have gone over a limit), ``step_max_usd`` and ``step_max_tokens`` (the visits'
        limits added up; null without one). Dearest first.

    Raises
    ------
    UnknownName
        For an unknown dimension.
    InvalidArgument
        For a dimension named twice.
    """
    names = checked(dimensions or _NESTED, (*CALL_DIMENSIONS, "call_id"), where="costs.nested")
    rows = charges(runs, {*names, "persona", "step"} - {"call_id"})
    rows = joined(rows, runs.frame("calls").select(*CALL, "response_ms"))
    rows = joined(rows, _visits(runs))
    rows = labelled(rows, [name for name in names if name != "run_id"])
    keys = [name for name in names if name in ("persona", "step")]
    groups = rows.group_by(names, maintain_order=True).agg(
        pl.when(pl.col("response_ms").count() > 0).then(pl.col("response_ms").sum())
    )
    limits = _limits(rows, keys)
    costs = ranked(summed(rows, names), names)
    both = costs.join(groups, on=names, how="left", nulls_equal=True, maintain_order="left")
    if not keys:
        return both.join(limits, how="cross", maintain_order="left")
    return both.join(limits, on=keys, how="left", nulls_equal=True, maintain_order="left")


def _visits(runs: Frames) -> pl.DataFrame:
    """Step instance, its limits and whether it went over one, by call."""
    over = pl.col("tripping").any().over("run_id", "span_id")
    return running(runs).select(*CALL, "max_usd", "max_tokens", over=over, visit="span_id")


def _limits(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Limits of the visits of each persona and step, added up; null where a visit has none."""
    visits = rows.filter(pl.col("visit").is_not_null()).unique(["run_id", "visit"], keep="first")
    measures = [
        pl.len().cast(pl.Int64).alias("step_visits"),
        pl.col("over").sum().cast(pl.Int64).alias("step_visits_over"),
        *(
            pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(f"step_{name}")
            for name in ("max_usd", "max_tokens")
        ),
    ]
    return visits.group_by(keys, maintain_order=True).agg(measures) if keys else visits.select(measures)
