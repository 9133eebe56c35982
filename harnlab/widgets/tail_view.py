"""A growing log as it is written: what it has cost so far, its newest events, and any one's log line."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import ipywidgets as widgets
import polars as pl
import traitlets as t

from harnlab.errors import HarnlabError, InvalidArgument
from harnlab.frames import EVENTS
from harnlab.money import usd_text
from harnlab.tailing import Tail
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import button, element, facts, log_words, note, raw_record
from harnlab.widgets.grid import Grid, GridColumn
from harnlab.widgets.log_text import ABSENT, cell, count, one_line
from harnlab.widgets.selection import place_of
from harnlab.widgets.tail_rows import Totals

#: Events kept to look at; totals count all.
KEPT: Final = 10_000
#: Batches read at one look, so that a log far behind does not hold the kernel.
_BATCHES: Final = 4
_LONGEST_TEXT: Final = 100_000

_COLUMNS: Final = (
    GridColumn(name="timestamp", title="time, UTC", width=20),
    GridColumn(name="type", title="event", width=26),
    GridColumn(name="call_id", title="call", width=38),
    GridColumn(name="span_id", title="span", kind="number", width=7),
    GridColumn(name="source_line", title="line", kind="number", width=9),
)


class TailView(widgets.VBox):  # type: ignore[misc]
    """``hl.tail`` shown live: running cost, calls and the newest events, each line read once.

    In a notebook it looks for new events whenever the kernel is idle; elsewhere :meth:`look` does.

    Parameters
    ----------
    path : path-like
        A transcript, a topic file, an agent event log or a SQLite event log. It must exist.
    state : mapping, optional
        ``state`` of an earlier tail of the same path: goes on behind what that one gave.
    interval_s : float
        Seconds between two looks.
    status : str
        ``following``, ``paused`` or ``stopped``.

    Attributes
    ----------
    totals : Totals
        What the log has come to: events, calls asked, answered and failed, exact cost, last event.

    Raises
    ------
    UnreadablePath
        For a path that is missing or no log.
    InvalidArgument
        For a file that does not grow, or an interval that is not above 0.

    Examples
    --------
    >>> import harnlab as hl
    >>> view = hl.TailView("sample_transcripts/cost-overrun/llm_transcript.jsonl", status="paused")
    >>> view.look()
    292
    >>> view.totals.answered, view.selected.height
    (47, 292)
    """

    status = t.Enum(["following", "paused", "stopped"], default_value="following")
    _ready = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        state: Mapping[str, Any] | None = None,
        interval_s: float = 0.5,
        status: str = "following",
    ) -> None:
        super().__init__()
        if not interval_s > 0:
            raise InvalidArgument(f"interval_s={interval_s}", where="TailView", expected="seconds above 0")
        self.tail = Tail(path, state=state, follow=False)
        self.totals = Totals()
        self._path, self._start, self._interval_s = os.fspath(path), state, interval_s
        self._texts: deque[str] = deque(maxlen=KEPT)
        self._waiting: asyncio.TimerHandle | None = None
        self._trouble = ""
        self.add_class("harnlab-explorer")
        self.events = Grid(EVENTS.empty(), _COLUMNS, label="events as they come", visible=8)
        self._head, self._record = Drawing(), Drawing()
        self._head.on_press(self._pressed)
        self.events.observe(lambda _change: self._show_record(), names="selected")
        self.events.on_open(lambda _position: self._record.go_to("raw"))
        self.children = (self._head, self.events, self._record)
        self._draw()
        self._show_record()
        self._ready = True
        self.status = status
        self._go_on()

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``events``: the one picked; where none is, those kept."""
        picked = self.events.selected
        return self.events.frame[picked] if picked else self.events.frame

    @property
    def state(self) -> dict[str, Any]:
        """Where the tail is, for another one to go on from."""
        return self.tail.state

    @property
    def code(self) -> str:
        """One expression that builds this view again."""
        state = "" if self._start is None else f", state={dict(self._start)!r}"
        interval = "" if self._interval_s == 0.5 else f", interval_s={self._interval_s!r}"
        status = "" if self.status == "following" else f", status={self.status!r}"
        return f"hl.TailView({self._path!r}{state}{interval}{status})"

    def summary(self) -> dict[str, Any]:
        """Totals and status, as small plain values."""
        totals = self.totals
        counts = {n: getattr(totals, n) for n in ("events", "asked", "answered", "failed", "unpriced")}
        return {"status": self.status, **counts, "cost_usd": str(totals.cost_usd), "last": totals.last_type}

    def look(self) -> int:
        """Take in what was appended since the last look; the number of new events."""
        found = 0
        for _ in range(_BATCHES):
            frame = self.tail.poll()
            if frame.is_empty():
                break
            found += frame.height
            self._take(frame)
        if found:
            self._draw()
            self._show_record()
        return found

    def close(self) -> None:
        """Stop looking, and let go of the file."""
        # one that was refused is closed as well, by Python
        if self._ready:
            self.status = "stopped"
        super().close()

    def __repr__(self) -> str:
        return f"<TailView: {one_line(self._told(), 300)}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        stored = {"text/plain": repr(self), "application/vnd.harnlab.tail-view+json": self.summary()}
        return {**bundle, **stored}

    def _told(self) -> str:
        totals = self.totals
        spent = f"{usd_text(totals.cost_usd)} for {count(totals.answered)} calls answered"
        unpriced = f", {count(totals.unpriced)} of them without a price" if totals.unpriced else ""
        return f"{self.status}; {count(totals.events)} events; {spent}{unpriced}"

    def _take(self, frame: pl.DataFrame) -> None:
        """Add rows behind those there; the oldest fall out where there are too many."""
        rows = list(frame.iter_rows(named=True))
        texts = [self.tail.text(row) for row in rows]
        self.totals = self.totals.after(zip(rows, texts, strict=True))
        self._texts.extend(text[:_LONGEST_TEXT] for text in texts)
        both = pl.concat([self.events.frame, frame])
        self.events.append(both.tail(KEPT), dropped=max(0, both.height - KEPT))

    def _go_on(self) -> None:
        """Look again in a while, where there is a loop that can wait."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self.status != "following":
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._waiting = loop.call_later(self._interval_s, self._look_and_go_on)

    def _look_and_go_on(self) -> None:
        self._waiting = None
        if self.comm is None:
            self.status = "stopped"
            return
        try:
            self.look()
            self._say("")
        except (HarnlabError, OSError) as error:
            self._say(str(error))
        self._go_on()

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._draw()

    @t.observe("status")
    def _turned(self, change: Mapping[str, Any]) -> None:
        if change["new"] == "stopped":
            self.tail.close()
        self._go_on()
        self._draw()

    def _pressed(self, press: str) -> None:
        if self.status != "stopped" and press in {"following", "paused", "stopped"}:
            self.status = press

    def _draw(self) -> None:
        totals = self.totals
        last = element("span", log_words(totals.last_type or ABSENT, 60), f", {cell(totals.last_at)}")
        waiting = max(0, totals.asked - totals.answered - totals.failed)
        pairs = [
            ("cost so far", f"{usd_text(totals.cost_usd)}"),
            (
                "calls",
                f"{count(totals.answered)} answered, {count(totals.failed)} failed, {count(waiting)} open",
            ),
            ("without a price", count(totals.unpriced)),
            ("events", count(totals.events)),
            ("last event, UTC", last if totals.last_type else ABSENT),
            ("unreadable lines", count(self.tail.problems.height)),
        ]
        self._head.draw(
            element("h3", log_words(self._path, 200)),
            facts(pairs),
            element("div", *self._switches()),
            *(
                [note(one_line(f"The log cannot be read at the moment: {self._trouble}", 300))]
                if self._trouble
                else []
            ),
        )

    def _switches(self) -> list[Any]:
        off: dict[str, Any] = {"disabled": "disabled"} if self.status == "stopped" else {}
        paused = self.status == "paused"
        turn = button("Go on", "following", **off) if paused else button("Pause", "paused", **off)
        return [turn, button("Stop", "stopped", **off), element("span", self.status, role="status")]

    def _show_record(self) -> None:
        picked = self.events.selected
        if not picked:
            some = self.events.frame.height
            self._record.draw(
                note("Pick an event for its log line." if some else "No event was read so far.")
            )
            return
        row = self.events.frame.row(picked[-1], named=True)
        self._record.draw(raw_record(place_of(row), self._texts[picked[-1]]))
