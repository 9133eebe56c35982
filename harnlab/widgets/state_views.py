"""What happened to durable state, as events in time and as lanes of writers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

import polars as pl

from harnlab.analysis import state
from harnlab.charts.theme import Palette, Swatch
from harnlab.frames import Instant
from harnlab.runs import Runs
from harnlab.widgets.elements import Element, element
from harnlab.widgets.log_text import one_line

EVENTS: Final = Palette(
    name="state event",
    swatches=(
        Swatch(word="written", label="last written", color="#316d6e", glyph="●"),
        Swatch(word="handoff", label="handed over", color="#4a66fd", glyph="◆"),
        Swatch(word="suspected", label="suspected conflict", color="#c78107", glyph="!"),
        Swatch(word="refused", label="refused", color="#c11d28", glyph="✗"),
        Swatch(word="crash_leftover", label="crash leftover", color="#8d468e", glyph="∅"),
        Swatch(word="orphan_metadata", label="orphan metadata", color="#6b6a6a", glyph="?"),
    ),
)
_SCHEMA: Final[dict[str, pl.DataType]] = {
    "at": Instant,
    "event": pl.String(),
    "key": pl.String(),
    "writer": pl.String(),
    "other_writer": pl.String(),
    "session_id": pl.String(),
    "root": pl.String(),
    "because": pl.String(),
    "run_id": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
}
NOBODY: Final = "(nobody named)"
_WIDTH, _LANE, _LEFT, _TOP = 820, 46, 120, 26
_MOST_EVENTS, _MOST_LANES = 300, 20
_RADIUS = 9
#: Where the first and the last event stand.
_FIRST_X, _LAST_X = _LEFT + 14, _WIDTH - 14


def state_events(runs: Runs) -> pl.DataFrame:
    """Writes that left their mark, handoffs, and conflicts proved or suspected, oldest first, undated ones last."""
    entries = state.entries(runs).filter(~pl.col("is_handoff"))
    left = pl.col("state") == "value"
    written = entries.with_columns(
        at="updated_at", event=pl.when(left).then(pl.lit("written")).otherwise("state"), because=pl.lit(None)
    )
    handed = state.handoffs(runs).with_columns(
        at="written_at",
        event=pl.lit("handoff"),
        key=pl.lit(None),
        because=pl.format("hands over {}", pl.col("named_keys").list.join(", ")),
    )
    met = state.conflicts(runs).with_columns(
        event="kind", writer="current_writer", other_writer="previous_writer"
    )
    parts = [_shaped(part) for part in (written, handed, met)]
    return pl.concat(parts).sort("at", nulls_last=True, maintain_order=True)


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    have = set(rows.columns)
    return rows.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(kind).alias(name)
        for name, kind in _SCHEMA.items()
    )


def lanes(events: pl.DataFrame, *, picked: int | None) -> Element:
    """Writers as lanes over time; a conflict crosses from one lane to the other.

    Parameters
    ----------
    events : polars.DataFrame
        Frame of :func:`state_events`; undated events are not drawn.
    picked : int, optional
        Position of the event to ring.
    """
    rows = events.with_row_index("position").filter(pl.col("at").is_not_null()).head(_MOST_EVENTS)
    writers = _writers(rows)
    times: list[datetime] = rows["at"].to_list()
    height = _TOP + _LANE * max(1, len(writers)) + 30
    y = {writer: _TOP + _LANE * place + _LANE // 2 for place, writer in enumerate(writers)}
    marks = []
    for writer, at in y.items():
        marks.append(element("line", x1=_LEFT, x2=_WIDTH, y1=at, y2=at, class_="hl-axis hl-guide"))
        marks.append(element("text", one_line(writer, 16), x=0, y=at + 4))
    drawn = [row for row in rows.iter_rows(named=True) if (row["writer"] or NOBODY) in y]
    x = _places(drawn, times)
    marks += [_event(row, x[row["position"]], y, picked == row["position"]) for row in drawn]
    if times:
        for text, edge, anchor in ((times[0], _LEFT, "start"), (times[-1], _WIDTH, "end")):
            said = f"{text:%Y-%m-%d %H:%M:%S} UTC"
            marks.append(element("text", said, x=edge, y=height - 8, text_anchor=anchor))
    left_out = events.height - rows.height
    label = f"{_counted(len(writers), 'writer')}, {_counted(rows.height, 'event')}" + (
        f"; {left_out} without a time, only in the table" if left_out else ""
    )
    marks.append(element("text", label, x=0, y=14))
    return element("svg", *marks, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=label)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _writers(rows: pl.DataFrame) -> list[str]:
    named = [name for pair in rows.select("writer", "other_writer").iter_rows() for name in pair if name]
    found = list(dict.fromkeys(named)) + ([NOBODY] if rows["writer"].null_count() else [])
    return found[:_MOST_LANES]


def _x(at: datetime, times: Sequence[datetime]) -> float:
    span = (times[-1] - times[0]).total_seconds() or 1.0
    return _FIRST_X + (_LAST_X - _FIRST_X) * (at - times[0]).total_seconds() / span


def _places(events: Sequence[dict[str, Any]], times: Sequence[datetime]) -> dict[int, float]:
    """Where each event stands: at its time, or as little beside it as keeps it clear of its lane's others."""
    lane_of = {event["position"]: event["writer"] or NOBODY for event in events}
    at = {event["position"]: _x(event["at"], times) for event in events}
    found: dict[int, float] = {}
    for lane in dict.fromkeys(lane_of.values()):
        here = [position for position in at if lane_of[position] == lane]
        found |= zip(here, apart([at[position] for position in here]), strict=True)
    return found


def apart(places: Sequence[float]) -> list[float]:
    """Places of a lane's marks, in their order, moved so that none lies on another.

    Each goes right until it is clear of the one before, and back where the lane ends. In a crowd they stand closer,
    so that half of the lane still tells the time.
    """
    gap = min(2.0 * _RADIUS + 2, (_LAST_X - _FIRST_X) / (2 * max(1, len(places))))
    moved = list(accumulate(places, lambda before, x: max(x, before + gap)))
    back = accumulate(reversed(moved), lambda after, x: min(x, after - gap), initial=_LAST_X + gap)
    return [round(x, 1) for x in list(back)[:0:-1]]


def _event(row: dict[str, Any], x: float, y: dict[str, int], picked: bool) -> Element:
    swatch = EVENTS.of(row["event"])
    at = y[row["writer"] or NOBODY]
    told = f"{row['at']:%H:%M:%S} {swatch.label}: {row['key'] or ''} by {row['writer'] or NOBODY}"
    parts = [element("title", one_line(told, 300))]
    if row["other_writer"] in y:
        other = y[row["other_writer"]]
        parts.append(element("line", x1=x, x2=x, y1=at, y2=other, stroke=swatch.color, class_="hl-crossing"))
        parts.append(element("circle", cx=x, cy=other, r=4, fill=swatch.color))
    parts.append(element("circle", cx=x, cy=at, r=_RADIUS, fill=swatch.color))
    parts.append(element("text", swatch.glyph, x=x, y=at + 4, text_anchor="middle", class_="hl-on-event"))
    if picked:
        parts.append(element("circle", cx=x, cy=at, r=12, class_="hl-picked"))
    return element("g", *parts, data_press=f"event:{row['position']}", aria_hidden="true")
