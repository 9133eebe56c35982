"""Which field of the route came from where: calls and USD."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import polars as pl

from harnlab.analysis.dimensions import PROVENANCE_COLUMNS
from harnlab.analysis.inputs import Frames
from harnlab.analysis.routes.inherited import dispatched
from harnlab.money import exact_sum, share_pct, sum_parts, take_sums
from harnlab.questions import question
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin

_MATRIX: Final[dict[str, pl.DataType]] = {
    "field": pl.String(),
    "origin": pl.String(),
    "calls": pl.Int64(),
    "unpriced_calls": pl.Int64(),
    "cost_usd": pl.Float64(),
    "share_pct": pl.Float64(),
    "cost_share_pct": pl.Float64(),
}


@question
def matrix(runs: Frames, /) -> pl.DataFrame:
    """Count calls and cost by field of the route and by where the field came from.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row for each of five fields and each origin (the known ones first, then those of a newer Harn), also where
        nothing was counted: ``field``, ``origin``, ``calls``, ``unpriced_calls``, ``cost_usd`` (exact sum, USD; null
        where no call has a price), ``share_pct`` of calls and ``cost_share_pct`` of known cost. For each field,
        ``calls`` sum to the number of dispatches.
    """
    return matrix_of(dispatched(runs))


def matrix_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Matrix of dispatches already joined with their costs."""
    combinations = rows.group_by(PROVENANCE_COLUMNS, maintain_order=True).agg(
        pl.col("calls", "unpriced_calls").sum(),
        pl.col("cost_usd").count().alias("priced"),
        *sum_parts("cost_usd"),
    )
    combinations, costs = take_sums(combinations)
    counted = list(zip(combinations.iter_rows(named=True), costs, strict=True))
    whole = _Cell(sum(row["calls"] for row, _ in counted), 0, 0, exact_sum(costs))
    cells = []
    for field, column in zip(PROVENANCE_FIELDS, PROVENANCE_COLUMNS, strict=True):
        found = {origin.value: _Cell() for origin in ProvenanceOrigin}
        for row, cost in sorted(counted, key=lambda pair: pair[0][column]):
            found[row[column]] = found.get(row[column], _Cell()).plus(row, cost)
        cells += [cell.row(field, origin, whole) for origin, cell in found.items()]
    return pl.DataFrame(cells, schema=_MATRIX, orient="row")


class _Cell(NamedTuple):
    """One field and origin; ``priced`` is the number of calls whose price is known."""

    calls: int = 0
    unpriced: int = 0
    priced: int = 0
    cost: Decimal = Decimal(0)

    def plus(self, row: Mapping[str, Any], cost: Decimal) -> _Cell:
        """Cell with the dispatches of one combination of origins added."""
        return _Cell(
            self.calls + row["calls"],
            self.unpriced + row["unpriced_calls"],
            self.priced + row["priced"],
            exact_sum((self.cost, cost)),
        )

    def row(self, field: str, origin: str, whole: _Cell) -> dict[str, Any]:
        """Row of the matrix; shares are of all dispatches."""
        known = self.priced > 0 or self.calls == 0
        return {
            "field": field,
            "origin": origin,
            "calls": self.calls,
            "unpriced_calls": self.unpriced,
            "cost_usd": float(self.cost) if known else None,
            "share_pct": share_pct(self.calls, whole.calls),
            "cost_share_pct": share_pct(self.cost, whole.cost) if known else None,
        }
