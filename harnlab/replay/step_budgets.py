"""Step budgets over whole columns: usage after each call, and the call that broke a ceiling.

Stands beside :mod:`harnlab.core.steps`, which stays the reference; equal to it in every answer and every bit of every
cost (``tests/replay/test_step_budgets.py``). What keeps it equal: costs are added left to right (``cum_sum``, never
``sum``), NaN is above no ceiling, and a log whose tokens together pass 2^62 is counted by the core itself, which
saturates (sums of 128 bits would do, but Polars 2.1 cannot run them in windows).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from harnlab.core.steps import LlmCall, Usage
from harnlab.vocabulary import StepLimit

#: What tells one run of a step from another.
STEP: Final = ("run_id", "step_span_id")

#: Tokens of a whole log up to here cannot overflow any sum of them.
_SAFE_TOKENS: Final = 2.0**62
_SIDES: Final = ("input_tokens", "output_tokens")


def running(calls: pl.DataFrame, *, by: Sequence[str] = STEP) -> pl.DataFrame:
    """Calls with the usage of their step after each of them.

    Parameters
    ----------
    calls : polars.DataFrame
        Calls charged to steps, those of one step in the order they were charged (steps may interleave):
        ``input_tokens``, ``output_tokens`` (negative and null count as 0) and ``cost_usd`` (null counts as 0).
    by : sequence of str
        Columns that name a step.

    Returns
    -------
    polars.DataFrame
        The calls with ``position`` within the step (from 0), ``running_input_tokens``, ``running_output_tokens``
        and ``running_tokens`` (UInt64, held at 2^64 - 1) and ``running_usd``.
    """
    counts = [pl.col(side).fill_null(0).clip(lower_bound=0) for side in _SIDES]
    total = calls.select(pl.sum_horizontal(count.cast(pl.Float64).sum() for count in counts)).item()
    if total > _SAFE_TOKENS:
        tokens = _saturating(calls, by)
    else:
        sums = calls.select(
            (count.cast(pl.Int64).cum_sum().over(by).cast(pl.UInt64)).alias(f"running_{side}")
            for side, count in zip(_SIDES, counts, strict=True)
        )
        tokens = sums.with_columns(running_tokens=pl.sum_horizontal(pl.all()))
    # a step starts from 0.0, to which a first price of -0.0 adds nothing
    price = pl.col("cost_usd").cast(pl.Float64).fill_null(0.0) + 0.0
    return calls.with_columns(
        position=pl.int_range(pl.len()).over(by), running_usd=price.cum_sum().over(by)
    ).with_columns(tokens.get_columns())


def exceeded() -> pl.Expr:
    """Which ceiling the usage after a call is strictly above: tokens first, then USD, else null.

    Reads ``running_tokens`` and ``running_usd``, and the ceilings ``max_tokens`` and ``max_usd`` (null: none).
    """
    tokens = pl.col("running_tokens").cast(pl.UInt128) > pl.col("max_tokens").cast(pl.UInt128)
    usd = pl.col("running_usd").is_not_nan() & (pl.col("running_usd") > pl.col("max_usd"))
    return (
        pl.when(tokens)
        .then(pl.lit(StepLimit.MAX_TOKENS.value))
        .when(usd)
        .then(pl.lit(StepLimit.MAX_USD.value))
    )


def trips(calls: pl.DataFrame, *, by: Sequence[str] = STEP) -> pl.DataFrame:
    """First call of each step that broke a ceiling.

    Parameters
    ----------
    calls : polars.DataFrame
        As :func:`running` gives them, with the ceilings ``max_tokens`` and ``max_usd`` of their step.
    by : sequence of str
        Columns that name a step.

    Returns
    -------
    polars.DataFrame
        The tripping call's row with ``limit``, a row a step that tripped; ``unreached`` are the calls after it.
    """
    broke = calls.with_columns(limit=exceeded()).filter(pl.col("limit").is_not_null())
    first = broke.unique(list(by), keep="first", maintain_order=True)
    last = calls.group_by(by).agg(last=pl.col("position").max())
    told = first.join(last, on=list(by), how="left", nulls_equal=True, maintain_order="left")
    return told.with_columns(unreached=pl.col("last") - pl.col("position")).drop("last")


def _saturating(calls: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Tokens after each call by the core, for counts that 64 bits may not hold."""
    used: dict[tuple[object, ...], Usage] = {}
    told = []
    for *step, tokens_in, tokens_out in calls.select(*by, *_SIDES).iter_rows():
        usage = used.get(tuple(step), Usage())
        usage = usage.after(LlmCall(input_tokens=tokens_in or 0, output_tokens=tokens_out or 0))
        used[tuple(step)] = usage
        told.append((usage.input_tokens, usage.output_tokens, usage.total_tokens))
    names = (*(f"running_{side}" for side in _SIDES), "running_tokens")
    return pl.DataFrame(told, schema=dict.fromkeys(names, pl.UInt64()), orient="row")
