"""Columns: their types, short ways to declare one, and those that every frame has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

Instant: Final = pl.Datetime("us", "UTC")
Text: Final = pl.String()
Texts: Final = pl.List(pl.String())
Int: Final = pl.Int64()
Float: Final = pl.Float64()
Bool: Final = pl.Boolean()
Line: Final = pl.UInt32()
Hash: Final = pl.UInt64()


def null_column(dtype: pl.DataType, count: int) -> pl.Series:
    """Column without a value."""
    return _null(dtype).new_from_index(0, count)


@cache
def _null(dtype: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=dtype)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, and what a value means."""

    name: str
    dtype: pl.DataType
    doc: str
    unit: str | None = None
    nullable: bool = True


def text(name: str, doc: str) -> Column:
    """Column of text."""
    return Column(name, Text, doc)


def integer(name: str, doc: str, unit: str | None = None) -> Column:
    """Column of whole numbers."""
    return Column(name, Int, doc, unit)


def number(name: str, doc: str, unit: str | None = None) -> Column:
    """Column of floats."""
    return Column(name, Float, doc, unit)


def flag(name: str, doc: str) -> Column:
    """Column of yes or no."""
    return Column(name, Bool, doc)


def instant(name: str, doc: str) -> Column:
    """Column of moments in UTC, to the microsecond."""
    return Column(name, Instant, doc, "UTC")


def json_text(name: str, doc: str) -> Column:
    """Column of text that holds what the log says as JSON."""
    return Column(name, Text, f"{doc}, as JSON text")


RUN_ID: Final = Column("run_id", Text, "run the row belongs to", nullable=False)
#: Where a row came from. Every frame has these; ``Runs.record`` follows them back to the original.
SOURCE: Final = (
    RUN_ID,
    Column("source_path", Text, "file the row was read from", nullable=False),
    Column("source_line", Line, "line the record starts on, from 1; the row id in a SQLite log"),
    Column("source_offset", Int, "where the record starts in the file; null in a SQLite log", "bytes"),
    Column("length", Int, "size of the record in the file", "bytes"),
)
EXTRA: Final = json_text("extra", "members this version has no column for")
