"""Charts of skills: where each stood in each turn, and cards against the catalog's budget."""

from __future__ import annotations

from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import MOST_ROWS, nothing, require, titled, tooltip
from harnlab.charts.theme import LIFECYCLE
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames
from harnlab.vocabulary import SkillLifecycle

_ALARM: Final = "#c11d28"
_SHOWN: Final = LIFECYCLE.of(SkillLifecycle.SHOWN).color
_OMITTED: Final = LIFECYCLE.of(SkillLifecycle.OMITTED).color


@of_frames
def lifecycle_matrix(lifecycle: pl.DataFrame, /) -> alt.LayerChart:
    """Skills by turns: a glyph for where each stood, a frame where the model had its body but not its card.

    Parameters
    ----------
    lifecycle : polars.DataFrame
        Frame of ``hl.skills.lifecycle`` of one run.

    Returns
    -------
    altair.LayerChart
        Turn by skill; colour and glyph tell the lifecycle, a faint cell that the card was not shown.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For several runs, or for more cells than a chart holds.
    """
    columns = (
        "run_id", "turn", "skill_id", "lifecycle", "selected", "omitted_reason", "out_of_sight", "char_estimate",
    )  # fmt: skip
    require(lifecycle, columns, chart="skills.lifecycle_matrix", source="skills.lifecycle")
    where = "charts.skills.lifecycle_matrix"
    if (runs := lifecycle["run_id"].n_unique()) > 1:
        raise InvalidArgument(f"{runs} runs", where=where, expected="one", hint="runs[run_id]")
    if lifecycle.height > MOST_ROWS:
        raise InvalidArgument(
            f"{lifecycle.height:,} cells",
            where=where,
            expected=f"at most {MOST_ROWS:,}",
            hint="hl.skills.lifecycle(runs, skill=…)",
        )
    if lifecycle.is_empty():
        return nothing("Skills by turn", "skill cards")
    words = [word for word in lifecycle["lifecycle"].unique(maintain_order=True) if word is not None]
    told = " ".join(f"{LIFECYCLE.of(word).glyph} {LIFECYCLE.of(word).label}" for word in words)
    title = alt.Title(
        "Skills by turn", subtitle=f"{told}; faint: card not shown; framed: in use and out of sight"
    )
    return alt.LayerChart(layer=_cells(lifecycle.select(columns), words), title=title)


def _cells(rows: pl.DataFrame, words: list[str]) -> list[alt.Chart]:
    """A cell for each skill and turn, its glyph, and a frame where the skill was in use and out of sight."""
    glyphs = {word: LIFECYCLE.of(word).glyph for word in words}
    shown = pl.col("selected").fill_null(value=False)
    rows = rows.with_columns(
        glyph=pl.col("lifecycle").replace_strict(glyphs, default="?", return_dtype=pl.String),
        depth=pl.when(shown).then(0.55).otherwise(0.15),
    )
    skills = rows["skill_id"].unique().sort().to_list()
    base = alt.Chart(rows, width=alt.Step(28), height=alt.Step(24)).encode(
        x=alt.X("turn:O", title="turn", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("skill_id:N", sort=skills, title=None),
        tooltip=tooltip(
            "turn:O", "skill_id:N", "lifecycle:N", "selected:N", "omitted_reason:N", "char_estimate:Q"
        ),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("lifecycle:N", scale=LIFECYCLE.scale(words), title="lifecycle"),
        fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
    )
    frames = base.transform_filter("datum.out_of_sight").mark_rect(filled=False, stroke=_ALARM, strokeWidth=2)
    return [cells, frames, base.mark_text().encode(text="glyph:N")]


@of_frames
def catalog_fit(fit: pl.DataFrame, /) -> alt.LayerChart:
    """Cards of one turn end to end against the catalog's budget.

    Parameters
    ----------
    fit : polars.DataFrame
        Frame of ``hl.skills.fit``.

    Returns
    -------
    altair.LayerChart
        A bar a part from its first to its last byte, header and omission line included; a rule at the budget that
        is in force.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    """
    columns = (
        "position", "part", "skill_id", "from_byte", "to_byte", "bytes", "shown", "smallest_budget", "because",
        "effective_budget", "budget_chars",
    )  # fmt: skip
    require(fit, columns, chart="skills.catalog_fit", source="skills.fit")
    if fit.is_empty():
        return nothing("Catalog against its budget", "skill cards")
    rows = fit.head(MOST_ROWS).select(
        *columns,
        label=pl.coalesce("skill_id", "part"),
        state=pl.when("shown").then(pl.lit("shown")).otherwise(pl.lit("left out")),
        glyph=pl.when("shown").then(pl.lit("○")).otherwise(pl.lit("×")),
    )
    told = f"Catalog against its budget ({_budget(fit)}; ○ shown, × left out)"
    return titled(told, *_end_to_end(rows))


def _end_to_end(rows: pl.DataFrame) -> list[alt.Chart]:
    """A bar for each part of the catalog from its first to its last byte, and the budget in force."""
    base = alt.Chart(rows, width=460, height=alt.Step(22))
    legend = alt.Legend(orient="bottom")
    y = alt.Y("label:N", sort=rows["label"].to_list(), title=None, axis=alt.Axis(labelLimit=220))
    scale = alt.Scale(domain=["shown", "left out"], range=[_SHOWN, _OMITTED])
    bars = base.mark_bar(strokeWidth=1).encode(
        stroke=alt.Color("state:N", scale=scale, title=None, legend=legend),
        x=alt.X("from_byte:Q", title="UTF-8 bytes of the catalog"),
        x2="to_byte:Q",
        y=y,
        color=alt.Color("state:N", scale=scale, title=None, legend=legend),
        fillOpacity=alt.condition("datum.shown", alt.value(0.9), alt.value(0.35)),
        tooltip=tooltip("label:N", "bytes:Q", "to_byte:Q", "state:N", "smallest_budget:Q", "because:N"),
    )
    glyphs = base.mark_text(align="left", dx=4).encode(x="to_byte:Q", y=y, text="glyph:N")
    line = base.mark_rule(strokeDash=[5, 3], strokeWidth=2).encode(x=alt.X("max(effective_budget):Q"))
    return [bars, glyphs, line]


def _budget(fit: pl.DataFrame) -> str:
    """Budget of a catalog in words, and how Harn counts it where that is another number."""
    asked, force = fit["budget_chars"][0], fit["effective_budget"][0]
    return f"budget {_bytes(asked)} bytes" + (f", counted as {_bytes(force)}" if asked != force else "")


def _bytes(budget: int | None) -> str:
    return "unknown" if budget is None else f"{budget:,}"
