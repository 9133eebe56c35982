"""Charts of two sets of runs side by side: what costs more, goes elsewhere or ends otherwise."""

from __future__ import annotations

from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import nothing, require, told, tooltip
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames

_A: Final = "#8f9091"
_B: Final = "#e57136"
_MOST: Final = 200
_COLUMNS: Final = (
    "kind", "what", "a_count", "b_count", "change_count", "a_cost_usd", "b_cost_usd", "change_usd",
    "a_share_pct", "b_share_pct", "pairs_differing", "because",
)  # fmt: skip
#: Kind of difference -> title of its panel.
_TITLES: Final = {
    "cost": "Cost, USD",
    "route": "Routes, % of dispatches",
    "outcome": "Outcomes, % of dispatches",
    "decision": "Decisions, % of the same run, step, skill or agent",
    "vocabulary": "Words of one side alone, rows",
}
_LONGEST_NAME: Final = 58


@of_frames
def differences(differences: pl.DataFrame, /, *, top: int = 10) -> alt.VConcatChart | alt.LayerChart:
    """What differs between two sets of runs: a panel a kind, from ``a`` to ``b``.

    Parameters
    ----------
    differences : polars.DataFrame
        ``differences`` of ``hl.compare``, or those of one kind.
    top : int
        Lines to draw in each panel, the largest change first; the panel's title counts the rest.

    Returns
    -------
    altair.VConcatChart or altair.LayerChart
        A line from an open circle (``a``) to a filled one (``b``) for each difference, with the change in words:
        USD for costs, percent for routes, outcomes and decisions, rows for words. A side without a price has no
        circle. A line of text where nothing differs.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For less than one line, or more than 200.
    """
    require(differences, _COLUMNS, chart="compare.differences", source="compare(…).differences")
    if not 1 <= top <= _MOST:
        raise InvalidArgument(f"top={top}", where="charts.compare.differences", expected=f"1 to {_MOST}")
    panels = [
        _panel(kind, rows, top)
        for (kind,), rows in differences.group_by("kind", maintain_order=True)
        if isinstance(kind, str)
    ]
    title = "What changed from a to b"
    if not panels:
        return nothing(title, "differences")
    heading = alt.Title(title, subtitle="○ a, before; ● b, after")
    chart = alt.VConcatChart(vconcat=panels, title=heading)
    separate: alt.VConcatChart = chart.resolve_scale(x="independent")
    return separate


def _panel(kind: str, rows: pl.DataFrame, top: int) -> alt.LayerChart:
    value, change = _measure(kind)
    drawn = rows.head(top).select(
        pl.col("what").alias("full"),
        _short(pl.col("what")).alias("what"),
        pl.col(f"a_{value}").cast(pl.Float64).alias("a"),
        pl.col(f"b_{value}").cast(pl.Float64).alias("b"),
        "a_count", "b_count", "pairs_differing", "because",
        note=change,
    )  # fmt: skip
    # names that are cut to the same text stay two lines
    drawn = drawn.with_columns(
        what=pl.when(pl.col("what").is_duplicated())
        .then(pl.format("{} ({})", "what", pl.int_range(1, pl.len() + 1).over("what")))
        .otherwise("what"),
        end=pl.max_horizontal("a", "b"),
    )
    highest = drawn["end"].drop_nulls().max()
    high = highest if isinstance(highest, float) and highest > 0 else 1.0
    scale = alt.Scale(domain=[0, 1.02 * high], nice=False)
    base = alt.Chart(drawn, width=340, height=alt.Step(20)).encode(
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=370)),
        tooltip=tooltip(alt.Tooltip("full:N", title=kind), *_TOOLTIP),
    )
    ticks = alt.Axis(tickMinStep=1) if value == "count" else alt.Axis()
    x = alt.X("a:Q", title=None, scale=scale, axis=ticks)
    line = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=x, x2="b:Q")
    before = base.mark_point(size=70, strokeWidth=2, filled=False, color=_A).encode(x=x)
    after = base.mark_point(size=70, filled=True, opacity=1, color=_B).encode(x="b:Q")
    notes = base.mark_text(align="left", dx=9).encode(x="end:Q", text="note:N")
    rest = rows.height - drawn.height
    title = _TITLES.get(kind, kind) + (f" ({rest:,} more not drawn)" if rest else "")
    return alt.LayerChart(
        layer=[line, before, after, notes],
        title=alt.Title(title, fontSize=12, offset=4, fontWeight="normal", frame="group"),
    )


_TOOLTIP: Final = ("a:Q", "b:Q", "a_count:Q", "b_count:Q", "pairs_differing:Q", "because:N")


def _measure(kind: str) -> tuple[str, pl.Expr]:
    """Column that is drawn, and the change in words."""
    rows = pl.format("{} → {} rows", told(pl.col("a_count")), told(pl.col("b_count")))
    if kind == "cost":
        change = pl.col("change_usd")
        sign = pl.when(change >= 0).then(pl.lit("+")).otherwise(pl.lit("−"))
        amount = pl.format("{}{} USD", sign, told(change.abs()))
        many = pl.when(pl.col("pairs_differing") == 1).then(pl.lit(" differs")).otherwise(pl.lit("s differ"))
        same = pl.format("same sum, {} pair{}", told(pl.col("pairs_differing")), many)
        words = pl.when(change.round(6) == 0).then(same).otherwise(amount).fill_null("price unknown")
        return "cost_usd", words
    if kind in ("route", "outcome", "decision"):
        return "share_pct", rows
    return "count", rows


def _short(name: pl.Expr) -> pl.Expr:
    """Name in the room an axis has, its beginning and its end kept."""
    half = (_LONGEST_NAME - 1) // 2
    cut = name.str.head(half) + pl.lit("…") + name.str.tail(half)
    return pl.when(name.str.len_chars() > _LONGEST_NAME).then(cut).otherwise(name)
