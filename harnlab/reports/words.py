"""Words of a log as a page may show them: short, every character seen, and masked where asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from harnlab.invisible import visible

#: Letters of a text in a table or a chart; the whole text stands in the log.
MOST_LETTERS: Final = 300
#: What is looked at of a text before it is cut, so that a secret at the cut is still known for one.
_LOOKED_AT: Final = 4 * MOST_LETTERS
#: Ends of the names of columns whose amounts are all in one unit.
_ONE_UNIT: Final = ("_usd", "_pct", "_s")
Mask = Callable[[str], str]


def unmasked(text: str) -> str:
    """The text itself."""
    return text


def shown(text: str, mask: Mask = unmasked, most: int = MOST_LETTERS) -> str:
    r"""A text as a page may show it.

    Parameters
    ----------
    text : str
        Anything a log may hold.
    mask : callable
        Takes secrets out.
    most : int
        Letters to keep.

    Returns
    -------
    str
        Cut to ``most`` letters, with its full length; unseen characters as ``\u202e``.
    """
    head = text[: max(_LOOKED_AT, 2 * most)]
    cut = len(head) < len(text)
    kept = mask(head)
    if cut and len(kept) <= most:
        kept = kept.rpartition(" ")[0]
    kept = visible(kept)
    return f"{kept[:most]}… ({len(text):,} characters)" if cut or len(kept) > most else kept


def shown_frame(frame: pl.DataFrame, mask: Mask = unmasked) -> pl.DataFrame:
    """The frame with its texts, and texts in its lists, as a page may show them."""

    def said(values: pl.Series) -> pl.Series:
        new: Mapping[Any, Any] = {value: shown(value, mask) for value in values.drop_nulls().unique()}
        return values.replace_strict(new, default=None, return_dtype=pl.String)

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    lists = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
    return frame.with_columns(
        *(said(frame[name]) for name in texts),
        *(
            pl.Series(name, [one and [shown(word or "", mask) for word in one] for one in frame[name].to_list()],
                      dtype=pl.List(pl.String))
            for name in lists
        ),
    )  # fmt: skip


def cell(value: Any) -> str:
    """One value of a table as text."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.6f}".rstrip("0").rstrip(".")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case list():
            return ", ".join(map(cell, value))
    return str(value)


def cells(values: pl.Series) -> list[str]:
    """Values of one column as texts; amounts of one unit with the same number of decimals, so that they line up."""
    texts = [cell(value) for value in values.to_list()]
    if not (values.dtype.is_float() and values.name.endswith(_ONE_UNIT)):
        return texts
    most = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [text and f"{value:,.{most}f}" for text, value in zip(texts, values, strict=True)]


def sort_key(value: Any) -> str | None:
    """What a column is sorted by, where the text shown does not sort as the value does."""
    match value:
        case bool() | str() | list() | None:
            return None
        case datetime():
            return None  # ISO order is the order of time
        case int() | float():
            return repr(value)
    return None
