"""Picking, without a widget: which rows a filter leaves, in which order, and where one of them stands.

Rows are named by their position in the frame, so that a million of them are filtered and sorted by moving four
bytes each and only the rows in sight are ever taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument, UnknownName

Filters = Mapping[str, str | None]
#: Name of a column and whether the largest comes first; no name leaves the order of the log.
Sort = tuple[str | None, bool]
#: Predicate of a filter that is no column of its own, from the value asked for.
Special = Mapping[str, Callable[[str | None], pl.Expr]]

UNSORTED: Final[Sort] = (None, False)


def predicates(
    columns: list[str] | tuple[str, ...], filters: Filters, special: Special | None = None
) -> list[pl.Expr]:
    """One predicate for each filter; ``None`` asks for rows that have no value.

    Raises
    ------
    UnknownName
        For a filter that is neither a column nor a special one.
    """
    asked = special or {}
    for name in filters:
        if name not in asked and name not in columns:
            raise UnknownName.among("filter", name, [*asked, *columns], where="filters")
    return [
        asked[name](value) if name in asked else pl.col(name).eq_missing(pl.lit(value, dtype=pl.String))
        for name, value in filters.items()
    ]


def left_by(frame: pl.DataFrame, wanted: list[pl.Expr]) -> pl.Series:
    """Positions of the rows that meet every predicate, in the order of the frame (UInt32)."""
    if not wanted:
        return pl.int_range(frame.height, dtype=pl.UInt32, eager=True).alias("position")
    return frame.select(pl.arg_where(pl.all_horizontal(wanted)).cast(pl.UInt32).alias("position")).to_series()


def sorted_by(positions: pl.Series, values: pl.Series | None, *, descending: bool) -> pl.Series:
    """Positions sorted by the value each row has; rows without one last, equal ones in the order they had."""
    if values is None:
        return positions
    order = pl.DataFrame({"value": values.gather(positions)}).select(
        pl.arg_sort_by("value", descending=descending, nulls_last=True, maintain_order=True)
    )
    return positions.gather(order.to_series())


def place_of(row: Mapping[str, Any]) -> str:
    """``path:line`` of a row, as ``runs.record`` takes it."""
    return f"{row['source_path']}:{row['source_line'] or 1}"


def position_at(frame: pl.DataFrame, place: str) -> int:
    """Position of the row read from ``path:line``.

    Raises
    ------
    InvalidArgument
        For a text that is no ``path:line``.
    UnknownName
        When no row of the frame was read there.
    """
    path, _, line = place.rpartition(":")
    if not path or not line.isdecimal():
        raise InvalidArgument(repr(place), where="place", expected='"path:line"')
    here = (pl.col("source_line").fill_null(1) == int(line)) & (pl.col("source_path") == path)
    found = frame.select(pl.arg_where(here)).to_series()
    if found.is_empty():
        raise UnknownName(f"no row was read from {place}", where="place", hint="the `source_path` of a row")
    return int(found[0])


def neighbours(frame: pl.DataFrame, position: int) -> tuple[int | None, int | None]:
    """Positions of the rows before and after one in its run, by their place in the file."""
    row = frame.row(position, named=True)
    same = frame.select(pl.arg_where(pl.col("run_id") == row["run_id"]).alias("position")).to_series()
    lines = frame.select("source_path", "source_line")[same].with_columns(position=same)
    chain = lines.sort("source_path", "source_line", maintain_order=True)["position"].to_list()
    at = chain.index(position)
    return (chain[at - 1] if at else None), (chain[at + 1] if at + 1 < len(chain) else None)
