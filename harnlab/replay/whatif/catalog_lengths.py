"""Catalog fits over many budgets at once, from the lengths of the cards alone.

Stands beside :func:`harnlab.core.skills.fit_lengths`, which stays the reference and is asked for one budget; a
property test holds the two together at every budget from 0 to the sum of the lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harnlab.core.rust_semantics import byte_len
from harnlab.core.skills import CATALOG_HEADER, omission_suffix

HEADER_BYTES: Final = byte_len(CATALOG_HEADER)
#: Budgets below this are raised to it by the runtime: header and a suffix of one digit.
SMALLEST_BUDGET: Final = HEADER_BYTES + len(omission_suffix(1))

Ints = NDArray[np.int64]


def needs(lengths: Sequence[int]) -> tuple[Ints, Ints]:
    """Bytes a catalog of the first cards takes, and the least budget that shows them.

    Parameters
    ----------
    lengths : sequence of int
        UTF-8 bytes of each card, in catalog order.

    Returns
    -------
    tuple of two arrays
        For 0, 1, … all cards: bytes used with header, newlines and suffix; and the least budget that shows at least
        so many (what more cards need can be less: the last card needs no suffix).
    """
    cards = len(lengths)
    shown = np.arange(cards + 1)
    sizes = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))])
    suffixes = np.fromiter((len(omission_suffix(cards - n)) for n in range(cards + 1)), np.int64, cards + 1)
    used = HEADER_BYTES + sizes + np.maximum(shown - 1, 0) + suffixes
    return used, np.minimum.accumulate(used[::-1])[::-1]


def fits(lengths: Sequence[int], budgets: Sequence[int] | Ints) -> tuple[Ints, Ints]:
    """Cards shown and bytes used at each budget.

    Parameters
    ----------
    lengths : sequence of int
        UTF-8 bytes of each card, in catalog order.
    budgets : sequence of int
        Budgets, bytes, in any order.

    Returns
    -------
    tuple of two arrays
        As ``fit_lengths`` answers: ``shown`` and ``used``.
    """
    used, least = needs(lengths)
    raised = np.maximum(np.asarray(budgets, dtype=np.int64), SMALLEST_BUDGET)
    shown = np.searchsorted(least, raised, side="right") - 1
    # ten or more omitted cards have a suffix that does not fit the least budget; then there is none
    return np.maximum(shown, 0), np.where(shown < 0, HEADER_BYTES, used[np.maximum(shown, 0)])


def smallest(lengths: Sequence[int], position: int) -> int:
    """Least budget that shows the card at ``position``; 0 where the floor alone is enough."""
    least = int(needs(lengths)[1][position + 1])
    return 0 if least <= SMALLEST_BUDGET else least
