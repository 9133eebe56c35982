"""How many bytes of UTF-8 the texts of a column hold, counted where they stand: no text is unescaped for its size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_HEX: Final = ord("u")
_STRETCH: Final = 1 << 18


def text_sizes(values: Sequence[msgspec.Raw]) -> pl.Series:
    """Sizes of JSON values: of a text its UTF-8 size, of anything else its length as JSON.

    Parameters
    ----------
    values : sequence of msgspec.Raw
        Valid JSON values; an empty one stands for no value.

    Returns
    -------
    polars.Series
        Int64, in bytes; null for ``null`` and for no value.
    """
    content = b"".join(values)
    lengths = np.fromiter((memoryview(value).nbytes for value in values), dtype=np.int64, count=len(values))
    ends = np.cumsum(lengths)
    if not content:
        return pl.Series(np.zeros(len(values)), dtype=pl.Int64).replace(0, None)
    octets = np.frombuffer(content, dtype=np.uint8)
    escapes = _escapes(octets)
    sizes = lengths - np.diff(np.searchsorted(escapes, ends), prepend=0)
    first = octets[np.minimum(ends - lengths, len(octets) - 1)]
    texts = first == _QUOTE
    sizes = np.where(texts, sizes - 2, lengths)
    # an escape of a code point stands for one to three bytes, or for half of four
    for row in np.unique(np.searchsorted(ends, escapes[octets[escapes + 1] == _HEX], side="right")):
        if texts[row]:
            sizes[row] = _size_of(bytes(values[row]))
    missing = (lengths == 0) | (first == ord("n"))
    return pl.Series(sizes, dtype=pl.Int64).set(pl.Series(missing), None)


def _escapes(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where escapes start: of backslashes in a row the first, the third and so on."""
    # a stretch at a time, which stays in the processor's cache
    found = np.concatenate(
        [
            np.flatnonzero(octets[start : start + _STRETCH] == _BACKSLASH) + start
            for start in range(0, len(octets), _STRETCH)
        ]
    )
    if not len(found):
        return found
    starts_row = np.diff(found, prepend=-2) > 1
    if np.diff(np.flatnonzero(starts_row), append=len(found)).max() <= 2:
        return found[starts_row]
    number = np.arange(len(found))
    in_row = number - np.maximum.accumulate(np.where(starts_row, number, 0))
    escapes: npt.NDArray[np.int64] = found[in_row % 2 == 0]
    return escapes


def _size_of(text: bytes) -> int:
    return len(json.loads(text.decode("utf-8", "replace")).encode("utf-8", "surrogatepass"))
