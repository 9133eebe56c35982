"""What every chart shares: how many rows it may hold, UTC axes, numbers in words, and what it says without rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import altair as alt
import polars as pl

from harnlab.errors import UnknownName

#: Rows of data a chart may hold; Altair refuses more.
MOST_ROWS: Final = 5_000

UTC: Final = alt.Scale(type="utc")
CLOCK: Final = alt.Axis(format="%m-%d %H:%M", labelOverlap="greedy", labelFlush=True)
#: As :func:`number`, for Vega.
NUMBER: Final = ",.6~f"
#: Column of the one row that a chart without rows is drawn from.
SAID: Final = "said"
WINDOW: Final = "utcyearmonthdatehoursminutes"


def clock(times: pl.Series) -> alt.Axis:
    """UTC axis over some times, in seconds where minutes would all read the same; its title then names the day."""
    first, last = times.min(), times.max()
    axis: alt.Axis = CLOCK.copy()
    axis["title"] = "time, UTC"
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return axis
    if last - first < timedelta(minutes=15):
        one_day = first.date() == last.date()
        axis["format"] = "%H:%M:%S" if one_day else "%m-%d %H:%M:%S"
        axis["title"] = f"time on {first:%Y-%m-%d}, UTC" if one_day else "time, UTC"
    return axis


def require(frame: pl.DataFrame, columns: Iterable[str], *, chart: str, source: str) -> None:
    """Refuse a frame a chart was not made for.

    Raises
    ------
    UnknownName
        For a column that is missing; the message names the function the frame comes from.
    """
    if missing := [name for name in columns if name not in frame.columns]:
        raise UnknownName(
            f"no column {', '.join(missing)}", where=f"charts.{chart}", expected=f"a frame of hl.{source}"
        )


def titled(title: str, *layers: alt.Chart, subtitle: str = "") -> alt.LayerChart:
    """Layers as one chart under one title."""
    heading = alt.Title(title, subtitle=subtitle) if subtitle else title
    return alt.LayerChart(layer=list(layers), title=heading)


def nothing(title: str, what: str, *, subtitle: str = "") -> alt.LayerChart:
    """What a chart without rows draws in place of empty axes: its title, and ``nothing to draw: no calls``."""
    said = pl.DataFrame({SAID: [f"nothing to draw: no {what}"]})
    text = alt.Chart(said, width=340, height=24).mark_text(align="left", baseline="middle", fontSize=12)
    return titled(title, text.encode(x=alt.value(0), text=f"{SAID}:N"), subtitle=subtitle)


def told(amount: pl.Expr) -> pl.Expr:
    """A number in words: thousands apart, at most six decimals, none that say nothing."""
    return amount.round(6).map_elements(number, return_dtype=pl.String)


def number(amount: float | Decimal) -> str:
    """``32,410``, ``0.25``, ``0.000001``."""
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.6f}".rstrip("0").rstrip(".")


def tooltip(*fields: str | alt.Tooltip) -> list[alt.Tooltip]:
    """Tooltips of some fields; numbers as in words, percent to a hundredth."""
    return [field if isinstance(field, alt.Tooltip) else _tooltip(field) for field in fields]


def _tooltip(field: str) -> alt.Tooltip:
    if not field.endswith(":Q"):
        return alt.Tooltip(field)
    return alt.Tooltip(field, format=",.2~f" if field.endswith("_pct:Q") else NUMBER)


def dimensions_of(frame: pl.DataFrame, *, until: str = "calls", but: Sequence[str] = ()) -> list[str]:
    """Columns before the measures: what a frame was grouped by."""
    names = frame.columns[: frame.columns.index(until)]
    return [name for name in names if name not in but]


def group_label(names: Sequence[str]) -> pl.Expr:
    """Name of a group for an axis; a value that is not there is a dash."""
    if not names:
        return pl.lit("all")
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null("—") for name in names], separator=" · ")


def windowed(rows: pl.DataFrame, groups: Sequence[str], sums: Sequence[str]) -> pl.DataFrame:
    """Rows by window with its end (``until``), in windows wide enough for a chart to hold them."""
    starts = rows["at"].unique().sort()
    width = starts.diff().drop_nulls().min() if len(starts) > 1 else timedelta(minutes=1)
    if not isinstance(width, timedelta):
        return rows.with_columns(until="at")
    crowd = rows.select("at", *groups).n_unique()
    if crowd > MOST_ROWS:
        width *= -(-crowd // MOST_ROWS) * 2
    step = f"{width // timedelta(microseconds=1)}us"
    wide = rows.with_columns(pl.col("at").dt.truncate(step) if crowd > MOST_ROWS else pl.col("at"))
    wide = wide.group_by("at", *groups).agg(pl.col(sums).sum()).sort("at", *groups)
    return wide.with_columns(until=pl.col("at") + width)
