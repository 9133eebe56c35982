"""Charts of autonomy: decisions by UTC hour against the quota."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import CLOCK, MOST_ROWS, UTC, WINDOW, nothing, require, told, tooltip
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames

_ADMITTED: Final = "#4a66fd"
_DENIED: Final = "#c11d28"
_MOST_PANELS: Final = 12
_TITLE: Final = "Decisions by UTC hour (dashed: quota an hour; ✗ denied)"


@of_frames
def hours(usage: pl.DataFrame, /, *, top: int = _MOST_PANELS) -> alt.FacetChart | alt.LayerChart:
    """Decisions of each key by UTC hour, against its quota an hour.

    Parameters
    ----------
    usage : polars.DataFrame
        Frame of ``hl.autonomy.usage``.
    top : int
        Keys to draw, those with the most denials first.

    Returns
    -------
    altair.FacetChart or altair.LayerChart
        A panel for each log and key: admitted decisions as bars, denied ones stacked on them with their count, a
        dashed rule at the quota an hour. Hours are UTC hours, as the runtime counts them. A line of text where
        nothing was decided.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For less than one panel.
    """
    columns = ("log", "agent_key", "hour", "admitted", "denied", "per_hour", "per_day", "counted_today")
    require(usage, columns, chart="autonomy.hours", source="autonomy.usage")
    if top < 1:
        raise InvalidArgument(f"top={top}", where="charts.autonomy.hours", expected="1 or more")
    rows, keys = _busiest(usage, top)
    stacks = _stacked(rows).head(MOST_ROWS)
    if stacks.is_empty():
        return nothing(_TITLE, "decisions")
    header = alt.Header(
        labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top", labelLimit=420
    )
    panels: alt.FacetChart = (
        _against_quota(stacks)
        .facet(row=alt.Row("group:N", sort=keys, title=None, header=header))
        .properties(title=_TITLE)
    )
    return panels


def _busiest(usage: pl.DataFrame, top: int) -> tuple[pl.DataFrame, list[str]]:
    """Rows of the keys that are drawn, each a ``group`` named with its log and quota, and those names in order."""
    rows = usage.with_columns(group=pl.format("{} · {}{}", "agent_key", _log_name(usage), _quota()))
    ranked = rows.group_by("group").agg(pl.col("denied", "admitted").sum())
    ranked = ranked.sort("denied", "admitted", "group", descending=[True, True, False]).head(top)
    return rows.filter(pl.col("group").is_in(ranked["group"].implode())), ranked["group"].to_list()


def _stacked(rows: pl.DataFrame) -> pl.DataFrame:
    """A row for each hour and decision, with the part of the stack it takes up."""
    long = rows.unpivot(
        on=["admitted", "denied"],
        index=["group", "hour", "per_hour", "per_day", "counted_today"],
        variable_name="decision",
        value_name="decisions",
    ).sort("group", "hour", "decision")
    to = pl.col("decisions").cum_sum().over("group", "hour")
    denied = pl.when(pl.col("decision") == "denied").then(pl.format("✗ {}", told(pl.col("decisions"))))
    return long.with_columns(
        until=pl.col("hour") + timedelta(hours=1),
        note=denied.otherwise(pl.lit("")),
        to=to,
        start=to - pl.col("decisions"),
    ).filter(pl.col("decisions") > 0)


def _against_quota(rows: pl.DataFrame) -> alt.LayerChart:
    """Stacks of one key, hour by hour, and its quota an hour."""
    base = alt.Chart(rows, width=520, height=90)
    scale = alt.Scale(domain=["admitted", "denied"], range=[_ADMITTED, _DENIED])
    x = alt.X("hour:T", scale=UTC, title="UTC hour", axis=CLOCK)
    bars = base.mark_rect().encode(
        x=x,
        x2="until:T",
        y=alt.Y("start:Q", title="decisions"),
        y2="to:Q",
        color=alt.Color("decision:N", scale=scale, title=None),
        tooltip=tooltip(
            alt.Tooltip("hour:T", timeUnit=WINDOW, title="hour from (UTC)"),
            "decision:N",
            "decisions:Q",
            "per_hour:Q",
            "per_day:Q",
            "counted_today:Q",
        ),
    )
    notes = base.mark_text(align="left", baseline="bottom", dy=-2).encode(x=x, y="to:Q", text="note:N")
    quota = base.mark_rule(strokeDash=[5, 3]).encode(y="max(per_hour):Q")
    return alt.LayerChart(layer=[bars, quota, notes])


def _quota() -> pl.Expr:
    """Quotas of a key in words: an hour with few decisions may be denied for its day."""
    log = ("log", "agent_key")
    parts = [
        pl.format(f" · {{}} {window}", told(pl.col(name).max().over(log))).fill_null("")
        for name, window in (("per_hour", "an hour"), ("per_day", "a day"))
    ]
    return pl.concat_str(parts)


def _log_name(usage: pl.DataFrame) -> pl.Expr:
    """Where a log stands, without what all logs share."""
    parts = [log.split("/") for log in usage["log"].unique().drop_nulls()]
    shared = 0
    while len(parts) > 1 and all(len(one) > shared + 1 and one[shared] == parts[0][shared] for one in parts):
        shared += 1
    return pl.col("log").str.split("/").list.slice(shared).list.join("/")
