"""How sure a share of few calls is."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from harnlab.errors import InvalidArgument


class Interval(NamedTuple):
    """Lower and upper end of a share, each from 0 to 1."""

    low: float
    high: float


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a share (E. B. Wilson, JASA 22, 1927).

    Parameters
    ----------
    successes, trials : int
        How many of how many; ``0 <= successes <= trials``.
    confidence : float
        Coverage wanted, between 0 and 1.

    Returns
    -------
    Interval
        Ends of the interval; all of 0 to 1 where there were no trials.

    Raises
    ------
    InvalidArgument
        For counts or a confidence outside these ranges.
    """
    if not 0 <= successes <= trials:
        raise InvalidArgument(f"{successes} of {trials}", where="wilson", expected="0 <= successes <= trials")
    if not 0 < confidence < 1:
        raise InvalidArgument(f"confidence {confidence}", where="wilson", expected="between 0 and 1")
    if trials == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else (centre - reach) / scale
    high = 1.0 if successes == trials else (centre + reach) / scale
    return Interval(low, high)
