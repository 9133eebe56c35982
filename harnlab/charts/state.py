"""Charts of durable state: writers as lanes over time."""

from __future__ import annotations

from typing import Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import MOST_ROWS, UTC, clock, nothing, require
from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames

_ALARM: Final = "#c11d28"
_KINDS: Final = ("last write", "suspected conflict", "handoff")
_SHAPES: Final = ("circle", "cross", "diamond")
_COLORS: Final = ("#4a66fd", _ALARM, "#a856b4")
_GLYPHS: Final = ("●", "✚", "◆")
_LEGEND: Final = ", ".join(f"{glyph} {kind}" for glyph, kind in zip(_GLYPHS, _KINDS, strict=True))


@of_frames
def writer_lanes(
    entries: pl.DataFrame, handoffs: pl.DataFrame | None = None, /
) -> alt.FacetChart | alt.LayerChart:
    """Last writes and handoffs, a lane a writer, a panel a session.

    Parameters
    ----------
    entries : polars.DataFrame
        Frame of ``hl.state.entries``.
    handoffs : polars.DataFrame, optional
        Frame of ``hl.state.handoffs``.

    Returns
    -------
    altair.FacetChart or altair.LayerChart
        A mark at the last write of each key (a cross where a conflict is suspected) and a diamond at each handoff,
        over UTC time, with the key in words. Keys whose metadata names no time are not drawn; the subtitle counts
        them. A line of text where there is nothing to mark.

    Raises
    ------
    UnknownName
        For a frame of another kind.
    InvalidArgument
        For more marks than a chart holds.
    """
    rows = _marks(entries, handoffs)
    drawn = rows.drop_nulls("at")
    if drawn.height > MOST_ROWS:
        raise InvalidArgument(
            f"{drawn.height:,} keys", where="charts.state.writer_lanes", expected=f"at most {MOST_ROWS:,}"
        )
    title = "Who wrote what last"
    left_out = _left_out(rows.height - drawn.height)
    if drawn.is_empty():
        return nothing(title, "writes with a time" if left_out else "writes", subtitle=left_out)
    header = alt.Header(
        labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top", labelLimit=420
    )
    panels: alt.FacetChart = (
        _lanes(drawn)
        .facet(row=alt.Row("session_id:N", title=None, header=header))
        .resolve_scale(y="independent")
        .properties(title=alt.Title(title, subtitle="; ".join(filter(None, (_LEGEND, left_out)))))
    )
    return panels


def _marks(entries: pl.DataFrame, handoffs: pl.DataFrame | None) -> pl.DataFrame:
    """A row for each last write and each handoff."""
    columns = ("session_id", "key", "state", "writer", "updated_at", "is_handoff", "suspected_conflict")
    require(entries, columns, chart="state.writer_lanes", source="state.entries")
    writer = pl.col("writer").fill_null("(nobody named)")
    writes = entries.filter((pl.col("state") == "value") & ~pl.col("is_handoff")).select(
        "session_id",
        "key",
        writer,
        at="updated_at",
        kind=pl.when("suspected_conflict").then(pl.lit(_KINDS[1])).otherwise(pl.lit(_KINDS[0])),
    )
    if handoffs is None:
        return writes
    named = ("session_id", "writer", "written_at")
    require(handoffs, named, chart="state.writer_lanes", source="state.handoffs")
    handed = handoffs.select(
        "session_id", key=pl.lit("handoff"), writer=writer, at="written_at", kind=pl.lit(_KINDS[2])
    )
    return pl.concat([writes, handed])


def _lanes(rows: pl.DataFrame) -> alt.LayerChart:
    """Marks of one session, a lane a writer; a handoff needs no words, as its shape says it."""
    rows = rows.with_columns(told=pl.when(pl.col("kind") != _KINDS[2]).then("key").otherwise(pl.lit("")))
    base = alt.Chart(rows, width=440, height=alt.Step(34))
    axis = clock(rows["at"])
    x = alt.X("at:T", scale=UTC, title=axis["title"], axis=axis)
    y = alt.Y("writer:N", title=None)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y=y,
        # the subtitle is the legend
        color=alt.Color("kind:N", scale=alt.Scale(domain=_KINDS, range=_COLORS), legend=None),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=_KINDS, range=_SHAPES), legend=None),
        tooltip=[
            alt.Tooltip("at:T", timeUnit="utcyearmonthdatehoursminutesseconds", title="at (UTC)"),
            "writer:N",
            "key:N",
            "kind:N",
        ],
    )
    names = base.mark_text(angle=330, align="left", dx=6, dy=-4).encode(x=x, y=y, text="told:N")
    return alt.LayerChart(layer=[points, names])


def _left_out(untimed: int) -> str:
    return f"{untimed:,} without a time not drawn" if untimed else ""
