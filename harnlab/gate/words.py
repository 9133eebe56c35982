"""Words of a log that this version's vocabulary does not have: a newer Harn speaking, or a fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.frames.vocabularies import VOCABULARIES

_SHAPE: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
    "word": pl.String(),
    "amount": pl.Float64(),
}


def unknown_words(runs: Frames) -> pl.DataFrame:
    """First record of each unknown word, as ``<frame>.<column>=<word>``.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        ``run_id, source_path, source_line, word, amount`` (always 1). Where there are dispatches, steps, … but no
        unknown word, one row of amount 0 says that there was something to look at.
    """
    parts = [pl.DataFrame(schema=_SHAPE), *(_of_column(runs, *place) for place in VOCABULARIES)]
    found = pl.concat(parts)
    looked_at = pl.concat(
        [_looked_at(runs.frame(name)) for name in dict.fromkeys(f for f, _ in VOCABULARIES)]
    )
    return pl.concat([found, looked_at.head(1)])


def words_of(rows: pl.DataFrame) -> Iterable[str]:
    """Unknown words among the rows of :func:`unknown_words`."""
    words: list[str] = rows.filter(pl.col("amount") > 0)["word"].unique().sort().to_list()
    return words


def _of_column(runs: Frames, name: str, column: str) -> pl.DataFrame:
    known = [word.value for word in VOCABULARIES[name, column]]
    said = pl.col(column)
    return (
        runs.frame(name)
        .filter(said.is_not_null() & ~said.is_in(known))
        .unique(column, keep="first", maintain_order=True)
        .with_columns(word=pl.format(f"{name}.{column}={{}}", said), amount=pl.lit(1.0))
        .select(pl.col(name).cast(dtype) for name, dtype in _SHAPE.items())
    )


def _looked_at(frame: pl.DataFrame) -> pl.DataFrame:
    first = frame.head(1).with_columns(word=pl.lit(None), amount=pl.lit(0.0))
    return first.select(pl.col(name).cast(dtype) for name, dtype in _SHAPE.items())
