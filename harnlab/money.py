"""What a recorded cost means, and exact sums of them.

A log writes a cost as decimal text, and the shortest text of the float read from it is that decimal again. So a
cost means the decimal ``repr`` prints, and sums of those are exact: ten times 0.1 is 1, however it is grouped.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, localcontext
from typing import Final

import polars as pl

#: Digits enough for any two finite floats side by side, so that no sum is ever rounded (and says so if it were).
_EXACT: Final = Context(prec=1200, traps=[Inexact])

#: Costs between these have all of their (at most 17) digits within 24 decimals, and 10^8 of them do not overflow.
_SMALLEST, _LARGEST = 1e-7, 1e6
_FIXED: Final = pl.Decimal(38, 24)

#: Columns :func:`sum_parts` makes and :func:`take_sums` reads.
_PARTS: Final = ("exact_fixed", "exact_rest")


def exact_sum(values: Iterable[float | Decimal]) -> Decimal:
    """Sum of finite recorded costs with no rounding, in any order the same."""
    with localcontext(_EXACT):
        return sum((v if isinstance(v, Decimal) else Decimal(repr(v)) for v in values), Decimal(0))


def sum_parts(column: str) -> list[pl.Expr]:
    """Aggregations of a column of finite floats that together hold its exact sum.

    Nearly every cost fits a fixed-point decimal, which Polars sums exactly; the few others are listed.
    """
    cost = pl.col(column)
    fits = (cost == 0) | cost.abs().is_between(_SMALLEST, _LARGEST)
    fixed = pl.when(fits).then(cost).cast(pl.String).cast(_FIXED)
    return [fixed.sum().alias(_PARTS[0]), cost.filter(~fits).implode().alias(_PARTS[1])]


def take_sums(groups: pl.DataFrame) -> tuple[pl.DataFrame, list[Decimal]]:
    """Groups without their parts, and the exact sum of each."""
    parts = zip(*(groups[part].to_list() for part in _PARTS), strict=True)
    sums = (exact_sum((fixed or Decimal(0), *(rest or ()))) for fixed, rest in parts)
    # the fixed-point column brings 24 decimals along, nearly all of them zeros
    return groups.drop(_PARTS), [Decimal(digits(amount)) for amount in sums]


def column_sum(rows: pl.DataFrame, column: str) -> Decimal:
    """Exact sum of one column of finite floats."""
    return take_sums(rows.select(sum_parts(column)))[1][0]


def digits(amount: Decimal) -> str:
    """Every digit of an amount as plain text."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share_pct(part: float | Decimal, whole: float | Decimal) -> float | None:
    """``part`` of ``whole`` in percent; ``None`` where there is no whole."""
    return float(Decimal(part) * 100 / Decimal(whole)) if whole else None


def usd_text(amount: Decimal) -> str:
    """Amount for a sentence: at least two decimals, at most six, ``≈`` where digits are left out."""
    shown = amount.quantize(Decimal("0.000001"))
    whole, _, cents = f"{shown:,f}".partition(".")
    return f"{'' if shown == amount else '≈'}{whole}.{cents.rstrip('0').ljust(2, '0')} USD"


def known_cost() -> pl.Expr:
    """What is known of a call's cost: ``known_cost_usd`` if present, else ``cost_usd``; null = unpriced."""
    return finite(pl.coalesce("known_cost_usd", "cost_usd"))


def is_unpriced() -> pl.Expr:
    """Whether a call was answered at a price that is not, or not wholly, known.

    A failed attempt without a usable answer has no price to know, as in ``runs.summary``.
    """
    answered = pl.col("status").fill_null("answered") == "answered"
    return answered & finite(pl.col("cost_usd")).is_null()


def finite(cost: pl.Expr) -> pl.Expr:
    """The cost where it is a number; null where it is NaN or infinite."""
    return pl.when(cost.is_finite()).then(cost)
