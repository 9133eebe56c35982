"""Dispatches as the route explorer picks among them: filters, call costs, and the matrix of origins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import polars as pl

from harnlab.analysis.dimensions import CALL, PROVENANCE_COLUMNS, UNKNOWN, joined, route_columns
from harnlab.money import known_cost
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin
from harnlab.widgets.selection import Filters, predicates

#: Filters the explorer has a list for; ``origin`` asks whether any of the five fields came from there.
LISTED_FILTERS: Final = ("origin", "outcome_kind", "route", "model")
_FILTERS: Final = ("outcome_kind", "model", "provider", "wire_format", "run_id")
_COMBINED: Final = ("provider", "model", "wire_format", "outcome_kind", *PROVENANCE_COLUMNS)
_ROUTE: Final = pl.concat_str("provider", "model", "wire_format", separator="/")

#: So few rows are priced by looking up their calls alone.
_FEW: Final = 2_000


def wanted(filters: Filters) -> list[pl.Expr]:
    """Predicates over ``dispatches`` for filters by column name, ``route`` and ``origin``."""
    return predicates(_FILTERS, filters, _SPECIAL)


def with_call_cost(dispatches: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Dispatches with ``route``, ``origin`` and what their call cost (USD; null = price unknown).

    Two dispatches of one call both show its cost, so the column is for looking, not for summing.
    """
    rows = dispatches.with_columns(route_columns())
    if dispatches.height <= _FEW:
        calls = calls.filter(pl.col("call_id").is_in(dispatches["call_id"].implode()))
    return joined(rows, calls.select(*CALL, known_cost().alias("cost_usd"), "input_tokens", "output_tokens"))


def column_of(name: str, dispatches: pl.DataFrame, calls: pl.DataFrame) -> pl.Series:
    """One of the columns that :func:`with_call_cost` adds, alone; only what stands in ``calls`` needs a join."""
    own = {expr.meta.output_name(): expr for expr in route_columns()}
    if name in own:
        return dispatches.select(own[name]).to_series()
    value = known_cost().alias(name) if name == "cost_usd" else pl.col(name)
    return joined(dispatches.select(CALL), calls.select(*CALL, value))[name]


def combinations(dispatches: pl.DataFrame) -> pl.DataFrame:
    """Every combination of route, outcome and origins with the number of its ``calls``."""
    return dispatches.group_by(_COMBINED, maintain_order=True).agg(pl.len().alias("calls"))


def listed(combined: pl.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """Values each listed filter can take, with the number of calls, the most frequent first."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, value in {
        "outcome_kind": pl.col("outcome_kind"),
        "route": _ROUTE,
        "model": pl.col("model"),
    }.items():
        counted = combined.group_by(value.alias("value")).agg(pl.col("calls").sum()).drop_nulls()
        found[name] = list(counted.sort("calls", "value", descending=[True, False]).iter_rows())
    words = [*ProvenanceOrigin, *_newer_words(combined)]
    with_word = {word: int(combined.filter(_any_field(word))["calls"].sum()) for word in words}
    found["origin"] = [(str(word), calls) for word, calls in with_word.items() if calls]
    return {name: found[name] for name in LISTED_FILTERS}


def origin_counts(combined: pl.DataFrame, filters: Filters) -> dict[tuple[str, str], int]:
    """Calls by field and origin, under every filter but those on single fields."""
    rows = combined.filter(
        *wanted({n: v for n, v in filters.items() if n not in PROVENANCE_COLUMNS and n != "run_id"})
    )
    words = [*ProvenanceOrigin, *_newer_words(combined)]
    counts = {(field, str(word)): 0 for field in PROVENANCE_FIELDS for word in words}
    for field, column in zip(PROVENANCE_FIELDS, PROVENANCE_COLUMNS, strict=True):
        by_word = rows.group_by(pl.col(column).fill_null(UNKNOWN)).agg(pl.col("calls").sum())
        counts |= {(field, word): calls for word, calls in by_word.iter_rows()}
    return counts


def _newer_words(combined: pl.DataFrame) -> list[str]:
    """Origins a newer Harn wrote."""
    seen = {word for column in PROVENANCE_COLUMNS for word in combined[column].drop_nulls().unique()}
    return sorted(seen.difference(ProvenanceOrigin))


def _field_is(column: str, word: str | None) -> pl.Expr:
    return pl.col(column).fill_null(UNKNOWN) == (word or UNKNOWN)


def _any_field(word: str | None) -> pl.Expr:
    return pl.any_horizontal(_field_is(column, word) for column in PROVENANCE_COLUMNS)


def _route_is(route: str | None) -> pl.Expr:
    return _ROUTE.eq_missing(pl.lit(route, dtype=pl.String))


_SPECIAL: Final[Mapping[str, Callable[[str | None], pl.Expr]]] = {
    "origin": _any_field,
    "route": _route_is,
    **{column: partial(_field_is, column) for column in PROVENANCE_COLUMNS},
}
