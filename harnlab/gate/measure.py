"""From records to one number: per scope, the mean, the largest and the total of a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec
import polars as pl

from harnlab.gate.measures import Kind, Statistic
from harnlab.gate.rules import EACH
from harnlab.money import exact_sum, sum_parts, take_sums

#: Values a rule is narrowed to, by column; ``{}`` is everything.
Scope = Mapping[str, str]


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure of one scope, in its unit; ``units`` runs (or steps), and ``unknown`` things without an answer."""

    mean: float
    max: float
    total: float
    units: int
    unknown: int

    def taken(self, statistic: Statistic) -> float:
        """The number a rule compares."""
        value: float = getattr(self, statistic.value)
        return value


def scoped(rows: pl.DataFrame, scope: Scope) -> Iterator[tuple[dict[str, str], pl.DataFrame]]:
    """Records of a scope; where it says ``*``, of each value there is, in order of its name."""
    fixed = [pl.col(name) == value for name, value in scope.items() if value != EACH]
    rows = rows.filter(fixed) if fixed else rows
    each = [name for name, value in scope.items() if value == EACH]
    if rows.is_empty():
        return
    if not each:
        yield dict(scope), rows
        return
    parts = rows.partition_by(each, as_dict=True, maintain_order=True)
    for values in sorted(parts):
        yield {**scope, **dict(zip(each, map(str, values), strict=True))}, parts[values]


def measured(rows: pl.DataFrame, kind: Kind) -> Measured:
    """Measure of some records, of which there must be one."""
    of_units = list(unit_values(rows, kind).values())
    return Measured(
        mean=_quotient(exact_sum(of_units), len(of_units)),
        max=float(max(of_units)),
        total=float(_pooled(rows, kind)),
        units=len(of_units),
        unknown=int(rows["unknown"].sum()),
    )


def unit_values(rows: pl.DataFrame, kind: Kind) -> dict[str, Decimal]:
    """Exact value of each run (or step), oldest first."""
    known = rows.with_columns(pl.col("amount").fill_null(0.0))
    groups, sums = take_sums(
        known.group_by("unit", maintain_order=True).agg(*sum_parts("amount"), records=pl.len())
    )
    units = zip(groups["unit"].to_list(), groups["records"].to_list(), sums, strict=True)
    if kind is Kind.SHARE:
        return {unit: 100 * some / records for unit, records, some in units}
    return {unit: some for unit, _, some in units}


def _pooled(rows: pl.DataFrame, kind: Kind) -> Decimal:
    some = exact_sum(rows["amount"].drop_nulls().to_list())
    return 100 * some / rows.height if kind is Kind.SHARE else some


def _quotient(some: Decimal, of: int) -> float:
    return float(some / of)


def culprit(rows: pl.DataFrame, kind: Kind, statistic: Statistic, allowed: Decimal) -> dict[str, object]:
    """First record that makes a scope exceed what is allowed.

    Of a mean or a largest value the run (or step) with the most is taken, and of a run (or of everything) the record
    that takes its running sum over; of a share the first record that counts.
    """
    if statistic is not Statistic.TOTAL:
        values = unit_values(rows, kind)
        rows = rows.filter(pl.col("unit") == max(values, key=values.__getitem__))
    counting = rows.filter(pl.col("amount") > 0)
    running = Decimal(0)
    for row in counting.iter_rows(named=True):
        running += Decimal(repr(row["amount"]))
        if kind is Kind.SHARE or running > allowed:
            break
    return row
