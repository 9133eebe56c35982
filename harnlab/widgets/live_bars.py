"""Bars within bars, as an icicle draws them: which rows of the frame below stand in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from harnlab.charts.icicle import UNITS, bar_of_row

#: Members of the data that name a bar: the column its level splits by, and the values down to it.
NAMES: Final = ("level", "path")

Row = dict[str, Any]


def with_paths(frame: pl.DataFrame, drawn: Sequence[Row]) -> pl.DataFrame | None:
    """Frame with the path of the bar each row stands in, level for level; ``None`` for any other chart.

    Which rows share a bar depends on the unit drawn, and that is the one in which every bar has the calls it tells.
    """
    bars = [row for row in drawn if all(isinstance(row.get(name), str) for name in NAMES)]
    if not bars or not {"calls", *(row["level"] for row in bars)}.issubset(frame.columns):
        return None
    for unit in UNITS:
        paths = bar_of_row(frame, unit)
        if paths is not None and _tells(bars, paths, frame["calls"]):
            return frame.hstack(paths.select(pl.all().name.map(column)))
    return None


def column(level: str) -> str:
    """Name of the column :func:`with_paths` adds for a level."""
    return f"\0path of {level}"


def _tells(bars: Sequence[Row], paths: pl.DataFrame, calls: pl.Series) -> bool:
    """Whether each bar has as many calls as it says."""
    counts: dict[tuple[str, str], int] = {}
    for level in {bar["level"] for bar in bars}:
        sums = paths.select(level, calls=calls).group_by(level).agg(pl.col("calls").sum())
        counts |= {(level, path): count for path, count in sums.iter_rows()}
    return all(counts.get((bar["level"], bar["path"])) == bar["calls"] for bar in bars)
