"""Counts in sentences: one run, 2 runs."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 run``, ``2,000 runs``, ``2 dispatches``.

    Parameters
    ----------
    number : int
        How many.
    one : str
        The noun for one.
    many : str, optional
        The noun for any other number, where it does not just take an s.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
