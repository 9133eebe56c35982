"""From a table of dispatches to one record: where each field came from, what it cost, the log line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import ipywidgets as widgets
import polars as pl
import traitlets as t

from harnlab.analysis.dimensions import INHERITED, PINNED, PROVENANCE_COLUMNS, UNKNOWN
from harnlab.charts.theme import OUTCOME, PROVENANCE, Palette, Swatch
from harnlab.runs import Runs
from harnlab.vocabulary import PROVENANCE_FIELDS
from harnlab.widgets import dispatch_rows
from harnlab.widgets.dispatch_card import card
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import Element, badge, button, element, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.grid import Grid, GridColumn, usd_column
from harnlab.widgets.log_text import one_line
from harnlab.widgets.selection import UNSORTED, neighbours, place_of, position_at

_ORIGIN: Final = Palette(
    name="origin of the route",
    swatches=(
        PROVENANCE.of(INHERITED),
        Swatch(word=PINNED, label="pinned", color="#4a66fd", glyph="◆"),
        PROVENANCE.of(UNKNOWN),
    ),
)
_COLUMNS: Final = (
    GridColumn(name="timestamp", title="time, UTC", width=20),
    GridColumn(name="model", title="model", width=21),
    GridColumn(name="origin", title="origin", kind="badge", width=25, palette=_ORIGIN),
    GridColumn(name="outcome_kind", title="outcome", kind="badge", width=20, palette=OUTCOME),
    usd_column(width=12),
    GridColumn(name="outcome_completion_tokens", title="tokens out", kind="number", width=12),
    GridColumn(name="provider", title="provider", width=13),
    GridColumn(name="wire_format", title="wire format", width=18),
    GridColumn(name="run_id", title="run", width=24),
    GridColumn(name="source_line", title="line", kind="number", width=9),
)
_LABELS: Final = {"origin": "any field is", "outcome_kind": "outcome", "route": "route", "model": "model"}
_EVERY: Final = "\0every"


class RouteExplorer(Explorer):
    """Dispatches, filtered by where their route came from, down to one log line.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at.
    filters : mapping of str to str, optional
        Column name to value: ``outcome_kind``, ``route`` (``provider/model/wire_format``), ``model``, ``provider``,
        ``wire_format``, ``run_id``, ``provenance_<field>``, or ``origin``: any of the five fields came from there.
    sort : sequence, optional
        Column name, and whether the largest comes first.
    place : str, optional
        ``path:line`` of the dispatch shown as a record.

    Raises
    ------
    UnknownName
        For a filter, or a place, that is not there.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/inherited-route")
    >>> hl.RouteExplorer(runs, filters={"origin": "inherited_from_primary"}).selected.height > 0
    True
    """

    kind: ClassVar[str] = "route-explorer"
    state: ClassVar[dict[str, Any]] = {"filters": {}, "sort": [*UNSORTED], "place": None}
    nothing: ClassVar[str] = "These runs recorded no dispatch, so there is no route to explore."

    filters: t.Dict[str, str | None] = t.Dict()
    sort: t.List[Any] = t.List([*UNSORTED])
    place = t.Unicode(None, allow_none=True)

    def __init__(
        self,
        source: Runs | Explorer,
        *,
        filters: Mapping[str, str | None] | None = None,
        sort: Sequence[Any] = UNSORTED,
        place: str | None = None,
    ) -> None:
        super().__init__(source)
        self.grid = Grid(
            self.runs.dispatches,
            _COLUMNS,
            complete=self._with_cost,
            column=lambda name, rows: dispatch_rows.column_of(name, rows, self.runs.calls),
            label="dispatches",
            visible=10,
        )
        self._matrix, self._card = Drawing(), Drawing()
        self._lists = {
            name: widgets.Dropdown(description=_LABELS[name], layout={"width": "auto"})
            for name in dispatch_rows.LISTED_FILTERS
        }
        self._prepare()
        self._bind()
        self._rows = widgets.GridBox([*self._lists.values()])
        self._rows.add_class("hl-filters")
        self._lay_out()
        self._draw_card()
        self.grid.prepare_sort("cost_usd")
        self.filters, self.sort, self.place = dict(filters or {}), list(sort), place

    @property
    def selected(self) -> pl.DataFrame:
        """The picked dispatch; where none is, all the filters leave, in the order shown."""
        rows = self.grid.frame[self.grid.selected] if self.grid.selected else self.grid.rows
        return self._with_cost(rows)

    def summary(self) -> dict[str, Any]:
        """State, counts and the identity of the record shown."""
        picked = self._row()
        record = (
            {n: picked[n] for n in ("run_id", "call_id", "provider", "model", "outcome_kind")}
            if picked
            else None
        )
        shown = len(self.grid.order)
        return {**super().summary(), "shown": shown, "dispatches": self.grid.frame.height, "record": record}

    def _told(self) -> str:
        shown, height = len(self.grid.order), self.grid.frame.height
        filtered = [f"{name}={one_line(str(value), 60)}" for name, value in self.filters.items()]
        at = [f"at {one_line(self.place, 200)}"] if self.place else []
        return "; ".join([f"{shown:,} of {height:,} dispatches", *filtered, *at])

    def _with_cost(self, rows: pl.DataFrame) -> pl.DataFrame:
        return dispatch_rows.with_call_cost(rows, self.runs.calls)

    def _prepare(self) -> None:
        """Lists of the filters, and the matrix, for the runs looked at."""
        self._combined = dispatch_rows.combinations(self.runs.dispatches)
        for name, found in dispatch_rows.listed(self._combined).items():
            options = [(f"every one ({self.runs.dispatches.height:,})", _EVERY)]
            options += [(f"{one_line(value, 60)} ({calls:,})", value) for value, calls in found]
            self._lists[name].options = options
            self._lists[name].value = _EVERY  # a list filled later shows nothing by itself
        self._draw_matrix()

    def _reload(self) -> None:
        self.place, self.filters = None, {}
        self._prepare()
        self.grid.show(self.runs.dispatches)
        self.grid.prepare_sort("cost_usd")
        self._lay_out()
        self._draw_card()

    def _lay_out(self) -> None:
        self._show(self._rows, self._matrix, self.grid, self._card, empty=self.runs.dispatches.is_empty())

    def _bind(self) -> None:
        for name, chooser in self._lists.items():
            chooser.observe(lambda change, name=name: self._listed(name, change["new"]), names="value")
        self._matrix.on_press(self._toggle)
        self._card.on_press(self._went)
        self.grid.on_open(lambda _position: self._card.go_to("raw"))
        self.grid.observe(self._picked, names="selected")
        self._hold_sort(sort=self.grid)

    @t.validate("filters")
    def _known_filters(self, proposal: Mapping[str, Any]) -> dict[str, str | None]:
        dispatch_rows.wanted(proposal["value"])
        return dict(proposal["value"])

    @t.validate("place")
    def _known_place(self, proposal: Mapping[str, Any]) -> str | None:
        place: str | None = proposal["value"]
        if place is not None:
            position_at(self.grid.frame, place)
        return place

    @t.observe("filters")
    def _filtered(self, change: Mapping[str, Any]) -> None:
        self.grid.keep(dispatch_rows.wanted(change["new"]))
        self._draw_matrix()
        self._draw_card()
        for name, chooser in self._lists.items():
            value = change["new"].get(name, _EVERY)
            chooser.value = value if value in [known for _, known in chooser.options] else _EVERY

    @t.observe("place")
    def _moved(self, change: Mapping[str, Any]) -> None:
        row = self._row()
        if change["new"] is None:
            self.grid.select([])
        elif row is None or place_of(row) != change["new"]:
            self.grid.select([position_at(self.grid.frame, change["new"])])

    def _listed(self, name: str, value: str) -> None:
        rest = {n: v for n, v in self.filters.items() if n != name}
        if value != _EVERY:
            self.filters = {**rest, name: value}
        elif name in self.filters and self.filters[name] in [v for _, v in self._lists[name].options]:
            self.filters = rest

    def _toggle(self, press: str) -> None:
        """Press of a cell of the matrix, or of the button that clears every filter."""
        field, _, word = press.partition(":")
        column = f"provenance_{field}"
        if press == "clear":
            self.filters = {}
        elif self.filters.get(column) == word:
            self.filters = {n: v for n, v in self.filters.items() if n != column}
        elif column in PROVENANCE_COLUMNS:
            self.filters = {**self.filters, column: word}

    def _went(self, press: str) -> None:
        """Press of the call before or after."""
        if press.isdecimal() and int(press) < self.grid.frame.height:
            self.grid.select([int(press)])

    def _picked(self, _change: Mapping[str, Any]) -> None:
        row = self._row()
        self.place = place_of(row) if row else None
        self._draw_card()

    def _row(self) -> dict[str, Any] | None:
        selected = self.grid.selected
        return self.grid.frame.row(selected[-1], named=True) if selected else None

    def _draw_card(self) -> None:
        if not self.grid.selected:
            told = "Pick a dispatch: click it, or go to the table and press the arrow keys."
            self._card.draw(note(told if len(self.grid.order) else "No dispatch meets all these filters."))
            return
        position = self.grid.selected[-1]
        row = self._with_cost(self.grid.frame[[position]]).row(0, named=True)
        around = neighbours(self.grid.frame, position)
        rows = [None if at is None else (at, self.grid.frame.row(at, named=True)) for at in around]
        step = _step_of(self.runs, row)
        self._card.draw(*card(row, step=step, previous=rows[0], following=rows[1]), self._raw(row))

    def _draw_matrix(self) -> None:
        counts = dispatch_rows.origin_counts(self._combined, self.filters)
        self._matrix.draw(_matrix(counts, self.filters))


def _matrix(counts: Mapping[tuple[str, str], int], filters: Mapping[str, str | None]) -> Element:
    """Buttons by origin and field; a pressed one is a filter."""
    words = list(dict.fromkeys(word for _, word in counts))
    head = element("tr", element("td"), *(element("th", field, scope="col") for field in PROVENANCE_FIELDS))
    rows = [
        element(
            "tr",
            element("th", badge(PROVENANCE, word), scope="row"),
            *(element("td", _switch(field, word, counts, filters)) for field in PROVENANCE_FIELDS),
            data_row=word,
        )
        for word in words
    ]
    table = element(
        "table",
        element("caption", "Calls by origin and field; press one to filter by it"),
        element("thead", head),
        element("tbody", *rows, data_roving="matrix"),
        class_="hl-matrix",
    )
    clear: dict[str, Any] = {} if filters else {"disabled": "disabled"}
    return element(
        "div",
        element("div", table, class_="hl-wide", data_scroll="matrix"),
        button("Clear filters", "clear", **clear),
    )


def _switch(
    field: str, word: str, counts: Mapping[tuple[str, str], int], filters: Mapping[str, str | None]
) -> Element:
    calls, pressed = counts.get((field, word), 0), filters.get(f"provenance_{field}") == word
    label = one_line(f"{field}: {PROVENANCE.of(word).label}, {calls:,} calls")
    quiet = "" if calls or pressed else " hl-none"
    return button(
        f"{calls:,}",
        f"{field}:{word}",
        pressed=pressed,
        aria_label=label,
        title=label,
        class_=f"hl-button{quiet}",
    )


def _step_of(runs: Runs, row: Mapping[str, Any]) -> str | None:
    """Step around a dispatch's call, where the log says."""
    steps = runs.step_calls
    found = steps.filter(pl.col("call_id") == row["call_id"], pl.col("run_id") == row["run_id"])
    return " > ".join(found["step_path"][0] or []) or None if found.height else None
