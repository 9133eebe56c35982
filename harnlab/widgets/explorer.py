"""What all explorers share: the runs they read, the cell that repeats them, and what a notebook stores of them."""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets as widgets
import polars as pl
import traitlets as t

from harnlab.errors import HarnlabError
from harnlab.questions import runs_of
from harnlab.runs import Runs
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import Element, note, raw_record
from harnlab.widgets.grid import Grid
from harnlab.widgets.log_text import one_line, shortened
from harnlab.widgets.selection import place_of


class Explorer(widgets.VBox):  # type: ignore[misc]
    """Base of the explorers. Their state is in traits; ``selected`` gives rows, ``code`` the cell that repeats it.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at. With a picker the explorer follows what is picked there.
    """

    #: Part of the MIME type the summary is stored under.
    kind: ClassVar[str] = "explorer"
    #: Traits that hold the state, in the order they are set again, and their values when nothing was done.
    state: ClassVar[dict[str, Any]] = {}
    #: Of these, how tables are sorted that a summary names only once they are.
    orders: ClassVar[tuple[str, ...]] = ()
    #: Said in place of empty tables where the runs have nothing to show.
    nothing: ClassVar[str] = ""

    def __init__(self, source: Runs | Explorer) -> None:
        self.source = source if isinstance(source, Explorer) else runs_of(source, where=type(self).__name__)
        super().__init__()
        self.add_class("harnlab-explorer")
        if isinstance(source, Explorer):
            source.observe(lambda _change: self._reload(), names="run_ids")

    @property
    def runs(self) -> Runs:
        """The runs looked at."""
        return self.source.runs if isinstance(self.source, Explorer) else self.source

    @property
    def selected(self) -> pl.DataFrame:
        """The rows picked; where none is, all that are shown."""
        raise NotImplementedError

    @property
    def code(self) -> str:
        """One expression that builds this explorer again as it stands, over the same ``runs``."""
        source = self.source.code if isinstance(self.source, Explorer) else "runs"
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, start in self.state.items()
            if getattr(self, name) != start
        ]
        return f"hl.{type(self).__name__}({', '.join([source, *changed])})"

    def summary(self) -> dict[str, Any]:
        """What is shown, as small plain values that a notebook can be compared by."""
        unsorted = [name for name in self.orders if getattr(self, name) == self.state[name]]
        return {name: getattr(self, name) for name in self.state if name not in unsorted}

    def _show(self, *parts: Any, empty: bool) -> None:
        """Show the parts; where there is nothing in them, one sentence that says so."""
        self.children = (Drawing(note(self.nothing)),) if empty else parts

    def _hold_sort(self, **grids: Grid) -> None:
        """Let each of these traits be how a table is sorted, whether by a click on a heading or in code."""
        for name, grid in grids.items():
            t.link((self, name), (grid, "sort"))

    def _reload(self) -> None:
        """Show other runs; done by explorers that follow a picker."""

    def _told(self) -> str:
        """One line on what is shown."""
        return ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._told()}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        stored = {
            "text/plain": repr(self),
            f"application/vnd.harnlab.{self.kind}+json": shortened(self.summary()),
        }
        return {**bundle, **stored}

    def _raw(self, row: dict[str, Any]) -> Element:
        """Log line of a row, or why it cannot be read."""
        try:
            return raw_record(place_of(row), self.runs.text(row))
        except HarnlabError as error:
            return note(f"The log line cannot be read: {one_line(str(error), 300)}")
