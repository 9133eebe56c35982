"""Decisions agents took alone: against their quota hour by hour, those denied, and the trust chain they left."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.core.autonomy import AutonomyBudget
from harnlab.frames import SOURCE, Instant
from harnlab.ingest.trust import log_of
from harnlab.questions import question
from harnlab.replay.whatif.attempts import ADMITTED, DENIED, attempts, second
from harnlab.replay.whatif.quota_windows import FixedWindows
from harnlab.vocabulary import AutonomyReason

_PLACE: Final = tuple(column.name for column in SOURCE[1:])
_DENIAL: Final = (
    "run_id", "at", "producer", "agent_key", "session_id", "reason", "window", "autonomous_decisions_hour",
    "autonomous_decisions_today", "per_hour", "per_day", "request_id", "reviewers", "approval_status",
    "answered_at", "waited_s", "reviewer", "answer_reason", "evidence", *_PLACE,
)  # fmt: skip
_HOUR: Final = ("log", "producer", "agent_key", "hour")

_USAGE: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "log": pl.String(),
    "producer": pl.String(),
    "agent_key": pl.String(),
    "hour": Instant,
    "admitted": pl.Int64(),
    "denied": pl.Int64(),
    "denied_hourly": pl.Int64(),
    "denied_daily": pl.Int64(),
    "per_hour": pl.Int64(),
    "per_day": pl.Int64(),
    "counted_hour": pl.Int64(),
    "counted_today": pl.Int64(),
    "recorded_hour": pl.Int64(),
    "recorded_today": pl.Int64(),
    "quota_pct": pl.Float64(),
}


@question
def usage(runs: Frames, /) -> pl.DataFrame:
    """Decisions of each key in each UTC hour against its quota.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row for each log, producer, key and UTC hour with an attempt: ``admitted``, ``denied`` (of them
        ``denied_hourly`` and ``denied_daily``), the quota as denials of the key record it (null: none does, or
        several differ), ``counted_hour`` and ``counted_today`` (decisions the log holds by the end of the hour),
        ``recorded_hour`` and ``recorded_today`` (highest counters a denial names) and ``quota_pct``: the fullest of
        hour and day. Logs are never added up, since each process counts for itself.

    Notes
    -----
    Windows are UTC hours and days, not the last 60 minutes; a denied attempt counts for nothing (FORMATS 2.7).
    Attempts without a time are left out.
    """
    rows = []
    for stream in attempts(runs):
        counting = FixedWindows(AutonomyBudget(key=stream.key))
        per_hour, per_day = stream.recorded
        for row in stream.rows:
            now_s = second(row)
            if row["decision"] == ADMITTED:
                counting.ask(now_s)
            count = counting.count(now_s)
            rows.append(
                {name: row[name] for name in ("run_id", "log", "producer", "agent_key", "decision", "reason")}
                | {"at": row["at"], "per_hour": per_hour, "per_day": per_day}
                | {"counted_hour": count.this_hour, "counted_today": count.today}
                | {"recorded_hour": row["autonomous_decisions_hour"]}
                | {"recorded_today": row["autonomous_decisions_today"]}
            )
    return _by_hour(rows)


@question
def denials(runs: Frames, /) -> pl.DataFrame:
    """Every denied decision with the approval it asked for and what became of that.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a denial, in order of time: ``at``, ``producer``, ``agent_key``, ``session_id``, ``reason``,
        ``window`` (``hour`` or ``day``), counters and limits, ``request_id``, ``reviewers``, ``approval_status``
        (``pending`` when the log ends first), ``answered_at``, ``waited_s`` (seconds from request to answer),
        ``reviewer``, ``answer_reason``, source columns.
    """
    answers = (
        runs.frame("approvals")
        .select("request_id", "requested_at", "answered_at", "reviewer", "answer_reason", asked="status")
        .drop_nulls("request_id")
        .unique("request_id", keep="first")
    )
    rows = runs.frame("autonomy_checks").filter(pl.col("decision") == DENIED)
    rows = rows.join(answers, on="request_id", how="left", maintain_order="left")
    window = pl.col("reason").replace_strict(
        {AutonomyReason.HOURLY.value: "hour", AutonomyReason.DAILY.value: "day"},
        default=None,
        return_dtype=pl.String(),
    )
    waited = pl.col("answered_at") - pl.coalesce("requested_at", "at")
    told = rows.with_columns(
        window=window,
        approval_status=pl.coalesce("approval_status", "asked"),
        waited_s=waited.dt.total_microseconds() / 1e6,
    )
    return told.sort("at", "source_path", "source_line", nulls_last=True, maintain_order=True).select(_DENIAL)


@question
def trust_chain(runs: Frames, /) -> pl.DataFrame:
    """Trust records in the order of their chain, each with what verification found.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a record, by log and ``chain_index``: agent, action, outcome, tier, time, hashes, ``topic_count`` (a
        record stands in up to four topics and is counted once), ``verified``, ``broken_field``, ``broken_because``,
        ``chain_holds`` (no record up to and with this one is broken), source columns. ``hl.trust.chains`` has one row
        a log.
    """
    rows = runs.frame("trust_records").with_columns(log=log_of())
    broken = (~pl.col("verified").fill_null(value=True)).cast(pl.Int64).cum_sum().over("log")
    return (
        rows.sort("log", "chain_index", "timestamp", "source_line", nulls_last=True, maintain_order=True)
        .with_columns(chain_holds=broken == 0, topic_count=pl.col("topics").list.len().cast(pl.Int64))
        .select(
            "run_id",
            "log",
            "chain_index",
            "timestamp",
            "agent",
            "action",
            "outcome",
            "autonomy_tier",
            "approver",
            "cost_usd",
            "record_id",
            "previous_hash",
            "entry_hash",
            "topic_count",
            "verified",
            "broken_field",
            "broken_because",
            "chain_holds",
            *_PLACE,
        )
    )


def _by_hour(rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = _USAGE | {"at": Instant, "decision": pl.String(), "reason": pl.String()}
    named = [name for name in types if name not in {"hour", "admitted", "denied", "quota_pct"}]
    named = [name for name in named if not name.startswith("denied_")]
    frame = pl.DataFrame({name: pl.Series([row[name] for row in rows], dtype=types[name]) for name in named})

    def counted(of: pl.Expr) -> pl.Expr:
        return of.sum().cast(pl.Int64)

    told = (
        frame.with_columns(hour=pl.col("at").dt.truncate("1h"))
        .group_by(_HOUR, maintain_order=True)
        .agg(
            pl.col("run_id", "per_hour", "per_day").first(),
            pl.col("counted_hour", "counted_today", "recorded_hour", "recorded_today").max(),
            admitted=counted(pl.col("decision") == ADMITTED),
            denied=counted(pl.col("decision") == DENIED),
            denied_hourly=counted(pl.col("reason") == AutonomyReason.HOURLY.value),
            denied_daily=counted(pl.col("reason") == AutonomyReason.DAILY.value),
        )
    )
    full = pl.max_horizontal(
        pl.max_horizontal("counted_hour", "recorded_hour") / pl.col("per_hour"),
        pl.max_horizontal("counted_today", "recorded_today") / pl.col("per_day"),
    )
    return (
        told.with_columns(quota_pct=full * 100).sort("hour", "log", "agent_key", "producer").select(*_USAGE)
    )
