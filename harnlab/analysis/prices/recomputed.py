"""Calls priced again under a named table, and the differences summed by cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.analysis.prices.causes import Cause, Priced, cause_of
from harnlab.errors import InvalidArgument
from harnlab.frames import SOURCE
from harnlab.money import exact_sum, known_cost, sum_parts, take_sums
from harnlab.questions import question
from harnlab.replay.price_table import FAST, STANDARD, CacheConvention, PriceTable, Tokens

Row = Mapping[str, Any]

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "call_id": pl.String(),
    "provider": pl.String(),
    "model": pl.String(),
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "cache_read_tokens": pl.Int64(),
    "cache_write_tokens": pl.Int64(),
    "served_fast": pl.Boolean(),
    "recorded_cost_usd": pl.Float64(),
    "recomputed_cost_usd": pl.Float64(),
    "difference_usd": pl.Float64(),
    "cause": pl.String(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def recompute(
    runs: Frames, prices: PriceTable, /, *, convention: str = CacheConvention.INCLUSIVE
) -> pl.DataFrame:
    """Cost of every call under a price table, beside the recorded one.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    prices : PriceTable
        Table of :func:`read`.
    convention : str
        Which input tokens are billed at the plain rate (:class:`CacheConvention`).

    Returns
    -------
    polars.DataFrame
        One row a call, in the order of the log: tokens, ``recorded_cost_usd`` (null = price unknown),
        ``recomputed_cost_usd`` (null = the table has no price, or nothing to price), ``difference_usd`` (recomputed
        less recorded, exact), ``cause`` (:class:`Cause`), ``because``, and the source columns.

    Raises
    ------
    InvalidArgument
        For an unknown convention, or a table that is none.
    """
    if not isinstance(prices, PriceTable):
        raise InvalidArgument(
            f"prices={type(prices).__name__}", where="prices.recompute", expected="a table of hl.prices.read"
        )
    if convention not in frozenset(CacheConvention):
        known = ", ".join(CacheConvention)
        raise InvalidArgument(
            f"convention={convention!r}", where="prices.recompute", expected=f"one of {known}"
        )
    calls = runs.frame("calls").with_columns(recorded_cost_usd=known_cost())
    rows = [_recomputed(row, prices, CacheConvention(convention)) for row in calls.iter_rows(named=True)]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _COLUMNS.items()}
    )


@question
def differences(
    runs: Frames, prices: PriceTable, /, *, convention: str = CacheConvention.INCLUSIVE
) -> pl.DataFrame:
    """Recorded against recomputed cost, by cause and model.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    prices : PriceTable
        Table of :func:`read`.
    convention : str
        As for :func:`recompute`.

    Returns
    -------
    polars.DataFrame
        One row for each cause, provider and model: ``calls``, the exact sums ``recorded_cost_usd`` and
        ``recomputed_cost_usd`` (null where no call has one), ``difference_usd`` over the calls that have both, and
        the first such call (``first_because``, ``first_source_path``, ``first_source_line``). The ``same`` come last.

    Raises
    ------
    InvalidArgument
        For an unknown convention, or a table that is none.
    """
    rows = recompute(runs, prices, convention=convention)
    names = ("cause", "provider", "model")
    firsts = [pl.col(one).first().alias(f"first_{one}") for one in ("because", "source_path", "source_line")]
    told = rows.group_by(names, maintain_order=True).agg(pl.len().cast(pl.Int64).alias("calls"), *firsts)
    for column in ("recorded_cost_usd", "recomputed_cost_usd", "difference_usd"):
        groups, sums = take_sums(
            rows.group_by(names, maintain_order=True).agg(
                pl.col(column).count().alias("known"), *sum_parts(column)
            )
        )
        amount = pl.Series(column, [float(one) for one in sums], dtype=pl.Float64)
        told = told.with_columns(
            groups.select(pl.when(pl.col("known") > 0).then(amount).alias(column))[column]
        )
    order = {cause.value: number for number, cause in enumerate(Cause)} | {Cause.SAME.value: len(Cause)}
    rank = pl.col("cause").replace_strict(order, return_dtype=pl.Int64)
    measures = ("calls", "recorded_cost_usd", "recomputed_cost_usd", "difference_usd")
    return told.sort(rank, "provider", "model", nulls_last=True).select(
        *names, *measures, pl.col("^first_.*$")
    )


def _recomputed(row: Row, prices: PriceTable, convention: CacheConvention) -> dict[str, Any]:
    told = {name: row[name] for name in _COLUMNS if name in row} | _place(row)
    if row["input_tokens"] is None or row["output_tokens"] is None:
        answered = row["status"] == "answered"
        why = "the tokens of the call are not recorded" if answered else "no answer is recorded"
        return told | {"cause": Cause.NO_USAGE.value, "because": f"{why}: there is nothing to price"}
    tokens, tier = _tokens(row), FAST if row["served_fast"] else STANDARD
    price = prices.price(row["provider"], row["model"], tokens, tier)
    if price is None:
        why = f"{prices.name} has no {tier} price of {row['provider']}/{row['model']}"
        return told | {"cause": Cause.NOT_IN_TABLE.value, "because": why}
    cost, recorded = price.cost(tokens, convention), row["recorded_cost_usd"]
    told["recomputed_cost_usd"] = float(cost)
    if recorded is not None:
        told["difference_usd"] = float(exact_sum([cost, -recorded]))
    call = Priced(
        provider=row["provider"],
        model=row["model"],
        tokens=tokens,
        tier=tier,
        recorded=recorded,
        unpriced_tokens=row["unpriced_tokens"] or 0,
        price=price,
        cost=cost,
    )
    cause, because = cause_of(call, prices, convention)
    return told | {"cause": cause.value, "because": because}


def _place(row: Row) -> dict[str, Any]:
    """Line of what ended the call; its offset is known only where that is the row's own line."""
    line = row["response_line"] or row["error_line"] or row["source_line"]
    if line == row["source_line"]:
        return {"source_line": line}
    return {"source_line": line, "source_offset": None, "length": None}


def _tokens(row: Row) -> Tokens:
    return Tokens(
        input=row["input_tokens"],
        output=row["output_tokens"],
        cache_read=row["cache_read_tokens"] or 0,
        cache_write=row["cache_write_tokens"] or 0,
    )
