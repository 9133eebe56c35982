"""Costs by dimension; the rows of any breakdown sum to the total exactly."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from harnlab.analysis.dimensions import CALL_DIMENSIONS, checked, labelled
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import TOKENS, charges
from harnlab.money import column_sum, digits, exact_sum, share_pct, sum_parts, take_sums
from harnlab.questions import question


@question
def by(runs: Frames, /, *dimensions: str) -> pl.DataFrame:
    """Cost, calls and tokens by any dimensions.

    A call's cost belongs to the innermost step around it (self cost). Costs are summed exactly, as decimals of the
    shortest text of each recorded float, and rounded once to the float shown; :func:`exact` gives the decimals.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    *dimensions : str
        Names out of ``hl.costs.DIMENSIONS``, such as ``"persona", "step"``; none gives one row for everything.

    Returns
    -------
    polars.DataFrame
        The dimensions; ``calls``, ``unpriced_calls`` (calls among them whose price is not known: their cost is
        not in ``cost_usd``); ``input_tokens``, ``output_tokens``, ``cache_read_tokens``, ``cache_write_tokens``
        (null where no call recorded any); ``cost_usd`` (USD, Float64; null where no call has a price) and
        ``share_pct`` of the known cost of all rows. Dearest first. What has no value in a dimension is in a row
        ``(unattributed)`` (null in ``iteration``, ``day`` and ``hour``).

    Raises
    ------
    UnknownName
        For an unknown dimension.
    InvalidArgument
        For a dimension named twice.
    """
    names = checked(dimensions, CALL_DIMENSIONS, where="costs.by")
    rows = charges(runs, names)
    return ranked(summed(rows, names), names)


@question
def total(runs: Frames, /) -> pl.DataFrame:
    """Cost, calls and tokens of everything, in one row.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row: ``runs``, the measures of :func:`by` but ``share_pct``, ``cost_exact`` (text, every digit of the
        sum) and ``cost_sources`` (list: what the runs were priced from).
    """
    rows = charges(runs)
    return summed(rows, ()).select(
        pl.lit(rows["run_id"].n_unique(), dtype=pl.Int64()).alias("runs"),
        "calls",
        "unpriced_calls",
        *TOKENS,
        "cost_usd",
        pl.lit(digits(column_sum(rows, "cost_usd"))).alias("cost_exact"),
        pl.lit(rows["cost_source"].unique().sort().implode()).alias("cost_sources"),
    )


@question
def exact(runs: Frames, /, *dimensions: str) -> dict[tuple[Any, ...], Decimal]:
    """Known cost of each group with every digit, to check sums by.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    *dimensions : str
        As for :func:`by`.

    Returns
    -------
    dict
        Values of the dimensions to USD; ``sum`` of the decimals is the total, to the last digit.

    Raises
    ------
    UnknownName
        For an unknown dimension.
    InvalidArgument
        For a dimension named twice.
    """
    names = checked(dimensions, CALL_DIMENSIONS, where="costs.exact")
    groups, sums = take_sums(grouped(charges(runs, names), names))
    return dict(zip(groups.select(names).rows() if names else [()], sums, strict=True))


def grouped(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Measures of charges by dimension, in order of appearance; ``priced`` counts the charges with a known cost."""
    measures = [
        pl.col("calls", "unpriced_calls").sum(),
        *(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in TOKENS),
        pl.col("cost_usd").count().alias("priced"),
        *sum_parts("cost_usd"),
    ]
    rows = labelled(rows, names)
    return rows.group_by(names, maintain_order=True).agg(measures) if names else rows.select(measures)


def summed(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Charges by dimension with their exact cost and its share of the whole."""
    groups, sums = take_sums(grouped(rows, names))
    whole = exact_sum(sums)
    known = (pl.col("priced") > 0) | (pl.col("calls") == 0)
    usd = pl.Series([float(cost) for cost in sums], dtype=pl.Float64)
    share = pl.Series([share_pct(cost, whole) for cost in sums], dtype=pl.Float64)
    return groups.with_columns(cost_usd=pl.when(known).then(usd), share_pct=pl.when(known).then(share)).drop(
        "priced"
    )


def ranked(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Dearest first; what costs the same in the order of its names, so that output never depends on input order."""
    keys = ["cost_usd", "calls", *names]
    return rows.sort(keys, descending=[True, True, *[False] * len(names)], nulls_last=True)
