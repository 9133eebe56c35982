"""Which cards of a catalog fit its budget (``skill_activation_evidence`` 0.9.8).

Every length and budget is a count of UTF-8 bytes, although the runtime calls them characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from harnlab.core.rust_semantics import byte_len

CATALOG_HEADER: Final = (
    "## Available skills\n\n"
    'These skills are available. Call `load_skill({ name: "<skill-id>" })` to load the full body of a skill '
    "when it becomes relevant.\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFit:
    """A fit told from lengths: cards shown, the suffix below them, bytes used in all."""

    shown: int
    suffix: str
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFit:
    """A rendered catalog and how many leading blocks it shows."""

    rendered: str
    shown: int


def omission_suffix(omitted: int) -> str:
    """The line that ends a catalog with ``omitted`` cards left out; nothing for 0."""
    return f"\n\n... {omitted} more skill(s) omitted to stay within budget." if omitted else ""


_SUFFIX_FLOOR: Final = len(omission_suffix(1))


def fit_lengths(header_len: int, lengths: Sequence[int], budget: int) -> LengthFit:
    """Fit cards into a budget, told only how long they are.

    The shown cards are always the first ones: as many as fit below the header, then fewer until the suffix
    fits too. A budget too small for the header and a one-digit suffix is raised to that. The suffix is left
    out when it does not fit even with no card shown: that takes ten omitted cards, so two digits.

    Parameters
    ----------
    header_len : int
        Bytes of the header.
    lengths : sequence of int
        Bytes of each block, in the order they render; a newline between two blocks is added here.
    budget : int
        Bytes the catalog may have.

    Returns
    -------
    LengthFit
        Equal to what :func:`fit_catalog` renders.
    """
    budget = max(budget, header_len + _SUFFIX_FLOOR)
    separated = (length + (position > 0) for position, length in enumerate(lengths))
    sizes = list(accumulate(separated, initial=header_len))
    for shown in range(bisect_right(sizes, budget) - 1, -1, -1):
        suffix = omission_suffix(len(lengths) - shown)
        used = sizes[shown] + len(suffix)
        if used <= budget:
            return LengthFit(shown=shown, suffix=suffix, used=used)
    return LengthFit(shown=0, suffix="", used=header_len)


def fit_catalog(header: str, blocks: Sequence[str], budget: int) -> CatalogFit:
    """Render as many leading blocks as fit ``budget`` bytes below ``header``, and say how many were left out.

    See :func:`fit_lengths` for the rule.
    """
    fit = fit_lengths(byte_len(header), [byte_len(block) for block in blocks], budget)
    return CatalogFit(rendered=header + "\n".join(blocks[: fit.shown]) + fit.suffix, shown=fit.shown)


def render_catalog(blocks: Sequence[str], budget: int) -> str:
    """The catalog as a prompt shows it; ``(none)`` below the header when there is no card (FORMATS 6)."""
    return fit_catalog(CATALOG_HEADER, blocks, budget).rendered if blocks else f"{CATALOG_HEADER}(none)"
