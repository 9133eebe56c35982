"""Joins within a run: request, response and error to one call; tool call and result to one tool call.

Only the keys are joined as a whole. The rows are gathered a stretch at a time, about as many as a chunk of the
frames has, and chunks that no later row needs are let go: a large log's calls are never held twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from harnlab.frames import CALLS, SOURCE, TOOL_CALLS, FrameSchema
from harnlab.ingest.families import ERROR, REQUEST, RESPONSE, TOOL_CALL, TOOL_RESULT, Family

#: Rows gathered together, at least.
_STRETCH_ROWS: Final = 1000
_SOURCE: Final = [column.name for column in SOURCE]

#: Event types whose rows are joined to ``calls``, and to ``tool_calls``.
CALL_FAMILIES: Final = (REQUEST.type, RESPONSE.type, ERROR.type)
TOOL_CALL_FAMILIES: Final = (TOOL_CALL.type, TOOL_RESULT.type)

Longs = npt.NDArray[np.int64]


def join_calls(events: MutableMapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``calls`` from the frames of requests, responses and errors.

    An attempt's row points to the record that ended it: the response, else the error, else the request. Records
    without a ``call_id`` stay rows of their own.

    Parameters
    ----------
    events : mutable mapping of str to polars.DataFrame
        Frames by event type, as :func:`harnlab.ingest.transcripts.read_transcripts` gives them. Those that are
        joined are taken out of it.

    Returns
    -------
    polars.DataFrame
        In the schema of ``calls``, ordered by run and first line.
    """
    sides = [
        _side(events, RESPONSE, "response_line"),
        _side(events, ERROR, "error_line"),
        _side(events, REQUEST, "request_line"),
    ]
    status = (
        pl.when(pl.col("response_line").is_not_null())
        .then(pl.lit("answered"))
        .when(pl.col("error_line").is_not_null())
        .then(pl.lit("error"))
        .otherwise(pl.lit("pending"))
    )
    asked = {"provider": "requested_provider", "model": "requested_model"}
    return _joined(CALLS, sides, "request_line").with_columns(
        *(pl.coalesce(answered, request) for answered, request in asked.items()), status=status
    )


def join_tool_calls(
    events: MutableMapping[str, pl.DataFrame], recorded: pl.DataFrame, told: pl.DataFrame | None = None
) -> pl.DataFrame:
    """``tool_calls`` from tool calls and results of transcripts, recordings of run records, and agent events.

    What a recording or an agent says of a call that the transcript has too adds its columns to that row. The
    frames of ``events`` that are joined are taken out of it.
    """
    sides = [
        _side(events, TOOL_CALL),
        _side(events, TOOL_RESULT, "result_line"),
        recorded,
        TOOL_CALLS.empty() if told is None else told,
    ]
    return _joined(TOOL_CALLS, sides, "source_line")


def _side(events: MutableMapping[str, pl.DataFrame], family: Family, line: str | None = None) -> pl.DataFrame:
    schema = {name: family.schema.dtypes[name] for name in (*_SOURCE, *family.columns, "extra")}
    frame = events.pop(family.type, pl.DataFrame(schema=schema))
    return frame if line is None else frame.with_columns(frame["source_line"].alias(line))


def _joined(schema: FrameSchema, sides: list[pl.DataFrame], line: str) -> pl.DataFrame:
    """Full join of some sides, ordered by run, file and ``line``; nothing is left in the sides.

    A column that several sides have is the first side's that is not null.
    """
    rows = _in_order(sides, _matched(sides), line)
    sides[:] = [_only(side, _told(side, schema.dtypes)) for side in sides]
    columns = _of_first_side(sides, schema.dtypes)
    height, chunks = len(rows[0]), max(side.n_chunks() for side in sides)
    least = [_least_from_here_on(of_side, side.height) for of_side, side in zip(rows, sides, strict=True)]
    taken, stretch, gone = [schema.empty()], max(_STRETCH_ROWS, height // chunks), [0] * len(sides)
    for start in range(0, height, stretch):
        first = [int(of_side[start]) for of_side in least]
        sides[:] = [side[to - at :] for side, to, at in zip(sides, first, gone, strict=True)]
        here = [of_side[start : start + stretch] - at for of_side, at in zip(rows, first, strict=True)]
        taken.append(_side_by_side(sides, here).select_seq(columns))
        gone = first
    sides.clear()
    return pl.concat(taken)


def _least_from_here_on(rows: pl.Series, none: int) -> Longs:
    """The least row that each place of a join or a later one takes; ``none`` behind the last."""
    known = rows.fill_null(none).to_numpy()
    return np.minimum.accumulate(known[::-1])[::-1]


def _matched(sides: Sequence[pl.DataFrame]) -> list[pl.Series]:
    """Which row of each side, null for none, stands in every row of the full join.

    Rows are told to be of one call by a number: a join by Polars takes many times the memory of its keys.
    """
    ids = pl.concat([side.select("run_id", "call_id") for side in sides])
    if ids["run_id"].min() == ids["run_id"].max() is not None:
        ids = ids.select("call_id")
    nameless = pl.any_horizontal(pl.all().is_null())
    if any(column.null_count() for column in ids):
        # a record without an id is of no other's call
        ids = ids.with_columns(_alone=pl.when(nameless).then(pl.int_range(pl.len())))
    bounds = np.cumsum([0, *(side.height for side in sides)])
    rows = _rows_by_call(ids, bounds)
    if any(np.count_nonzero(of_side >= 0) < side.height for of_side, side in zip(rows, sides, strict=True)):
        # an id written twice never multiplies rows
        number = pl.Series("_side", np.repeat(np.arange(len(sides)), np.diff(bounds)))
        nth = pl.int_range(pl.len()).over(*ids.columns, number)
        rows = _rows_by_call(ids.with_columns(_nth=nth), bounds)
    return [(found := pl.Series(of_side)).set(found < 0, None) for of_side in rows]


def _rows_by_call(ids: pl.DataFrame, bounds: Longs) -> list[Longs]:
    """Row of each side that has a call, below 0 for none; calls in the order in which they are first met."""
    first, calls = _numbered(ids)
    order, rows = np.argsort(first), []
    for start, stop in pairwise(bounds.tolist()):
        of_side = np.full(len(first), -1, dtype=np.int64)
        of_side[calls[start:stop]] = np.arange(stop - start)
        rows.append(of_side[order])
    return rows


def _numbered(ids: pl.DataFrame) -> tuple[Longs, Longs]:
    """The first row of each of some ids, and which of them stands in every row."""
    seed = 0
    while True:
        _, first, number = np.unique(ids.hash_rows(seed).to_numpy(), return_index=True, return_inverse=True)
        if ids.equals(ids[first[number]]):
            return first, number
        seed += 1  # where two ids have one hash, another tells them apart


def _in_order(sides: Sequence[pl.DataFrame], rows: Sequence[pl.Series], line: str) -> list[pl.Series]:
    differing = [name for name in ("run_id", "source_path") if not _is_constant(sides, name)]
    names = dict.fromkeys((*differing, line, "source_line"))
    places = [_only(side, names) for side in sides]
    columns = _of_first_side(places, {name: pl.UInt32() if "line" in name else pl.String() for name in names})
    by = [*map(pl.col, differing), pl.coalesce(line, "source_line")]
    found = _side_by_side(places, rows).select_seq(columns)
    order = found.select(pl.arg_sort_by(by, maintain_order=True)).to_series()
    return [of_side.gather(order) for of_side in rows]


def _is_constant(sides: Sequence[pl.DataFrame], name: str) -> bool:
    values = pl.concat([side[name] for side in sides])
    return not values.null_count() and values.min() == values.max()


def _told(side: pl.DataFrame, names: Iterable[str]) -> list[str]:
    """Names of columns that say something; nulls that are gathered take the memory of values."""
    of_record = [name for name in names if name in _SOURCE]
    others = [name for name in names if name in side.columns and name not in _SOURCE]
    return of_record + [name for name in others if side[name].null_count() < side.height]


def _only(side: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    return side.select_seq(name for name in names if name in side.columns)


def _side_by_side(sides: Sequence[pl.DataFrame], rows: Sequence[pl.Series]) -> pl.DataFrame:
    """What each side has in the rows of a join: its columns behind its number, and the rows themselves."""
    several = [
        side.select_seq(pl.all().gather(of_side).name.prefix(f"{number} "))
        for number, (side, of_side) in enumerate(zip(sides, rows, strict=True))
    ]
    places = pl.DataFrame({f"{number}": of_side for number, of_side in enumerate(rows)})
    return pl.concat([places, *several], how="horizontal")


def _of_first_side(sides: Sequence[pl.DataFrame], dtypes: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Columns of sides that stand side by side; one that no side has is null."""
    columns = []
    for name, dtype in dtypes.items():
        having = [number for number, side in enumerate(sides) if name in side.columns]
        found: pl.Expr = pl.coalesce(pl.lit(None), *(f"{number} {name}" for number in having))
        if name in _SOURCE:
            # the five source columns name one record: they are taken together or not at all
            found = pl.lit(None)
            for number in reversed(having):
                found = pl.when(pl.col(f"{number}").is_not_null()).then(f"{number} {name}").otherwise(found)
        columns.append(found.cast(dtype).alias(name))
    return columns
