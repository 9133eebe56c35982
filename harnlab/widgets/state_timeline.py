"""Who wrote which key of durable state, when; where two writers met; what was handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import polars as pl
import traitlets as t

from harnlab.errors import InvalidArgument, UnknownName
from harnlab.runs import Runs
from harnlab.widgets.dial import Dial
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import element, log_words, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.grid import Grid, GridColumn
from harnlab.widgets.log_text import cell, one_line, sentence
from harnlab.widgets.selection import UNSORTED
from harnlab.widgets.state_views import EVENTS, lanes, state_events

_COLUMNS: Final = (
    GridColumn(name="at", title="time, UTC", width=19),
    GridColumn(name="event", title="what", kind="badge", width=20, palette=EVENTS),
    GridColumn(name="key", title="key", width=20),
    GridColumn(name="writer", title="writer", width=12),
    GridColumn(name="other_writer", title="against", width=12),
    GridColumn(name="because", title="because", width=34),
    GridColumn(name="session_id", title="session", width=16),
)


class StateTimeline(Explorer):
    """Writers as lanes, conflicts as crossings, handoffs, and a dial that goes back in time.

    A state folder keeps only the last writer of a key, so a write is where the last one is known to have happened.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at.
    event : int, optional
        Event shown: row of ``events``.
    as_of : str, optional
        Moment to go back to, ISO 8601 in UTC; later events are left out, undated ones too.
    sort : sequence, optional
        Column of the table of events, and whether the largest comes first.

    Raises
    ------
    UnknownName
        For an event that is not there.
    InvalidArgument
        For a moment that is no time.

    Examples
    --------
    >>> import harnlab as hl
    >>> timeline = hl.StateTimeline(hl.load("sample_transcripts/two-writers"))
    >>> timeline.events["event"].unique().sort().to_list()[0]
    'crash_leftover'
    """

    kind: ClassVar[str] = "state-timeline"
    state: ClassVar[dict[str, Any]] = {"as_of": None, "event": None, "sort": [*UNSORTED]}
    orders: ClassVar[tuple[str, ...]] = ("sort",)
    nothing: ClassVar[str] = "These runs left no durable state."

    event = t.Int(None, allow_none=True)
    as_of = t.Unicode(None, allow_none=True)
    sort: t.List[Any] = t.List([*UNSORTED])

    def __init__(
        self,
        source: Runs | Explorer,
        *,
        event: int | None = None,
        as_of: str | None = None,
        sort: Sequence[Any] = UNSORTED,
    ) -> None:
        super().__init__(source)
        self.events = state_events(self.runs)
        self.grid = Grid(self.events, _COLUMNS, label="state events", visible=8)
        self._lanes, self._record = Drawing(), Drawing()
        self._dial = Dial("as of event", whole=True)
        self._dial.observe(self._turned, names="value")
        self._lanes.on_press(self._pressed)
        self.grid.observe(self._picked, names="selected")
        self.grid.on_open(lambda _position: self._record.go_to("raw"))
        self._hold_sort(sort=self.grid)
        self._lay_out()
        self._draw()
        self.as_of, self.event, self.sort = as_of, event, list(sort)

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``events``, in order of time: the one picked; else all up to ``as_of``."""
        return self.events[[self.event]] if self.event is not None else self.events[self.grid.order.sort()]

    def summary(self) -> dict[str, Any]:
        """State, and what is shown by kind of event."""
        kinds = dict(sorted(self.grid.rows["event"].value_counts().iter_rows()))
        return {**super().summary(), "events": self.events.height, "shown": kinds}

    def _told(self) -> str:
        told = [f"{len(self.grid.order):,} of {self.events.height:,} events"]
        return "; ".join([*told, *([f"as of {one_line(self.as_of, 40)}"] if self.as_of else [])])

    def _reload(self) -> None:
        self.event = self.as_of = None
        self.events = state_events(self.runs)
        self.grid.show(self.events)
        self._lay_out()
        self._draw()

    def _lay_out(self) -> None:
        self._show(self._lanes, self._dial, self.grid, self._record, empty=self.events.is_empty())

    @t.validate("event")
    def _known_event(self, proposal: Mapping[str, Any]) -> int | None:
        event: int | None = proposal["value"]
        if event is not None and not 0 <= event < self.events.height:
            last = self.events.height - 1
            known = f"0 to {last}" if last >= 0 else "None, as no event is recorded"
            raise UnknownName(f"no event {event}", where="event", expected=known)
        return event

    @t.validate("as_of")
    def _is_a_time(self, proposal: Mapping[str, Any]) -> str | None:
        as_of: str | None = proposal["value"]
        if as_of is not None:
            _moment(as_of)
        return as_of

    @t.observe("as_of")
    def _went_back(self, change: Mapping[str, Any]) -> None:
        as_of = change["new"]
        self.grid.keep([] if as_of is None else [pl.col("at") <= _moment(as_of)])
        self._draw()

    @t.observe("event")
    def _moved(self, change: Mapping[str, Any]) -> None:
        wanted = [] if change["new"] is None else [change["new"]]
        if self.grid.selected != wanted:
            self.grid.select(wanted)
        self._draw()

    def _picked(self, change: Mapping[str, Any]) -> None:
        self.event = change["new"][-1] if change["new"] else None

    def _pressed(self, press: str) -> None:
        _, _, number = press.partition("event:")
        if number.isdecimal() and int(number) < self.events.height:
            self.event = int(number)

    def _dated(self) -> pl.Series:
        return self.events["at"].drop_nulls()

    def _turned(self, change: Mapping[str, Any]) -> None:
        dated, number = self._dated(), change["new"]
        if number == self._passed():
            return
        at = None if number is None or dated.is_empty() else dated[max(0, min(int(number), len(dated)) - 1)]
        self.as_of = at.isoformat() if at else None
        self._set_dial()  # back from a number that no event has

    def _passed(self) -> int | None:
        """Dated events up to ``as_of``."""
        return None if self.as_of is None else int((self._dated() <= _moment(self.as_of)).sum())

    def _set_dial(self) -> None:
        dated = self._dated()
        told = f"last of {len(dated)}" if self.as_of is None else cell(_moment(self.as_of))
        self._dial.stand(value=self._passed(), recorded=None, most=len(dated), told=told)

    def _draw(self) -> None:
        self._set_dial()
        until = self.events if self.as_of is None else self.events.filter(pl.col("at") <= _moment(self.as_of))
        self._lanes.draw(lanes(until, picked=self.event))
        if self.event is None:
            self._record.draw(note("Pick an event for its record."))
            return
        row = self.events.row(self.event, named=True)
        said = [element("p", sentence(row["because"], 400))] if row["because"] else []
        self._record.draw(element("h3", log_words(row["key"] or "handoff", 80)), *said, self._raw(row))


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            repr(text), where="as_of", expected="a time such as 2026-06-22T08:31:00+00:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
