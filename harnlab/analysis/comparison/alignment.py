"""Which run of one side belongs to which of the other."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.frames import Instant

_PAIRS: Final[dict[str, pl.DataType]] = {
    "pair": pl.Int64(),
    "task": pl.String(),
    "a_run_id": pl.String(),
    "b_run_id": pl.String(),
    "a_status": pl.String(),
    "b_status": pl.String(),
    "a_started_at": Instant,
    "b_started_at": Instant,
}


class Alignment(StrEnum):
    """What makes two runs a pair."""

    TASK = "task"
    ORDER = "order"


def pairs_of(a: Frames, b: Frames, by: Alignment) -> pl.DataFrame:
    """Pairs of runs in order; a run without a partner stands alone.

    Runs of the same task pair in the order they started, the first with the first; by order, whatever they did.
    """
    keys = ["key", "nth"]
    joined = _numbered(a, by).join(
        _numbered(b, by), on=keys, how="full", suffix="_b", nulls_equal=True, coalesce=True
    )
    joined = joined.sort("order", "order_b", nulls_last=True)
    rows = joined.with_row_index("pair").select(
        "pair",
        pl.coalesce("task", "task_b").alias("task"),
        pl.col("run_id").alias("a_run_id"),
        pl.col("run_id_b").alias("b_run_id"),
        pl.col("status").alias("a_status"),
        pl.col("status_b").alias("b_status"),
        pl.col("started_at").alias("a_started_at"),
        pl.col("started_at_b").alias("b_started_at"),
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in _PAIRS.items())


def _numbered(runs: Frames, by: Alignment) -> pl.DataFrame:
    """Runs in order of their start, numbered within what they are aligned by."""
    frame = runs.frame("runs").unique("run_id", keep="first", maintain_order=True)
    frame = frame.sort("started_at", nulls_last=True, maintain_order=True).with_row_index("order")
    key = pl.col("task") if by is Alignment.TASK else pl.lit(None, dtype=pl.String)
    frame = frame.with_columns(key=key)
    return frame.with_columns(nth=pl.int_range(pl.len()).over("key")).select(
        "run_id", "task", "status", "started_at", "order", "key", "nth"
    )
