"""What a replay or an analysis reads: anything that gives frames by name, a ``Runs`` or a test's stand-in."""

from __future__ import annotations

from typing import Protocol

import polars as pl


class Frames(Protocol):
    """Source of the frames declared in :mod:`harnlab.frames`."""

    def frame(self, name: str, /) -> pl.DataFrame:
        """Frame called ``name``; empty when nothing of the kind was recorded."""
        ...
