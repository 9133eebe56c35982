"""Which run a durable-state session belongs to: the one run of its project whose record names the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from harnlab.ingest.sources import Source, SourceKind

_NAMING: Final = ("messages", "skill_events")
_METADATA: Final = ("runs", "stages", "spans", "skill_events")
_SESSION: Final = r'"session_id":"([^"\\]+)"'


def link_by_session(sources: Sequence[Source], documents: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Run of each state folder whose session one run record alone names.

    Parameters
    ----------
    sources : sequence of Source
        Files of any kind.
    documents : mapping of str to polars.DataFrame
        Frames of run records. A record names a session by the transcript or message it holds, or by a
        ``session_id`` in its metadata, its stages' or its spans'.

    Returns
    -------
    dict of str to str
        ``shown`` path to run id. A session that two runs name belongs to neither.
    """
    folders = [source for source in sources if source.kind is SourceKind.STATE_FOLDER]
    if not folders:
        return {}
    project = {source.shown: source.project for source in sources}
    runs: dict[tuple[str, str], set[str]] = {}
    for path, run, session in _named(documents).iter_rows():
        runs.setdefault((project[path], session), set()).add(run)
    linked = {}
    for folder in folders:
        parts = folder.path.parts
        ids = ("/".join(parts[start:]) for start in range(len(parts) - 1, 0, -1))
        named = next((found for session in ids if (found := runs.get((folder.project, session)))), set())
        if len(named) == 1:
            linked[folder.shown] = next(iter(named))
    return linked


def _named(documents: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Source path, run and session, of every place where a record names one."""
    place = ["source_path", "run_id"]
    sessions = [documents[name].select(*place, "session_id") for name in _NAMING if name in documents]
    for name in _METADATA:
        if name in documents:
            found = pl.col("metadata").str.extract_all(_SESSION)
            texts = documents[name].select(*place, session_id=found).explode("session_id")
            sessions.append(texts.with_columns(pl.col("session_id").str.extract(_SESSION)))
    schema = dict.fromkeys((*place, "session_id"), pl.String())
    return pl.concat([pl.DataFrame(schema=schema), *sessions]).drop_nulls().unique()
