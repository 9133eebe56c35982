"""The session a provider call belongs to; only messages and tool events name one."""

from __future__ import annotations

import polars as pl

from harnlab.analysis.inputs import Frames


def session_of_call(runs: Frames, calls: pl.DataFrame) -> pl.DataFrame:
    """Session of each of some calls, by the best evidence there is.

    Best is a session one of the call's own events names; then the one named by events of the span around the
    call; then that of the last event before the call, in the same file, which names one: a turn's messages are
    written right before its call, so this holds as long as sessions of one file do not run side by side.

    Parameters
    ----------
    runs : Frames
        Frames of the runs.
    calls : polars.DataFrame
        ``run_id`` and ``call_id`` of the calls asked for.

    Returns
    -------
    polars.DataFrame
        ``run_id``, ``call_id``, ``session``; one row a call.
    """
    events = runs.frame("events").select(
        "run_id", "source_path", "source_line", "call_id", "span_id", "session_id"
    )
    before = pl.col("session_id").forward_fill().over("source_path").alias("session_before")
    events = events.sort("source_path", "source_line").with_columns(before)
    found = (
        events.drop_nulls("call_id")
        .join(calls, on=["run_id", "call_id"], how="semi", maintain_order="left")
        .group_by("run_id", "call_id", maintain_order=True)
        .agg(pl.col("session_id", "span_id").drop_nulls().first(), pl.col("session_before").first())
    )
    around = _session_around(runs, events)
    found = found.join(around, on=["run_id", "span_id"], how="left")
    session = pl.coalesce("session_id", "session_around", "session_before")
    return found.select("run_id", "call_id", session=session).drop_nulls("session")


def _session_around(runs: Frames, events: pl.DataFrame) -> pl.DataFrame:
    """Session named by the events of each span's parent, where they agree on one."""
    named = events.drop_nulls(["session_id", "span_id"]).group_by("run_id", parent_id="span_id")
    parents = named.agg(pl.col("session_id").unique()).filter(pl.col("session_id").list.len() == 1)
    spans = (
        runs.frame("spans")
        .select("run_id", "span_id", "parent_id")
        .unique(["run_id", "span_id"], keep="first")
    )
    around = spans.join(parents, on=["run_id", "parent_id"], how="inner")
    return around.select("run_id", "span_id", session_around=pl.col("session_id").list.first())
