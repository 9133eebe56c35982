"""An inherited-route incident as a value, and told in a paragraph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from harnlab.analysis.dimensions import INHERITED, PINNED
from harnlab.analysis.intervals import wilson
from harnlab.invisible import blanked_line
from harnlab.money import usd_text
from harnlab.plurals import counted
from harnlab.vocabulary import OutcomeKind

#: Writes a text that came from a log.
Quote = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCall:
    """The first call seen to inherit a part of its route, and its place in the log."""

    run_id: str
    call_id: str | None
    at: datetime | None
    source_path: str
    source_line: int | None
    provider: str | None
    model: str | None
    wire_format: str | None
    persona: str | None
    step: str | None
    inherited_fields: tuple[str, ...]

    @property
    def place(self) -> str:
        """``path:line`` of the dispatch."""
        return self.source_path if self.source_line is None else f"{self.source_path}:{self.source_line}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Incident:
    """What the log proves of routes inherited from the primary.

    Attributes
    ----------
    first : FirstCall or None
        First inherited call; ``None`` where there is none.
    fields : dict
        Each of the five fields that was inherited, with the number of calls.
    calls, dispatches : int
        Inherited dispatches, and all.
    runs : int
        Runs with an inherited call.
    sessions : int or None
        Sessions with an inherited call; ``None`` where the log names none.
    cost_usd : Decimal
        What the inherited calls cost, exactly; calls without a price not included.
    unpriced_calls : int
        Inherited calls whose price is not known.
    started_at, ended_at : datetime or None
        First and last inherited call.
    models : tuple of str
        Models called on an inherited route, the most called first.
    dead, recovered : int
        Inherited calls that came back billed and empty for good, and those that recovered.
    unknown_origins, origins : int
        Origins that say ``unknown``, and all (five a dispatch): an unknown origin is never taken for inherited.
    matrix : polars.DataFrame
        Field by origin, as ``hl.routes.matrix``.
    outcomes : polars.DataFrame
        Outcome mix by ``model`` and ``origin`` (``inherited_from_primary``, ``pinned``) of the inherited models.
    """

    first: FirstCall | None
    fields: dict[str, int]
    calls: int
    dispatches: int
    runs: int
    sessions: int | None
    cost_usd: Decimal
    unpriced_calls: int
    started_at: datetime | None
    ended_at: datetime | None
    models: tuple[str, ...]
    dead: int
    recovered: int
    unknown_origins: int
    origins: int
    matrix: pl.DataFrame
    outcomes: pl.DataFrame

    @property
    def found(self) -> bool:
        """Whether any route was inherited."""
        return self.first is not None

    @property
    def unknown_share_pct(self) -> float | None:
        """Share of origins that say ``unknown``: what the log cannot tell; ``None`` without dispatches."""
        return 100 * self.unknown_origins / self.origins if self.origins else None

    @property
    def paragraph(self) -> str:
        """The incident in a few sentences, as plain text for a ticket."""
        return _told(self, plain)

    def __repr__(self) -> str:
        return self.paragraph

    def _repr_markdown_(self) -> str:
        return f"**Inherited route.** {_told(self, _code)}"


def plain(text: str) -> str:
    """Log text made safe for one line of plain text: no control or direction marks, at most 400 characters."""
    shown = blanked_line(text)
    return shown if len(shown) <= 400 else f"{shown[:399]}…"


def _code(text: str) -> str:
    """Log text as a Markdown code span, in which nothing is markup."""
    return f"`{plain(text).replace('`', chr(39))}`"


def _told(it: Incident, quote: Quote) -> str:
    if it.first is None:
        return " ".join(filter(None, (_nothing(it), _coverage(it))))
    parts = (
        _reach(it),
        _start(it, it.first, quote),
        _radius(it),
        _comparison(it, quote),
        _lanes(it),
        _coverage(it),
    )
    return " ".join(filter(None, parts))


def _nothing(it: Incident) -> str:
    if not it.dispatches:
        return "No inherited route found: no dispatches are recorded, so the log cannot show any."
    return f"No inherited route found in {counted(it.dispatches, 'dispatch', 'dispatches')}."


def _reach(it: Incident) -> str:
    fields = ", ".join(f"{field} in {calls:,}" for field, calls in it.fields.items())
    return (
        f"{it.calls:,} of {counted(it.dispatches, 'dispatch', 'dispatches')} ({_pct(it.calls, it.dispatches)}) "
        f"silently inherited a part of the route from the primary: {fields}."
    )


def _start(it: Incident, first: FirstCall, quote: Quote) -> str:
    route = "/".join(part or "?" for part in (first.provider, first.model, first.wire_format))
    when = f" at {_utc(first.at)}" if first.at else ""
    step = f" in step {quote(first.step)}" if first.step else ""
    call = f", call {quote(first.call_id)}" if first.call_id else ""
    went = "It went" if it.calls == 1 else "The first went"
    return f"{went} to {quote(route)}{when}{step}: run {quote(first.run_id)}{call}, {quote(first.place)}."


def _radius(it: Incident) -> str:
    sessions = "" if it.sessions is None else f" and {counted(it.sessions, 'session')}"
    until = f", the last at {_utc(it.ended_at)}" if it.ended_at and it.calls > 1 else ""
    reach, cost = ("It reaches", "costs") if it.calls == 1 else ("They reach", "cost")
    told = f"{reach} {counted(it.runs, 'run')}{sessions}{until}, and {cost} {usd_text(it.cost_usd)}"
    return f"{told}{_unpriced(it)}."


def _unpriced(it: Incident) -> str:
    if not it.unpriced_calls:
        return ""
    if it.calls == 1:
        return "; its price is not known"
    return (
        f"; {it.unpriced_calls:,} of these calls {'has' if it.unpriced_calls == 1 else 'have'} no known price"
    )


def _comparison(it: Incident, quote: Quote) -> str:
    """Dead-lane share of the most called inherited model, on both kinds of route."""
    if not it.models:
        return ""
    model = it.models[0]
    here, there = (_dead_of(it.outcomes, model, origin) for origin in (INHERITED, PINNED))
    told = f"{quote(model)} came back billed and empty in {_share(*here)} on the inherited route"
    if not there[1]:
        return f"{told}; the log has no call of it on a pinned route to compare with."
    return f"{told}, in {_share(*there)} on its pinned route."


def _dead_of(outcomes: pl.DataFrame, model: str, origin: str) -> tuple[int, int]:
    group = outcomes.filter(pl.col("model") == model, pl.col("origin") == origin)
    dead = group.filter(pl.col("outcome_kind") == OutcomeKind.EMPTY_COMPLETION_TERMINAL)
    return int(dead["calls"].sum()), int(group["calls"].sum())


def _lanes(it: Incident) -> str:
    dead = counted(it.dead, "inherited call")
    return f"{dead} ended in a dead lane, {it.recovered:,} only flaked and recovered."


def _coverage(it: Incident) -> str:
    if not it.origins:
        return ""
    if not it.unknown_origins:
        return "Every origin is recorded."
    share = f"{it.unknown_origins:,} of {it.origins:,} origins ({_pct(it.unknown_origins, it.origins)})"
    bound = ", so the count is a lower bound" if it.found else ""
    return f"{share} are unknown: what these fields inherited the log cannot tell{bound}."


def _share(some: int, calls: int) -> str:
    low, high = wilson(some, calls)
    interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return f"{some:,} of {counted(calls, 'call')} ({_pct(some, calls)}, {interval})"


def _pct(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
