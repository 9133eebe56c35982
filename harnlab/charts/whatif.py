"""Charts of what-if answers, with how far the record proves each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import MOST_ROWS, nothing, require, titled, told, tooltip
from harnlab.charts.theme import Palette, Swatch
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames

#: Words of ``decidability``, the surest first.
DECIDABILITY: Final = Palette(
    name="decidability",
    swatches=tuple(
        Swatch(word=word, label=word, color=color, glyph=glyph)
        for word, color, glyph in (
            ("exact", "#4ba393", "="),
            ("bound", "#c78107", "≤"),
            ("censored", "#a856b4", "↑"),
            ("insufficient", "#8f9091", "?"),
        )
    ),
)
#: Points a sweep may have for each to be told in words.
_MOST_NOTES: Final = 24
_SHAPES: Final = {"exact": "circle", "bound": "square", "censored": "triangle-up", "insufficient": "cross"}
#: Below the chart: what is cut stands at its right edge.
_LEGEND: Final = alt.Legend(orient="bottom", titleOrient="left")
_ASKED: Final = {"asked_max_usd": "max_usd asked, USD", "asked_max_tokens": "max_tokens asked, tokens"}


@of_frames
def step_sweep(answers: pl.DataFrame, /) -> alt.LayerChart:
    """What steps would have spent under each limit, with what is proved, bounded and open-ended.

    Parameters
    ----------
    answers : polars.DataFrame
        Frame of ``hl.whatif.step_budget`` for several values of one limit.

    Returns
    -------
    altair.LayerChart
        For each limit a point at the least spend the record proves, in USD; a bar up to the most where it proves
        one; a dashed line without an end where a step was cut and would have gone on. Shape, colour and words say
        the weakest decidability; a rule marks what was recorded.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For a frame that asks about two limits at once, or with more limits than a chart holds.
    """
    columns = (*_ASKED, "recorded_cost_usd", "whatif_cost_usd", "savings_usd", "savings_side", "decidability")
    require(answers, columns, chart="whatif.step_sweep", source="whatif.step_budget")
    swept = [name for name in _ASKED if answers[name].count()] or ["asked_max_usd"]
    if len(swept) > 1:
        raise InvalidArgument("two limits", where="charts.whatif.step_sweep", expected="a sweep of one")
    rows = _spend(answers, swept[0])
    if rows.height > MOST_ROWS:
        raise InvalidArgument(
            f"{rows.height:,} limits", where="charts.whatif.step_sweep", expected=f"at most {MOST_ROWS:,}"
        )
    title = "Spend of the steps under each limit (dashed: as recorded)"
    if rows.is_empty():
        return nothing(title, "answers under a limit" if answers.height else "answers")
    x = alt.X("asked:Q", title=_ASKED[swept[0]])
    top = max([1e-9, *rows["least_usd"], *rows["most_usd"].drop_nulls(), *rows["recorded_usd"]])
    # room above the highest point, so that what has no end is seen to have none
    y = alt.Y("least_usd:Q", title="spend, USD", scale=alt.Scale(domain=[0, 1.3 * top], nice=False))
    words = rows["decidability"].unique(maintain_order=True).to_list()
    scale = DECIDABILITY.scale(words)
    color = alt.Color("decidability:N", scale=scale, title="decidability", legend=_LEGEND)
    present = scale.to_dict()["domain"]
    shapes = alt.Scale(domain=present, range=[_SHAPES.get(word, "cross") for word in present])
    base = alt.Chart(rows, width=490, height=240)
    seen = ("asked:Q", "least_usd:Q", "most_usd:Q", "recorded_usd:Q", "decidability:N", "note:N")
    bars = base.mark_rule(strokeWidth=3).encode(x=x, y=y, y2="most_usd:Q", color=color)
    ends = base.transform_filter("datum.censored > 0").mark_rule(strokeWidth=2, strokeDash=[3, 3])
    ends = ends.encode(x=x, y=y, y2=alt.value(0), color=color)
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=x,
        y=y,
        color=color,
        shape=alt.Shape("decidability:N", scale=shapes, title="decidability", legend=_LEGEND),
        tooltip=tooltip(*seen),
    )
    notes = base.mark_text(align="left", dx=7, dy=-7).encode(x=x, y=y, text="note:N")
    recorded = base.mark_rule(strokeDash=[6, 3]).encode(y=alt.Y("max(recorded_usd):Q"))
    return titled(title, bars, ends, recorded, points, notes)


def _spend(answers: pl.DataFrame, asked: str) -> pl.DataFrame:
    """Least and most spend under each limit; no most where a step was cut."""
    word, recorded = pl.col("decidability"), pl.col("recorded_cost_usd")
    least, most = _proved(word, recorded)
    rows = answers.group_by(pl.col(asked).alias("asked"), maintain_order=True).agg(
        least_usd=least.sum(),
        most_usd=most.sum(),
        recorded_usd=recorded.filter(word != "insufficient").sum(),
        steps=pl.len(),
        censored=(word == "censored").sum(),
        left_out=(word == "insufficient").sum(),
        rank=_weakest(),
    )
    rows = rows.with_columns(
        decidability=_word_of_rank(),
        most_usd=pl.when(pl.col("censored") == 0).then("most_usd"),
    ).filter(
        pl.col("asked").is_finite() if answers[asked].dtype.is_float() else pl.col("asked").is_not_null()
    )
    return rows.with_columns(note=_note(few=rows.height <= _MOST_NOTES)).drop("rank").sort("asked")


def _proved(word: pl.Expr, recorded: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Least and most a step would have spent, as far as the record proves them."""
    saved = pl.col("savings_usd")
    known = pl.coalesce("whatif_cost_usd", recorded - saved)
    least = (
        pl.when(word == "exact")
        .then(known)
        .when(word == "bound")
        .then(recorded - pl.coalesce(saved, recorded))
        .when(word == "censored")
        .then(recorded)
    )
    return least, pl.when(word == "exact").then(known).when(word == "bound").then(recorded)


def _note(*, few: bool) -> pl.Expr:
    """Words beside a point: an exact amount where there are few, else a sign; what was cut or is unknown."""
    word = pl.col("decidability")
    glyphs = {swatch.word: swatch.glyph for swatch in DECIDABILITY.swatches}
    amount = told(pl.col("least_usd").round_sig_figs(3))
    sign = word.replace_strict(glyphs, return_dtype=pl.String)
    head = pl.when((word == "exact") & pl.lit(few)).then(amount).otherwise(sign)
    return head + _count_said("censored", "cut") + _count_said("left_out", "unknown")


def _count_said(name: str, word: str) -> pl.Expr:
    """`` 2 cut``; nothing for none."""
    count = pl.col(name)
    return pl.when(count > 0).then(pl.format(f" {{}} {word}", told(count))).otherwise(pl.lit(""))


@of_frames
def catalog_sweep(answers: pl.DataFrame, /) -> alt.LayerChart:
    """Skill cards shown under each catalog budget or limit, all turns together.

    Parameters
    ----------
    answers : polars.DataFrame
        Frame of ``hl.whatif.catalog`` for several values of ``budget``, or of ``limit``.

    Returns
    -------
    altair.LayerChart
        A point at the cards shown under each value; a dashed rule at what was recorded. Shape, colour and words say
        the weakest decidability among the turns.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For a sweep of both at once, or with more values than a chart holds.
    """
    asked = {"asked_budget": "catalog budget asked, bytes", "asked_limit": "catalog limit asked, cards"}
    columns = (*asked, "recorded_shown", "whatif_shown", "whatif_in_catalog", "decidability")
    require(answers, columns, chart="whatif.catalog_sweep", source="whatif.catalog")
    name = _one_asked(answers, asked, "whatif.catalog_sweep")
    rows = answers.group_by(pl.col(name).alias("asked")).agg(
        recorded=pl.col("recorded_shown").sum(),
        shown=pl.col("whatif_shown").sum(),
        most=pl.col("whatif_in_catalog").sum(),
        turns=pl.len(),
        rank=_weakest(),
    )
    return _counted(
        rows.drop_nulls("asked").sort("asked"),
        x=asked[name],
        y="cards shown, all turns",
        measure="shown",
        title="Skill cards shown under each catalog budget (dashed: as recorded)",
        chart="whatif.catalog_sweep",
    )


@of_frames
def autonomy_sweep(answers: pl.DataFrame, /) -> alt.LayerChart:
    """Decisions that would have needed an approval under each autonomy quota.

    Parameters
    ----------
    answers : polars.DataFrame
        Frame of ``hl.whatif.autonomy`` for several values of ``per_hour``, or of ``per_day``.

    Returns
    -------
    altair.LayerChart
        A point at the decisions denied under each quota; a dashed rule at what was recorded. Shape, colour and glyph
        say the weakest decidability among the decisions.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For a sweep of both at once, or with more values than a chart holds.
    """
    asked = {
        "asked_per_hour": "quota asked, decisions an hour",
        "asked_per_day": "quota asked, decisions a day",
    }
    columns = (*asked, "recorded_decision", "whatif_decision", "decidability")
    require(answers, columns, chart="whatif.autonomy_sweep", source="whatif.autonomy")
    name = _one_asked(answers, asked, "whatif.autonomy_sweep")
    rows = answers.group_by(pl.col(name).alias("asked")).agg(
        recorded=(pl.col("recorded_decision") == "denied").sum(),
        denied=(pl.col("whatif_decision") == "denied").sum(),
        most=pl.len(),
        rank=_weakest(),
    )
    return _counted(
        rows.drop_nulls("asked").sort("asked"),
        x=asked[name],
        y="decisions denied",
        measure="denied",
        title="Decisions denied under each quota (dashed: as recorded)",
        chart="whatif.autonomy_sweep",
    )


def _one_asked(answers: pl.DataFrame, asked: Mapping[str, str], chart: str) -> str:
    """Column of the one rule that was swept."""
    swept = [name for name in asked if answers[name].drop_nulls().len()]
    if len(swept) > 1:
        raise InvalidArgument(" and ".join(swept), where=f"charts.{chart}", expected="a sweep of one")
    return swept[0] if swept else next(iter(asked))


def _weakest() -> pl.Expr:
    """Place of the weakest word among the answers; a word of a newer harnlab is the weakest."""
    rank = {swatch.word: place for place, swatch in enumerate(DECIDABILITY.swatches)}
    return pl.col("decidability").replace_strict(rank, default=len(rank) - 1, return_dtype=pl.Int64).max()


def _word_of_rank() -> pl.Expr:
    """Word at the place that :func:`_weakest` gives."""
    names = dict(enumerate(swatch.word for swatch in DECIDABILITY.swatches))
    return pl.col("rank").replace_strict(names, return_dtype=pl.String)


def _counted(rows: pl.DataFrame, *, x: str, y: str, measure: str, title: str, chart: str) -> alt.LayerChart:
    """Counts under each value asked, with the weakest decidability."""
    if rows.height > MOST_ROWS:
        raise InvalidArgument(
            f"{rows.height:,} values", where=f"charts.{chart}", expected=f"at most {MOST_ROWS:,}"
        )
    if rows.is_empty():
        return nothing(title, "answers")
    few = pl.lit(rows.height <= _MOST_NOTES)
    rows = rows.with_columns(decidability=_word_of_rank()).drop("rank")
    rows = rows.with_columns(
        note=pl.when(pl.struct(measure, "decidability").rle_id().is_first_distinct() & few)
        .then(
            pl.when(pl.col("decidability") == "exact")
            .then(told(pl.col(measure)))
            .otherwise(pl.format("{} ({})", told(pl.col(measure)), "decidability"))
        )
        .otherwise(pl.lit(""))
    )
    scale = DECIDABILITY.scale(rows["decidability"].unique(maintain_order=True).to_list())
    present = scale.to_dict()["domain"]
    shapes = alt.Scale(domain=present, range=[_SHAPES.get(word, "cross") for word in present])
    base = alt.Chart(rows, width=520, height=220)
    whole = alt.Axis(tickMinStep=1)  # budgets and quotas are counts
    across = alt.X("asked:Q", title=x, axis=whole, scale=alt.Scale(zero=False, padding=14, nice=False))
    up = alt.Y(f"{measure}:Q", title=y, axis=whole)
    seen = ("asked:Q", f"{measure}:Q", "recorded:Q", "most:Q", "decidability:N")
    line = base.mark_line(interpolate="step-after", opacity=0.5, color="#8f9091").encode(x=across, y=up)
    recorded = base.mark_rule(strokeDash=[6, 3]).encode(y=alt.Y("max(recorded):Q"))
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=across,
        y=up,
        color=alt.Color("decidability:N", scale=scale, title="decidability", legend=_LEGEND),
        shape=alt.Shape("decidability:N", scale=shapes, title="decidability", legend=_LEGEND),
        tooltip=tooltip(*seen),
    )
    notes = base.mark_text(align="left", baseline="bottom", dx=5, dy=-4).encode(x=across, y=up, text="note:N")
    return titled(title, line, recorded, points, notes)
