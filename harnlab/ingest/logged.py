"""What event logs add to the frames of other files: events, entries of transcripts, approvals, trust, autonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from harnlab.frames import EVENTS, PROBLEMS, RUNS, SCHEMAS, SKILL_EVENTS, TRUST_RECORDS
from harnlab.frames.when_asked import FramesByMaker, Maker
from harnlab.ingest.agent_tools import AGENT_TOOL, agent_tool_calls
from harnlab.ingest.approvals import approvals
from harnlab.ingest.autonomy import autonomy_checks
from harnlab.ingest.event_families import (
    ANSWERED,
    ATTEMPTED,
    DEFERRED,
    EXCEEDED,
    REQUESTED,
    SKILL,
    TRUST,
)
from harnlab.ingest.event_frames import TRANSCRIPT_TOPIC, LogParts
from harnlab.ingest.linking import relink
from harnlab.ingest.log_linking import link_log_rows
from harnlab.ingest.recorded_twice import told_once
from harnlab.ingest.skill_evidence import FOUND
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.time_linking import link_by_time
from harnlab.ingest.trust import trust_records

Frames = Mapping[str, pl.DataFrame]

#: Families whose rows tell of trust, approvals and autonomy.
_DECISIONS = (TRUST, REQUESTED, ANSWERED, EXCEEDED, ATTEMPTED, DEFERRED)
_TELLING = ("spans", "messages", "skill_events", "receipts")


def with_logs(
    transcripts: FramesByMaker,
    documents: Frames,
    logs: LogParts,
    linked: Mapping[str, str],
    sources: Sequence[Source],
) -> tuple[FramesByMaker, dict[str, pl.DataFrame], Frames]:
    """Frames of transcripts and of documents, with what logs say besides.

    Parameters
    ----------
    transcripts : FramesByMaker
        What transcripts gave by event type; none of it is asked for where there is no log. Where there is one, all
        is, now: what a transcript and a log both tell is compared in the transcript itself.
    documents : mapping of str to polars.DataFrame
        What documents gave.
    logs : LogParts
        What logs gave.
    linked : mapping of str to str
        Run of each file whose place is certain.
    sources : sequence of Source
        All files.

    Returns
    -------
    transcripts : FramesByMaker
        The same frames with the rows of logs behind.
    documents : dict of str to polars.DataFrame
        The same frames with the rows of logs behind; tool calls of agent events besides.
    log : mapping of str to polars.DataFrame
        Frames of logs by family, linked.
    """
    log, entries = _linked(logs, transcripts, documents, linked, sources)
    if not log and not entries:
        return transcripts, dict(documents), log
    files = [source for source in sources if source.kind is SourceKind.TRANSCRIPT]
    events = told_once(transcripts, entries, files)
    for schema in (EVENTS, PROBLEMS):
        if schema.name in log:
            before = [transcripts[schema.name]] if schema.name in transcripts else []
            events[schema.name] = pl.concat([*before, schema.conform(log[schema.name])])
    told = dict(documents)
    told[AGENT_TOOL.type] = agent_tool_calls(log.get(AGENT_TOOL.type))
    if FOUND.name in log:
        read = [frame for frame in (documents.get(FOUND.name),) if frame is not None]
        told[FOUND.name] = pl.concat([*read, log[FOUND.name]])
    if SKILL.type in log:
        told["skill_events"] = _skill_events(
            log[SKILL.type], documents.get("skill_events", SKILL_EVENTS.empty())
        )
    return FramesByMaker.of(events), told, log


def decided(log: Frames, documents: Frames) -> dict[str, Maker]:
    """What makes ``trust_records``, ``approvals`` and ``autonomy_checks`` from frames of logs and documents."""
    exported = documents.get("trust_records")
    # the events of a large log are not to be held for these
    few = {family.type: log[family.type] for family in _DECISIONS if family.type in log}
    return {
        "trust_records": lambda _: trust_records(
            few.get(TRUST.type), TRUST_RECORDS.empty() if exported is None else exported
        ),
        "approvals": lambda _: approvals(few.get(REQUESTED.type), few.get(ANSWERED.type)),
        "autonomy_checks": lambda all_: autonomy_checks(few, all_["approvals"], all_["trust_records"]),
    }


def _linked(
    logs: LogParts,
    transcripts: Frames,
    documents: Frames,
    linked: Mapping[str, str],
    sources: Sequence[Source],
) -> tuple[Frames, Frames]:
    """Frames and transcript entries of logs with the run of every row that an id or a time can tell."""
    log, entries = logs.frames.concat(), logs.entries.concat()
    if "events" not in log:
        return log, entries
    others = {name: documents.get(name, SCHEMAS[name].empty()) for name in _TELLING}
    others["events"] = transcripts.get("events", EVENTS.empty())
    known = [frame["run_id"] for name, frame in documents.items() if name == "runs"]
    known += [frame["run_id"] for frame in others.values()]
    runs = pl.concat(known).drop_nulls().unique().to_list()
    entry = pl.col("topic").str.ends_with(TRANSCRIPT_TOPIC)
    recorded = documents.get("runs", RUNS.empty())
    timed = link_by_time(log["events"].filter(entry), recorded, sources)
    links = link_log_rows(log["events"], others, runs, linked, timed)
    return (
        {name: frame if name == "problems" else relink(frame, links) for name, frame in log.items()},
        {name: relink(frame, links) for name, frame in entries.items()},
    )


def _skill_events(logged: pl.DataFrame, recorded: pl.DataFrame) -> pl.DataFrame:
    """Skill events of run records, and those of agent event logs counted on behind them."""
    rows = logged.select(
        pl.exclude("seq"), kind="event_kind", timestamp="occurred_at", metadata="payload"
    ).drop("event_kind", "occurred_at", "payload")
    both = pl.concat([recorded, SKILL_EVENTS.conform(rows.with_columns(seq=pl.lit(0)))])
    return both.with_columns(seq=pl.int_range(pl.len(), dtype=pl.UInt32).over("run_id"))
