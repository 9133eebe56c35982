"""Charts of routes: where each field came from, since when it was inherited, and what came back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import (
    CLOCK,
    MOST_ROWS,
    UTC,
    WINDOW,
    dimensions_of,
    group_label,
    nothing,
    require,
    titled,
    told,
    tooltip,
)
from harnlab.charts.theme import OUTCOME, PROVENANCE, Palette
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin

_ALARM: Final = PROVENANCE.of(ProvenanceOrigin.INHERITED_FROM_PRIMARY).color


@of_frames
def provenance_matrix(matrix: pl.DataFrame, /) -> alt.LayerChart:
    """Where each of the five fields came from: a cell an origin, with its count of calls.

    Parameters
    ----------
    matrix : polars.DataFrame
        Frame of ``hl.routes.matrix``.

    Returns
    -------
    altair.LayerChart
        Field by origin; a cell's fill deepens with its share of calls, the count stands in it, inherited cells are
        framed. USD and unpriced calls are in the tooltip.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    """
    columns = ("field", "origin", "calls", "unpriced_calls", "cost_usd", "share_pct")
    require(matrix, columns, chart="routes.provenance_matrix", source="routes.matrix")
    title = "Where each field of the route came from, calls"
    if not matrix["calls"].sum():
        return nothing(title, "dispatches")
    origins = matrix["origin"].unique(maintain_order=True).to_list()
    rows = matrix.select(
        *columns,
        _labelled(PROVENANCE, "origin"),
        inherited=(pl.col("origin") == ProvenanceOrigin.INHERITED_FROM_PRIMARY) & (pl.col("calls") > 0),
        count=pl.when(pl.col("calls") > 0).then(told(pl.col("calls"))).otherwise(pl.lit("·")),
    )
    base = alt.Chart(rows.head(MOST_ROWS), width=440, height=32 * len(origins)).encode(
        x=alt.X(
            "field:N", sort=list(PROVENANCE_FIELDS), title=None, axis=alt.Axis(labelAngle=0, orient="top")
        ),
        y=alt.Y("label:N", sort=_labels(PROVENANCE, origins), title=None),
        tooltip=tooltip("field:N", "origin:N", "calls:Q", "share_pct:Q", "cost_usd:Q", "unpriced_calls:Q"),
    )
    depth = alt.Scale(domain=[0, 100], range=[0, 0.65])
    cells = base.mark_rect().encode(
        color=alt.Color("origin:N", scale=PROVENANCE.scale(origins), legend=None),
        fillOpacity=alt.FillOpacity("share_pct:Q", scale=depth, legend=None),
    )
    frames = base.transform_filter("datum.inherited").mark_rect(filled=False, stroke=_ALARM, strokeWidth=2)
    counts = base.mark_text().encode(text="count:N")
    return titled(title, cells, frames, counts)


@of_frames
def inherited_share(trend: pl.DataFrame, /) -> alt.LayerChart:
    """Share of dispatches that inherited a part of their route, over time; the first such call is marked.

    Parameters
    ----------
    trend : polars.DataFrame
        Frame of ``hl.routes.trend``.

    Returns
    -------
    altair.LayerChart
        Line in percent over UTC time, a point amid each window, with its 95 % interval as bars, and a
        dashed rule, in words, at the first call.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For more windows than a chart holds; choose a wider ``every``.
    """
    columns = ("at", "calls", "inherited_calls", "unknown_calls", "share_pct", "low_pct", "high_pct")
    require(trend, (*columns, "first_inherited_at"), chart="routes.inherited_share", source="routes.trend")
    if trend.height > MOST_ROWS:
        raise InvalidArgument(
            f"{trend.height:,} windows",
            where="charts.routes.inherited_share",
            expected=f"at most {MOST_ROWS:,}",
            hint="hl.routes.trend(runs, every=…) with wider windows",
        )
    first = pl.col("first_inherited_at")
    rows = trend.drop_nulls("at").with_columns(
        middle=pl.col("at") + _half_window(trend["at"]),
        first_text=pl.format("first at {} UTC", first.dt.strftime("%Y-%m-%d %H:%M:%S")),
    )
    title = "Dispatches that inherited a part of their route"
    if rows.is_empty():
        return nothing(title, "dispatches with a time" if trend.height else "dispatches")
    base = alt.Chart(rows, width=520, height=200)
    x = alt.X("middle:T", scale=UTC, title="time, UTC", axis=CLOCK)
    y = alt.Y("share_pct:Q", title="inherited, % of dispatches", scale=alt.Scale(domain=[0, 100]))
    seen = tooltip(
        alt.Tooltip("at:T", timeUnit=WINDOW, title="from (UTC)"),
        *(f"{name}:Q" for name in columns[1:]),
    )
    bars = base.mark_rule(opacity=0.5).encode(x=x, y=alt.Y("low_pct:Q"), y2="high_pct:Q")
    line = base.mark_line(color=_ALARM, point=alt.OverlayMarkDef(color=_ALARM)).encode(x=x, y=y, tooltip=seen)
    mark = base.mark_rule(strokeDash=[4, 4]).encode(x=alt.X("first_inherited_at:T", scale=UTC))
    late = _is_late(rows)
    said = base.mark_text(align="right" if late else "left", baseline="top", dx=-4 if late else 4).encode(
        x=alt.X("first_inherited_at:T", scale=UTC), y=alt.value(2), text="first_text:N"
    )
    return titled(
        title, bars, line, mark, said,
        subtitle="share of each window, with its 95 % interval as a bar; dashed: the first such call",
    )  # fmt: skip


def _is_late(rows: pl.DataFrame) -> bool:
    """Whether the first inherited call stands so far right that its words must stand left of it."""
    start, end, first = rows["at"].min(), rows["at"].max(), rows["first_inherited_at"].min()
    if not (isinstance(start, datetime) and isinstance(end, datetime) and isinstance(first, datetime)):
        return False
    return first - start > (end - start) / 2


@of_frames
def outcome_mix(outcomes: pl.DataFrame, /, *, top: int = 12) -> alt.FacetChart | alt.LayerChart:
    """What came back, with 95 % intervals: a panel for each group, a line for each outcome.

    Parameters
    ----------
    outcomes : polars.DataFrame
        Frame of ``hl.routes.outcomes``.
    top : int
        Panels to draw, largest groups first.

    Returns
    -------
    altair.FacetChart or altair.LayerChart
        A point at each share in percent, a bar from end to end of its interval, and the counts in words; a line
        of text where there is no outcome.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For less than one panel.
    """
    columns = ("outcome_kind", "lane", "calls", "group_calls", "share_pct", "low_pct", "high_pct")
    require(outcomes, columns, chart="routes.outcome_mix", source="routes.outcomes")
    if top < 1:
        raise InvalidArgument(f"top={top}", where="charts.routes.outcome_mix", expected="1 or more")
    names = dimensions_of(outcomes, until="outcome_kind")
    title = f"Outcomes by {', '.join(names)}" if names else "Outcomes"
    if outcomes.is_empty():
        return nothing(title, "outcomes")
    rows = outcomes.select(
        group_label(names).alias("group"),
        *columns,
        _labelled(OUTCOME, "outcome_kind"),
        note=pl.format("{} of {}", told(pl.col("calls")), told(pl.col("group_calls"))),
    ).sort("group_calls", "group", descending=[True, False], maintain_order=True)
    groups = rows["group"].unique(maintain_order=True).head(top)
    rows = rows.filter(pl.col("group").is_in(groups.implode())).head(MOST_ROWS)
    kinds = rows["outcome_kind"].unique(maintain_order=True).to_list()
    base = alt.Chart(rows, width=440).encode(
        y=alt.Y("label:N", sort=_labels(OUTCOME, OUTCOME.scale(kinds).domain), title=None),
        tooltip=tooltip("group:N", *(f"{name}:{'N' if name in columns[:2] else 'Q'}" for name in columns)),
    )
    share = alt.X("share_pct:Q", title="share of the group's calls, %", scale=alt.Scale(domain=[0, 100]))
    color = alt.Color("outcome_kind:N", scale=OUTCOME.scale(kinds), legend=None)
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low_pct:Q"), x2="high_pct:Q", color=color)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=share, color=color)
    notes = base.mark_text(align="left", dx=6).encode(x="high_pct:Q", text="note:N")
    header = alt.Header(
        labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top", labelLimit=560
    )
    panels: alt.FacetChart = (
        alt.LayerChart(layer=[bars, points, notes])
        .facet(row=alt.Row("group:N", sort=groups.to_list(), title=None, header=header))
        .properties(title=f"{title}, 95 % intervals")
    )
    return panels


def _half_window(starts: pl.Series) -> timedelta:
    """Half the width of a window, so that a share stands amid the calls it is of."""
    width = starts.drop_nulls().unique().sort().diff().drop_nulls().min()
    return width / 2 if isinstance(width, timedelta) else timedelta()


def _labelled(palette: Palette, column: str) -> pl.Expr:
    """Glyph and name of each word, so that colour is never the only signal."""
    return (
        pl.col(column).map_elements(lambda word: _label(palette, word), return_dtype=pl.String).alias("label")
    )


def _label(palette: Palette, word: str) -> str:
    swatch = palette.of(word)
    return f"{swatch.glyph} {swatch.label}"


def _labels(palette: Palette, words: list[str]) -> list[str]:
    return [_label(palette, word) for word in words]
