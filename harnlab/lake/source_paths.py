"""Which source a ``source_path`` is of: itself, or the folder of durable state it lies in; and their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harnlab.ingest.sources import Source, SourceKind

_KINDS_IN_ORDER: Final = (
    SourceKind.TRANSCRIPT,
    SourceKind.EVENT_LOG_FILE,
    SourceKind.EVENT_LOG_SQLITE,
    SourceKind.AGENT_EVENTS,
    SourceKind.PROVENANCE_RECEIPT,
    SourceKind.RUN_RECORD,
)
_LOGS: Final = frozenset(_KINDS_IN_ORDER[1:5])


class SourcePaths:
    """Sources by their path.

    Parameters
    ----------
    sources : iterable of Source
        Every file that was read.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = {source.shown: source for source in sources}

    def source_of(self, path: str) -> str:
        """Path, as shown, of the source that a row's path is of."""
        folder = path
        while folder and folder not in self._sources:
            folder = folder.rpartition("/")[0]
        return folder or path

    def place_in_order(self, path: str, *, logs_last: bool = False) -> tuple[int, str]:
        """What sorts rows as a cold load reads them: transcripts, logs, records, the rest; each by path.

        ``logs_last`` for frames in which rows of logs stand behind those of records.
        """
        source = self._sources.get(self.source_of(path))
        if source is None:
            return len(_KINDS_IN_ORDER) + 2, path
        rank = _KINDS_IN_ORDER.index(source.kind) if source.kind in _KINDS_IN_ORDER else len(_KINDS_IN_ORDER)
        behind = logs_last and source.kind in _LOGS
        return rank + len(_KINDS_IN_ORDER) + 1 if behind else rank, source.shown
