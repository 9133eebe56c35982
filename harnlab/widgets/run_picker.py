"""Pick the runs that other explorers look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import polars as pl
import traitlets as t

from harnlab.errors import UnknownName
from harnlab.questions import runs_of
from harnlab.runs import Runs
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import button, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.grid import Grid, GridColumn, usd_column
from harnlab.widgets.log_text import one_line

_COLUMNS: Final = (
    GridColumn(name="picked", title="picked", width=8, write=lambda picked: "☑" if picked else "☐"),
    GridColumn(name="run_id", title="run", width=40),
    usd_column(width=11),
    GridColumn(name="calls", title="calls", kind="number", width=7),
    GridColumn(name="unpriced_calls", title="unpriced", kind="number", width=10),
    GridColumn(name="started_at", title="started, UTC", width=19),
    GridColumn(name="status", title="status", width=11),
    GridColumn(name="problems", title="problems", kind="number", width=11),
)


class RunPicker(Explorer):
    """A table of runs to pick from; give it to another explorer in place of the runs.

    Parameters
    ----------
    source : Runs
        What to pick from.
    run_ids : iterable of str, optional
        Runs picked; none means all.

    Raises
    ------
    UnknownName
        For a run that is not there.

    Examples
    --------
    >>> import harnlab as hl
    >>> picker = hl.RunPicker(hl.load("sample_transcripts/inherited-route"))
    >>> explorer = hl.RouteExplorer(picker)
    >>> picker.run_ids = picker.runs.run_ids[:1]
    >>> len(explorer.runs)
    1
    """

    kind: ClassVar[str] = "run-picker"
    state: ClassVar[dict[str, Any]] = {"run_ids": []}
    nothing: ClassVar[str] = "There is no run to pick."

    run_ids: t.List[str] = t.List(t.Unicode())

    def __init__(self, source: Runs, *, run_ids: Iterable[str] = ()) -> None:
        super().__init__(source)
        self._all = source = runs_of(source, where="RunPicker")
        self.grid = Grid(
            source.summary, _COLUMNS, complete=self._marked, label="runs", visible=10, multiple=True
        )
        self._told_below = Drawing()
        self._told_below.on_press(self._pressed)
        self.grid.observe(self._toggled, names="selected")
        self._show(self.grid, self._told_below, empty=source.summary.is_empty())
        self._draw()
        self.run_ids = list(run_ids)

    @property
    def runs(self) -> Runs:
        """The runs picked; all of them when none is."""
        return self._all.filter(pl.col("run_id").is_in(self.run_ids)) if self.run_ids else self._all

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``runs.summary``: those picked, or all."""
        rows = self.grid.frame
        return rows.filter(pl.col("run_id").is_in(self.run_ids)) if self.run_ids else rows

    def summary(self) -> dict[str, Any]:
        """The runs picked, and of how many."""
        return {**super().summary(), "runs": self.grid.frame.height}

    def _told(self) -> str:
        picked = len(self.run_ids) or self.grid.frame.height
        return f"{picked:,} of {self.grid.frame.height:,} runs"

    def _marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        picked = pl.lit(pl.Series(self.run_ids, dtype=pl.String)).implode()
        return rows.with_columns(picked=pl.col("run_id").is_in(picked))

    @t.validate("run_ids")
    def _known_runs(self, proposal: Mapping[str, Any]) -> list[str]:
        run_ids: list[str] = proposal["value"]
        if unknown := set(run_ids).difference(self._all.run_ids):
            raise UnknownName(f"no run {min(unknown)!r}", where="run_ids", hint="`runs.run_ids` lists them")
        return run_ids

    @t.observe("run_ids")
    def _picked(self, change: Mapping[str, Any]) -> None:
        places = {run_id: at for at, run_id in enumerate(self.grid.frame["run_id"])}
        self.grid.selected = [places[run_id] for run_id in change["new"]]
        self.grid.renew()
        self._draw()

    def _toggled(self, change: Mapping[str, Any]) -> None:
        self.run_ids = self.grid.frame["run_id"][change["new"]].to_list()

    def _pressed(self, press: str) -> None:
        if press == "none":
            self.run_ids = []

    def _draw(self) -> None:
        off: dict[str, Any] = {} if self.run_ids else {"disabled": "disabled"}
        picked = (
            f"{self._told()} picked" if self.run_ids else "No run is picked, so all of them are looked at"
        )
        told = one_line(f"{picked}. Click a run, or press the space bar on it.")
        self._told_below.draw(note(told), button("Pick none", "none", **off))
