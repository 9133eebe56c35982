"""The calls that cost money, each counted once and from one source.

A run is priced from its transcript's calls. Only a run without any is priced from something coarser: the spans of
its calls, its finished steps, its receipts, its run record, in this order; ``cost_source`` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from harnlab.frames import Instant
from harnlab.money import finite, is_unpriced, known_cost

#: Gives a frame by its name.
FrameOf = Callable[[str], pl.DataFrame]

TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")

#: Statuses of the span of an attempt that was not answered (FORMATS 4.5).
_FAILED_SPANS: Final = ["retrying", "retries_exhausted", "error"]

#: Columns of every charge before dimensions are joined on.
_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
    "call_id": pl.String(),
    "span_id": pl.Int64(),
    "iteration": pl.Int64(),
    "at": Instant,
    "provider": pl.String(),
    "model": pl.String(),
    "status": pl.String(),
    "stop_reason": pl.String(),
    "route_policy": pl.String(),
    "persona": pl.String(),
    "step": pl.String(),
    "step_path": pl.String(),
    "calls": pl.Int64(),
    "unpriced_calls": pl.Int64(),
    **{name: pl.Int64() for name in TOKENS},
    "cost_usd": pl.Float64(),
    "cost_source": pl.String(),
}


def recorded_charges(frame: FrameOf) -> pl.DataFrame:
    """Every charge of every run.

    Parameters
    ----------
    frame : callable
        Gives the frames of the runs, such as ``runs.frame``.

    Returns
    -------
    polars.DataFrame
        One row a call (or a step, receipt or run where a run has no calls): ``calls`` and ``unpriced_calls`` it
        stands for, tokens, ``cost_usd`` (null = price unknown) and ``cost_source``.
    """
    parts: list[pl.DataFrame] = []
    settled = pl.DataFrame(schema={"run_id": pl.String()})
    for read in _SOURCES:
        part = _shaped(read(frame)).join(settled, on="run_id", how="anti", maintain_order="left")
        settled = pl.concat([settled, part.select("run_id").unique()])
        parts.append(part)
    return pl.concat(parts)


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    have = set(rows.columns)
    return rows.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _COLUMNS.items()
    )


def _of_calls(frame: FrameOf) -> pl.DataFrame:
    return frame("calls").with_columns(
        source_line=pl.coalesce("response_line", "error_line", "source_line"),
        at=pl.coalesce("answered_at", "requested_at"),
        calls=1,
        unpriced_calls=is_unpriced(),
        cost_usd=known_cost(),
        cost_source=pl.lit("transcript"),
    )


def _of_call_spans(frame: FrameOf) -> pl.DataFrame:
    began = frame("runs").select("run_id", "started_at").unique("run_id", keep="first")
    rows = frame("step_calls").join(began, on="run_id", how="left", maintain_order="left")
    return rows.with_columns(
        at=pl.col("started_at") + pl.duration(milliseconds=pl.col("start_ms") + pl.col("duration_ms")),
        step_path=pl.col("step_path").list.join(" > ", ignore_nulls=True),
        calls=1,
        # a failed attempt has no price to know, as in `is_unpriced`
        unpriced_calls=finite(pl.col("cost_usd")).is_null()
        & ~pl.col("status").is_in(_FAILED_SPANS).fill_null(value=False),
        cost_usd=finite(pl.col("cost_usd")),
        cost_source=pl.lit("spans"),
    )


def _of_steps(frame: FrameOf) -> pl.DataFrame:
    """Charge finished steps, of the first kind of record a run has, since the kinds repeat each other."""
    order = pl.col("source_kind").replace_strict(
        {"span": 0, "completed_steps": 1, "receipt": 2}, default=3, return_dtype=pl.Int64()
    )
    rows = frame("steps").filter(order == order.min().over("run_id"))
    return rows.with_columns(
        step_path="step",
        at="started_at",
        calls=pl.col("llm_calls").fill_null(0),
        unpriced_calls=pl.when(finite(pl.col("cost_usd")).is_null())
        .then("llm_calls")
        .otherwise(0)
        .fill_null(0),
        cost_usd=finite(pl.col("cost_usd")),
        cost_source=pl.lit("steps"),
        span_id=pl.lit(None),
    )


def _of_receipts(frame: FrameOf) -> pl.DataFrame:
    rows = frame("receipts").unique("receipt_id", keep="first", maintain_order=True)
    return rows.with_columns(
        run_id=pl.coalesce("run_id", "parent_run_id"),
        step_path="step",
        at=pl.coalesce("completed_at", "started_at"),
        calls=pl.col("model_call_count").fill_null(0),
        unpriced_calls=pl.when(finite(pl.col("cost_usd")).is_null())
        .then("model_call_count")
        .otherwise(0)
        .fill_null(0),
        cost_usd=finite(pl.col("cost_usd")),
        cost_source=pl.lit("receipts"),
        status=pl.lit(None),
    )


def _of_run_records(frame: FrameOf) -> pl.DataFrame:
    rows = frame("runs").unique("run_id", keep="first", maintain_order=True)
    reported = pl.col("usage_call_count").is_not_null() | pl.col("usage_total_cost_usd").is_not_null()
    cost = finite(pl.col("usage_total_cost_usd"))
    return rows.filter(reported).with_columns(
        at=pl.coalesce("finished_at", "started_at"),
        calls=pl.col("usage_call_count").fill_null(0),
        unpriced_calls=pl.when(cost.is_null()).then("usage_call_count").otherwise(0).fill_null(0),
        input_tokens="usage_input_tokens",
        output_tokens="usage_output_tokens",
        cost_usd=cost,
        cost_source=pl.lit("run_record"),
        status=pl.lit(None),
        persona=pl.lit(None),
    )


_SOURCES: Final[tuple[Callable[[FrameOf], pl.DataFrame], ...]] = (
    _of_calls,
    _of_call_spans,
    _of_steps,
    _of_receipts,
    _of_run_records,
)
