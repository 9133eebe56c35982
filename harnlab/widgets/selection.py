"""Picking, without a widget: which rows a filter leaves, in which order, and where one of them stands.

Rows are named by their position in the frame, so that a million of them are filtered and sorted by moving four
bytes each and only the rows in sight are ever taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock, Thread
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument, UnknownName

Filters = Mapping[str, str | None]
#: Name of a column and whether the largest comes first; no name leaves the order of the log.
Sort = tuple[str | None, bool]
#: Predicate of a filter that is no column of its own, from the value asked for.
Special = Mapping[str, Callable[[str | None], pl.Expr]]

#: Gives a column of a frame's rows that the frame does not hold.
Column = Callable[[str, pl.DataFrame], pl.Series]

#: Beyond so many different words their ranks are found faster than a list of them.
_MANY_WORDS: Final = 10_000
#: From so many rows on a joined column is made ready in the background.
_MANY_ROWS: Final = 100_000

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


def narrowed(order: pl.Series, left: pl.Series) -> pl.Series:
    """The positions of ``left`` in their place in an order of all rows, without sorting again."""
    if len(left) == len(order):
        return order
    kept = pl.repeat(False, len(order), dtype=pl.Boolean, eager=True).scatter(left, True)
    return order.filter(kept.gather(order))


def sort_key(values: pl.Series) -> pl.Series:
    """Numbers that sort as the values do: texts are compared here once, and in no sort again."""
    if values.dtype != pl.String:
        return values
    words = values.drop_nulls().unique()
    if words.len() > _MANY_WORDS:
        return values.rank("dense")
    return values.cast(pl.Enum(words.sort())).to_physical()


class SortKeys:
    """What one frame is sorted by, column for column, each found once.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows.
    column : callable
        Gives a column that does not stand in the frame, by its name and the frame.
    """

    def __init__(self, frame: pl.DataFrame, column: Column) -> None:
        self._frame, self._column = frame, column
        self._found: dict[str, pl.Series] = {}
        self._locks: dict[str, Lock] = {}

    def of(self, name: str) -> pl.Series:
        """Key of a column, found at the first call."""
        with self._locks.setdefault(name, Lock()):
            if name not in self._found:
                here = name in self._frame.columns
                self._found[name] = sort_key(self._frame[name] if here else self._column(name, self._frame))
            return self._found[name]

    def prepare(self, name: str) -> None:
        """Begin to find a key before it is asked for, where that takes so long that a hand would wait."""
        if self._frame.height >= _MANY_ROWS:
            # no daemon: one that comes back from Polars while Python ends would take the process down
            Thread(target=self.of, args=(name,), name=f"sort key of {name}").start()


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
