"""What runs cost, call by call, with the dimensions it can be grouped by."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from harnlab.analysis.dimensions import with_dimensions
from harnlab.analysis.inputs import Frames
from harnlab.charges import TOKENS, recorded_charges

__all__ = ["TOKENS", "charges"]


def charges(runs: Frames, names: Iterable[str] = ()) -> pl.DataFrame:
    """Every charge of every run, with the dimensions ``names`` joined on.

    Parameters
    ----------
    runs : Frames
        Frames of the runs.
    names : iterable of str
        Names out of :data:`harnlab.analysis.dimensions.CALL_DIMENSIONS`.

    Returns
    -------
    polars.DataFrame
        As :func:`harnlab.charges.recorded_charges`, one row a call or what stands for calls.
    """
    return with_dimensions(recorded_charges(runs.frame), runs, names)
