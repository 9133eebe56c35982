"""Decisions hour by hour against a quota, and the frames the autonomy explorer shows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from harnlab.charts.theme import Palette, Swatch
from harnlab.replay import whatif
from harnlab.runs import Runs
from harnlab.widgets.elements import Element, element

STREAM: Final = ("log", "producer", "agent_key")
#: A quota nobody reaches: with it the question changes nothing that was admitted.
_NO_QUOTA: Final = 1_000_000_000

DECISIONS: Final = Palette(
    name="decision",
    swatches=(
        Swatch(word="admitted", label="admitted", color="#316d6e", glyph="✓"),
        Swatch(word="denied", label="denied", color="#c11d28", glyph="✗"),
    ),
)
APPROVALS: Final = Palette(
    name="approval",
    swatches=(
        Swatch(word="pending", label="pending", color="#c78107", glyph="…"),
        Swatch(word="approved", label="approved", color="#316d6e", glyph="✓"),
        Swatch(word="denied", label="denied", color="#c11d28", glyph="✗"),
        Swatch(word="timeout", label="timeout", color="#6b6a6a", glyph="⌛"),
    ),
)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 820, 226, 34, 104, 40, 44
_MOST_HOURS: Final = 72


def decided(runs: Runs, *, per_hour: int | None, per_day: int | None) -> pl.DataFrame:
    """``hl.whatif.autonomy`` of every attempt; without a question its ``whatif_*`` columns are null."""
    if per_hour is None and per_day is None:
        rows = whatif.autonomy(runs, per_hour=_NO_QUOTA, per_day=_NO_QUOTA)
        asked = [
            n for n in rows.columns if n.startswith(("whatif_", "asked_")) or n in {"decidability", "because"}
        ]
        return rows.with_columns(pl.lit(None, dtype=rows.schema[name]).alias(name) for name in asked)
    return whatif.autonomy(runs, per_hour=per_hour, per_day=per_day)


def streams(attempts: pl.DataFrame) -> pl.DataFrame:
    """One row for each log, producer and key: attempts, decisions, approvals, and the recorded quota."""
    denied = pl.col("recorded_decision") == "denied"
    answered = pl.col("approval_status").is_in(["approved", "denied", "timeout"])
    changed = pl.col("whatif_decision").is_not_null() & (
        pl.col("whatif_decision") != pl.col("recorded_decision")
    )
    return attempts.group_by(STREAM, maintain_order=True).agg(
        attempts=pl.len(),
        admitted=(~denied).sum(),
        denied=denied.sum(),
        pending=(pl.col("approval_status") == "pending").sum(),
        answered=answered.sum(),
        per_hour=pl.col("recorded_per_hour").first(),
        per_day=pl.col("recorded_per_day").first(),
        changed=changed.sum(),
    )


def of_stream(attempts: pl.DataFrame, stream: dict[str, Any]) -> pl.DataFrame:
    """Attempts of one log, producer and key."""
    return attempts.filter(pl.col(name).eq_missing(pl.lit(stream[name], dtype=pl.String)) for name in STREAM)


def hour_columns(attempts: pl.DataFrame, *, quota: int | None, asked: int | None) -> Element:
    """Columns of admitted and denied decisions by UTC hour, with the quota across."""
    hours = (
        attempts.with_columns(hour=pl.col("at").dt.truncate("1h"))
        .group_by("hour")
        .agg(
            admitted=(pl.col("recorded_decision") != "denied").sum(),
            denied=(pl.col("recorded_decision") == "denied").sum(),
        )
        .sort("hour")
    )
    counts = {hour: (admitted, denied) for hour, admitted, denied in hours.iter_rows()}
    shown = _shown_hours(list(counts))
    tallest = max([*(sum(pair) for pair in counts.values()), quota or 0, asked or 0, 1]) * 1.1

    def y(number: float) -> float:
        return float(round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * number / tallest, 1))

    width = min(60.0, (_WIDTH - _LEFT - _RIGHT) / max(1, len(shown)))
    marks = _counts_axis(y, int(tallest / 1.1))
    named: date | None = None
    for place, hour in enumerate(shown):
        left = round(_LEFT + place * width + width * 0.12, 1)
        marks += _column(left, round(width * 0.76, 1), counts.get(hour, (0, 0)), y, hour)
        if place % (-(-len(shown) // 10) or 1) == 0:
            # a day is named where it begins
            day, named = ("" if hour.date() == named else f"{hour:%Y-%m-%d}"), hour.date()
            marks.append(element("text", f"{hour:%H:%M}", x=left, y=_HEIGHT - 26))
            marks.append(element("text", day, x=left, y=_HEIGHT - 10))
    marks += _quota_lines(y, quota, asked)
    left_out = f"; the first {len(shown)} of {len(counts)} hours" if len(counts) > len(shown) else ""
    label = f"Decisions by UTC hour: {len(attempts)} attempts{left_out}"
    marks += [element("text", label, x=0, y=14), *_key()]
    return element("svg", *marks, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label)


def _quota_lines(y: Any, quota: int | None, asked: int | None) -> list[Element]:
    """The recorded quota and the one asked about, each with its name at the end of its line."""
    marks = []
    for limit, kind, text in ((quota, "hl-limit", "per_hour"), (asked, "hl-whatif", "asked")):
        if limit is None:
            continue
        at, below = y(limit), kind == "hl-whatif" and limit <= (quota or 0)
        marks.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_=kind))
        place = {"x": _WIDTH - _RIGHT + 6, "y": at + (14 if below else 0)}
        marks.append(element("text", f"{text}: {limit}", class_="hl-halo", **place))
    return marks


def _key() -> list[Element]:
    """What the two colours are."""
    marks = []
    for x, kind, word in ((500, "hl-in", "✓ admitted"), (630, "hl-denied", "✗ denied")):
        marks.append(element("rect", x=x, y=4, width=11, height=11, class_=kind))
        marks.append(element("text", word, x=x + 16, y=14, class_="hl-key"))
    return marks


def _counts_axis(y: Any, most: int) -> list[Element]:
    """Base line, and a few whole numbers with a guide each."""
    step = max(1, -(-most // 4))
    marks = [element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(0), y2=y(0), class_="hl-axis")]
    for number in range(0, most + 1, step):
        at = y(number)
        marks.append(element("text", f"{number:,}", x=_LEFT - 8, y=at + 4, text_anchor="end"))
        if number:
            marks.append(
                element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_="hl-axis hl-guide")
            )
    return marks


def _shown_hours(hours: list[datetime]) -> list[datetime]:
    """Every hour from first to last, also the empty ones; where these are too many, those with attempts."""
    if not hours:
        return []
    span = int((hours[-1] - hours[0]) / timedelta(hours=1)) + 1
    if span > _MOST_HOURS:
        return hours[:_MOST_HOURS]
    return [hours[0] + timedelta(hours=number) for number in range(span)]


def _column(left: float, width: float, pair: tuple[int, int], y: Any, hour: datetime) -> list[Element]:
    admitted, denied = pair
    if not admitted + denied:
        return []
    told = element("title", f"{hour:%Y-%m-%d %H:%M} UTC: {admitted} admitted, {denied} denied")
    parts = [told]
    middle = round(left + width / 2, 1)
    for low, high, kind, glyph in (
        (0, admitted, "hl-in", "✓"),
        (admitted, admitted + denied, "hl-denied", "✗"),
    ):
        if high > low:
            height = round(y(low) - y(high), 1)
            at = round((y(low) + y(high)) / 2 + 4, 1)
            parts.append(element("rect", x=left, y=y(high), width=width, height=height, class_=kind))
            # what is too low for a word is told by the axis and the tooltip
            said = f"{glyph}{high - low}" if height >= 14 else ""
            parts.append(element("text", said, x=middle, y=at, text_anchor="middle", class_="hl-on-denied"))
    return [element("g", *parts)]
