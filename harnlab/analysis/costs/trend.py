"""Costs over time."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from harnlab.analysis.costs.breakdown import summed
from harnlab.analysis.dimensions import CALL_DIMENSIONS, checked
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import charges
from harnlab.errors import InvalidArgument
from harnlab.questions import question

#: A Polars duration that is not nothing; Polars itself takes ``0h`` and leaves every time as it is.
_WIDTH: Final = re.compile(r"([1-9]\d*(us|ms|s|m|h|d|w|mo|q|y))+")


@question
def trend(runs: Frames, /, *, every: str = "1h", by: str | None = "model") -> pl.DataFrame:
    """Cost, calls and tokens by window of time.

    A call counts in the window in which its answer (else its request) was written. Windows without a call have no
    row; calls without a time are in rows whose ``at`` is null.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    every : str
        Width of a window as Polars writes it (``"15m"``, ``"1h"``, ``"1d"``), aligned to UTC.
    by : str or None
        A dimension out of ``hl.costs.DIMENSIONS`` to split by; ``None`` for none.

    Returns
    -------
    polars.DataFrame
        ``at`` (start of the window, UTC), the dimension, and the measures of ``hl.costs.by``; in order of time.

    Raises
    ------
    UnknownName
        For an unknown dimension.
    InvalidArgument
        For a width Polars cannot read, or one that is not positive.
    """
    names = () if by is None else checked(by, CALL_DIMENSIONS, where="costs.trend(by=…)")
    rows = charges(runs, names)
    return summed(
        rows.with_columns(windows(rows["at"], every=every, where="costs.trend")), ("at", *names)
    ).sort("at", *names, nulls_last=True)


def windows(at: pl.Series, *, every: str, where: str) -> pl.Series:
    """Start of the window of each time."""
    wrong = InvalidArgument(
        f"every={every!r}", where=where, expected="a duration such as '15m', '1h' or '1d'"
    )
    if not isinstance(every, str) or not _WIDTH.fullmatch(every):
        raise wrong
    try:
        return at.dt.truncate(every)
    except pl.exceptions.PolarsError as problem:
        raise wrong from problem
