"""All frames of some paths: find the files, read each kind, link runs, join."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from harnlab import frames
from harnlab.frames import SCHEMAS
from harnlab.ingest import personas, receipts, run_records, skill_evidence, state_folders, step_logs, trust
from harnlab.ingest.agent_tools import AGENT_TOOL
from harnlab.ingest.calls import join_calls, join_tool_calls
from harnlab.ingest.discover import discover
from harnlab.ingest.event_frames import NAMED_RUN
from harnlab.ingest.event_log import LOG_KINDS, read_event_logs
from harnlab.ingest.finished_steps import one_row_per_step
from harnlab.ingest.linking import link_by_call, link_by_folder, relink, without_superseded
from harnlab.ingest.logged import with_logs
from harnlab.ingest.skill_evidence import FOUND
from harnlab.ingest.skill_turns import skill_cards
from harnlab.ingest.sources import Part, Problem, Source, SourceKind, problems_frame
from harnlab.ingest.state_linking import link_by_session
from harnlab.ingest.step_calls import step_calls
from harnlab.ingest.time_linking import link_by_time
from harnlab.ingest.transcripts import read_transcripts
from harnlab.vocabulary import ProblemKind, TranscriptType

Progress = Callable[[int, int], None]
Frames = dict[str, pl.DataFrame]
TranscriptReader = Callable[[Sequence[Source]], Frames]

#: Readers of one file each; transcripts and event logs are read many at a time.
READERS: Final[Mapping[SourceKind, Callable[[Source], Part]]] = {
    SourceKind.RUN_RECORD: run_records.read,
    SourceKind.RECEIPT: receipts.read,
    SourceKind.COMPLETED_STEPS: step_logs.read,
    SourceKind.PERSONA: personas.read,
    SourceKind.SKILL_EVIDENCE: skill_evidence.read,
    SourceKind.STATE_FOLDER: state_folders.read,
    SourceKind.TRUST_CHAIN: trust.read_chain,
}
#: Rows of a large frame that are looked at together.
_SLICE_ROWS: Final = 50_000
#: Kinds of file whose rows mean that a run took place; a persona or a catalog alone does not.
_LEFT_BY_RUNS: Final = frozenset(
    {
        SourceKind.TRANSCRIPT,
        SourceKind.RECEIPT,
        SourceKind.COMPLETED_STEPS,
        SourceKind.SKILL_EVIDENCE,
        *LOG_KINDS,
    }
)
#: Kinds of file that hold no evidence, or whose reader looks for it.
_SEARCHED_BY_READER: Final = frozenset({SourceKind.SKILL_EVIDENCE, SourceKind.STATE_FOLDER})
#: Event types whose rows are frames as they stand.
_AS_THEY_STAND: Final = {
    TranscriptType.RESOLVED_DISPATCH.value: frames.DISPATCHES,
    TranscriptType.MESSAGE.value: frames.MESSAGES,
    TranscriptType.ROUTING_DECISION.value: frames.ROUTING_DECISIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Frames by name (every frame of the schema is there), and the files they came from.

    ``named_runs`` are the runs that rows of event logs name, whether or not they are known here.
    """

    frames: Mapping[str, pl.DataFrame]
    sources: tuple[Source, ...]
    named_runs: frozenset[str] = frozenset()


def collect(
    paths: Iterable[str | os.PathLike[str]],
    *,
    progress: Progress | None = None,
    transcripts: TranscriptReader = read_transcripts,
) -> Collected:
    """Read everything harnlab knows under some paths.

    ``transcripts`` reads what :func:`~harnlab.ingest.transcripts.read_transcripts` does, perhaps from a cache.

    Raises
    ------
    UnreadablePath
        For a path that is missing, or where nothing harnlab knows was found. What is wrong inside a file is a
        row of ``problems``, never an error.
    """
    return collect_sources(discover(paths), progress=progress, transcripts=transcripts)


def collect_sources(
    sources: Sequence[Source],
    *,
    progress: Progress | None = None,
    transcripts: TranscriptReader = read_transcripts,
) -> Collected:
    """The same of files that are told already."""
    records = [source for source in sources if source.kind is SourceKind.RUN_RECORD]
    documents = without_superseded(_read_documents(records))
    linked = link_by_folder(sources, _runs_by_project(sources, documents))
    linked |= link_by_session(sources, documents)
    sources = [replace(source, run_id=linked.get(source.shown, source.run_id)) for source in sources]
    apart = {SourceKind.RUN_RECORD, SourceKind.TRANSCRIPT, *LOG_KINDS}
    others = [source for source in sources if source.kind not in apart]
    documents = _concat([documents, _read_documents(others)])
    of_transcripts = [source for source in sources if source.kind is SourceKind.TRANSCRIPT]
    events = _linked(transcripts(of_transcripts), documents, linked, sources)
    logs = read_event_logs(source for source in sources if source.kind in LOG_KINDS)
    named = {run for frame in logs.frames.frames.get("events", ()) for run in frame[NAMED_RUN].unique()}
    events, documents = with_logs(events, documents, logs, linked, sources)
    if progress:
        progress(len(sources), len(sources))
    gathered = _assemble(events, documents, sources)
    return Collected(frames=gathered, sources=tuple(sources), named_runs=frozenset(named - {None}))


def _read_documents(sources: Sequence[Source]) -> Frames:
    """Frames of files that are read whole, one after another."""
    parts: list[Frames] = []
    for source in sources:
        part = READERS.get(source.kind, _not_read)(source)
        if source.kind not in _SEARCHED_BY_READER:
            inside = skill_evidence.in_document(source)
            part = Part(frames={**part.frames, **inside.frames}, problems=part.problems + inside.problems)
        parts.append({**part.frames, "problems": problems_frame(source, part.problems)})
    return _concat(parts)


def _concat(parts: Sequence[Frames]) -> Frames:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}


def _not_read(source: Source) -> Part:
    reason = f"files of kind {source.kind.value} are not read by this version"
    return Part(problems=[Problem(kind=ProblemKind.UNSUPPORTED, reason=reason)])


def _runs_by_project(sources: Sequence[Source], documents: Frames) -> dict[str, list[str]]:
    runs = documents.get("runs", frames.RUNS.empty())
    project = {source.shown: source.project for source in sources}
    found: dict[str, list[str]] = {}
    for path, run in runs.select("source_path", "run_id").iter_rows():
        found.setdefault(project[path], []).append(run)
    return found


def _linked(
    events: Frames, documents: Frames, linked: Mapping[str, str], sources: Sequence[Source]
) -> Frames:
    """Frames of transcripts with the run of every row that a run record can tell."""
    spans = documents.get("spans", frames.SPANS.empty())
    rows = events.get("events", frames.EVENTS.empty())
    timed = link_by_time(rows, documents.get("runs", frames.RUNS.empty()), sources)
    links = link_by_call(rows, spans, linked, timed)
    return {name: relink(frame, links) if name != "problems" else frame for name, frame in events.items()}


def _assemble(events: Frames, documents: Frames, sources: Sequence[Source]) -> Frames:
    """All frames of the schema; ``events`` lets go of what has been joined, for a large log is not held twice."""

    def of(name: str) -> pl.DataFrame:
        return documents.get(name, SCHEMAS[name].empty())

    gathered: Frames = {name: of(name) for name in SCHEMAS}
    for kind, schema in _AS_THEY_STAND.items():
        if kind in events:
            gathered[schema.name] = pl.concat([schema.conform(events[kind]), gathered[schema.name]])
    for name in ("events", "problems"):
        gathered[name] = pl.concat([events.get(name, SCHEMAS[name].empty()), gathered[name]])
    gathered["calls"] = join_calls(events)
    agents = documents.get(AGENT_TOOL.type, frames.TOOL_CALLS.empty())
    gathered["tool_calls"] = join_tool_calls(events, of("tool_calls"), agents)
    found = [part[FOUND.name] for part in (documents, events) if FOUND.name in part]
    gathered["skill_cards"] = skill_cards(pl.concat([FOUND.empty(), *found]))
    gathered["step_calls"] = step_calls(gathered["spans"], gathered["calls"])
    gathered["steps"] = one_row_per_step(of("steps"))
    gathered["runs"] = _every_run(gathered, sources)
    gathered["events"] = _in_order(gathered["events"])
    return {name: schema.conform(gathered[name]) for name, schema in SCHEMAS.items()}


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    """Events by file and line; those of one large log are so already, and sorting holds them twice."""
    path, line = pl.col("source_path"), pl.col("source_line")
    back = (path < path.shift()) | ((path == path.shift()) & (line < line.shift()))
    places = events.select("source_path", "source_line")
    # the last row of a slice is the first of the next
    starts = range(0, places.height, _SLICE_ROWS)
    if any(places[start : start + _SLICE_ROWS + 1].select(back.any()).item() for start in starts):
        return events.sort("source_path", "source_line", maintain_order=True)
    return events


def _first_of_runs(rows: pl.DataFrame, paths: Sequence[str]) -> pl.DataFrame:
    """The first row of each run that some paths have."""
    first = pl.col("source_path").is_in(paths) & pl.col("run_id").is_not_null()
    found = [
        part.filter(first).unique("run_id", keep="first", maintain_order=True)
        for part in rows.iter_slices(_SLICE_ROWS)
    ]
    return pl.concat([rows.clear(), *found]).unique("run_id", keep="first", maintain_order=True)


def _every_run(gathered: Frames, sources: Sequence[Source]) -> pl.DataFrame:
    """Recorded runs, and a row for each run that left no record: its first line stands for it."""
    recorded = gathered["runs"]
    columns = [column.name for column in frames.SOURCE]
    active = [source.shown for source in sources if source.kind in _LEFT_BY_RUNS]
    # a log belongs to a project: that it cannot be read says nothing of a run
    logs = [source.shown for source in sources if source.kind in LOG_KINDS]
    lost = gathered["problems"].filter(~pl.col("source_path").is_in(logs))
    unrecorded = (
        pl.concat([_first_of_runs(rows.select(columns), active) for rows in (gathered["events"], lost)])
        .join(recorded, on="run_id", how="anti")
        .unique("run_id", keep="first", maintain_order=True)
    )
    return pl.concat([recorded, frames.RUNS.conform(unrecorded)]).sort("run_id", maintain_order=True)
