"""A table of any length: the kernel filters and sorts in Polars, the page holds only the rows in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anywidget
import polars as pl
import traitlets as t

from harnlab.charts.theme import Palette
from harnlab.widgets.log_text import cell, one_line, usd
from harnlab.widgets.selection import UNSORTED, Column, SortKeys, left_by, narrowed, sorted_by

#: Rows sent at a time: what fits on a screen, and some above and below it.
PAGE_ROWS: Final = 120
_CELL_CHARACTERS: Final = 120
_TITLE_CHARACTERS: Final = 1_000

#: Adds columns to rows of a frame: to the few in sight, or to all of them before sorting by one.
Complete = Callable[[pl.DataFrame], pl.DataFrame]
#: Writes one value; a text, or for a ``bar`` the mapping of :func:`bar_cell`.
Write = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridColumn:
    """How one column of a frame is shown.

    Attributes
    ----------
    name, title : str
        Column of the frame, and its heading.
    kind : str
        ``text``, ``number`` (right-aligned), ``badge`` (glyph, colour and word) or ``bar``.
    width : int
        Width in characters.
    palette : Palette, optional
        Swatches of a ``badge``.
    write : callable, optional
        Value to text. Default: by type.
    """

    name: str
    title: str
    kind: str = "text"
    width: int = 12
    palette: Palette | None = None
    write: Write | None = None

    def wire(self) -> dict[str, Any]:
        """What the page needs to know of the column."""
        swatches = self.palette.swatches if self.palette else ()
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "width": self.width,
            "swatches": {
                s.word: {"glyph": s.glyph, "label": s.label, "color": s.color, "ink": s.ink} for s in swatches
            },
        }

    def shown(self, value: Any) -> Any:
        """Value as the page gets it: a text, ``[cut text, longer text]``, a badge's word or a bar."""
        if self.write is not None:
            return self.write(value)
        if self.kind == "badge":
            return None if value is None else one_line(str(value))
        if isinstance(value, str) and len(value) > _CELL_CHARACTERS:
            return [one_line(value, _CELL_CHARACTERS), one_line(value, _TITLE_CHARACTERS)]
        return cell(value)


def usd_column(name: str = "cost_usd", title: str = "cost, USD", *, width: int = 12) -> GridColumn:
    """Column of dollars, shown to the millionth."""
    return GridColumn(name=name, title=title, kind="number", width=width, write=usd)


def bar_cell(value: float | None, limit: float | None, largest: float, text: str) -> dict[str, Any] | None:
    """Bar of a value on a scale up to ``largest``, with a tick at the limit."""
    if value is None or not largest:
        return None
    return {
        "share": min(1.0, max(0.0, value / largest)),
        "limit": None if limit is None or limit > largest else limit / largest,
        "over": limit is not None and value > limit,
        "text": text,
    }


class Grid(anywidget.AnyWidget):
    """A frame as a table that scrolls and sorts, a million rows as well as ten.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows.
    columns : sequence of GridColumn
        What is shown, left to right.
    complete : callable, optional
        Adds shown columns that are not in ``frame``, to the rows in sight or, before a sort by one, to all.
    column : callable, optional
        Gives such a column by its name and the rows it is for, where that is cheaper than to complete them.
    label : str
        Name for screen readers.
    visible : int
        Rows in sight before the analyst resizes the table.
    multiple : bool
        Whether a click or the space bar adds a row to those selected.

    Attributes
    ----------
    selected : list of int
        Positions in ``frame`` of the rows picked.
    active : int
        Place, in the order shown, of the row the keyboard stands on; -1 = none.
    sight : int
        Place of the row to keep in sight while the keyboard stands on none; -1 = none.
    sort : list
        Column name or ``None``, and whether the largest comes first.
    """

    _esm = Path(__file__).with_name("grid.js")
    _css = Path(__file__).with_name("grid.css")

    columns: t.List[Any] = t.List().tag(sync=True)
    label = t.Unicode("").tag(sync=True)
    status = t.Unicode("").tag(sync=True)
    total = t.Int(0).tag(sync=True)
    visible = t.Int(10).tag(sync=True)
    page = t.Dict({"first": 0, "rows": [], "positions": []}).tag(sync=True)
    first = t.Int(0).tag(sync=True)
    sort: t.List[Any] = t.List([*UNSORTED]).tag(sync=True)
    active = t.Int(-1).tag(sync=True)
    sight = t.Int(-1).tag(sync=True)
    selected = t.List(t.Int()).tag(sync=True)
    multiple = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        frame: pl.DataFrame,
        columns: Sequence[GridColumn],
        *,
        complete: Complete | None = None,
        column: Column | None = None,
        label: str = "rows",
        visible: int = 10,
        multiple: bool = False,
    ) -> None:
        self.shown_columns = tuple(columns)
        self._complete = complete or (lambda rows: rows)
        self._column = column or (lambda name, rows: self._complete(rows)[name])
        self._opened: list[Callable[[int], None]] = []
        self._left: pl.Series
        self._every: pl.Series
        self._order: pl.Series
        self._take(frame)
        super().__init__(
            columns=[c.wire() for c in columns],
            total=frame.height,
            page=self._page(0),
            label=label,
            status=self._counted(),
            visible=visible,
            multiple=multiple,
        )
        self.on_msg(self._heard)
        self.observe(self._turned, names="first")
        self.observe(self._resorted, names="sort")
        self.observe(self._moved, names="active")

    @property
    def frame(self) -> pl.DataFrame:
        """The rows the positions count in."""
        return self._frame

    @property
    def order(self) -> pl.Series:
        """Positions of the rows shown, in the order shown (UInt32)."""
        return self._order

    @property
    def rows(self) -> pl.DataFrame:
        """The rows shown, in the order shown."""
        return self._frame[self._order]

    def show(self, frame: pl.DataFrame, *, columns: Sequence[GridColumn] | None = None) -> None:
        """Show another frame; filter, sort and selection are dropped."""
        self._take(frame)
        with self.hold_trait_notifications():
            if columns is not None:
                self.shown_columns = tuple(columns)
                self.columns = [c.wire() for c in columns]
            self.active, self.selected, self.sort = -1, [], [*UNSORTED]
        self._shown_again()

    def renew(self) -> None:
        """Send the rows in sight again: what completes them has changed."""
        self._keys = SortKeys(self._frame, self._column)
        self.page = self._page(self.first)

    def refresh(self, frame: pl.DataFrame, *, columns: Sequence[GridColumn] | None = None) -> None:
        """Show other values of the same rows, in other columns if given; filter, sort and selection stay."""
        self._frame, self._keys = frame, SortKeys(frame, self._column)
        with self.hold_sync():
            if columns is not None and tuple(columns) != self.shown_columns:
                if self.sort[0] not in [None, *(c.name for c in columns)]:
                    self.sort = [*UNSORTED]
                self.shown_columns = tuple(columns)
                self.columns = [c.wire() for c in columns]
            self._resorted()

    def append(self, frame: pl.DataFrame, *, dropped: int = 0) -> None:
        """Show rows added behind those there, of which the first ``dropped`` are gone; what is picked stays so.

        A page that stands at its end goes along.
        """
        kept = [p - dropped for p in self.selected if p >= dropped]
        self._take(frame)
        self._sort()
        with self.hold_sync():
            self.total = len(self._order)
            self.page = self._page(min(self.first, max(0, self.total - PAGE_ROWS)))
            self.status = self._counted()
            self.selected = kept
            self.active = self.place_in_order(kept[-1]) if kept else -1
        self.send({"end": True})

    def keep(self, wanted: list[pl.Expr]) -> None:
        """Show only the rows that meet every predicate; what was selected and is still shown stays selected."""
        self._left = left_by(self._frame, wanted)
        self._order = narrowed(self._every, self._left)
        self.selected = [p for p in self.selected if self.place_in_order(p) >= 0]
        self._shown_again()

    def select(self, positions: Sequence[int]) -> None:
        """Select rows by position, and go to the last of them."""
        self.selected = list(positions)
        self.active = self.place_in_order(positions[-1]) if positions else -1

    def prepare_sort(self, name: str) -> None:
        """Expect a sort by this column: on many rows what it needs is found in the background."""
        self._keys.prepare(name)

    def place_in_order(self, position: int) -> int:
        """Where a row stands in the order shown; -1 where a filter hides it."""
        found = (self._order == position).arg_max() if len(self._order) else None
        return found if found is not None and self._order[found] == position else -1

    def enter(self) -> None:
        """Move the keyboard here, to the selected row or the first."""
        if self.active < 0 and self.total:
            self.active = 0
        self.send({"focus": True})

    def bring_in_sight(self, position: int) -> None:
        """Scroll to a row without picking it."""
        self.sight = self.place_in_order(position)

    def on_open(self, listener: Callable[[int], None]) -> None:
        """Call ``listener`` with a row's position when it is opened by Enter or a double click."""
        self._opened.append(listener)

    def _take(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._left = self._every = self._order = left_by(frame, [])
        self._keys = SortKeys(frame, self._column)

    def _sort(self) -> None:
        name, descending = self.sort
        every = left_by(self._frame, [])
        self._every = sorted_by(every, self._keys.of(name) if name else None, descending=descending)
        self._order = narrowed(self._every, self._left)

    def _page(self, first: int) -> dict[str, Any]:
        positions = self._order.slice(first, PAGE_ROWS)
        rows = self._complete(self._frame[positions])
        shown = [[c.shown(value) for value in rows[c.name].to_list()] for c in self.shown_columns]
        return {
            "first": first,
            "rows": [list(row) for row in zip(*shown, strict=True)],
            "positions": positions.to_list(),
        }

    def _shown_again(self) -> None:
        with self.hold_sync():
            self.total = len(self._order)
            self.first = min(self.first, max(0, self.total - 1))
            self.page = self._page(self.first)
            self.status = self._counted()
            self.active = self.place_in_order(self.selected[-1]) if self.selected else -1
            self.sight = -1

    def _counted(self) -> str:
        shown, height = len(self._order), self._frame.height
        rows = "row" if height == 1 else "rows"
        return f"{height:,} {rows}" if shown == height else f"{shown:,} of {height:,} {rows}"

    @t.validate("sort")
    def _known_column(self, proposal: Mapping[str, Any]) -> list[Any]:
        value = list(proposal["value"])
        names = [None, *(c.name for c in self.shown_columns)]
        if len(value) != 2 or value[0] not in names or not isinstance(value[1], bool):
            raise t.TraitError(f"sort={value!r}; expected [one of {names}, whether the largest comes first]")
        return value

    @t.validate("selected")
    def _in_the_frame(self, proposal: Mapping[str, Any]) -> list[int]:
        value: list[int] = proposal["value"]
        if any(not 0 <= position < self._frame.height for position in value):
            raise t.TraitError(
                f"selected={value[:5]!r}; expected positions from 0 to {self._frame.height - 1}"
            )
        return value

    def _turned(self, change: Mapping[str, Any]) -> None:
        self.page = self._page(max(0, change["new"]))

    def _resorted(self, _change: Mapping[str, Any] | None = None) -> None:
        self._sort()
        self._shown_again()

    def _moved(self, change: Mapping[str, Any]) -> None:
        if not self.multiple and 0 <= change["new"] < len(self._order):
            self.selected = [int(self._order[change["new"]])]

    def _heard(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        place = content.get("toggle", content.get("open"))
        if not isinstance(place, int) or not 0 <= place < len(self._order):
            return
        position = int(self._order[place])
        if "toggle" in content and self.multiple:
            rest = [p for p in self.selected if p != position]
            self.selected = rest if position in self.selected else [*rest, position]
        elif "open" in content:
            for listener in self._opened:
                listener(position)
