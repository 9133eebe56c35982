"""Nested costs as bars within bars: persona, step, route, call.

A bar is as wide as what its calls used themselves; a call belongs to the innermost step around it, so that nothing
is counted twice and each level adds up to the one above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import NUMBER, dimensions_of, group_label, nothing, number, require, told, tooltip
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.questions import of_frames

_BAR: Final = "#4a66fd"
_ALARM: Final = "#c11d28"
_WIDTH: Final = 640
_LEVEL_HEIGHT: Final = 46
_MOST_LEVELS: Final = 6
#: Bars narrower than this share of the whole are one bar for all of them.
_NARROWEST: Final = 1 / 500
_MOST_HATCHES: Final = 600
_FEWEST_LETTERS: Final = 5
#: Unit -> what is added up, and how it is told.
UNITS: Final = {
    "usd": (("cost_usd",), "known cost, USD"),
    "tokens": (("input_tokens", "output_tokens"), "tokens, input and output"),
    "time": (("response_ms",), "time to answer, seconds"),
}
#: What no call has where all bars would have no width.
_MISSING: Final = {"usd": "known cost", "tokens": "tokens", "time": "time to answer"}
_SAID: Final = {"usd": "USD", "tokens": "tokens", "time": "s"}
#: Letters of a line below the title, so that a chart is not wider for its words.
_LINE: Final = 100
#: Names that say nothing once they are cut.
_WHOLE: Final = frozenset({"call_id", "run_id"})
_TITLES: Final = {
    "usd": "Cost",
    "tokens": "Tokens",
    "time": "Time",
}


@of_frames
def icicle(costs: pl.DataFrame, /, *, unit: str = "usd", budget: float | None = None) -> alt.LayerChart:
    """Nested costs as bars within bars: each level splits the one above it.

    Parameters
    ----------
    costs : polars.DataFrame
        Frame of ``hl.costs.nested`` or ``hl.costs.by`` with up to six dimensions, outermost first, such as
        ``"persona", "step", "route", "call_id"``.
    unit : str
        ``"usd"``, ``"tokens"`` or ``"time"`` (only ``hl.costs.nested`` has times).
    budget : float, optional
        A limit of your own in the unit drawn (seconds for time): a line across all levels.

    Returns
    -------
    altair.LayerChart
        One row of bars a dimension, in self cost along the x axis, named where there is room. Hatched: at least one
        call has no price, so the bar is the least it can be. Framed, with ``▲``: a visit of the step went over its
        limit; a line stands at the limits of all visits added up, where more than that was used. Bars too narrow to
        see are one bar that counts them.

    Raises
    ------
    UnknownName
        For a frame of another kind, or another unit.
    InvalidArgument
        For no dimension or more than six.
    """
    if unit not in UNITS:
        raise UnknownName.among("unit", unit, UNITS, where="unit")
    used, measure = UNITS[unit]
    require(costs, ("calls", *used), chart="costs.icicle", source="costs.nested")
    names = dimensions_of(costs)
    if not 1 <= len(names) <= _MOST_LEVELS:
        raise InvalidArgument(
            f"{len(names)} dimensions", where="charts.costs.icicle", expected=f"one to {_MOST_LEVELS}"
        )
    bars = _bars(_folded(_measured(costs, unit), names), names, unit)
    title = f"{_TITLES[unit]} by {' → '.join(names)}"
    if bars.is_empty():
        return nothing(title, _MISSING[unit] if costs.height else "calls")
    layers = _drawn(bars, names, measure, _end(bars, budget))
    if budget is not None:
        layers += _budget_line(budget, measure, _SAID[unit])
    return alt.LayerChart(layer=layers, title=alt.Title(title, subtitle=_legend(bars)))


def bar_of_row(costs: pl.DataFrame, unit: str) -> pl.DataFrame | None:
    """Path of the bar that each row stands in, a column for each level; ``None`` where the unit is not known."""
    if not set(UNITS[unit][0]).issubset(costs.columns):
        return None
    names = dimensions_of(costs)
    rows = _folded(_measured(costs, unit), names)
    return rows.select(group_label(names[: depth + 1]).alias(name) for depth, name in enumerate(names))


def _measured(costs: pl.DataFrame, unit: str) -> pl.DataFrame:
    """Rows with the ``amount`` drawn, and how many of their calls it leaves out."""
    used = UNITS[unit][0]
    amount = pl.sum_horizontal(pl.col(name).fill_null(0).cast(pl.Float64) for name in used)
    amount = pl.when(amount.is_finite() & (amount > 0)).then(amount).otherwise(0.0)
    return costs.with_columns(
        amount=amount / (1000 if unit == "time" else 1), unknown=_unknown(costs, used, unit)
    )


def _legend(bars: pl.DataFrame) -> str | list[str]:
    """What the marks beyond plain bars mean, where there are any; in two lines where one would be too long."""
    parts = ["a call counts in its innermost step"]
    if bars["partial"].any():
        parts.append("╱╱ hatched: some calls not known, at least this much")
    if bars["over"].sum():
        parts.append("▲ framed: a visit went over its limit")
    if bars["limit"].count():
        parts.append("┆ limit of all visits")
    if len(one := "; ".join(parts)) <= _LINE:
        return one
    return ["; ".join(parts[:2]), "; ".join(parts[2:])]


def _end(bars: pl.DataFrame, budget: float | None) -> float:
    highest = bars["end"].max()
    return max(1e-9, float(highest) if isinstance(highest, int | float) else 0.0, budget or 0.0)


def _bars(rows: pl.DataFrame, names: Sequence[str], unit: str) -> pl.DataFrame:
    """Bar of every group on every level: where it starts and ends, whether it is partial, and its limit."""
    whole = rows["amount"].sum()
    levels = []
    for depth, name in enumerate(names):
        groups = _level(rows, names[: depth + 1], unit)
        end = pl.col("amount").cum_sum()
        room = (
            ((pl.col("amount") / whole * _WIDTH - 6) / 6.8).floor().clip(0, 10_000).fill_nan(0).cast(pl.Int64)
        )
        over = pl.when((pl.col("limit") < pl.col("amount")) & (name == "step")).then(pl.col("limit"))
        levels.append(
            groups.with_columns(start=end - pl.col("amount"), end=end).select(
                "name",
                "path",
                "amount",
                "calls",
                "unknown",
                "start",
                "end",
                "limit_text",
                "over",
                level=pl.lit(name),
                top=pl.lit(float(depth)),
                bottom=pl.lit(depth + 0.94),
                middle=(pl.col("start") + pl.col("end")) / 2,
                center=pl.lit(depth + 0.47),
                partial=pl.col("unknown") > 0,
                limit=pl.col("start") + over,
                label=_cut(pl.col("name"), room, whole=name in _WHOLE),
            )
        )
    return pl.concat(levels).filter(pl.col("amount") > 0)


def _cut(name: pl.Expr, room: pl.Expr, *, whole: bool) -> pl.Expr:
    """Name in as many letters as a bar has room for; nothing where too few would be left, or it must be whole."""
    short = pl.concat_str(name.str.head(room - 1), pl.lit("…"))
    fits = name.str.len_chars() <= room
    if whole:
        return pl.when(fits).then(name).otherwise(pl.lit(""))
    return pl.when(fits).then(name).when(room >= _FEWEST_LETTERS).then(short).otherwise(pl.lit(""))


def _folded(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Rows in which bars too narrow to see are one bar of their parent, ``(n smaller)``."""
    rows = rows.with_columns(pl.col(name).cast(pl.String).fill_null("—") for name in names)
    whole = rows["amount"].sum()
    for depth, name in enumerate(names):
        outer = [*names[:depth]]
        small = pl.col("amount").sum().over(names[: depth + 1]) < float(whole) * _NARROWEST
        rows = rows.with_columns(small=small)
        count = pl.col(name).filter("small").n_unique()
        count = count.over(outer) if outer else count
        label = (
            pl.when(pl.col("small") & (count > 1))
            .then(pl.format("({} smaller)", told(count)))
            .otherwise(name)
        )
        inner = [
            pl.when("small").then(pl.lit("—")).otherwise(pl.col(one)).alias(one) for one in names[depth + 1 :]
        ]
        rows = rows.with_columns(label.alias(name), *inner)
    return rows.drop("small")


def _level(rows: pl.DataFrame, names: Sequence[str], unit: str) -> pl.DataFrame:
    """Groups of one level, in the order of the levels above, the largest first."""
    totals = [pl.col("amount").sum().over(names[: n + 1]).alias(f"of_{n}") for n in range(len(names))]
    groups = (
        rows.with_columns(totals)
        .group_by(names, maintain_order=True)
        .agg(
            pl.col("amount").sum(),
            pl.col("calls").sum(),
            pl.col("unknown").sum(),
            _limit(rows, unit).alias("limit"),
            _first("step_visits", rows),
            _first("step_visits_over", rows),
            pl.col("^of_.*$").first(),
        )
    )
    keys = [key for n, name in enumerate(names) for key in (f"of_{n}", name)]
    groups = groups.sort(keys, descending=[True, False] * len(names))
    counts = [told(pl.col(name)) for name in ("step_visits", "step_visits_over")]
    many = pl.when(pl.col("step_visits") == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    visits = pl.format("{} visit{}, {} over a limit", counts[0], many, counts[1])
    visits += pl.format("; {} together at most", told(pl.col("limit"))).fill_null("")
    over = pl.col("step_visits_over").fill_null(0) if names[-1] == "step" else pl.lit(0, dtype=pl.Int64)
    return groups.select(
        pl.when(over > 0).then(pl.format("▲ {}", names[-1])).otherwise(names[-1]).alias("name"),
        group_label(names).alias("path"),
        "amount", "calls", "unknown", "limit",
        over.alias("over"),
        limit_text=visits if names[-1] == "step" else pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _unknown(costs: pl.DataFrame, used: Sequence[str], unit: str) -> pl.Expr:
    """Calls of each row whose use of the unit is not known."""
    if unit == "usd":
        return pl.col("unpriced_calls") if "unpriced_calls" in costs.columns else pl.lit(0, dtype=pl.Int64)
    missing = pl.any_horizontal(pl.col(name).is_null() for name in used)
    return pl.when(missing).then("calls").otherwise(0)


def _first(name: str, rows: pl.DataFrame) -> pl.Expr:
    return (pl.col(name).first() if name in rows.columns else pl.lit(None, dtype=pl.Int64)).alias(name)


def _limit(rows: pl.DataFrame, unit: str) -> pl.Expr:
    """Declared limit of a step over all its visits."""
    name = {"usd": "step_max_usd", "tokens": "step_max_tokens"}.get(unit)
    return pl.col(name).cast(pl.Float64).first() if name in rows.columns else pl.lit(None, dtype=pl.Float64)


def _drawn(bars: pl.DataFrame, names: Sequence[str], measure: str, end: float) -> list[Any]:
    base = alt.Chart(bars, width=_WIDTH, height=_LEVEL_HEIGHT * len(names))
    levels = alt.Axis(
        values=[depth + 0.47 for depth in range(len(names))],
        labelExpr="[" + ", ".join(f"'{name}'" for name in names) + "][floor(datum.value)]",
        grid=False, ticks=False, domain=False, labelPadding=8,
    )  # fmt: skip
    scale = alt.Scale(domain=[len(names), 0], nice=False, zero=False)
    y = alt.Y("top:Q", scale=scale, axis=levels, title=None)
    x = alt.X("start:Q", title=measure, scale=alt.Scale(domain=[0, end], nice=False))
    seen = tooltip(
        "path:N", alt.Tooltip("amount:Q", title=measure, format=NUMBER), "calls:Q",
        alt.Tooltip("unknown:Q", title="calls not known", format=NUMBER),
        alt.Tooltip("limit_text:N", title="declared limit"),
    )  # fmt: skip
    rects = base.mark_rect(color=_BAR, fillOpacity=0.25, stroke=_BAR, cornerRadius=1)
    rects = rects.encode(x=x, x2="end:Q", y=y, y2="bottom:Q", tooltip=seen)
    slants = alt.Chart(_hatches(bars, end)).mark_rule(color=_BAR, opacity=0.8)
    hatches = [slants.encode(x="x:Q", x2="x2:Q", y="y:Q", y2="y2:Q")] if bars["partial"].any() else []
    over = base.transform_filter("datum.over > 0").mark_rect(filled=False, strokeWidth=2)
    over = over.encode(x=x, x2="end:Q", y=y, y2="bottom:Q", stroke=alt.value(_ALARM), tooltip=seen)
    limits = base.transform_filter("isValid(datum.limit)").mark_rule(strokeDash=[4, 3], strokeWidth=2.5)
    limits = limits.encode(x="limit:Q", y="top:Q", y2="bottom:Q", color=alt.value(_ALARM), tooltip=seen)
    labels = base.transform_filter("datum.label").mark_text(tooltip=None)
    return [rects, *hatches, over, limits, labels.encode(x="middle:Q", y="center:Q", text="label:N")]


def _hatches(bars: pl.DataFrame, end: float) -> pl.DataFrame:
    """Slanted lines over the bars whose cost is partial, cut at their edges."""
    slant, gap = end / 50, end / 90
    lines: list[tuple[float, float, float, float]] = []
    for bar in bars.filter("partial").sort("amount", descending=True).iter_rows(named=True):
        start, stop, top, bottom = bar["start"], bar["end"], bar["top"], bar["bottom"]
        at = start - slant + gap
        while at < stop and len(lines) < _MOST_HATCHES:
            left, right = max(at, start), min(at + slant, stop)
            tall = (bottom - top) / slant
            lines.append((left, right, bottom - (left - at) * tall, bottom - (right - at) * tall))
            at += gap
    schema = {"x": pl.Float64, "x2": pl.Float64, "y": pl.Float64, "y2": pl.Float64}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _budget_line(budget: float, measure: str, unit: str) -> list[Any]:
    rows = pl.DataFrame({"budget": [float(budget)], "text": [f"budget {number(float(budget))} {unit}"]})
    base = alt.Chart(rows)
    rule = base.mark_rule(strokeDash=[6, 4], strokeWidth=2).encode(x=alt.X("budget:Q", title=measure))
    text = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-2)
    return [rule, text.encode(x="budget:Q", y=alt.value(0), text="text:N")]
