"""Event logs of every kind to frames (FORMATS 2): topic files here, databases and the rest in modules of their own.

``Runs.record`` gives the envelope's line of a topic file back, the payload of a database's row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from harnlab.ingest.agent_events import agent_batch
from harnlab.ingest.envelopes import Events, topic_events
from harnlab.ingest.event_frames import EventReader, LogParts
from harnlab.ingest.event_log_sqlite import add_database
from harnlab.ingest.provenance_receipt import add_receipt
from harnlab.ingest.records import encoding_problems, no_collection
from harnlab.ingest.skill_evidence import in_log_document, in_window
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.windows import Lines, Unreadable, Window, index_lines, windows

#: Kinds of file that hold events with a topic, a kind and headers, or the legacy form of them.
LOG_KINDS: Final = (
    SourceKind.EVENT_LOG_FILE,
    SourceKind.EVENT_LOG_SQLITE,
    SourceKind.AGENT_EVENTS,
    SourceKind.PROVENANCE_RECEIPT,
)
_Batch = Callable[[Window, Lines, Sequence[Source]], Events]


def read_event_logs(sources: Iterable[Source]) -> LogParts:
    """Frames of event logs.

    Parameters
    ----------
    sources : iterable of Source
        Files of the kinds in :data:`LOG_KINDS`; each may be damaged in any way, or still be written to.

    Returns
    -------
    LogParts
        For every file, ``lines or rows == events + problems(torn, bad, blank)``.
    """
    by_kind: dict[SourceKind, list[Source]] = {kind: [] for kind in LOG_KINDS}
    for source in sources:
        by_kind[source.kind].append(source)
    parts = LogParts()
    with no_collection():
        parts.extend(_read_lines(by_kind[SourceKind.EVENT_LOG_FILE], topic_batch))
        for source in by_kind[SourceKind.EVENT_LOG_SQLITE]:
            parts.extend(add_database(source))
        parts.extend(_read_lines(by_kind[SourceKind.AGENT_EVENTS], agent_batch))
        for source in by_kind[SourceKind.PROVENANCE_RECEIPT]:
            parts.extend(add_receipt(source))
            parts.frames.extend(in_log_document(source))
    return parts


def _read_lines(sources: Sequence[Source], batch: _Batch) -> LogParts:
    if not sources:
        return LogParts()
    reader = EventReader(sources)
    for window in windows([source.path for source in sources]):
        if isinstance(window, Unreadable):
            reader.parts.frames.add("problems", reader.records.unreadable(window))
        else:
            lines = index_lines(window)
            events = batch(window, lines, sources)
            reader.add(lines, events, window.oversized)
            reader.parts.frames.extend(in_window(sources, window, lines, events.rows))
    return reader.parts


def topic_batch(window: Window, lines: Lines, sources: Sequence[Source]) -> Events:
    """Events of a window over topic files; a file is named for its topic."""
    events = topic_events(window.buffer, lines, [source.path.stem for source in sources])
    events.problems += encoding_problems(window, lines, events.rows)
    return events
