"""All frames of some paths: find the files and read each kind; what was read is joined when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from harnlab.frames.when_asked import FramesByMaker
from harnlab.ingest import personas, receipts, run_records, skill_evidence, state_folders, step_logs, trust
from harnlab.ingest.assembly import all_frames, linked_to_runs
from harnlab.ingest.discover import discover
from harnlab.ingest.event_frames import NAMED_RUN
from harnlab.ingest.event_log import LOG_KINDS, read_event_logs
from harnlab.ingest.linking import link_by_folder, without_superseded
from harnlab.ingest.logged import decided, with_logs
from harnlab.ingest.records import no_collection
from harnlab.ingest.sources import Part, Problem, Source, SourceKind, problems_frame
from harnlab.ingest.state_linking import link_by_session
from harnlab.ingest.transcripts import read_transcripts
from harnlab.vocabulary import ProblemKind

Progress = Callable[[int, int], None]
Frames = dict[str, pl.DataFrame]
TranscriptReader = Callable[[Sequence[Source]], Mapping[str, pl.DataFrame]]

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
#: Kinds of file that hold no evidence, or whose reader looks for it.
_SEARCHED_BY_READER: Final = frozenset({SourceKind.SKILL_EVIDENCE, SourceKind.STATE_FOLDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Frames by name (every frame of the schema is there), and the files they came from.

    All files have been read; each frame is linked, joined and ordered when it is first asked for.
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
    # nothing here is cyclic, and one collection takes as long as a second look at a large log
    with no_collection():
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
    events = FramesByMaker.of(transcripts(of_transcripts))
    events = linked_to_runs(events, documents, linked, sources)
    logs = read_event_logs(source for source in sources if source.kind in LOG_KINDS)
    named = {run for frame in logs.frames.frames.get("events", ()) for run in frame[NAMED_RUN].unique()}
    events, documents, log = with_logs(events, documents, logs, linked, sources)
    if progress:
        progress(len(sources), len(sources))
    gathered = all_frames(events, documents, decided(log, documents), sources)
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
    found: dict[str, list[str]] = {}
    if "runs" not in documents:
        return found
    project = {source.shown: source.project for source in sources}
    for path, run in documents["runs"].select("source_path", "run_id").iter_rows():
        found.setdefault(project[path], []).append(run)
    return found
