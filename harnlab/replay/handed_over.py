"""Keys that one writer handed over and another wrote later: a conflict the state folder lets one suspect.

The folder keeps the last writer of a key only (FORMATS 5). Where a handoff names a key among what its writer leaves,
and the key's last writer is another one with a later time, two writers met on it, or its first one never wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harnlab.core.agent_state import WriterIdentity
from harnlab.core.agent_state.conflict import ConflictRecord, conflict_between
from harnlab.core.agent_state.keys import HANDOFF_KEY
from harnlab.replay.inputs import Frames

Row = Mapping[str, Any]
_WRITER = {
    "writer_id": "writer_id",
    "stage_id": "writer_stage_id",
    "session_id": "writer_session_id",
    "worker_id": "writer_worker_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A key of which a handoff names one writer and the metadata another."""

    entry: Row
    handoff: Row
    conflict: ConflictRecord


def suspected(runs: Frames) -> Iterator[Suspicion]:
    """Keys written by another than the writer who handed them over, in order of ``state_entries``."""
    handoffs: dict[tuple[Any, Any], list[Row]] = {}
    for row in runs.frame("handoffs").iter_rows(named=True):
        handoffs.setdefault((row["root"], row["session_id"]), []).append(row)
    for entry in runs.frame("state_entries").filter(state="value").iter_rows(named=True):
        for handoff in handoffs.get((entry["root"], entry["session_id"]), ()):
            if entry["key"] != HANDOFF_KEY and _is_later(entry, handoff) and _names(handoff, entry["key"]):
                conflict = conflict_between(entry["key"], writer_of(handoff), writer_of(entry))
                if conflict is not None:
                    yield Suspicion(entry=entry, handoff=handoff, conflict=conflict)


def writer_of(row: Row) -> WriterIdentity:
    """Writer a row of ``state_entries`` or ``handoffs`` names."""
    return WriterIdentity(**{name: row[column] for name, column in _WRITER.items()})


def _is_later(entry: Row, handoff: Row) -> bool:
    times = entry["updated_at"], handoff["written_at"]
    return None not in times and times[0] > times[1]


def _names(handoff: Row, key: str) -> bool:
    """Whether a text anywhere in the summary is the key."""
    try:
        pending = [json.loads(handoff["summary"] or "null")]
    except (ValueError, RecursionError):
        return False
    while pending:
        value = pending.pop()
        if value == key:
            return True
        if isinstance(value, dict):
            pending += [*value, *value.values()]
        elif isinstance(value, list):
            pending += value
    return False
