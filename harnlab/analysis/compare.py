"""Two sets of runs side by side: what costs more, goes elsewhere, ends otherwise, or has a new name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from harnlab.analysis.comparison.alignment import Alignment, pairs_of
from harnlab.analysis.comparison.facts import COST, KINDS, VOCABULARY, facts, is_known
from harnlab.analysis.inputs import Frames
from harnlab.errors import InvalidArgument
from harnlab.money import exact_sum, share_pct, sum_parts, take_sums, usd_text
from harnlab.questions import frames_of, question

__all__ = ["Alignment", "Comparison", "compare"]

Row = Mapping[str, Any]

_DIFFERENCES: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(),
    "what": pl.String(),
    "a_count": pl.Int64(),
    "b_count": pl.Int64(),
    "change_count": pl.Int64(),
    "a_share_pct": pl.Float64(),
    "b_share_pct": pl.Float64(),
    "a_cost_usd": pl.Float64(),
    "b_cost_usd": pl.Float64(),
    "change_usd": pl.Float64(),
    "known_word": pl.Boolean(),
    "pairs_differing": pl.Int64(),
    "first_task": pl.String(),
    "a_run_id": pl.String(),
    "a_source_path": pl.String(),
    "a_source_line": pl.UInt32(),
    "b_run_id": pl.String(),
    "b_source_path": pl.String(),
    "b_source_line": pl.UInt32(),
    "because": pl.String(),
}
_ITEM: Final = ("kind", "what")
Item = tuple[Any, ...]
_NOTHING: Final = pl.DataFrame(schema={"run_id": pl.String, "cost_usd": pl.Float64, "source_path": pl.String})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What differs between two sets of runs.

    Attributes
    ----------
    pairs : polars.DataFrame
        One row a pair: ``task``, and run, status and start on either side (null: no partner).
    differences : polars.DataFrame
        One row for each difference, by ``kind`` (``cost``, ``route``, ``outcome``, ``decision``, ``vocabulary``), the
        largest first: ``what``; ``a_count`` and ``b_count`` of rows with ``change_count``; ``a_share_pct`` and
        ``b_share_pct`` (of the side's cost for costs, of its dispatches for routes and outcomes, of the same run,
        step, skill, agent or column for the rest); ``a_cost_usd``, ``b_cost_usd`` and ``change_usd`` (exact sums;
        null where nothing has a price); ``known_word`` (vocabulary: whether harnlab knows the word);
        ``pairs_differing``; the first row that differs, on the sides that have it (``first_task``, and of either
        side ``run_id``, ``source_path``, ``source_line``); ``because``.
    """

    pairs: pl.DataFrame
    differences: pl.DataFrame

    @property
    def aligned(self) -> int:
        """Pairs with a run on either side."""
        return self.pairs.drop_nulls(["a_run_id", "b_run_id"]).height

    @property
    def found(self) -> bool:
        """Whether anything differs."""
        return self.differences.height > 0

    def of(self, kind: str) -> pl.DataFrame:
        """Differences of one kind.

        Raises
        ------
        InvalidArgument
            For an unknown kind.
        """
        if kind not in KINDS:
            raise InvalidArgument(f"kind {kind!r}", where="compare", expected=f"one of {', '.join(KINDS)}")
        return self.differences.filter(pl.col("kind") == kind)

    def first(self) -> pl.DataFrame:
        """First difference of each kind."""
        return self.differences.unique("kind", keep="first", maintain_order=True)


@question
def compare(a: Frames, b: Frames, /, *, by: str = Alignment.TASK) -> Comparison:
    """What changed from one set of runs to another.

    Parameters
    ----------
    a, b : Frames
        Runs, or anything that gives their frames; ``a`` is the one before.
    by : str
        ``task`` pairs runs of the same task in the order they started, ``order`` the first with the first.

    Returns
    -------
    Comparison
        Pairs and differences. Every row of either side is counted, also of runs without a partner; where the first
        row that differs stands is told of pairs first.

    Raises
    ------
    InvalidArgument
        For an unknown alignment.
    """
    if by not in frozenset(Alignment):
        raise InvalidArgument(f"by={by!r}", where="compare", expected=f"one of {', '.join(Alignment)}")
    b, _ = frames_of(b, where="compare")
    pairs = pairs_of(a, b, Alignment(by))
    sides = {"a": _Side(a, pairs, "a_run_id"), "b": _Side(b, pairs, "b_run_id")}
    tasks = dict(pairs.select("pair", "task").iter_rows())
    rows = [row for item in _items(sides) if (row := _difference(item, sides, tasks)) is not None]
    rows.sort(key=_size)
    frame = {
        name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _DIFFERENCES.items()
    }
    return Comparison(pairs=pairs, differences=pl.DataFrame(frame))


@dataclass(frozen=True, slots=True)
class _Sum:
    """Rows of one item: how many, how many with a price, and what they cost."""

    count: int = 0
    priced: int = 0
    cost: Decimal = Decimal(0)


class _Side:
    """Facts of one side, counted by item and by pair."""

    def __init__(self, runs: Frames, pairs: pl.DataFrame, column: str) -> None:
        numbers = pairs.select("pair", run_id=pl.col(column)).drop_nulls("run_id")
        rows = facts(runs).join(numbers, on="run_id", how="left", maintain_order="left").sort("pair", "order")
        self._rows = rows.partition_by(_ITEM, as_dict=True, include_key=False, maintain_order=True)
        self._wholes = _summed(rows, ("kind", "among"))
        self._sums = _summed(rows, _ITEM)
        self._of_pair: dict[tuple[Any, ...], dict[int, _Sum]] = {}
        for (*item, pair), value in _summed(rows.drop_nulls("pair"), (*_ITEM, "pair")).items():
            self._of_pair.setdefault(tuple(item), {})[pair] = value

    @property
    def items(self) -> Iterable[tuple[Any, ...]]:
        """Kinds and names of everything counted."""
        return self._sums

    def all(self, item: Item) -> _Sum:
        """Rows of an item."""
        return self._sums.get(item, _Sum())

    def by_pair(self, item: Item) -> Mapping[int, _Sum]:
        """Rows of an item in each pair that has any."""
        return self._of_pair.get(item, {})

    def share(self, item: Item) -> float | None:
        """Share of an item in percent of what it is among: of the cost for costs, else of the rows."""
        if (rows := self._rows.get(item)) is None:
            return 0.0 if self._sums else None
        own, whole = self.all(item), self._wholes[item[0], rows["among"][0]]
        return share_pct(own.cost, whole.cost) if item[0] == COST else share_pct(own.count, whole.count)

    def rows(self, item: Item, pair: int | None) -> pl.DataFrame:
        """Rows of an item in a pair, or without one, in the order of the log."""
        rows = self._rows.get(item)
        return _NOTHING if rows is None else rows.filter(pl.col("pair").eq_missing(pair))


def _summed(rows: pl.DataFrame, names: tuple[str, ...]) -> dict[tuple[Any, ...], _Sum]:
    groups, costs = take_sums(
        rows.with_columns(pl.when(pl.col("cost_usd").is_finite()).then("cost_usd"))
        .group_by(names, maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("cost_usd").count().alias("priced"), *sum_parts("cost_usd"))
    )
    return {
        tuple(row[name] for name in names): _Sum(row["count"], row["priced"], cost)
        for row, cost in zip(groups.iter_rows(named=True), costs, strict=True)
    }


def _items(sides: Mapping[str, _Side]) -> Iterable[Item]:
    return dict.fromkeys(item for side in sides.values() for item in side.items)


def _difference(
    item: Item, sides: Mapping[str, _Side], tasks: Mapping[int, str | None]
) -> dict[str, Any] | None:
    """Row of one item, or ``None`` where nothing about it differs."""
    kind, what = item
    sums = {side: one.all(item) for side, one in sides.items()}
    if kind == VOCABULARY and all(one.count for one in sums.values()):
        return None
    a, b = (one.by_pair(item) for one in sides.values())
    differing = [p for p in sorted(a.keys() | b.keys()) if _differs(kind, a.get(p, _Sum()), b.get(p, _Sum()))]
    if not differing and not _differs(kind, sums["a"], sums["b"]):
        return None
    row: dict[str, Any] = {"kind": kind, "what": what, "change_count": sums["b"].count - sums["a"].count}
    row |= {"known_word": is_known(what) if kind == VOCABULARY else None, "pairs_differing": len(differing)}
    for side, one in sums.items():
        row |= {f"{side}_count": one.count, f"{side}_share_pct": sides[side].share(item)}
        row[f"{side}_cost_usd"] = float(one.cost) if one.priced or (kind == COST and not one.count) else None
    if any(one.priced for one in sums.values()):
        row["change_usd"] = float(exact_sum((sums["b"].cost, -sums["a"].cost)))
    first = differing[0] if differing else None
    row |= _first_row(kind, {side: one.rows(item, first) for side, one in sides.items()})
    row["first_task"] = tasks.get(first) if first is not None else None
    return row | {"because": _because(row, sums)}


def _differs(kind: str, a: _Sum, b: _Sum) -> bool:
    return a.cost != b.cost if kind == COST and a.count == b.count else a.count != b.count


def _first_row(kind: str, rows: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Place of the first row that differs: of the first other cost, else of the first row one side has more."""
    place = min(frame.height for frame in rows.values())
    if kind == COST:
        pairs = zip(rows["a"]["cost_usd"], rows["b"]["cost_usd"], strict=False)
        place = next((number for number, (one, other) in enumerate(pairs) if one != other), place)
    told: dict[str, Any] = {}
    for side, frame in rows.items():
        if place < frame.height:
            row = frame.row(place, named=True)
            told |= {f"{side}_{name}": row[name] for name in ("run_id", "source_path", "source_line")}
    return told


def _because(row: Row, sums: Mapping[str, _Sum]) -> str:
    a, b = sums["a"], sums["b"]
    if row["kind"] == COST:
        told = f"{usd_text(b.cost)} in {b.count} calls instead of {usd_text(a.cost)} in {a.count}"
    elif row["kind"] == VOCABULARY:
        told = f"a word of {'b' if b.count else 'a'} alone, in {max(a.count, b.count)} rows"
        told += ", which harnlab does not know" if row["known_word"] is False else ""
    else:
        shares = (f"{row[f'{side}_share_pct'] or 0:.3g}%" for side in ("b", "a"))
        told = f"{b.count} ({next(shares)}) instead of {a.count} ({next(shares)})"
    side = "b" if row.get("b_source_path") else "a"
    if row.get(f"{side}_source_path"):
        told += f"; first in {row[f'{side}_source_path']}:{row[f'{side}_source_line']}"
    return told


def _size(row: Row) -> tuple[Any, ...]:
    """Kinds in order; within one the largest change first, in USD where there is a price."""
    usd = abs(row.get("change_usd") or 0)
    return KINDS.index(row["kind"]), -usd if row["kind"] == COST else -abs(row["change_count"]), row["what"]
