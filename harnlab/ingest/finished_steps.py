"""One row per finished step, however many files tell of it.

A step may stand in the trace spans of a run record, in a receipt and in a completed-step log. Spans know when
it ran and under which persona; receipts and logs know its function and its error. The n-th finish of a step
name in a run is the same step in each, so the first source that has a value gives it.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from harnlab.frames import SOURCE, STEPS

_RANK: Final = {"span": 0, "completed_steps": 1, "receipt": 2}
_KEY: Final = ["run_id", "step", "_nth"]


def one_row_per_step(told: pl.DataFrame) -> pl.DataFrame:
    """Merge what several sources tell of the same steps.

    Parameters
    ----------
    told : polars.DataFrame
        Rows of ``steps`` as the readers gave them, ``seq`` counted within each source.

    Returns
    -------
    polars.DataFrame
        In the schema of ``steps``: a row for each finished step, ``seq`` counted from 0 in each run, the source
        columns and ``source_kind`` those of the first source (span, then completed-step log, then receipt).
    """
    if told.is_empty():
        return STEPS.empty()
    ranked = told.with_columns(
        _rank=pl.col("source_kind").replace_strict(_RANK, default=len(_RANK), return_dtype=pl.Int64)
    ).sort("run_id", "_rank", "source_path", "seq", maintain_order=True)
    numbered = ranked.with_columns(_nth=pl.int_range(pl.len()).over("run_id", "_rank", "step"))
    together = [column.name for column in SOURCE if column.name != "run_id"]
    first = [pl.col(name).first() for name in (*together, "source_kind", "seq", "_rank")]
    filled = [
        pl.col(name).drop_nulls().first()
        for name in STEPS.names
        if name not in {*_KEY, *together, "source_kind", "seq"}
    ]
    merged = numbered.group_by(_KEY, maintain_order=True).agg(*first, *filled)
    ordered = merged.sort("run_id", "_rank", "seq", maintain_order=True)
    return STEPS.conform(ordered.with_columns(seq=pl.int_range(pl.len()).over("run_id")))
