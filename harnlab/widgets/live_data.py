"""What a chart that can be clicked is drawn from: its specification made safe, its rows numbered, its clicks read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import altair as alt
import polars as pl

from harnlab.charts.drawing import group_label
from harnlab.invisible import visible
from harnlab.widgets import live_bars
from harnlab.widgets.log_text import one_line

#: Characters of a text of the data that are drawn.
_DRAWN: Final = 200
_FOLDED: Final = re.compile(r"\(\d+ others\)")
#: Member of each clickable row of the data that says which one it is.
ROW: Final = "hl_row"

Row = dict[str, Any]


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Vega-Lite of a chart with its data inline, in the page's own ink."""
    with (
        alt.theme.enable("harnlab"),
        alt.data_transformers.enable("default", consolidate_datasets=False),
    ):
        spec: dict[str, Any] = chart.to_dict()
    return spec


def numbered(rows: Sequence[Row], by: Sequence[str] | None, columns: Sequence[str]) -> list[Row]:
    """Number the rows of the data that a click can mean, and give what names each: its values of ``by``.

    Without ``by`` these are the columns of the picked-from frame that stand in the data and are no measures.
    """
    if by is None:
        by = [name for name in columns if any(name in row for row in rows)]
    named: list[Row] = []
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if by and all(name in row for name in by):
            mark = {name: row[name] for name in by}
            # layers of bars within bars each bring all bars along
            number = seen.get(tuple(mark.values())) if tuple(by) == live_bars.NAMES else None
            row[ROW] = len(named) if number is None else number
            if number is None:
                seen[tuple(mark.values())] = len(named)
                named.append(mark)
    return named


def data_rows(part: Any) -> Iterator[Row]:
    """Every row of inline data, wherever a chart of several parts keeps it."""
    if isinstance(part, Mapping):
        data = part.get("data")
        if isinstance(data, Mapping) and isinstance(data.get("values"), list):
            yield from (row for row in data["values"] if isinstance(row, dict))
        for name, inner in part.items():
            if name != "data":
                yield from data_rows(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from data_rows(inner)


def safe(part: Any) -> Any:
    """A specification whose texts hide nothing, turn nothing around and are never too long to draw."""
    if isinstance(part, str):
        return visible(part)
    if isinstance(part, Mapping):
        return {visible(str(name)): _told(inner) for name, inner in part.items()}
    if isinstance(part, list):
        return [one_line(inner, _DRAWN) if isinstance(inner, str) else safe(inner) for inner in part]
    return part


def _told(part: Any) -> Any:
    return {**part, "values": [_row(row) for row in part["values"]]} if _is_data(part) else safe(part)


def _is_data(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("values"), list)


def _row(row: Any) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {name: one_line(value, _DRAWN) if isinstance(value, str) else value for name, value in row.items()}


def pickable(frame: pl.DataFrame) -> list[str]:
    """Columns that name a row of a frame: no measures, no lists."""
    return [
        name
        for name, dtype in frame.schema.items()
        if dtype in {pl.String, pl.Boolean, pl.Date} or isinstance(dtype, pl.Datetime | pl.Enum)
    ]


def with_groups(frame: pl.DataFrame, rows: Sequence[Row]) -> pl.DataFrame:
    """Frame with its ``group`` where the chart drew its first columns as one, and what it folded under one name."""
    drawn = {row["group"] for row in rows if isinstance(row.get("group"), str)}
    if not drawn or "group" in frame.columns:
        return frame
    names = [name for name in pickable(frame) if name != "at"]
    for size in range(len(names), 0, -1):
        labels = frame.select(group_label(names[:size]))[:, 0]
        folded = sorted(drawn.difference(labels))
        if not folded or (len(folded) == 1 and _FOLDED.fullmatch(folded[0])):
            others = pl.lit(folded[0] if folded else None, dtype=pl.String)
            group = pl.when(labels.is_in(sorted(drawn))).then(labels).otherwise(others)
            return frame.with_columns(group=group)
    return frame


def rows_like(frame: pl.DataFrame, picked: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a frame with these values; moments are compared to the millisecond, as charts hold them."""
    if not picked:
        return frame
    if tuple(picked) == live_bars.NAMES and live_bars.column(picked["level"]) in frame.columns:
        return frame.filter(pl.col(live_bars.column(picked["level"])) == picked["path"])
    return frame.filter([_is(name, frame.schema[name], value) for name, value in picked.items()])


def _is(name: str, dtype: pl.DataType, value: Any) -> pl.Expr:
    if value is None:
        return pl.col(name).is_null()
    if isinstance(dtype, pl.Datetime) and isinstance(value, str):
        at = datetime.fromisoformat(value)
        moment = at if at.tzinfo else at.replace(tzinfo=UTC)
        return pl.col(name).dt.epoch("ms") == round(moment.timestamp() * 1000)
    if dtype == pl.Date and isinstance(value, str):
        return pl.col(name) == date.fromisoformat(value[:10])
    return pl.col(name) == pl.lit(value)
