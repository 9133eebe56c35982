"""Tool calls that agent events tell (FORMATS 2.9): one ``tool_call``, then ``tool_call_update`` until it is over."""

from __future__ import annotations

from typing import Final

import polars as pl

from harnlab.frames import TOOL_CALLS, Column, FrameSchema, Text
from harnlab.ingest.families import Family, Member, TextSize

CALLED: Final = "tool_call"
UPDATED: Final = "tool_call_update"
KINDS: Final = frozenset({CALLED, UPDATED})

#: One event about a tool call.
AGENT_TOOL: Final = Family(
    type="agent_tool",
    schema=FrameSchema(
        name="agent_tool", row="", key=(), columns=(*TOOL_CALLS.columns, Column("status", Text, ""))
    ),
    columns={
        "call_id": Member("tool_call_id"),
        "session_id": Member("session_id"),
        "tool_name": Member("tool_name"),
        "arguments_bytes": TextSize("raw_input"),
        "duration_ms": Member("duration_ms"),
        "status": Member("status"),
    },
    kept_in_file=frozenset(
        {
            "type",
            "index",
            "emitted_at_ms",
            "frame_depth",
            "raw_input_partial",
            "raw_output",
            "parsing",
            "audit",
        }
    ),
)
#: The parts of a rotated log are one; the first has no number.
_PATH: Final = pl.col("source_path")
_PART: Final = r"(-\d{6})?\.jsonl$"
_ID: Final = ("run_id", "session_id", "call_id", "_nth")


def agent_tool_calls(told: pl.DataFrame | None) -> pl.DataFrame:
    """``tool_calls`` of agent event logs.

    Parameters
    ----------
    told : polars.DataFrame or None
        Events of :data:`AGENT_TOOL`, with ``event_kind``, ``occurred_at`` and ``topic``.

    Returns
    -------
    polars.DataFrame
        In the schema of ``tool_calls``: a row a call, at its first event; ``ok`` and ``finished_at`` are of the
        update that says ``completed`` or ``failed``, and null where none does. A call that two logs tell is one row.
    """
    if told is None:
        return TOOL_CALLS.empty()
    called = pl.col("event_kind") == CALLED
    over = pl.col("status").is_in(["completed", "failed"])
    parts = told.with_columns(_log=_PATH.str.replace(_PART, ""), _part=_PATH.str.extract(_PART).fill_null(""))
    ordered = parts.sort("_log", "_part", "source_line", "source_offset", maintain_order=True)
    counted = ordered.with_columns(
        # an id may be given to a second call of the session; an update is of the newest
        _nth=called.cum_sum().clip(lower_bound=1).over("_log", "run_id", "session_id", "call_id")
    )
    calls = counted.group_by("_log", *_ID, maintain_order=True).agg(
        pl.col("source_path", "source_line", "source_offset", "length").first(),
        pl.col("tool_name", "arguments_bytes").drop_nulls().first(),
        called_at=pl.col("occurred_at").filter(called).first(),
        finished_at=pl.col("occurred_at").filter(over).last(),
        ok=(pl.col("status").filter(over) == "completed").last(),
        duration_ms=pl.col("duration_ms").drop_nulls().last(),
        result_line=pl.col("source_line").filter(over).last(),
        extra=pl.col("extra").drop_nulls().last(),
    )
    nameless = pl.col("call_id").is_null()
    once = pl.concat(
        [calls.filter(~nameless).unique(_ID, keep="first", maintain_order=True), calls.filter(nameless)]
    )
    return TOOL_CALLS.conform(once)
