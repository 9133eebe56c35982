"""From steps with their limits to the call that crossed the line, and what another limit would have saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import ipywidgets as widgets
import polars as pl
import traitlets as t

from harnlab.charts.theme import STEP_STATUS
from harnlab.errors import UnknownName
from harnlab.runs import Runs
from harnlab.widgets import budget_rows
from harnlab.widgets.answer_table import answer_table
from harnlab.widgets.budget_chart import UNITS, running_chart, unit_of
from harnlab.widgets.dial import Dial
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import Element, button, element, log_words, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.grid import Grid, GridColumn, bar_cell, usd_column
from harnlab.widgets.limit_sweep import LimitSweep
from harnlab.widgets.log_text import count, one_line, sentence, usd
from harnlab.widgets.selection import UNSORTED, place_of, position_at

_CALL_COLUMNS: Final = (
    GridColumn(name="position", title="call", kind="number", width=7),
    GridColumn(name="model", title="model", width=18),
    GridColumn(name="input_tokens", title="tokens in", kind="number", width=11),
    GridColumn(name="output_tokens", title="tokens out", kind="number", width=12),
    usd_column(width=11),
    usd_column("running_usd", "running, USD", width=14),
    GridColumn(name="running_tokens", title="running, tokens", kind="number", width=17),
    GridColumn(
        name="tripping", title="breaks the limit", width=17, write=lambda trips: "▲ here" if trips else ""
    ),
    GridColumn(name="source_line", title="line", kind="number", width=9),
)


class BudgetExplorer(Explorer):
    """Steps against their limits, call by call, with sliders that ask about other limits.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at.
    place : str, optional
        ``path:line`` of the step's record.
    call : str, optional
        ``call_id`` of the call whose log line is shown.
    max_usd : float, optional
        Ceiling on spend to ask about, USD; ``None`` leaves the declared one.
    max_tokens : int, optional
        Ceiling on tokens to ask about.
    sort_steps, sort_calls : sequence, optional
        Column of that table, and whether the largest comes first.

    Raises
    ------
    UnknownName
        For a place or a call that is not there.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/cost-overrun")
    >>> hl.BudgetExplorer(runs, max_usd=0.1).answers.height == runs.steps.height
    True
    """

    kind: ClassVar[str] = "budget-explorer"
    state: ClassVar[dict[str, Any]] = {
        "place": None,
        "call": None,
        "max_usd": None,
        "max_tokens": None,
        "sort_steps": [*UNSORTED],
        "sort_calls": [*UNSORTED],
    }
    orders: ClassVar[tuple[str, ...]] = ("sort_steps", "sort_calls")
    nothing: ClassVar[str] = "These runs recorded no step, so there is no limit to hold one against."

    place = t.Unicode(None, allow_none=True)
    call = t.Unicode(None, allow_none=True)
    max_usd = t.Float(None, allow_none=True, min=0.0)
    max_tokens = t.Int(None, allow_none=True, min=0)
    sort_steps: t.List[Any] = t.List([*UNSORTED])
    sort_calls: t.List[Any] = t.List([*UNSORTED])

    def __init__(
        self,
        source: Runs | Explorer,
        *,
        place: str | None = None,
        call: str | None = None,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        sort_steps: Sequence[Any] = UNSORTED,
        sort_calls: Sequence[Any] = UNSORTED,
    ) -> None:
        super().__init__(source)
        self._read()
        self.steps = Grid(self._step_rows, self._step_columns(), label="steps", visible=8)
        self.calls = Grid(self._calls.clear(), _CALL_COLUMNS, label="calls of the step", visible=6)
        self._chart, self._told_above, self._answered, self._record = (
            Drawing(),
            Drawing(),
            Drawing(),
            Drawing(),
        )
        self._dials = {"max_usd": Dial("max_usd"), "max_tokens": Dial("max_tokens", whole=True)}
        self._unit: str | None = None
        self.sweep = LimitSweep(self._ask_about)
        self._bind()
        dials = widgets.HBox([*self._dials.values()], layout={"flex_flow": "row wrap"})
        self._parts = (
            self.steps, self._told_above, self._chart, dials, self.sweep, self._answered, self.calls, self._record
        )  # fmt: skip
        self._show(*self._parts, empty=self._step_rows.is_empty())
        self._show_step()
        self.place, self.call, self.max_usd, self.max_tokens = place, call, max_usd, max_tokens
        self.sort_steps, self.sort_calls = list(sort_steps), list(sort_calls)

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``hl.costs.running``: the picked call; else the picked step's calls; else every step's."""
        rows = budget_rows.calls_of(self._calls, self._step()).drop("position")
        return rows if self.call is None else rows.filter(pl.col("call_id") == self.call)

    @property
    def answers(self) -> pl.DataFrame | None:
        """What the limits asked about would have done (``hl.whatif.step_budget``); ``None`` if none is asked."""
        step = self._step()
        name = step["step"] if step else None
        return self._questions.ask(name, self.max_usd, self.max_tokens)

    def summary(self) -> dict[str, Any]:
        """State, the step shown, and how the question is answered."""
        step, answers = self._step(), self.answers
        shown = (
            {n: step[n] for n in ("run_id", "step", "recorded_status", "recorded_cost_usd")} if step else None
        )
        asked = None
        if answers is not None:
            words = dict(sorted(answers["decidability"].value_counts().iter_rows()))
            asked = {"told": budget_rows.headline(answers), "decidability": words}
        return {**super().summary(), "steps": self._step_rows.height, "step": shown, "asked": asked}

    def _told(self) -> str:
        over = self._step_rows["recorded_limit"].count()
        told = [f"{self._step_rows.height:,} steps, {over:,} over a limit"]
        step = self._step()
        told += [f"{one_line(step['step'] or '', 60)} at {one_line(self.place or '', 200)}"] if step else []
        asked = [
            f"{n}={getattr(self, n)!r}" for n in ("max_usd", "max_tokens") if getattr(self, n) is not None
        ]
        return "; ".join([*told, *asked])

    def _read(self) -> None:
        self._calls = budget_rows.numbered_calls(self.runs)
        self._questions = budget_rows.Questions(self.runs)
        self._step_rows = budget_rows.step_rows(self.runs, self._calls, self._questions)

    def _reload(self) -> None:
        self.call = self.place = self.max_usd = self.max_tokens = None
        self._read()
        self.steps.show(self._step_rows, columns=self._step_columns())
        self._show(*self._parts, empty=self._step_rows.is_empty())
        self._show_step()

    def _step_columns(self) -> tuple[GridColumn, ...]:
        bars = [
            GridColumn(
                name=name, title=f"{title} (│ its limit)", kind="bar", width=22, write=self._bar(name, write)
            )
            for name, title, write in (("usd", "cost, USD", usd), ("tokens", "tokens", _whole))
        ]
        return (
            GridColumn(name="step", title="step", width=12),
            GridColumn(name="recorded_status", title="status", kind="badge", width=14, palette=STEP_STATUS),
            *bars,
            GridColumn(name="over", title="over its limit by", width=25, write=budget_rows.over_text),
            GridColumn(name="recorded_calls", title="calls", kind="number", width=7),
            GridColumn(name="persona", title="persona", width=16),
            GridColumn(name="run_id", title="run", width=24),
        )

    def _bar(self, name: str, write: Callable[[float | None], str]) -> Callable[[Any], Any]:
        largest = max((v or 0.0 for v in self._step_rows[name].struct.unnest().max().row(0)), default=0.0)
        return lambda cell: bar_cell(cell["used"], cell["limit"], largest, write(cell["used"]))

    def _bind(self) -> None:
        self._hold_sort(sort_steps=self.steps, sort_calls=self.calls)
        self.steps.observe(self._step_picked, names="selected")
        self.calls.observe(self._call_picked, names="selected")
        self.steps.on_open(self._go_to_calls)
        self.calls.on_open(lambda _position: self._record.go_to("raw"))
        self._chart.on_press(self._pressed)
        self._answered.on_press(self._pressed)
        for name, dial in self._dials.items():
            dial.observe(partial(self._turned, name), names="value")

    def _step(self) -> dict[str, Any] | None:
        selected = self.steps.selected
        return self._step_rows.row(selected[-1], named=True) if selected else None

    @t.validate("place")
    def _known_place(self, proposal: Mapping[str, Any]) -> str | None:
        place: str | None = proposal["value"]
        if place is not None:
            position_at(self._step_rows, place)
        return place

    @t.validate("call")
    def _known_call(self, proposal: Mapping[str, Any]) -> str | None:
        call: str | None = proposal["value"]
        if call is not None and call not in self._calls["call_id"]:
            raise UnknownName(
                f"no call {call!r} in a step", where="call", hint="a `call_id` of `hl.costs.running`"
            )
        return call

    @t.observe("place")
    def _moved(self, change: Mapping[str, Any]) -> None:
        step = self._step()
        if change["new"] is None:
            self.steps.select([])
        elif step is None or place_of(step) != change["new"]:
            self.steps.select([position_at(self._step_rows, change["new"])])

    @t.observe("call")
    def _call_moved(self, change: Mapping[str, Any]) -> None:
        """Show the call's step, unless it is shown, and its log line."""
        ids = self.calls.frame["call_id"].to_list()
        if change["new"] is not None and change["new"] not in ids:
            row = self._calls.filter(pl.col("call_id") == change["new"])
            steps = self._step_rows.select(budget_rows.STEP_RUN).with_row_index("position")
            found = steps.join(row, on=budget_rows.STEP_RUN, how="semi", nulls_equal=True)
            self.steps.select(found["position"].head(1).to_list())
            ids = self.calls.frame["call_id"].to_list()
        self.calls.select([ids.index(change["new"])] if change["new"] in ids else [])
        self._show_call()

    @t.observe("max_usd", "max_tokens")
    def _asked(self, _change: Mapping[str, Any]) -> None:
        self._set_dials()
        self._draw()

    def _step_picked(self, _change: Mapping[str, Any]) -> None:
        step = self._step()
        self.place = place_of(step) if step and step["source_path"] else None
        self._show_step()

    def _call_picked(self, change: Mapping[str, Any]) -> None:
        self.call = self.calls.frame["call_id"][change["new"][-1]] if change["new"] else None

    def _pressed(self, press: str) -> None:
        what, _, which = press.partition(":")
        if what == "unit" and which in UNITS:
            self._unit = which
            self._draw()
        elif what == "call" and which.isdecimal() and int(which) < self.calls.frame.height:
            self.calls.select([int(which)])
        elif press == "declared":
            self.max_usd = self.max_tokens = None

    def _turned(self, name: str, change: Mapping[str, Any]) -> None:
        value = change["new"]
        if value != getattr(self, name):
            self._unit = "USD" if name == "max_usd" else "tokens"
            setattr(self, name, value if value is None or name == "max_usd" else int(value))

    def _ask_about(self, name: str, limit: float) -> None:
        """Ask about a limit that was clicked among several."""
        setattr(self, name, limit if name == "max_usd" else int(limit))

    def _go_to_calls(self, _position: int) -> None:
        """Stand on the call that broke the limit, or the first."""
        tripping = self.calls.frame["tripping"].arg_true().to_list()
        if tripping and not self.calls.selected:
            self.calls.select(tripping[:1])
        self.calls.enter()

    def _show_step(self) -> None:
        step = self._step()
        self._unit, self.call = None, None
        self.calls.show(budget_rows.calls_of(self._calls, step) if step else self._calls.clear())
        self.calls.layout.display = None if step else "none"  # an empty table says nothing
        for call in self.calls.frame["tripping"].arg_true().head(1):
            self.calls.bring_in_sight(call)
        self._set_dials()
        steps = self._questions.steps(step["step"] if step else None)
        self.sweep.offer(steps, {name: dial.most for name, dial in self._dials.items()})
        self._draw()
        self._show_call()

    def _set_dials(self) -> None:
        """Let the dials stand on what is asked, else on what is declared, and reach twice what was used."""
        step = self._step()
        for (name, dial), used in zip(
            self._dials.items(), ("recorded_cost_usd", "recorded_tokens"), strict=True
        ):
            columns = [used, f"recorded_{name}"]
            if step is None:
                highest = self._step_rows.select(pl.col(columns).cast(pl.Float64).max()).row(0)
            else:
                highest = tuple(step[column] for column in columns)
            declared = step[f"recorded_{name}"] if step else None
            told = (
                "as declared"
                if step is None
                else "no limit"
                if declared is None
                else f"{declared:,} declared"
            )
            most = 2.0 * max(value or 0.0 for value in highest)
            dial.stand(value=getattr(self, name), recorded=declared, most=most, told=told)

    def _draw(self) -> None:
        step, rows = self._step(), self.calls.frame
        self._answered.draw(*self._answer())
        if step is None:
            self._told_above.draw(note("Pick a step to see its running total call by call."))
            self._chart.draw()
            return
        title = element("h3", log_words(step["step"] or "", 80))
        told = (step["because"] or "it stayed within its limits").replace("`", "")
        charged = budget_rows.charge_text(step, rows)
        self._told_above.draw(
            title, element("p", sentence(told, 400)), *([note(one_line(charged, 400))] if charged else [])
        )
        if not rows.height:
            self._chart.draw(note("Its calls are not recorded; only the totals above are."))
            return
        unit = self._unit or unit_of(rows)
        asked = self.max_usd if unit == "USD" else self.max_tokens
        switches = [
            button(u, f"unit:{u}", pressed=u == unit, aria_label=f"running total in {u}") for u in UNITS
        ]
        self._chart.draw(
            element("div", *switches), running_chart(rows, unit=unit, asked=asked, picked=self.call)
        )

    def _answer(self) -> list[Element]:
        answers = self.answers
        if answers is None:
            return [
                note(
                    f"{self._declared()}Move a slider or write a number to ask what another limit would have done."
                )
            ]
        return answer_table(answers, budget_rows.headline(answers), shown=self._step())

    def _declared(self) -> str:
        """The limits the step has, in a sentence."""
        step = self._step()
        if step is None:
            return ""
        spend, tokens = step["recorded_max_usd"], step["recorded_max_tokens"]
        told = [f"max_usd {spend:g} USD"] if spend is not None else []
        told += [f"max_tokens {tokens:,}"] if tokens is not None else []
        return f"Declared: {' and '.join(told) or 'no limit'}. "

    def _show_call(self) -> None:
        rows = (
            self.calls.frame.filter(pl.col("call_id") == self.call) if self.call else self.calls.frame.clear()
        )
        if rows.height:
            self._record.draw(self._raw(rows.row(0, named=True)))
        elif self._step() is not None and self._step_place():
            self._record.draw(
                note("Pick a call for its log line. The step's own record:"), self._raw(self._step() or {})
            )
        else:
            self._record.draw()
        self._redraw_ring()

    def _step_place(self) -> str | None:
        step = self._step()
        return step["source_path"] if step else None

    def _redraw_ring(self) -> None:
        if self._step() is not None and self.calls.frame.height:
            self._draw()


def _whole(amount: float | None) -> str:
    return count(None if amount is None else int(amount))
