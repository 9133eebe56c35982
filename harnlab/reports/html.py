"""The report page: findings first, then the tables they stand on.

Everything that comes from a log goes through the template's escaping; the page forbids scripts and any request
in its own policy, so a text that slipped through could still do nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import altair as alt
import jinja2
import polars as pl
from markupsafe import Markup

from harnlab import __version__
from harnlab.analysis import costs, routes
from harnlab.charts import costs as cost_charts
from harnlab.charts import routes as route_charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import UnreadablePath
from harnlab.questions import runs_of
from harnlab.runs import Runs

_MOST_ROWS: Final = 200
#: Columns of each table: what a reader needs to judge it, and the log line.
_OVERRUN: Final = (
    "step",
    "status",
    "limit",
    "limit_value",
    "observed",
    "overshoot",
    "tripping_call_id",
    "line",
)
_INHERITED: Final = (
    "timestamp",
    "model",
    "provider",
    "wire_format",
    "inherited_fields",
    "outcome_kind",
    "cost_usd",
    "line",
)
_RUN: Final = (
    "run_id",
    "task",
    "status",
    "started_at",
    "calls",
    "cost_usd",
    "unpriced_calls",
    "inherited_calls",
    "steps_stopped",
    "problems",
)
_PROBLEM: Final = ("kind", "field", "reason", "line")
_templates: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("harnlab.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table as texts: what stands in each cell, and which columns are numbers."""

    caption: str
    columns: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    left_out: int


def write_report(runs: Runs, path: str | os.PathLike[str]) -> Path:
    """Write the findings of some runs as one self-contained HTML file.

    Parameters
    ----------
    runs : Runs
        Loaded runs.
    path : path-like
        File to write; missing folders are made.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    UnreadablePath
        When the file cannot be written.
    """
    runs = runs_of(runs, where="report")
    overruns = costs.overruns(runs)
    incident = routes.incident(runs)
    page = _templates.get_template("report.html.jinja").render(
        version=__version__,
        runs=runs,
        total=costs.total(runs),
        overruns=overruns,
        incident=incident,
        sections=_sections(runs, overruns),
    )
    target = Path(path).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UnreadablePath(f"cannot be written: {error.strerror}", where=str(path)) from None
    return target


def _sections(runs: Runs, overruns: pl.DataFrame) -> list[dict[str, Any]]:
    """Title, charts and table of each section, in reading order."""
    return [
        {
            "title": "Steps over their limit",
            "charts": [],
            "table": _table(
                "One row per step that was stopped or went over a declared limit",
                _placed(overruns, "tripping_source_path", "tripping_source_line").select(_OVERRUN),
            ),
        },
        {
            "title": "Inherited routes",
            "charts": _drawn([route_charts.provenance_matrix(routes.matrix(runs))], runs.dispatches),
            "table": _table(
                "Inherited dispatches, oldest first", _placed(routes.inherited(runs)).select(_INHERITED)
            ),
        },
        {
            "title": "Where the money went",
            "charts": _drawn([cost_charts.by_dimension(costs.by(runs, "step"))], runs.calls),
            "table": _table("Cost by persona, step and model", costs.by(runs, "persona", "step", "model")),
        },
        {"title": "Runs", "charts": [], "table": _table("Every run", _placed(runs.summary).select(_RUN))},
        {
            "title": "Problems",
            "charts": [],
            "table": _table("What could not be read as it should", _placed(runs.problems).select(_PROBLEM)),
        },
    ]


def _placed(frame: pl.DataFrame, path: str = "source_path", line: str = "source_line") -> pl.DataFrame:
    """The frame with ``line``, the place of each row as ``path:line``."""
    source = pl.coalesce(path, "source_path")
    number = pl.when(pl.col(path).is_not_null()).then(pl.col(line)).otherwise(pl.col("source_line"))
    return frame.with_columns(line=pl.format("{}:{}", source, number.fill_null(1)))


def _drawn(charts: Sequence[alt.TopLevelMixin], frame: pl.DataFrame) -> list[Markup]:
    return [] if frame.is_empty() else [Markup(to_svg(chart)) for chart in charts]


def _table(caption: str, frame: pl.DataFrame) -> _Table:
    kept = [column for column in frame if column.null_count() < len(column)]
    shown = [column.head(_MOST_ROWS).to_list() for column in kept]
    return _Table(
        caption=caption,
        columns=[column.name for column in kept],
        numeric=[column.dtype.is_numeric() for column in kept],
        rows=[[_cell(value) for value in row] for row in zip(*shown, strict=True)],
        left_out=max(0, frame.height - _MOST_ROWS),
    )


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.6f}".rstrip("0").rstrip(".")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case list():
            return ", ".join(map(_cell, value))
    return str(value)
