"""The running total of one step, call by call, with its limit and the one asked about: as elements of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from harnlab.widgets.elements import Element, element

_WIDTH, _HEIGHT = 820, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 20, 38
#: Calls drawn at most; the line is thinned beyond it, dots are only drawn below a tenth of it.
_MOST_POINTS: Final = 1_500
_MOST_DOTS: Final = 150

#: Unit -> columns of usage and declared limit.
UNITS: Final = {"USD": ("running_usd", "max_usd"), "tokens": ("running_tokens", "max_tokens")}


def unit_of(calls: pl.DataFrame) -> str:
    """Unit in which the step broke its limit, else the one it has a limit in."""
    tripping = calls.filter("tripping")
    over_tokens = (
        tripping["running_tokens"].cast(pl.Float64) > tripping["max_tokens"].cast(pl.Float64)
    ).any()
    only_tokens = calls["max_usd"].null_count() == calls.height and calls["max_tokens"].count() > 0
    return "tokens" if over_tokens or only_tokens else "USD"


def running_chart(calls: pl.DataFrame, *, unit: str, asked: float | None, picked: str | None) -> Element:
    """Draw a step's calls.

    Parameters
    ----------
    calls : polars.DataFrame
        Rows of ``hl.costs.running`` of one step instance.
    unit : str
        ``USD`` or ``tokens``.
    asked : float, optional
        Another limit to draw.
    picked : str, optional
        ``call_id`` of the call to ring.
    """
    used_column, limit_column = UNITS[unit]
    used = calls[used_column].cast(pl.Float64).to_list()
    limit = calls[limit_column].cast(pl.Float64)[0] if calls.height else None
    largest = max([*used, limit or 0.0, asked if asked is not None else 0.0]) or 1.0
    scale = _Scale(len(used), largest * 1.08)
    marks = [
        *_axes(scale, unit),
        element("path", d=_path(scale, used), class_="hl-line"),
        *(_limit(scale, limit, f"limit {_number(limit)} {unit}", "hl-limit") if limit is not None else ()),
        *(
            _limit(scale, asked, f"asked: {_number(asked)} {unit}", "hl-whatif", limit)
            if asked is not None
            else ()
        ),
        *_dots(scale, calls, used, picked),
        *_trip(scale, calls["tripping"].to_list(), used, limit, unit),
    ]
    told = f"Running total of {len(used)} calls up to {_number(used[-1] if used else 0)} {unit}"
    said = f", limit {_number(limit)} {unit}" if limit is not None else ", no limit"
    return element("svg", *marks, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=told + said)


class _Scale:
    """Places of calls and amounts in the picture."""

    def __init__(self, calls: int, largest: float) -> None:
        self.calls, self.largest = calls, largest

    def x(self, call: int) -> float:
        room = _WIDTH - _LEFT - _RIGHT - 24
        return round(_LEFT + 12 + room * (call / max(1, self.calls - 1)), 1)

    def y(self, amount: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * amount / self.largest, 1)


def _axes(scale: _Scale, unit: str) -> list[Element]:
    base, marks = _HEIGHT - _BOTTOM, []
    for amount in _ticks(scale.largest):
        y = scale.y(amount)
        marks.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="hl-axis hl-guide"))
        marks.append(element("text", _number(amount), x=_LEFT - 6, y=y + 4, text_anchor="end"))
    shown = range(0, scale.calls, -(-scale.calls // 12) or 1)
    marks += [
        element("text", str(call + 1), x=scale.x(call), y=base + 17, text_anchor="middle") for call in shown
    ]
    marks.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="hl-axis"))
    marks.append(element("text", "call of the step", x=_WIDTH - _RIGHT, y=_HEIGHT - 3, text_anchor="end"))
    return [*marks, element("text", unit, x=_LEFT - 6, y=_TOP - 4, text_anchor="end")]


def _ticks(largest: float) -> list[float]:
    """Round amounts from 0 up, three to six of them."""
    power = 10.0 ** (len(str(int(largest))) - 1) if largest >= 1 else 1.0
    while power * 2 > largest:
        power /= 10
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * 5 >= largest)
    return [number * step for number in range(int(largest / step) + 1)]


def _path(scale: _Scale, used: Sequence[float]) -> str:
    every = -(-len(used) // _MOST_POINTS) or 1
    kept = sorted({*range(0, len(used), every), len(used) - 1} - {-1})
    parts = [f"M{scale.x(kept[0])},{scale.y(used[kept[0]])}"] if kept else []
    return " ".join([*parts, *(f"H{scale.x(call)} V{scale.y(used[call])}" for call in kept[1:])])


def _limit(scale: _Scale, amount: float, text: str, kind: str, other: float | None = None) -> list[Element]:
    """A limit with its name above the line; below it where the line of the other limit is above."""
    y = scale.y(amount)
    below = other is not None and amount <= other
    return [
        element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_=kind),
        element("text", text, x=_LEFT + 6, y=y + (15 if below else -5), class_="hl-halo"),
    ]


def _dots(scale: _Scale, calls: pl.DataFrame, used: Sequence[float], picked: str | None) -> list[Element]:
    marks = []
    ids = calls["call_id"].to_list()
    if len(used) <= _MOST_DOTS:
        for call, amount in enumerate(used):
            hit = element("circle", cx=scale.x(call), cy=scale.y(amount), r=10, fill="transparent")
            dot = element("circle", cx=scale.x(call), cy=scale.y(amount), r=4, class_="hl-dot")
            told = element("title", f"call {call + 1}: {_number(amount)} after it")
            marks.append(element("g", told, hit, dot, data_press=f"call:{call}", aria_hidden="true"))
    if picked in ids:
        call = ids.index(picked)
        marks.append(element("circle", cx=scale.x(call), cy=scale.y(used[call]), r=8, class_="hl-picked"))
    return marks


def _trip(
    scale: _Scale, tripping: Sequence[bool], used: Sequence[float], limit: float | None, unit: str
) -> list[Element]:
    if True not in tripping or limit is None:
        return []
    call = tripping.index(True)
    if used[call] <= limit:
        return []
    x, y = scale.x(call), scale.y(used[call])
    triangle = element("path", d=f"M{x - 7},{y + 5} L{x + 7},{y + 5} L{x},{y - 8} Z", class_="hl-trip")
    over = _number(float(f"{used[call] - limit:.10g}"))
    text = f"call {call + 1}: {_number(used[call])} {unit}, over by {over}"
    at = {"text_anchor": "end", "x": x - 12} if x > _WIDTH / 2 else {"x": x + 12}
    return [
        element("g", element("title", text), triangle, data_press=f"call:{call}", aria_hidden="true"),
        element("text", text, y=y + 4, class_="hl-halo", **at),
    ]


def _number(amount: float | None) -> str:
    if amount is None:
        return ""
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.6g}"
