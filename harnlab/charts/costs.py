"""Charts of costs: by dimension, over time, call by call against a limit, and nested.

Each takes a frame of :mod:`harnlab.analysis.costs` and draws at most 5,000 rows of it; what does not fit is folded
into rows that say so.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    number,
    require,
    titled,
    told,
    tooltip,
    windowed,
)
from harnlab.charts.icicle import icicle
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.questions import of_frames

__all__ = ["MOST_ROWS", "by_dimension", "icicle", "over_time", "running_total"]

_MEASURES: Final = ("calls", "unpriced_calls", "cost_usd", "share_pct")

_BAR: Final = "#4a66fd"
_ALARM: Final = "#c11d28"


@of_frames
def by_dimension(costs: pl.DataFrame, /, *, top: int = 20) -> alt.LayerChart:
    """Cost of each group as a bar, dearest first.

    Parameters
    ----------
    costs : polars.DataFrame
        Frame of ``hl.costs.by``.
    top : int
        Bars to draw; the rest is one bar ``(n others)``.

    Returns
    -------
    altair.LayerChart
        Bars in USD, labelled with amount, share and the number of calls without a price.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For less than one bar.
    """
    require(
        costs,
        ("calls", "unpriced_calls", "cost_usd", "share_pct"),
        chart="costs.by_dimension",
        source="costs.by",
    )
    if not 1 <= top < MOST_ROWS:
        raise InvalidArgument(
            f"top={top}", where="charts.costs.by_dimension", expected=f"1 to {MOST_ROWS - 1}"
        )
    names = dimensions_of(costs)
    rows = _folded(costs, names, top).with_columns(note=_note())
    title = f"Cost by {', '.join(names)}" if names else "Cost"
    if rows.is_empty():
        return nothing(title, "calls")
    chart = alt.Chart(rows, width=380)
    base = chart.encode(y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)))
    bars = base.mark_bar(color=_BAR).encode(
        x=alt.X("cost_usd:Q", title="known cost, USD"),
        tooltip=tooltip("group:N", "cost_usd:Q", "share_pct:Q", "calls:Q", "unpriced_calls:Q"),
    )
    notes = base.mark_text(align="left", dx=4).encode(x=alt.X("cost_usd:Q"), text="note:N")
    return titled(title, bars, notes)


@of_frames
def over_time(trend: pl.DataFrame, /, *, top: int = 6) -> alt.Chart | alt.LayerChart:
    """Cost by window of time, one row of bars for each value of the dimension.

    Parameters
    ----------
    trend : polars.DataFrame
        Frame of ``hl.costs.trend``.
    top : int
        Rows of bars to draw, dearest first; the rest is one row ``(n others)``.

    Returns
    -------
    altair.Chart or altair.LayerChart
        Bars in USD over UTC time. The subtitle tells what has no time and is not drawn. A line of text where there
        are no bars.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    """
    require(
        trend, ("at", "calls", "unpriced_calls", "cost_usd"), chart="costs.over_time", source="costs.trend"
    )
    names = dimensions_of(trend, but=("at",))
    ranked = _ranked(trend, names, top)
    rows = windowed(ranked.drop_nulls("at"), ("rank", "group"), ("calls", "cost_usd"))
    title = f"Cost over time{f' by {names[0]}' if names else ''}"
    untimed = ranked.filter(pl.col("at").is_null())
    notes = [_left_out(untimed), _unpriced(ranked.drop_nulls("at"))]
    subtitle = "; ".join(filter(None, notes))
    if rows.is_empty():
        return nothing(title, "calls with a time" if untimed.height else "calls", subtitle=subtitle)
    # a row too low to see next to the dearest one still tells what it cost
    total = told(pl.col("cost_usd").sum().over("group"))
    rows = rows.with_columns(panel=pl.format("{} · {} USD", "group", total))
    order = rows.sort("rank")["panel"].unique(maintain_order=True).to_list()
    chart = alt.Chart(rows, width=440, height=60 if names else 160)
    bars = chart.mark_rect(color=_BAR).encode(
        x=alt.X("at:T", scale=UTC, title="time, UTC", axis=CLOCK),
        x2="until:T",
        y=alt.Y("cost_usd:Q", title="USD"),
        y2=alt.datum(0),
        tooltip=tooltip(
            alt.Tooltip("at:T", timeUnit=WINDOW, title="from (UTC)"), "group:N", "cost_usd:Q", "calls:Q"
        ),
    )
    if names:
        header = alt.Header(labelAngle=0, labelAlign="left", labelLimit=220)
        bars = bars.encode(row=alt.Row("panel:N", sort=order, title=None, header=header))
    headed: alt.Chart = bars.properties(title=alt.Title(title, subtitle=subtitle))
    return headed


@of_frames
def running_total(running: pl.DataFrame, /, *, unit: str | None = None) -> alt.FacetChart | alt.LayerChart:
    """Usage of steps call by call against their limit, with the call that broke it marked.

    Parameters
    ----------
    running : polars.DataFrame
        Frame of ``hl.costs.running``, narrowed to the steps of interest.
    unit : str, optional
        ``"USD"`` or ``"tokens"``. Default: USD, unless only token limits are declared.

    Returns
    -------
    altair.FacetChart or altair.LayerChart
        One panel a step instance: a line stepping up with each call, the limit as a dashed line, and a labelled
        triangle at the tripping call. A line of text where there is no call of a step.

    Raises
    ------
    UnknownName
        For a frame of another kind, or another unit.
    """
    columns = ("step", "span_id", "seq", "running_usd", "running_tokens", "max_usd", "max_tokens", "tripping")
    require(running, columns, chart="costs.running_total", source="costs.running")
    unit = unit or _unit_of(running)
    if unit not in _UNITS:
        raise UnknownName.among("unit", unit, _UNITS, where="unit")
    title = f"Running total, {unit}, call by call"
    if running.is_empty():
        return nothing(title, "calls of a step")
    rows = _panels(running, *_UNITS[unit], unit)
    base = alt.Chart(rows, width=460, height=120)
    x = alt.X(
        "call:Q",
        title="call of the step",
        axis=alt.Axis(tickMinStep=1, labelExpr="datum.value % 1 ? '' : format(datum.value, 'd')"),
        scale=alt.Scale(zero=False, nice=False, padding=14),
    )
    y = alt.Y("used:Q", title=unit)
    seen = tooltip("step:N", "call:Q", "used:Q", "limit:Q", "model:N", "call_id:N", "source_line:Q")
    dots = alt.OverlayMarkDef(color=_BAR)
    line = base.mark_line(interpolate="step-after", point=dots, color=_BAR).encode(x=x, y=y, tooltip=seen)
    limit = base.mark_rule(strokeDash=[6, 4]).encode(y="limit_once:Q")
    said = base.mark_text(align="left", baseline="bottom", dx=2, dy=-3).encode(
        x=alt.datum(1), y="limit_once:Q", text="limit_text:N"
    )
    trips = base.transform_filter("datum.tripping")
    mark = trips.mark_point(shape="triangle-up", size=140, filled=True, color=_ALARM, opacity=1).encode(
        x=x, y=y, tooltip=seen
    )
    label = trips.mark_text(align="right", dx=-10, dy=-4).encode(x=x, y=y, text="trip_text:N")
    header = alt.Header(labelAngle=0, labelAlign="left", labelLimit=220)
    order = rows["panel"].unique(maintain_order=True).to_list()
    layers = alt.layer(line, limit, said, mark, label)
    panels: alt.FacetChart = (
        layers.facet(row=alt.Row("panel:N", sort=order, title=None, header=header))
        .resolve_scale(x="independent", y="independent")
        .properties(title=title)
    )
    return panels


#: Unit -> columns of usage and limit.
_UNITS: Final = {"USD": ("running_usd", "max_usd"), "tokens": ("running_tokens", "max_tokens")}
_MOST_PANELS: Final = 12


def _folded(costs: pl.DataFrame, names: Sequence[str], top: int) -> pl.DataFrame:
    """Dearest groups, and one row for all others."""
    rows = costs.select(group_label(names).alias("group"), *_MEASURES)
    rows = rows.sort("cost_usd", "calls", "group", descending=[True, True, False], nulls_last=True)
    rest = rows.slice(top)
    if rest.height:
        others = rest.select(pl.lit(f"({rest.height:,} others)").alias("group"), pl.col(_MEASURES).sum())
        rows = pl.concat([rows.head(top), others])
    return rows


def _note() -> pl.Expr:
    """Amount, share and what has no price, in words."""
    amount = pl.col("cost_usd").map_elements(lambda usd: f"{usd:,.6f} USD", return_dtype=pl.String)
    cost = amount.fill_null("price unknown")
    share = pl.format(" · {} %", pl.col("share_pct").round(1)).fill_null("")
    unpriced = pl.when(pl.col("unpriced_calls") > 0).then(
        pl.format(" · {} unpriced", told(pl.col("unpriced_calls")))
    )
    return cost + share + unpriced.fill_null("")


def _ranked(trend: pl.DataFrame, names: Sequence[str], top: int) -> pl.DataFrame:
    """Rows with the group they are drawn in, and the groups' rank by cost."""
    rows = trend.with_columns(group_label(names).alias("group"))
    order = (
        rows.group_by("group")
        .agg(pl.col("cost_usd").sum())
        .sort("cost_usd", "group", descending=[True, False])
    )
    if order.height > top:
        rest = pl.when(pl.col("group").is_in(order["group"].head(top).implode())).then("group")
        rows = rows.with_columns(rest.fill_null(f"({order.height - top:,} others)").alias("group"))
    rank = {group: place for place, group in enumerate(order["group"].head(top))}
    return rows.with_columns(rank=pl.col("group").replace_strict(rank, default=top, return_dtype=pl.Int64))


def _left_out(rows: pl.DataFrame) -> str:
    if not rows.height:
        return ""
    calls = rows["calls"].sum()
    counted = f"{calls:,} call{'' if calls == 1 else 's'}"
    return f"not drawn, for want of a time: {counted} ({number(rows['cost_usd'].sum())} USD)"


def _unpriced(rows: pl.DataFrame) -> str:
    calls = rows["unpriced_calls"].sum()
    if calls == 1:
        return "1 call without a price counts nothing"
    return f"{calls:,} calls without a price count nothing" if calls else ""


def _unit_of(running: pl.DataFrame) -> str:
    """Unit of the limit that was broken, else of the one declared."""
    tripped = running.filter("tripping")
    over_usd = (tripped["running_usd"] > tripped["max_usd"]).any()
    only_tokens = running["max_usd"].null_count() == running.height and running["max_tokens"].count() > 0
    over_tokens = (tripped["running_tokens"] > tripped["max_tokens"]).any()
    return "tokens" if only_tokens or (over_tokens and not over_usd) else "USD"


def _panels(running: pl.DataFrame, used: str, limit: str, unit: str) -> pl.DataFrame:
    """Rows of the drawn step instances: those that tripped first, then those nearest to their limit."""
    instance = ("run_id", "span_id")
    names = ["step", "span_id"] + (["run_id"] if running["run_id"].n_unique() > 1 else [])
    amount, ceiling = pl.col(used).cast(pl.Float64), pl.col(limit).cast(pl.Float64)
    near = running.group_by(instance, maintain_order=True).agg(
        tripped=pl.col("tripping").any(), nearness=(amount / ceiling).max()
    )
    near = near.sort("tripped", "nearness", descending=True, nulls_last=True, maintain_order=True)
    drawn = near.head(_MOST_PANELS).select(instance).with_row_index("place")
    rows = running.join(drawn, on=instance, how="inner").sort("place", "seq")
    call = pl.int_range(1, pl.len() + 1).over(instance)
    over = amount - ceiling
    other = "token" if unit == "USD" else "USD"
    rows = rows.select(
        group_label(names).str.replace(" · ", " · span ", literal=True).alias("panel"),
        "step", "model", "call_id", "source_line", "tripping",
        call.alias("call"), amount.alias("used"), ceiling.alias("limit"),
        pl.when(call == 1).then(ceiling).alias("limit_once"),
        pl.when(call == 1).then(pl.format(f"limit {{}} {unit}", told(ceiling))).alias("limit_text"),
        pl.when("tripping").then(
            pl.when(over > 0)
            .then(pl.format(f"call {{}}: {{}} {unit}, over by {{}}", told(call), told(amount), told(over)))
            .otherwise(pl.format(f"call {{}}: over its {other} limit", told(call)))
        ).alias("trip_text"),
    )  # fmt: skip
    return _thinned(rows)


def _thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """At most as many rows as a chart holds; first, last and tripping calls of a panel stay."""
    every = -(-rows.height // (MOST_ROWS // 2))
    position = pl.int_range(pl.len()).over("panel")
    keep = (position % every == 0) | (position == pl.len().over("panel") - 1) | pl.col("tripping")
    return rows.filter(keep)
