"""Whether and how to show that work goes on: a bar for a person, silence for CI and pipes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLOW_ENOUGH_S = 0.5


@contextmanager
def file_progress(wanted: bool | None) -> Iterator[Callable[[int, int], None] | None]:
    """A ``report(done, total)`` function, or ``None`` where nothing should be shown.

    Parameters
    ----------
    wanted : bool or None
        ``None``: only in a terminal, and only when it takes longer than half a second.
    """
    if wanted is None:
        wanted = sys.stderr.isatty() and not os.environ.get("CI")
    if not wanted:
        yield None
        return
    from tqdm import tqdm  # noqa: PLC0415 - only a person waiting needs it

    with tqdm(unit=" files", leave=False, delay=_SLOW_ENOUGH_S) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
