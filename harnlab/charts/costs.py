"""Charts of costs: by dimension, over time, call by call against a limit, and nested.

Each takes a frame of :mod:`harnlab.analysis.costs` and draws at most 5,000 rows of it; what does not fit is folded
into rows that say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import altair as alt
import polars as pl

from harnlab.errors import InvalidArgument, UnknownName

#: Rows of data a chart may hold; Altair refuses more.
MOST_ROWS: Final = 5_000

_MEASURES: Final = ("calls", "unpriced_calls", "cost_usd", "share_pct")

_BAR: Final = "#4a66fd"
_ALARM: Final = "#c11d28"

UTC: Final = alt.Scale(type="utc")
CLOCK: Final = alt.Axis(format="%m-%d %H:%M", labelOverlap="greedy", labelFlush=True)
WINDOW: Final = "utcyearmonthdatehoursminutes"


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


def titled(title: str, *layers: alt.Chart) -> alt.LayerChart:
    """Layers as one chart under one title."""
    return alt.LayerChart(layer=list(layers), title=title)


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
    chart = alt.Chart(rows, width=420)
    base = chart.encode(y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)))
    bars = base.mark_bar(color=_BAR).encode(
        x=alt.X("cost_usd:Q", title="known cost, USD"),
        tooltip=["group:N", "cost_usd:Q", "share_pct:Q", "calls:Q", "unpriced_calls:Q"],
    )
    notes = base.mark_text(align="left", dx=4).encode(x=alt.X("cost_usd:Q"), text="note:N")
    return titled(f"Cost by {', '.join(names)}" if names else "Cost", bars, notes)


def over_time(trend: pl.DataFrame, /, *, top: int = 6) -> alt.Chart:
    """Cost by window of time, one row of bars for each value of the dimension.

    Parameters
    ----------
    trend : polars.DataFrame
        Frame of ``hl.costs.trend``.
    top : int
        Rows of bars to draw, dearest first; the rest is one row ``(n others)``.

    Returns
    -------
    altair.Chart
        Bars in USD over UTC time. The subtitle tells what has no time and is not drawn.

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
    order = rows.sort("rank")["group"].unique(maintain_order=True).to_list()
    chart = alt.Chart(rows, width=520, height=60 if names else 160)
    bars = chart.mark_rect(color=_BAR).encode(
        x=alt.X("at:T", scale=UTC, title="time, UTC", axis=CLOCK),
        x2="until:T",
        y=alt.Y("cost_usd:Q", title="USD"),
        y2=alt.datum(0),
        tooltip=[
            alt.Tooltip("at:T", timeUnit=WINDOW, title="from (UTC)"),
            "group:N",
            "cost_usd:Q",
            "calls:Q",
        ],
    )
    if names:
        header = alt.Header(labelAngle=0, labelAlign="left", labelLimit=220)
        bars = bars.encode(row=alt.Row("group:N", sort=order, title=None, header=header))
    title = f"Cost over time{f' by {names[0]}' if names else ''}"
    untimed = ranked.filter(pl.col("at").is_null())
    titled: alt.Chart = bars.properties(title=alt.Title(title, subtitle=_left_out(untimed)))
    return titled


def running_total(running: pl.DataFrame, /, *, unit: str | None = None) -> alt.FacetChart:
    """Usage of steps call by call against their limit, with the call that broke it marked.

    Parameters
    ----------
    running : polars.DataFrame
        Frame of ``hl.costs.running``, narrowed to the steps of interest.
    unit : str, optional
        ``"USD"`` or ``"tokens"``. Default: USD, unless only token limits are declared.

    Returns
    -------
    altair.FacetChart
        One panel a step instance: a line stepping up with each call, the limit as a dashed line, and a labelled
        triangle at the tripping call.

    Raises
    ------
    UnknownName
        For a frame of another kind, or another unit.
    """
    columns = ("step", "span_id", "seq", "running_usd", "running_tokens", "max_usd", "max_tokens", "tripping")
    require(running, columns, chart="costs.running_total", source="costs.running")
    unit = unit or _unit_of(running)
    if unit not in _UNITS:
        raise UnknownName(f"no unit {unit!r}", where="unit", expected=f"one of {', '.join(_UNITS)}")
    rows = _panels(running, *_UNITS[unit], unit)
    base = alt.Chart(rows, width=520, height=120)
    x = alt.X(
        "call:Q",
        title="call of the step",
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(zero=False, nice=False, padding=14),
    )
    y = alt.Y("used:Q", title=unit)
    tooltip = ["step:N", "call:Q", "used:Q", "limit:Q", "model:N", "call_id:N", "source_line:Q"]
    dots = alt.OverlayMarkDef(color=_BAR)
    line = base.mark_line(interpolate="step-after", point=dots, color=_BAR).encode(x=x, y=y, tooltip=tooltip)
    limit = base.mark_rule(strokeDash=[6, 4]).encode(y="limit_once:Q")
    said = base.mark_text(align="left", baseline="bottom", dx=2).encode(
        x=alt.datum(1), y="limit_once:Q", text="limit_text:N"
    )
    trips = base.transform_filter("datum.tripping")
    mark = trips.mark_point(shape="triangle-up", size=140, filled=True, color=_ALARM, opacity=1).encode(
        x=x, y=y, tooltip=tooltip
    )
    label = trips.mark_text(align="right", dx=-10, dy=-4).encode(x=x, y=y, text="trip_text:N")
    header = alt.Header(labelAngle=0, labelAlign="left", labelLimit=220)
    order = rows["panel"].unique(maintain_order=True).to_list()
    layers = alt.layer(line, limit, said, mark, label)
    panels: alt.FacetChart = (
        layers.facet(row=alt.Row("panel:N", sort=order, title=None, header=header))
        .resolve_scale(x="independent", y="independent")
        .properties(title=f"Running total, {unit}, call by call")
    )
    return panels


def icicle(costs: pl.DataFrame, /) -> alt.LayerChart:
    """Nested costs as bars within bars: each level splits the one above it.

    Parameters
    ----------
    costs : polars.DataFrame
        Frame of ``hl.costs.by`` with up to four dimensions, outermost first, such as ``"persona", "step", "model"``.

    Returns
    -------
    altair.LayerChart
        One row of bars a dimension, in USD along the x axis, labelled where there is room.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For no dimension or more than four.
    """
    require(costs, ("calls", "cost_usd"), chart="costs.icicle", source="costs.by")
    names = dimensions_of(costs)
    if not 1 <= len(names) <= 4:
        raise InvalidArgument(f"{len(names)} dimensions", where="charts.costs.icicle", expected="one to four")
    rows = _nested(costs.filter(pl.col("cost_usd") > 0), names)
    base = alt.Chart(rows, width=_ICICLE_WIDTH, height=54 * len(names))
    level = alt.Y("level:O", sort=list(names), title=None, scale=alt.Scale(paddingInner=0.08))
    bars = base.mark_bar(color=_BAR, fillOpacity=0.3, stroke=_BAR).encode(
        x=alt.X("start:Q", title="known cost, USD"), x2="end:Q", y=level, tooltip=["path:N", "cost_usd:Q"]
    )
    labels = base.transform_filter("datum.wide").mark_text().encode(x="middle:Q", y=level, text="name:N")
    return titled(f"Cost by {' → '.join(names)}", bars, labels)


#: Unit -> columns of usage and limit.
_UNITS: Final = {"USD": ("running_usd", "max_usd"), "tokens": ("running_tokens", "max_tokens")}
_MOST_PANELS: Final = 12
_ICICLE_WIDTH: Final = 640


def dimensions_of(frame: pl.DataFrame, *, until: str = "calls", but: Sequence[str] = ()) -> list[str]:
    """Columns before the measures: what a frame was grouped by."""
    names = frame.columns[: frame.columns.index(until)]
    return [name for name in names if name not in but]


def group_label(names: Sequence[str]) -> pl.Expr:
    """Name of a group for an axis; a value that is not there is a dash."""
    if not names:
        return pl.lit("all")
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null("—") for name in names], separator=" · ")


def _folded(costs: pl.DataFrame, names: Sequence[str], top: int) -> pl.DataFrame:
    """Dearest groups, and one row for all others."""
    rows = costs.select(group_label(names).alias("group"), *_MEASURES)
    rows = rows.sort("cost_usd", "calls", "group", descending=[True, True, False], nulls_last=True)
    rest = rows.slice(top)
    if rest.height:
        others = rest.select(pl.lit(f"({rest.height} others)").alias("group"), pl.col(_MEASURES).sum())
        rows = pl.concat([rows.head(top), others])
    return rows


def _note() -> pl.Expr:
    """Amount, share and what has no price, in words."""
    cost = pl.format("{} USD", pl.col("cost_usd").round(6)).fill_null("price unknown")
    share = pl.format(" · {} %", pl.col("share_pct").round(1)).fill_null("")
    unpriced = pl.when(pl.col("unpriced_calls") > 0).then(pl.format(" · {} unpriced", "unpriced_calls"))
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
        rows = rows.with_columns(rest.fill_null(f"({order.height - top} others)").alias("group"))
    rank = {group: place for place, group in enumerate(order["group"].head(top))}
    return rows.with_columns(rank=pl.col("group").replace_strict(rank, default=top, return_dtype=pl.Int64))


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


def _left_out(rows: pl.DataFrame) -> str:
    if not rows.height:
        return ""
    return f"not drawn, for want of a time: {rows['calls'].sum():,} calls ({rows['cost_usd'].sum():.6g} USD)"


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
    rows = rows.select(
        group_label(names).alias("panel"), "step", "model", "call_id", "source_line", "tripping",
        call.alias("call"), amount.alias("used"), ceiling.alias("limit"),
        pl.when(call == 1).then(ceiling).alias("limit_once"),
        pl.when(call == 1).then(pl.format(f"limit {{}} {unit}", ceiling)).alias("limit_text"),
        pl.when("tripping").then(
            pl.format(f"call {{}}: {{}} {unit}, over by {{}}", call, amount.round(6), over.round(6))
        ).alias("trip_text"),
    )  # fmt: skip
    return _thinned(rows)


def _thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """At most as many rows as a chart holds; first, last and tripping calls of a panel stay."""
    every = -(-rows.height // (MOST_ROWS // 2))
    position = pl.int_range(pl.len()).over("panel")
    keep = (position % every == 0) | (position == pl.len().over("panel") - 1) | pl.col("tripping")
    return rows.filter(keep)


def _nested(costs: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Bar of every group on every level: where it starts and ends in USD."""
    levels = []
    for depth in range(1, len(names) + 1):
        outer = list(names[:depth])
        totals = [pl.col("cost_usd").sum().over(names[:n]).alias(f"of_{n}") for n in range(1, depth + 1)]
        rows = (
            costs.with_columns(totals)
            .group_by(outer, maintain_order=True)
            .agg(pl.col("cost_usd").sum(), pl.col("^of_.*$").first())
        )
        keys = [key for n in range(1, depth + 1) for key in (f"of_{n}", names[n - 1])]
        rows = rows.sort(keys, descending=[True, False] * depth, nulls_last=True)
        end = pl.col("cost_usd").cum_sum()
        letters = group_label([names[depth - 1]]).str.len_chars()
        fits = pl.col("cost_usd") / pl.col("cost_usd").sum() * _ICICLE_WIDTH > 7 * letters
        levels.append(
            rows.select(
                pl.lit(names[depth - 1]).alias("level"),
                group_label([names[depth - 1]]).alias("name"),
                group_label(outer).alias("path"),
                "cost_usd",
                (end - pl.col("cost_usd")).alias("start"),
                end.alias("end"),
                (end - pl.col("cost_usd") / 2).alias("middle"),
                fits.alias("wide"),
            )
        )
    rows = pl.concat(levels)
    return rows.sort("cost_usd", descending=True, maintain_order=True).head(MOST_ROWS)
