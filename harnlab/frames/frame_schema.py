"""Schema of a frame: what a row is, what identifies it, and how rows become exactly its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import polars as pl

from harnlab.errors import UnknownName
from harnlab.frames.columns import Column, null_column


@dataclass(frozen=True)
class FrameSchema:
    """One frame: what a row is, which columns identify it, and every column in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Polars type of every column, in order."""
        return MappingProxyType({column.name: column.dtype for column in self.columns})

    @cached_property
    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=dict(self.dtypes))

    def empty(self) -> pl.DataFrame:
        """The frame with no rows."""
        # making one column by column takes as long as reading a small file
        return self._empty.clone()

    def build(self, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
        """Frame of row mappings; columns a row does not name are null, names it has no column for are an error."""
        listed = list(rows)
        told = set[str]().union(*listed)
        if unknown := told - set(self.names):
            raise UnknownName(f"column {sorted(unknown)}", where=f"frame {self.name}")
        return pl.DataFrame(
            {
                c.name: pl.Series([row.get(c.name) for row in listed], dtype=c.dtype)
                if c.name in told
                else null_column(c.dtype, len(listed))
                for c in self.columns
            }
        )

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows with exactly this schema's columns, in order; missing ones are null."""
        if frame.schema == dict(self.dtypes):
            return frame
        have = frame.schema
        # nothing here is worth waking threads for
        return frame.select_seq(
            (pl.col(c.name) if have[c.name] == c.dtype else pl.col(c.name).cast(c.dtype))
            if c.name in have
            else pl.lit(None, dtype=c.dtype).alias(c.name)
            for c in self.columns
        )
