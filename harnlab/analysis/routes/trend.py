"""The share of inherited dispatches over time."""

from __future__ import annotations

import polars as pl

from harnlab.analysis.costs.trend import windows
from harnlab.analysis.dimensions import INHERITED, UNKNOWN, route_columns
from harnlab.analysis.inputs import Frames
from harnlab.analysis.intervals import wilson
from harnlab.questions import question


@question
def trend(runs: Frames, /, *, every: str = "1h") -> pl.DataFrame:
    """Share of dispatches that inherited a part of their route, by window of time.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    every : str
        Width of a window as Polars writes it (``"15m"``, ``"1h"``, ``"1d"``), aligned to UTC.

    Returns
    -------
    polars.DataFrame
        In order of time: ``at`` (start of the window; null for dispatches without a time), ``calls`` (dispatches),
        ``inherited_calls``, ``unknown_calls`` (no field inherited, provider, model or wire format unknown),
        ``share_pct`` inherited with its 95 % interval ``low_pct`` and ``high_pct``, and ``first_inherited_at``: the
        time of the very first inherited dispatch, in the row of its window.

    Raises
    ------
    InvalidArgument
        For a width Polars cannot read, or one that is not positive.
    """
    rows = runs.frame("dispatches").with_columns(route_columns()).select("timestamp", "origin")
    inherited = pl.col("origin") == INHERITED
    rows = rows.with_columns(at=windows(rows["timestamp"], every=every, where="routes.trend"))
    counts = rows.group_by("at").agg(
        calls=pl.len().cast(pl.Int64),
        inherited_calls=inherited.sum().cast(pl.Int64),
        unknown_calls=(pl.col("origin") == UNKNOWN).sum().cast(pl.Int64),
        first_inherited_at=pl.col("timestamp").filter(inherited).min(),
    )
    counts = counts.sort("at", nulls_last=True)
    ends = [wilson(some, of) for some, of in counts.select("inherited_calls", "calls").iter_rows()]
    began = pl.col("first_inherited_at")
    return counts.with_columns(
        pl.when(began == began.min()).then(began),
        share_pct=pl.col("inherited_calls") / pl.col("calls") * 100,
        low_pct=pl.Series([100 * low for low, _ in ends], dtype=pl.Float64),
        high_pct=pl.Series([100 * high for _, high in ends], dtype=pl.Float64),
    )
