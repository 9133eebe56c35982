"""What came back from dispatched calls, with how sure each share is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from harnlab.analysis.costs.breakdown import summed
from harnlab.analysis.dimensions import DISPATCH_DIMENSIONS, checked
from harnlab.analysis.inputs import Frames
from harnlab.analysis.intervals import wilson
from harnlab.analysis.routes.inherited import dispatched
from harnlab.questions import question
from harnlab.vocabulary import OutcomeKind

#: What an outcome says of the lane it came from; a word of a newer Harn says nothing yet.
LANES: Final = {
    OutcomeKind.SERVED.value: "alive",
    OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED.value: "recovered",
    OutcomeKind.EMPTY_COMPLETION_TERMINAL.value: "dead",
    OutcomeKind.USAGE_LIMIT.value: "limited",
    OutcomeKind.PROVIDER_ERROR.value: "failed",
}


@question
def outcomes(runs: Frames, /, *, by: str | Iterable[str] = ()) -> pl.DataFrame:
    """Outcome mix of dispatches, with Wilson 95 % intervals.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    by : str or iterable of str
        Dimensions out of ``hl.routes.DIMENSIONS`` to compare, such as ``"route"`` or ``["model", "origin"]``.

    Returns
    -------
    polars.DataFrame
        One row for each group and each outcome seen in it, larger counts first: the dimensions, ``outcome_kind``,
        ``lane`` (``alive``; ``recovered``, a harmless flake; ``dead``, billed and empty; ``limited``; ``failed``;
        null for an unknown word), ``calls``, ``group_calls``, ``share_pct`` of the group with ``low_pct`` and
        ``high_pct``, ``unpriced_calls`` and ``cost_usd``.

    Raises
    ------
    UnknownName
        For an unknown dimension; ``outcome_kind`` is always one.
    InvalidArgument
        For a dimension named twice.
    """
    known = [name for name in DISPATCH_DIMENSIONS if name != "outcome_kind"]
    names = checked(by, known, where="routes.outcomes(by=…)")
    return outcomes_of(dispatched(runs, names), names)


def outcomes_of(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Outcome mix of dispatches already joined with their costs and dimensions."""
    keys = (*names, "outcome_kind")
    mix = summed(rows, keys)
    size = pl.col("calls").sum()
    mix = mix.with_columns(group_calls=size.over(names) if names else size)
    intervals = [wilson(calls, size) for calls, size in mix.select("calls", "group_calls").iter_rows()]
    lane = pl.col("outcome_kind").replace_strict(LANES, default=None, return_dtype=pl.String())
    return mix.select(
        *keys,
        lane.alias("lane"),
        "calls",
        "group_calls",
        (pl.col("calls") / pl.col("group_calls") * 100).alias("share_pct"),
        pl.Series("low_pct", [100 * interval.low for interval in intervals], dtype=pl.Float64),
        pl.Series("high_pct", [100 * interval.high for interval in intervals], dtype=pl.Float64),
        "unpriced_calls",
        "cost_usd",
    ).sort(*names, "calls", "outcome_kind", descending=[*[False] * len(names), True, False], nulls_last=True)
