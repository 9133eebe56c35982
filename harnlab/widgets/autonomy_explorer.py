"""Who used up which quota, what was denied, what became of the approvals, and what another quota would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import ipywidgets as widgets
import polars as pl
import traitlets as t

from harnlab.errors import UnknownName
from harnlab.invisible import visible
from harnlab.runs import Runs
from harnlab.widgets import autonomy_views
from harnlab.widgets.answer_table import DECIDED, meanings
from harnlab.widgets.autonomy_views import APPROVALS, DECISIONS
from harnlab.widgets.dial import Dial
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import Element, button, element, log_words, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.grid import Grid, GridColumn
from harnlab.widgets.log_text import ABSENT, tail
from harnlab.widgets.selection import UNSORTED, place_of, position_at


def _place(log: str | None) -> str:
    """Folder and kind of an event log, which is where two of them differ."""
    if log is None:
        return ABSENT
    folder, found, kind = log.partition("/.harn/events")
    last = folder.rpartition("/")[2]
    return f"{tail(last, 15)} {visible(kind).strip('/.')}" if found else tail(log, 22)


_STREAMS: Final = (
    GridColumn(name="agent_key", title="agent", width=19),
    GridColumn(name="producer", title="decided by", width=18),
    GridColumn(name="attempts", title="attempts", kind="number", width=11),
    GridColumn(name="denied", title="denied", kind="number", width=9),
    GridColumn(name="pending", title="pending", kind="number", width=10),
    GridColumn(name="answered", title="answered", kind="number", width=11),
    GridColumn(name="per_hour", title="per_hour", kind="number", width=11),
    GridColumn(name="per_day", title="per_day", kind="number", width=10),
    GridColumn(name="log", title="log", width=18, write=_place),
)
_ATTEMPTS: Final = (
    GridColumn(name="at", title="time, UTC", width=20),
    GridColumn(name="recorded_decision", title="decision", kind="badge", width=13, palette=DECISIONS),
    GridColumn(name="recorded_reason", title="because", width=32),
    GridColumn(name="approval_status", title="approval", kind="badge", width=13, palette=APPROVALS),
    GridColumn(name="source_line", title="line", kind="number", width=8),
)
#: What another quota would have done, beside what was decided; only while one is asked about.
_ANSWERS: Final = (
    GridColumn(name="whatif_decision", title="asked quota", kind="badge", width=14, palette=DECISIONS),
    GridColumn(name="decidability", title="proof", kind="badge", width=14, palette=DECIDED),
)


class AutonomyExplorer(Explorer):
    """Decisions by UTC hour against their quota, denials and approvals, down to the log line.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at.
    stream : int, optional
        Row of the table of agents: one log, producer and key.
    place : str, optional
        ``path:line`` of the decision whose log line is shown.
    per_hour, per_day : int, optional
        Quotas to ask about, from 1.
    sort_agents, sort_decisions : sequence, optional
        Column of that table, and whether the largest comes first.

    Raises
    ------
    UnknownName
        For a stream or a place that is not there.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/autonomy-pressure")
    >>> hl.AutonomyExplorer(runs, per_hour=5).attempts.height == runs.autonomy_checks.height
    True
    """

    kind: ClassVar[str] = "autonomy-explorer"
    state: ClassVar[dict[str, Any]] = {
        "stream": None,
        "place": None,
        "per_hour": None,
        "per_day": None,
        "sort_agents": [*UNSORTED],
        "sort_decisions": [*UNSORTED],
    }
    orders: ClassVar[tuple[str, ...]] = ("sort_agents", "sort_decisions")
    nothing: ClassVar[str] = "These runs recorded no decision that a quota counts."

    stream = t.Int(None, allow_none=True)
    place = t.Unicode(None, allow_none=True)
    per_hour = t.Int(None, allow_none=True, min=1)
    per_day = t.Int(None, allow_none=True, min=1)
    sort_agents: t.List[Any] = t.List([*UNSORTED])
    sort_decisions: t.List[Any] = t.List([*UNSORTED])

    def __init__(
        self,
        source: Runs | Explorer,
        *,
        stream: int | None = None,
        place: str | None = None,
        per_hour: int | None = None,
        per_day: int | None = None,
        sort_agents: Sequence[Any] = UNSORTED,
        sort_decisions: Sequence[Any] = UNSORTED,
    ) -> None:
        super().__init__(source)
        self._read()
        self.agents = Grid(self._streams, _STREAMS, label="agents", visible=6)
        self.decisions = Grid(self.attempts, self._columns(), label="decisions", visible=8)
        self._chart, self._answered, self._record = Drawing(), Drawing(), Drawing()
        self._dials = {name: Dial(name, whole=True) for name in ("per_hour", "per_day")}
        for name, dial in self._dials.items():
            dial.least = 1.0
            dial.observe(partial(self._turned, name), names="value")
        self._answered.on_press(self._pressed)
        self.agents.observe(self._agent_picked, names="selected")
        self.agents.on_open(lambda _position: self.decisions.enter())
        self.decisions.observe(self._decision_picked, names="selected")
        self.decisions.on_open(lambda _position: self._record.go_to("raw"))
        dials = widgets.HBox([*self._dials.values()], layout={"flex_flow": "row wrap"})
        self._parts = (self.agents, self._chart, dials, self._answered, self.decisions, self._record)
        self._show(*self._parts, empty=self._attempts.is_empty())
        self._hold_sort(sort_agents=self.agents, sort_decisions=self.decisions)
        self._draw()
        self.stream, self.place, self.per_hour, self.per_day = stream, place, per_hour, per_day
        self.sort_agents, self.sort_decisions = list(sort_agents), list(sort_decisions)

    @property
    def attempts(self) -> pl.DataFrame:
        """``hl.whatif.autonomy`` of every attempt; ``whatif_*`` is null while nothing is asked."""
        return self._attempts

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``autonomy_checks``: the picked decision; else those of the picked agent; else all."""
        rows = self._of_agent()
        if self.place is not None:
            rows = rows[[position_at(rows, self.place)]]
        places = rows.select("source_path", "source_line")
        return self.runs.autonomy_checks.join(
            places, on=["source_path", "source_line"], how="semi", nulls_equal=True, maintain_order="left"
        )

    def summary(self) -> dict[str, Any]:
        """State, and how many decisions come out otherwise."""
        asked = self._streams["changed"].sum() if self._is_asked() else None
        return {
            **super().summary(),
            "agents": self._streams.height,
            "attempts": self._attempts.height,
            "changed": asked,
        }

    def _told(self) -> str:
        denied = int(self._streams["denied"].sum())
        told = [f"{self._attempts.height:,} decisions of {self._streams.height:,} agents, {denied:,} denied"]
        asked = [f"{n}={getattr(self, n)}" for n in ("per_hour", "per_day") if getattr(self, n) is not None]
        return "; ".join([*told, *asked])

    def _is_asked(self) -> bool:
        return self.per_hour is not None or self.per_day is not None

    def _read(self) -> None:
        self._attempts = autonomy_views.decided(self.runs, per_hour=self.per_hour, per_day=self.per_day)
        self._streams = autonomy_views.streams(self._attempts)

    def _reload(self) -> None:
        self.place = self.stream = self.per_hour = self.per_day = None
        self._read()
        self.agents.show(self._streams)
        self._show(*self._parts, empty=self._attempts.is_empty())
        self._show_agent()

    def _columns(self) -> tuple[GridColumn, ...]:
        """Columns of the decisions: the answers stand beside what was decided."""
        return (*_ATTEMPTS[:2], *_ANSWERS, *_ATTEMPTS[2:]) if self._is_asked() else _ATTEMPTS

    def _of_agent(self) -> pl.DataFrame:
        if self.stream is None:
            return self._attempts
        return autonomy_views.of_stream(self._attempts, self._streams.row(self.stream, named=True))

    @t.validate("stream")
    def _known_stream(self, proposal: Mapping[str, Any]) -> int | None:
        stream: int | None = proposal["value"]
        if stream is not None and not 0 <= stream < self._streams.height:
            raise UnknownName(
                f"no stream {stream}", where="stream", expected=f"0 to {self._streams.height - 1}"
            )
        return stream

    @t.validate("place")
    def _known_place(self, proposal: Mapping[str, Any]) -> str | None:
        place: str | None = proposal["value"]
        if place is not None:
            position_at(self._of_agent(), place)
        return place

    @t.observe("stream")
    def _agent_moved(self, change: Mapping[str, Any]) -> None:
        wanted = [] if change["new"] is None else [change["new"]]
        if self.agents.selected != wanted:
            self.agents.select(wanted)
        self._show_agent()

    @t.observe("place")
    def _moved(self, change: Mapping[str, Any]) -> None:
        rows = self.decisions.frame
        wanted = [] if change["new"] is None else [position_at(rows, change["new"])]
        if self.decisions.selected != wanted:
            self.decisions.select(wanted)
        self._record.draw(*([self._raw(rows.row(wanted[0], named=True))] if wanted else []))

    @t.observe("per_hour", "per_day")
    def _asked(self, _change: Mapping[str, Any]) -> None:
        self._read()
        self.decisions.refresh(self._of_agent(), columns=self._columns())
        self._draw()

    def _agent_picked(self, change: Mapping[str, Any]) -> None:
        self.stream = change["new"][-1] if change["new"] else None

    def _decision_picked(self, change: Mapping[str, Any]) -> None:
        row = self.decisions.frame.row(change["new"][-1], named=True) if change["new"] else None
        self.place = place_of(row) if row else None

    def _turned(self, name: str, change: Mapping[str, Any]) -> None:
        setattr(self, name, None if change["new"] is None else int(change["new"]))

    def _pressed(self, press: str) -> None:
        if press == "recorded":
            self.per_hour = self.per_day = None

    def _show_agent(self) -> None:
        self.place = None
        self.decisions.show(self._of_agent(), columns=self._columns())
        self._draw()

    def _draw(self) -> None:
        row = self._streams.row(self.stream, named=True) if self.stream is not None else None
        if row is None:
            self._chart.draw(note("Pick an agent to see its decisions hour by hour."))
        else:
            chart = autonomy_views.hour_columns(self._of_agent(), quota=row["per_hour"], asked=self.per_hour)
            self._chart.draw(element("h3", log_words(row["agent_key"] or "", 80)), chart)
        for name, dial in self._dials.items():
            recorded = row[name] if row else None
            told = (
                "as recorded"
                if row is None
                else "no quota seen"
                if recorded is None
                else f"{recorded} recorded"
            )
            most = 2 * max([10, *self._streams[name].drop_nulls()])
            dial.stand(value=getattr(self, name), recorded=recorded, most=most, told=told)
        self._answered.draw(*self._answer())

    def _answer(self) -> list[Element]:
        if not self._is_asked():
            return [note("Move a slider or write a number to ask what another quota would have done.")]
        rows = self._of_agent()
        both = rows.group_by("recorded_decision", "whatif_decision").len()
        counts = {(recorded, asked): number for recorded, asked, number in both.iter_rows()}
        freed, refused = counts.get(("denied", "admitted"), 0), counts.get(("admitted", "denied"), 0)
        exact = rows.filter(pl.col("decidability") == "exact").height
        told = (
            f"Denied before, now admitted: {freed}. Admitted before, now denied: {refused}. "
            f"{exact} of {rows.height} answers are proved."
        )
        return [
            element("p", element("strong", told), role="status"),
            meanings(rows["decidability"].unique()),
            button("Back to the recorded quotas", "recorded"),
        ]
