"""Durable state decided again: which files are keys, who wrote them, and what a handoff's envelope must be.

Past conflicts are not on disk (FORMATS 5). What is: the last writer of each key, whose missing names follow from the
given ones, and the envelope of a handoff, whose every byte follows from its members.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from harnlab.core.agent_state import Scope, Surroundings, WriterIdentity
from harnlab.core.agent_state.handoff import handoff_text
from harnlab.core.agent_state.keys import HANDOFF_KEY, META_DIR, is_reserved, normalise_key
from harnlab.core.agent_state.writer import writer_identity
from harnlab.core.rust_semantics import byte_len
from harnlab.core.values import Value
from harnlab.errors import HarnRuntimeError
from harnlab.frames import Instant
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.verdict import EVIDENCE, PLACE, both, frame_of, judged, place_types, with_damage

VALUE: Final = "value"
LEFTOVER: Final = "crash_leftover"

_WRITER: Final = {
    "writer_id": "writer_id",
    "writer_stage_id": "stage_id",
    "writer_session_id": "session_id",
    "writer_worker_id": "worker_id",
}
#: Fields compared, in this order; the last three are of a handoff.
FIELDS: Final[dict[str, pl.DataType]] = {
    "state": pl.String(),
    "key": pl.String(),
    **dict.fromkeys(_WRITER, pl.String()),
    "version": pl.Int64(),
    "written_at": Instant,
    "content_bytes": pl.Int64(),
}
_UNDECIDED: Final = {
    "state": "no_state",
    **dict.fromkeys(_WRITER, "no_writer"),
    "written_at": "no_time",
    "content_bytes": "no_text",
}
_ABOUT: Final[dict[str, pl.DataType]] = {
    "root": pl.String(),
    "session_id": pl.String(),
    "kind": pl.String(),
}
_SCHEMA: Final[dict[str, pl.DataType]] = {
    **place_types(),
    **_ABOUT,
    **both(FIELDS),
    **dict.fromkeys(_UNDECIDED.values(), pl.String()),
    EVIDENCE: pl.String(),
}

Row = Mapping[str, Any]


@question
def state(runs: Frames, /) -> pl.DataFrame:
    """Every entry of durable state and every handoff decided again by the rules for keys, writers and envelopes.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a row of ``state_entries``, then one a row of ``handoffs``: source columns, ``root``, ``session_id``,
        ``kind`` (``entry`` or ``handoff``), ``recorded_…`` and ``replayed_…`` of each of :data:`FIELDS`,
        ``verdict``, ``field``, ``because``.

    Notes
    -----
    An entry is a key unless its name is one the store keeps for itself. A handoff and the metadata of its key are
    written by one write, so they must name one writer and one second. ``insufficient`` stands where nobody named
    himself or the metadata is gone.
    """
    entries = runs.frame("state_entries").to_dicts()
    handed = {(row["root"], row["session_id"]): row for row in entries if row["key"] == HANDOFF_KEY}
    rows = [_entry(row) for row in entries]
    rows += [
        _handoff(row, handed.get((row["root"], row["session_id"])))
        for row in runs.frame("handoffs").to_dicts()
    ]
    told = with_damage(frame_of(rows, _SCHEMA), runs.frame("problems"), {"source_line": "source_path"})
    return judged(told, list(FIELDS), undecided=_UNDECIDED)


def _entry(row: Row) -> dict[str, Any]:
    leftover = _is_reserved(row["key"])
    no_state = None
    if row["state"] not in (VALUE, LEFTOVER):
        no_state = "its metadata is there and its value is not; nothing records a delete or a write that died"
    recorded: dict[str, Any] = {"state": row["state"]}
    replayed: dict[str, Any] = {"state": LEFTOVER if leftover else VALUE}
    evidence = "its name alone"
    if not leftover:
        recorded |= {"key": row["key"], **_recorded_writer(row)}
        replayed |= {"key": _spelled(row["key"]), **_writer(row)}
        evidence = "its name, the names its writer gave and its session"
    nobody = not leftover and all(row[name] is None for name in _WRITER)
    no_writer = "no metadata: its writer gave no name, or the metadata is gone" if nobody else None
    return _told(row, "entry", recorded, replayed, evidence, no_state=no_state, no_writer=no_writer)


def _is_reserved(key: str) -> bool:
    return any(is_reserved(part) for part in key.split("/"))


def _spelled(key: str) -> str | None:
    try:
        return normalise_key(key)
    except HarnRuntimeError:
        return None


def _recorded_writer(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _WRITER}


def _writer(row: Row) -> dict[str, Any]:
    """Writer that the recorded names make, with what stands in for those nobody gave."""
    given: dict[str, Value] = {
        part: row[name] for name, part in _WRITER.items() if part != "session_id" and row[name] is not None
    }
    named = writer_identity(
        given, row["session_id"], Surroundings(new_id=lambda: "", now_s=0, working_dir="")
    ).as_dict()
    return {name: named[part] for name, part in _WRITER.items()}


def _handoff(row: Row, entry: Row | None) -> dict[str, Any]:
    """Envelope beside the metadata of its key, and its own bytes made again."""
    named = entry is not None and any(entry[name] is not None for name in _WRITER)
    missing = None if named else "the handoff's key has no metadata to hold it against"
    recorded = {"version": row["version"], "written_at": row["written_at"], "content_bytes": row["length"]}
    replayed: dict[str, Any] = {"version": 1}
    if entry is not None and named:
        replayed |= _recorded_writer(entry) | {"written_at": entry["updated_at"]}
    text, why = _envelope(row)
    if text is not None:
        replayed["content_bytes"] = byte_len(text)
    return _told(
        row,
        "handoff",
        recorded | _recorded_writer(row),
        replayed,
        f"the metadata of {HANDOFF_KEY} ({META_DIR}/{HANDOFF_KEY}.json) and the envelope's own members",
        no_writer=missing,
        no_time=missing,
        no_text=why,
    )


def _envelope(row: Row) -> tuple[str | None, str | None]:
    """Text of the envelope, or why it cannot be made again."""
    try:
        summary = json.loads(row["summary"] or "null")
        extra = json.loads(row["extra"] or "{}")
    except (ValueError, RecursionError):
        return None, "its summary cannot be read"
    written_at: datetime | None = row["written_at"]
    root = extra.get("root", row["root"])  # the envelope's own root stands in `extra` where it is another
    if not isinstance(summary, dict) or written_at is None or not isinstance(root, str):
        return None, "it lacks a summary, a time or the root it was written under"
    writer = WriterIdentity(**{part: row[name] for name, part in _WRITER.items()})
    scope = Scope(root=root, namespace=row["session_id"])
    return handoff_text(scope, writer, summary, int(written_at.timestamp())), None


def _told(
    row: Row, kind: str, recorded: Row, replayed: Row, evidence: str, **undecided: str | None
) -> dict[str, Any]:
    return {
        **{name: row[name] for name in PLACE},
        "root": row["root"],
        "session_id": row["session_id"],
        "kind": kind,
        **{f"recorded_{name}": value for name, value in recorded.items()},
        **{f"replayed_{name}": value for name, value in replayed.items()},
        **undecided,
        EVIDENCE: evidence,
    }
