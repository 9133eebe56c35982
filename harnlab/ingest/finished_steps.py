"""One row per finished step, however many files tell of it.

A step may stand in the trace spans of a run record, in a receipt and in a completed-step log. Spans know when
it ran and under which persona; receipts and logs know its function and its error. The n-th finish of a step
name in a run is the same step in each, so the first source that has a value gives it. Where they contradict each
other nothing is lost: ``extra`` holds the places and the own values of the others under :data:`TOLD_OTHERWISE`.
"""

from __future__ import annotations

import json
from typing import Any, Final

import polars as pl

from harnlab.frames import SOURCE, STEPS

_RANK: Final = {"span": 0, "completed_steps": 1, "receipt": 2}
_KEY: Final = ["run_id", "step", "_nth"]
_PLACE: Final = [column.name for column in SOURCE if column.name != "run_id"]
_SAID: Final = ("input_tokens", "output_tokens", "cost_usd", "llm_calls", "status", "error")

#: Member of ``extra``: the other sources of a step they contradict each other about, each with its place and values.
TOLD_OTHERWISE: Final = "told_otherwise"


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
    first = [pl.col(name).first() for name in (*_PLACE, "source_kind", "seq", "_rank")]
    filled = [
        pl.col(name).drop_nulls().first()
        for name in STEPS.names
        if name not in {*_KEY, *_PLACE, "source_kind", "seq"}
    ]
    merged = numbered.group_by(_KEY, maintain_order=True).agg(*first, *filled)
    ordered = _with_dissent(merged, numbered).sort("run_id", "_rank", "seq", maintain_order=True)
    return STEPS.conform(ordered.with_columns(seq=pl.int_range(pl.len()).over("run_id")))


def _with_dissent(merged: pl.DataFrame, numbered: pl.DataFrame) -> pl.DataFrame:
    """Merged steps with what other sources say otherwise in ``extra``."""
    differs = [pl.col(name) != pl.col(name).drop_nulls().first() for name in _SAID]
    disputed = pl.any_horizontal(test.any(ignore_nulls=True).over(_KEY) for test in differs)
    others = numbered.filter(disputed, pl.col("_rank") > pl.col("_rank").min().over(_KEY))
    if others.is_empty():
        return merged
    said: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in others.select(*_KEY, *_PLACE, "source_kind", *_SAID).iter_rows(named=True):
        key = tuple(row.pop(name) for name in _KEY)
        said.setdefault(key, []).append({name: value for name, value in row.items() if value is not None})
    extra = [
        _extended(extra, said.get(tuple(key))) for *key, extra in merged.select(*_KEY, "extra").iter_rows()
    ]
    return merged.with_columns(extra=pl.Series(extra, dtype=pl.String))


def _extended(extra: str | None, said: list[dict[str, Any]] | None) -> str | None:
    if said is None:
        return extra
    known = json.loads(extra) if extra else {}
    return json.dumps(known | {TOLD_OTHERWISE: said}, ensure_ascii=False)
