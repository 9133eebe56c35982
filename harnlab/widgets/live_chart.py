"""A chart that can be clicked: the rows behind a mark are a frame in Python, and every chart shares one Vega."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import altair as alt
import anywidget
import polars as pl
import traitlets as t
import vl_convert

from harnlab.charts.drawing import SAID
from harnlab.charts.renderer import describe
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.widgets import live_bars, live_data
from harnlab.widgets.log_text import cell, one_line, shortened

#: Rows to pick from, or what gives the rows for the values of a mark.
Behind = pl.DataFrame | Callable[[dict[str, Any]], pl.DataFrame]

_SHARE: Final = """
const slot = (globalThis[Symbol.for("harnlab.vega")] ??= {});
slot.ready ??= new Promise((resolve) => (slot.resolve = resolve));
slot.resolve?.({ vegaEmbed });
export default { render() {} };
"""


class LiveChart(anywidget.AnyWidget):
    """A chart whose marks are picked by mouse or keyboard; ``selected`` gives the rows behind.

    Drawn by the Vega that vl-convert carries, sent once for all charts of a kernel; nothing is fetched.

    Parameters
    ----------
    chart : altair chart
        Any chart with its data inline, such as those of ``hl.charts``.
    rows : polars.DataFrame or callable
        What is picked from: a frame, or a function from the values of a mark to one.
    by : sequence of str, optional
        Columns of the chart's data that name a mark. Default: those of ``rows`` that stand in it and are texts,
        times or truth values; with a callable they must be said.
    picked : mapping, optional
        Values of the mark picked, by column.

    Attributes
    ----------
    picked : dict
        Values of the mark picked; empty when none is.

    Raises
    ------
    InvalidArgument
        When no column names a mark.
    UnknownName
        For values that no mark of the chart has.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/inherited-route")
    >>> matrix = hl.routes.matrix(runs)
    >>> live = hl.LiveChart(hl.charts.routes.provenance_matrix(matrix), matrix)
    >>> live.picked = {"field": "wire_format", "origin": "inherited_from_primary"}
    >>> live.selected["calls"].to_list()
    [18]
    """

    _esm = Path(__file__).with_name("live_chart.js")
    _css = Path(__file__).with_name("live_chart.css")

    spec: t.Dict[str, Any] = t.Dict().tag(sync=True)
    label = t.Unicode("").tag(sync=True)
    told = t.Unicode("").tag(sync=True)
    lit: t.List[int] = t.List(t.Int()).tag(sync=True)
    picked: t.Dict[str, Any] = t.Dict()

    def __init__(
        self,
        chart: alt.TopLevelMixin,
        rows: Behind,
        *,
        by: Sequence[str] | None = None,
        picked: Mapping[str, Any] | None = None,
    ) -> None:
        # refused before there is a widget, or the page would be told of one that is gone
        spec = self._read(chart, rows, by)
        wanted = self._checked(dict(picked or {}))
        super().__init__()
        runtime()
        self.on_msg(self._heard)
        self._draw(spec)
        self.picked = wanted

    def show(self, chart: alt.TopLevelMixin, rows: Behind, *, by: Sequence[str] | None = None) -> None:
        """Draw another chart; nothing is picked then."""
        self._draw(self._read(chart, rows, by))

    def _read(self, chart: alt.TopLevelMixin, rows: Behind, by: Sequence[str] | None) -> dict[str, Any]:
        """Specification of a chart whose marks are numbered and known."""
        spec = live_data.specification(chart)
        drawn = [row for row in live_data.data_rows(spec) if row.keys() != {SAID}]
        behind, columns = rows, []
        if isinstance(rows, pl.DataFrame):
            bars = by is None or tuple(by) == live_bars.NAMES
            nested = live_bars.with_paths(rows, drawn) if bars else None
            by = by if nested is None else live_bars.NAMES
            behind = live_data.with_groups(rows, drawn) if nested is None else nested
            columns = live_data.pickable(behind)
        marks = live_data.numbered(drawn, by, columns)
        if (drawn and not marks) or not (by or columns):
            raise InvalidArgument(
                f"by={by!r}", where="LiveChart", expected="columns of the chart's data that name a mark"
            )
        self._behind: Behind = behind
        self._shown_columns = rows.columns if isinstance(rows, pl.DataFrame) else []
        self._marks: list[dict[str, Any]] = marks
        self._by = list(marks[0]) if marks else list(by or ())
        return spec

    def _draw(self, spec: dict[str, Any]) -> None:
        with self.hold_sync():
            self.picked = {}
            self.label = one_line(describe(spec).strip("<>").removeprefix("chart: "), 200)
            self.spec = live_data.safe(spec)
            self._tell()

    @property
    def selected(self) -> pl.DataFrame:
        """Rows behind the mark picked; where none is, all of ``rows`` (of a callable, those of every mark)."""
        if isinstance(self._behind, pl.DataFrame):
            return live_data.rows_like(self._behind, self.picked).select(self._shown_columns)
        if self.picked:
            return self._behind(dict(self.picked))
        distinct = {repr(mark): mark for mark in self._marks}.values()
        return pl.concat([self._behind(dict(mark)) for mark in distinct], how="vertical_relaxed").unique(
            maintain_order=True
        )

    @property
    def code(self) -> str:
        """One expression that builds this widget again as it stands, over the same ``chart`` and ``rows``."""
        picked = f", picked={self.picked!r}" if self.picked else ""
        return f"hl.LiveChart(chart, rows, by={self._by!r}{picked})"

    def summary(self) -> dict[str, Any]:
        """What is shown and picked, as small plain values that a notebook can be compared by."""
        return {"chart": self.label, "by": self._by, "picked": self.picked, "marks": len(self._marks)}

    def __repr__(self) -> str:
        return f"<LiveChart: {self.label}; {self.told}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        stored = {
            "text/plain": repr(self),
            "application/vnd.harnlab.live-chart+json": shortened(self.summary()),
        }
        return {**bundle, **stored}, metadata

    @t.validate("picked")
    def _known_mark(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        return self._checked(dict(proposal["value"]))

    def _checked(self, picked: dict[str, Any]) -> dict[str, Any]:
        if picked and picked not in self._marks:
            raise UnknownName(
                f"no mark {one_line(repr(picked), 200)}",
                where="picked",
                expected=f"values of {', '.join(self._by)}",
                hint=one_line(repr(self._marks[0]), 200) if self._marks else None,
            )
        return picked

    @t.observe("picked")
    def _picked(self, _change: Mapping[str, Any]) -> None:
        self._tell()

    def _tell(self) -> None:
        self.lit = [row for row, mark in enumerate(self._marks) if self.picked and mark == self.picked]
        named = "; ".join(f"{one_line(n, 60)}: {one_line(cell(v), 120)}" for n, v in self.picked.items())
        self.told = f"Picked {named}" if named else "Nothing picked: click a mark, or press Enter on it"

    def _heard(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        if "row" not in content:
            return
        row = content["row"]
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(self._marks):
            mark = self._marks[row]
            self.picked = {} if mark == self.picked else dict(mark)
        elif row is None:
            self.picked = {}


class Runtime(anywidget.AnyWidget):
    """Vega, put where every chart of the page finds it; shows nothing."""

    def __init__(self) -> None:
        self._esm = _bundle()
        super().__init__()


@cache
def _bundle() -> str:
    return vl_convert.javascript_bundle(_SHARE, vl_version="6.4")


@cache
def _shared() -> list[Runtime]:
    return []


def runtime() -> Runtime:
    """The one runtime of this kernel, sent to the page when it is first asked for."""
    held = _shared()
    if not held or held[0].comm is None:
        held[:] = [Runtime()]
    return held[0]
