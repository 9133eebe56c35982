"""Durable state: every key with its last writer, where two writers met, and what was handed over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.core.agent_state.keys import HANDOFF_KEY
from harnlab.errors import HarnlabError
from harnlab.frames import HANDOFFS, SOURCE, STATE_ENTRIES, Instant
from harnlab.questions import question
from harnlab.replay.handed_over import suspected

Row = Mapping[str, Any]

_PLACE: Final = tuple(column.name for column in SOURCE[1:])
_SESSION: Final = ("root", "session_id")
_REFUSED: Final = re.compile(
    r"agent_state\.write: key '(?P<key>.*)' was previously written by '(?P<previous>.*)' "
    r"and is now being written by '(?P<current>.*)'",
    re.DOTALL,
)
_CONFLICTS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "kind": pl.String(),
    "root": pl.String(),
    "session_id": pl.String(),
    "key": pl.String(),
    "previous_writer": pl.String(),
    "current_writer": pl.String(),
    "kept": pl.String(),
    "at": Instant,
    "handed_over_at": Instant,
    "message": pl.String(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def entries(runs: Frames, /) -> pl.DataFrame:
    """Every key of every session with its last writer.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        Columns of ``state_entries`` and: ``is_handoff``, ``writer`` (the name a message would show: writer, worker,
        stage or session; null where the metadata names nobody), ``suspected_conflict`` (a handoff of another writer
        names the key), ``session_keys`` and ``session_writers`` of its session.
    """
    doubted = {_key(one.entry) for one in suspected(runs)}
    rows = runs.frame("state_entries")
    marks = [_key(row) in doubted for row in rows.iter_rows(named=True)]
    writer = pl.coalesce("writer_id", "writer_worker_id", "writer_stage_id", "writer_session_id")
    values = pl.col("state") == "value"
    told = rows.with_columns(
        is_handoff=pl.col("key") == HANDOFF_KEY,
        writer=writer,
        suspected_conflict=pl.Series(marks, dtype=pl.Boolean) & values,
        session_keys=values.sum().over(_SESSION).cast(pl.Int64),
        session_writers=pl.col("writer_id").drop_nulls().n_unique().over(_SESSION).cast(pl.Int64),
    )
    names = [name for name in STATE_ENTRIES.names if name != "extra"]
    extra = ("is_handoff", "writer", "suspected_conflict", "session_keys", "session_writers")
    return told.sort("root", "session_id", "key").select(*names, *extra)


@question
def conflicts(runs: Frames, /) -> pl.DataFrame:
    """Find where two writers met on one key: those proved by a refusal, and those to be suspected.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames. Refusals are read from the answers of failed tool calls, which
        takes the runs themselves (``runs.record``).

    Returns
    -------
    polars.DataFrame
        ``kind`` is ``refused`` (proved: the answer of a failed tool call holds the runtime's words; ``kept`` is who
        the key still belongs to) or ``suspected`` (a handoff names the key as another's; its last writer came later),
        with both writers, times, ``message``, ``because`` and source columns.

    Notes
    -----
    A state folder keeps no history and a warning goes to stderr only (FORMATS 5): what is not here may still have
    happened.
    """
    rows = [*_refusals(runs), *_suspicions(runs)]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _CONFLICTS.items()}
    )


@question
def handoffs(runs: Frames, /) -> pl.DataFrame:
    """Every handoff with what it hands over and what became of that.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        Columns of ``handoffs`` and: ``writer`` (as :func:`entries`), ``summary_keys`` (list: top-level members),
        ``named_keys`` (keys of the session the summary names), ``rewritten_keys`` (of them, those another writer
        wrote later), ``missing_keys`` (texts of the summary's lists that look like a key and are not there).
    """
    by_session: dict[tuple[Any, Any], dict[str, Row]] = {}
    for row in runs.frame("state_entries").filter(state="value").iter_rows(named=True):
        by_session.setdefault((row["root"], row["session_id"]), {})[row["key"]] = row
    doubted: dict[tuple[Any, ...], list[str]] = {}
    for one in suspected(runs):
        doubted.setdefault(_place(one.handoff), []).append(one.entry["key"])
    frame = runs.frame("handoffs")
    told: dict[str, list[Any]] = {
        "summary_keys": [],
        "named_keys": [],
        "rewritten_keys": [],
        "missing_keys": [],
    }
    for row in frame.iter_rows(named=True):
        keys = by_session.get((row["root"], row["session_id"]), {})
        summary = _summary(row["summary"])
        texts = list(_texts(summary))
        told["summary_keys"].append(list(summary) if isinstance(summary, dict) else [])
        told["named_keys"].append(sorted({text for text in texts if text in keys}))
        told["rewritten_keys"].append(doubted.get(_place(row), []))
        told["missing_keys"].append(
            sorted({text for text in texts if _looks_like_a_key(text) and text not in keys})
        )
    writer = pl.coalesce("writer_id", "writer_worker_id", "writer_stage_id", "writer_session_id")
    lists = {name: pl.Series(values, dtype=pl.List(pl.String())) for name, values in told.items()}
    names = [name for name in HANDOFFS.names if name != "extra"]
    return frame.with_columns(writer=writer, **lists).select(*names, "writer", *lists)


def _suspicions(runs: Frames) -> Iterator[dict[str, Any]]:
    for one in suspected(runs):
        entry, conflict = one.entry, one.conflict
        previous, current = conflict.previous.display_name, conflict.current.display_name
        yield {name: entry[name] for name in ("run_id", *_SESSION, "key", *_PLACE)} | {
            "kind": "suspected",
            "previous_writer": previous,
            "current_writer": current,
            "kept": current,
            "at": entry["updated_at"],
            "handed_over_at": one.handoff["written_at"],
            "because": (
                f"the handoff of {previous} names it among what it leaves, and {current} wrote it later; the folder "
                f"does not keep who wrote it before"
            ),
        }


def _refusals(runs: Frames) -> Iterator[dict[str, Any]]:
    """Refused writes, from the answers of failed tool calls."""
    record: Callable[[Row], Any] | None = getattr(runs, "record", None)
    if record is None:
        return
    failed = runs.frame("tool_calls").filter(ok=False).select("run_id", "call_id")
    messages = runs.frame("messages").rename({"tool_call_id": "call_id"})
    answers = messages.join(failed.unique(), on=["run_id", "call_id"], how="semi", maintain_order="left")
    for row in answers.iter_rows(named=True):
        try:
            answer = record(row)
        except HarnlabError:  # the file went away or changed: nothing can be proved from it
            continue
        for text in _texts(answer.get("content") if isinstance(answer, dict) else None):
            if said := _REFUSED.search(text):
                yield {name: row[name] for name in ("run_id", *_PLACE)} | {
                    "kind": "refused",
                    "key": said["key"],
                    "previous_writer": said["previous"],
                    "current_writer": said["current"],
                    "kept": said["previous"],
                    "at": row["timestamp"],
                    "message": said[0],
                    "because": "the tool call failed with the runtime's refusal, which comes before the write",
                }


def _summary(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys of objects left out."""
    pending = [value]
    while pending:
        one = pending.pop(0)
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, list):
            pending += one


def _looks_like_a_key(text: str) -> bool:
    """Whether a text is a relative path with a suffix and no blanks."""
    name = text.rpartition("/")[2]
    return (
        not any(letter.isspace() for letter in text)
        and "." in name[1:-1]
        and not text.startswith(("/", "http"))
    )


def _key(row: Row) -> tuple[Any, ...]:
    return row["root"], row["session_id"], row["key"]


def _place(row: Row) -> tuple[Any, ...]:
    return row["root"], row["session_id"], row["source_path"], row["source_line"]
