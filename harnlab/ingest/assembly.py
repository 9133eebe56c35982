"""All frames of the schema from what was read, each linked, joined and ordered when it is first asked for.

Nothing here reads a file: what a log says may be asked for when the log is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

import polars as pl

from harnlab import frames
from harnlab.frames import SCHEMAS, FrameSchema
from harnlab.frames.when_asked import FramesByMaker, Maker
from harnlab.ingest.agent_tools import AGENT_TOOL
from harnlab.ingest.calls import CALL_FAMILIES, TOOL_CALL_FAMILIES, join_calls, join_tool_calls
from harnlab.ingest.event_log import LOG_KINDS
from harnlab.ingest.finished_steps import one_row_per_step
from harnlab.ingest.linking import link_by_call, relink
from harnlab.ingest.skill_evidence import FOUND
from harnlab.ingest.skill_turns import skill_cards
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.step_calls import step_calls
from harnlab.ingest.time_linking import link_by_time
from harnlab.vocabulary import TranscriptType

Frames = Mapping[str, pl.DataFrame]

_SOURCE: Final = [column.name for column in frames.SOURCE]
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
#: What rows of transcripts are called whose frames are theirs as they stand, and those frames.
_AS_THEY_STAND: Final = {
    TranscriptType.RESOLVED_DISPATCH.value: frames.DISPATCHES,
    TranscriptType.MESSAGE.value: frames.MESSAGES,
    TranscriptType.ROUTING_DECISION.value: frames.ROUTING_DECISIONS,
    frames.PROBLEMS.name: frames.PROBLEMS,
}


def linked_to_runs(
    events: FramesByMaker, documents: Frames, linked: Mapping[str, str], sources: Sequence[Source]
) -> FramesByMaker:
    """Frames of transcripts with the run of every row that a run record can tell.

    Parameters
    ----------
    events : FramesByMaker
        Frames by event type; each is taken out when it is linked.
    documents : mapping of str to polars.DataFrame
        Frames of run records and of what else is read whole.
    linked : mapping of str to str
        Run of each file whose place is certain.
    sources : sequence of Source
        All files.
    """
    runs, spans = documents.get("runs"), documents.get("spans")
    if runs is None and spans is None:
        return events

    @cache
    def links() -> pl.DataFrame:
        rows = events["events"] if "events" in events else frames.EVENTS.empty()
        timed = link_by_time(rows, _or_empty(runs, frames.RUNS), sources)
        return link_by_call(rows, _or_empty(spans, frames.SPANS), linked, timed)

    def relinked(name: str, _: Frames) -> pl.DataFrame:
        # found before the frame is taken, for it may be the one they are found in
        found = links()
        return relink(events.take(name), found) if name != "problems" else events.take(name)

    return FramesByMaker({name: partial(relinked, name) for name in events})


def all_frames(
    events: FramesByMaker, documents: Frames, decisions: Mapping[str, Maker], sources: Sequence[Source]
) -> FramesByMaker:
    """Every frame of the schema; what one is joined from is let go then, for a large log is not held twice.

    Parameters
    ----------
    events : FramesByMaker
        Frames of transcripts and logs by event type, linked.
    documents : mapping of str to polars.DataFrame
        Frames of everything else.
    decisions : mapping of str to callable
        What makes the frames that logs and documents tell together.
    sources : sequence of Source
        All files.
    """
    of, found = documents.get, documents.get(FOUND.name)
    lines = _Lines(events=events, sources=tuple(sources))
    makers: dict[str, Maker] = {
        name: partial(_told_by_documents, schema, of(name)) for name, schema in SCHEMAS.items()
    }
    for kind, schema in _AS_THEY_STAND.items():
        makers[schema.name] = partial(_as_they_stand, schema, events, kind, of(schema.name))
    makers |= decisions
    makers |= {
        "events": partial(lines.in_order, of("events")),
        "calls": partial(_calls, events),
        "tool_calls": partial(_tool_calls, events, of("tool_calls"), of(AGENT_TOOL.type)),
        "skill_cards": partial(_skill_cards, events, found),
        "step_calls": _step_calls,
        "steps": partial(_steps, of("steps")),
        "runs": partial(_every_run, of("runs"), lines),
    }
    return FramesByMaker({name: partial(_made, schema, makers[name]) for name, schema in SCHEMAS.items()})


def _or_empty(frame: pl.DataFrame | None, schema: FrameSchema) -> pl.DataFrame:
    """The frame, or one without rows: made here and not before, for a load asks for few of them."""
    return schema.empty() if frame is None else frame


def _made(schema: FrameSchema, maker: Maker, others: Frames) -> pl.DataFrame:
    return schema.conform(maker(others))


def _told_by_documents(schema: FrameSchema, told: pl.DataFrame | None, _: Frames) -> pl.DataFrame:
    return _or_empty(told, schema)


def _as_they_stand(
    schema: FrameSchema, events: FramesByMaker, kind: str, behind: pl.DataFrame | None, _: Frames
) -> pl.DataFrame:
    """Rows of transcripts and logs, and those of documents behind them."""
    parts = [schema.conform(events.take(kind))] if kind in events else []
    parts += [] if behind is None else [behind]
    return pl.concat(parts) if parts else schema.empty()


def _calls(events: FramesByMaker, _: Frames) -> pl.DataFrame:
    return join_calls(_taken(events, CALL_FAMILIES))


def _tool_calls(
    events: FramesByMaker, recorded: pl.DataFrame | None, told: pl.DataFrame | None, _: Frames
) -> pl.DataFrame:
    return join_tool_calls(_taken(events, TOOL_CALL_FAMILIES), _or_empty(recorded, frames.TOOL_CALLS), told)


def _taken(events: FramesByMaker, kinds: Sequence[str]) -> dict[str, pl.DataFrame]:
    return {kind: events.take(kind) for kind in kinds if kind in events}


def _skill_cards(events: FramesByMaker, found: pl.DataFrame | None, _: Frames) -> pl.DataFrame:
    in_events = [events.take(FOUND.name)] if FOUND.name in events else []
    return skill_cards(pl.concat([_or_empty(found, FOUND), *in_events]))


def _step_calls(others: Frames) -> pl.DataFrame:
    return step_calls(others["spans"], others["calls"])


def _steps(told: pl.DataFrame | None, _: Frames) -> pl.DataFrame:
    return one_row_per_step(_or_empty(told, frames.STEPS))


@dataclass(slots=True, kw_only=True)
class _Lines:
    """What becomes ``events``, and what stands for runs that left no record."""

    events: FramesByMaker
    sources: Sequence[Source]
    _first_as_read: list[pl.DataFrame] = field(default_factory=list)

    def in_order(self, behind: pl.DataFrame | None, others: Frames) -> pl.DataFrame:
        """Events by file and line; those of one large log are so already, and sorting holds them twice."""
        rows = _as_they_stand(frames.EVENTS, self.events, "events", behind, others)
        if _is_in_order(rows):
            return rows
        self._first_as_read.append(_first_of_runs(rows, self._active()))
        return rows.sort("source_path", "source_line", maintain_order=True)

    def first_of_runs(self, others: Frames) -> pl.DataFrame:
        """The first line of each run, in the order in which files were read."""
        rows = others["events"]
        return self._first_as_read[0] if self._first_as_read else _first_of_runs(rows, self._active())

    def first_lost(self, others: Frames) -> pl.DataFrame:
        """The first line of each run that could not be read."""
        # a log belongs to a project: that it cannot be read says nothing of a run
        logs = [source.shown for source in self.sources if source.kind in LOG_KINDS]
        return _first_of_runs(others["problems"].filter(~pl.col("source_path").is_in(logs)), self._active())

    def _active(self) -> list[str]:
        return [source.shown for source in self.sources if source.kind in _LEFT_BY_RUNS]


def _is_in_order(events: pl.DataFrame) -> bool:
    paths = events["source_path"]
    if paths.min() == paths.max():
        return events["source_line"].is_sorted()
    path, line = pl.col("source_path"), pl.col("source_line")
    back = (path < path.shift()) | ((path == path.shift()) & (line < line.shift()))
    places = events.select("source_path", "source_line")
    # the last row of a slice is the first of the next
    starts = range(0, places.height, _SLICE_ROWS)
    return not any(places[start : start + _SLICE_ROWS + 1].select(back.any()).item() for start in starts)


def _first_of_runs(rows: pl.DataFrame, paths: Sequence[str]) -> pl.DataFrame:
    """The first row of each run that some paths have."""
    first = pl.col("source_path").is_in(paths) & pl.col("run_id").is_not_null()
    places = rows.select(_SOURCE)
    found = [
        part.filter(first).unique("run_id", keep="first", maintain_order=True)
        for part in places.iter_slices(_SLICE_ROWS)
    ]
    return pl.concat([places.clear(), *found]).unique("run_id", keep="first", maintain_order=True)


def _every_run(told: pl.DataFrame | None, lines: _Lines, others: Frames) -> pl.DataFrame:
    """Recorded runs, and a row for each run that left no record: its first line stands for it."""
    recorded = _or_empty(told, frames.RUNS)
    unrecorded = (
        pl.concat([lines.first_of_runs(others), lines.first_lost(others)])
        .join(recorded, on="run_id", how="anti")
        .unique("run_id", keep="first", maintain_order=True)
    )
    return pl.concat([recorded, frames.RUNS.conform(unrecorded)]).sort("run_id", maintain_order=True)
