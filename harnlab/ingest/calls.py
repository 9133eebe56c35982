"""Joins within a run: request, response and error to one call; tool call and result to one tool call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from harnlab.frames import CALLS, SOURCE, TOOL_CALLS, FrameSchema
from harnlab.ingest.families import ERROR, REQUEST, RESPONSE, TOOL_CALL, TOOL_RESULT, Family

#: Event types that are in no frame but ``calls``.
JOINED: Final = frozenset(family.type for family in (REQUEST, RESPONSE, ERROR))
_KEY: Final = ["run_id", "call_id", "_nth"]
_SOURCE: Final = [column.name for column in SOURCE]


def join_calls(events: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``calls`` from the frames of requests, responses and errors.

    An attempt's row points to the record that ended it: the response, else the error, else the request. Records
    without a ``call_id`` stay rows of their own.

    Parameters
    ----------
    events : mapping of str to polars.DataFrame
        Frames by event type, as :func:`harnlab.ingest.transcripts.read_transcripts` gives them.

    Returns
    -------
    polars.DataFrame
        In the schema of ``calls``, ordered by run and first line.
    """
    sides = [
        _side(events, RESPONSE, "response"),
        _side(events, ERROR, "error"),
        _side(events, REQUEST, "request"),
    ]
    joined = _outer(sides)
    status = (
        pl.when(pl.col("response_line").is_not_null())
        .then(pl.lit("answered"))
        .when(pl.col("error_line").is_not_null())
        .then(pl.lit("error"))
        .otherwise(pl.lit("pending"))
    )
    asked = {"provider": "requested_provider", "model": "requested_model"}
    return _in_order(
        CALLS,
        joined.with_columns(
            *(pl.coalesce(answered, pl.col(request)) for answered, request in asked.items()),
            status=status,
        ),
        "request_line",
    )


def join_tool_calls(
    events: Mapping[str, pl.DataFrame], recorded: pl.DataFrame, told: pl.DataFrame | None = None
) -> pl.DataFrame:
    """``tool_calls`` from tool calls and results of transcripts, recordings of run records, and agent events.

    What a recording or an agent says of a call that the transcript has too adds its columns to that row.
    """
    sides = [
        _side(events, TOOL_CALL, None),
        _side(events, TOOL_RESULT, "result"),
        _numbered(recorded),
        _numbered(TOOL_CALLS.empty() if told is None else told),
    ]
    return _in_order(TOOL_CALLS, _outer(sides), "source_line")


def _side(events: Mapping[str, pl.DataFrame], family: Family, line: str | None) -> pl.DataFrame:
    schema = {name: family.schema.dtypes[name] for name in (*_SOURCE, *family.columns, "extra")}
    frame = events.get(family.type, pl.DataFrame(schema=schema))
    if line is not None:
        frame = frame.with_columns(pl.col("source_line").alias(f"{line}_line"))
    return _numbered(frame)


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows counted within their id, so that an id written twice never multiplies rows."""
    ids, known = ("run_id", "call_id"), pl.col("call_id").is_not_null()
    repeated = frame.filter(known).select(pl.struct(ids).is_duplicated().any()).item()
    nth = pl.int_range(pl.len()).over(ids) if repeated else pl.lit(0)
    return frame.with_columns(_nth=pl.when(known).then(nth).cast(pl.Int64))


def _outer(sides: list[pl.DataFrame]) -> pl.DataFrame:
    """Full join of some sides; a column that several have is the first side's that is not null."""
    joined = sides[0]
    for side in sides[1:]:
        if side.is_empty():
            lacking = {name: dtype for name, dtype in side.schema.items() if name not in joined.columns}
            joined = joined.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in lacking.items())
            continue
        joined = joined.join(side, on=_KEY, how="full", suffix="__next")
        both = [name.removesuffix("__next") for name in joined.columns if name.endswith("__next")]
        taken = [pl.coalesce(name, f"{name}__next").alias(name) for name in both if name not in _SOURCE]
        # the five source columns name one record: they are taken together or not at all
        mine = pl.col("source_path").is_not_null()
        taken += [
            pl.when(mine).then(name).otherwise(f"{name}__next").alias(name)
            for name in both
            if name in _SOURCE
        ]
        joined = joined.with_columns(taken).drop(f"{name}__next" for name in both)
    return joined


def _in_order(schema: FrameSchema, frame: pl.DataFrame, line: str) -> pl.DataFrame:
    order = pl.coalesce(line, "source_line")
    return schema.conform(frame.sort("run_id", "source_path", order, maintain_order=True))
