"""Dispatches with what their calls cost, and those that inherited a part of their route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from harnlab.analysis.dimensions import (
    CALL,
    INHERITED,
    PROVENANCE_COLUMNS,
    joined,
    route_columns,
    with_dimensions,
)
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import TOKENS
from harnlab.money import is_unpriced, known_cost
from harnlab.questions import question
from harnlab.vocabulary import PROVENANCE_FIELDS

_COLUMNS: Final = (
    "run_id",
    "source_path",
    "source_line",
    "timestamp",
    "call_id",
    "iteration",
    "session",
    "persona",
    "step",
    "provider",
    "model",
    "wire_format",
    "tool_format",
    "base_url_host",
    "route",
    "inherited_fields",
    *PROVENANCE_COLUMNS,
    "outcome_kind",
    "outcome_class",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced_calls",
)


@question
def inherited(runs: Frames, /) -> pl.DataFrame:
    """Every dispatch of which at least one of five fields was inherited from the primary.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a dispatch, oldest first: the dispatch and its log line, ``inherited_fields`` (list of ``provider``,
        ``model``, ``wire_format``, ``thinking``, ``tool_format``), the innermost step around the call, and the
        call's tokens and ``cost_usd`` (USD; null = price unknown, then ``unpriced_calls`` is 1).
    """
    rows = oldest_inherited(dispatched(runs))
    return with_dimensions(rows, runs, ("session", "step")).select(_COLUMNS)


def oldest_inherited(rows: pl.DataFrame) -> pl.DataFrame:
    """Inherited ones of some dispatches, oldest first (without a time last), with ``inherited_fields``."""
    rows = rows.filter(pl.col("origin") == INHERITED)
    fields = pl.concat_list(
        pl.when(pl.col(column) == INHERITED).then(pl.lit(field))
        for column, field in zip(PROVENANCE_COLUMNS, PROVENANCE_FIELDS, strict=True)
    )
    rows = rows.with_columns(inherited_fields=fields.list.drop_nulls())
    return rows.sort("timestamp", "source_path", "source_line", nulls_last=True)


def dispatched(runs: Frames, names: Iterable[str] = ()) -> pl.DataFrame:
    """Every dispatch with its call's cost, its ``origin``, ``route`` and dimensions.

    A missing origin is ``unknown``, as the runtime writes it. A dispatch whose call is not in the log has no known
    price; a call dispatched twice is charged to the first.
    """
    priced = runs.frame("calls").select(
        *CALL, *TOKENS, cost_usd=known_cost(), unpriced_calls=is_unpriced().cast(pl.Int64)
    )
    rows = runs.frame("dispatches").with_columns(route_columns()).with_columns(at="timestamp")
    rows = joined(rows, priced)
    again = pl.col("call_id").is_not_null() & ~pl.struct(CALL).is_first_distinct()
    money = pl.when(~again).then(pl.col("cost_usd")), pl.when(again).then(0).otherwise("unpriced_calls")
    rows = rows.with_columns(
        cost_usd=money[0], unpriced_calls=money[1].fill_null(1), calls=pl.lit(1, dtype=pl.Int64)
    )
    return with_dimensions(rows, runs, names)
