"""Times of records as UTC instants: those the runtime writes by column, all others one by one (FORMATS 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from harnlab.frames import Instant
from harnlab.ingest.decode import plain_column
from harnlab.ingest.fields import instant, typed
from harnlab.ingest.heads import LineProblem
from harnlab.vocabulary import ProblemKind

_EPOCH_MILLIS: Final = r"^\d{1,11}\.\d{3}$"
#: Where a time of that kind has its digits, counted with a newline behind it, and what each is worth.
_EPOCH_WIDTH: Final = 15
_EPOCH_DIGITS: Final = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]
_EPOCH_MARKS: Final = [10, 14]
_EPOCH_POINT_AND_END: Final = np.frombuffer(b".\n", dtype=np.uint8)
_EPOCH_MICROS: Final = 1000 * 10 ** np.arange(12, -1, -1, dtype=np.int64)


def instants(
    values: Sequence[Any], rows: Sequence[int], problems: list[LineProblem], *, member: str = "timestamp"
) -> pl.Series:
    """UTC instants of timestamps; ``"1777629600.123"`` by column, anything else one by one.

    Oddities are reported for ``rows`` of the batch, and not at all where there are none.
    """
    read = _epoch_millis(values)
    if read is not None:
        return read
    texts = plain_column(pl.String(), values)
    usual = pl.col("t").str.contains(_EPOCH_MILLIS).fill_null(value=True)
    millis = pl.when(usual).then(pl.col("t").str.replace(".", "", literal=True).cast(pl.Int64, strict=False))
    found = texts.to_frame("t").select_seq(
        at=millis.cast(pl.Datetime("ms", "UTC")).cast(Instant), unusual=usual.not_()
    )
    parsed = found["at"]
    if not found["unusual"].any():
        return parsed
    unusual = found["unusual"].arg_true().to_list()
    moments = {}
    for index in unusual:
        moments[index], oddity = instant(_unquoted(texts[index]))
        if oddity and rows:
            told = LineProblem(row=rows[index], kind=ProblemKind.DRIFT, field=member, reason=oddity)
            problems.append(told)
    return parsed.scatter(list(moments), pl.Series(list(moments.values()), dtype=Instant))


def _epoch_millis(values: Sequence[Any]) -> pl.Series | None:
    """Instants of times that all have ten digits, a point and three digits; ``None`` where one has not."""
    try:
        octets = np.frombuffer("\n".join([*values, ""]).encode("ascii"), dtype=np.uint8)
    except (TypeError, UnicodeEncodeError):
        return None
    if len(octets) != len(values) * _EPOCH_WIDTH:
        return None
    columns = octets.reshape(-1, _EPOCH_WIDTH)
    digits = columns[:, _EPOCH_DIGITS] - ord("0")
    if (columns[:, _EPOCH_MARKS] != _EPOCH_POINT_AND_END).any() or (digits > 9).any():
        return None
    return pl.Series(digits @ _EPOCH_MICROS, dtype=pl.Int64).cast(Instant)


def _unquoted(text: str) -> Any:
    # heads.py keeps a timestamp that is no text as its JSON; a bare number is read as epoch seconds
    number = typed(text, pl.Float64()).value
    return text if number is None or text.replace(".", "", 1).isdecimal() else number
