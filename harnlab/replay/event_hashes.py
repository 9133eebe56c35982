"""Events of a log held against the hashes they carry in their headers (FORMATS 2.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from harnlab.backends.event_log import PREVIOUS_HASH_HEADER, RECORD_HASH_HEADER, LoggedEvent, record_hash
from harnlab.errors import InvalidArgument
from harnlab.frames import SOURCE
from harnlab.ingest.event_log_sqlite import DATABASE_ERRORS, Changed, NoEventLog, batches, opened
from harnlab.ingest.fields import sound
from harnlab.ingest.sources import Source, SourceKind
from harnlab.runs import Runs

_MEMBERS: Final = ("topic", "event_id", "kind", "payload", "headers", "occurred_at_ms")
_COLUMNS: Final = {
    **{column.name: column.dtype for column in SOURCE},
    "topic": pl.String(),
    "event_id": pl.Int64(),
    "type": pl.String(),
    "recorded_hash": pl.String(),
    "replayed_hash": pl.String(),
    "verified": pl.Boolean(),
    "broken_field": pl.String(),
    "broken_because": pl.String(),
}
#: Recorded hash, hash decided again, field that does not hold, why.
Answer = tuple[str | None, str | None, str | None, str | None]


def events(runs: Any, /) -> pl.DataFrame:
    """Events of every log held against the hash each carries, and against the event before it in its topic.

    Parameters
    ----------
    runs : Runs
        The logs are read again: a frame does not hold what a hash is taken over.

    Returns
    -------
    polars.DataFrame
        A row an event that carries a hash: source columns, ``topic, event_id, type, recorded_hash, replayed_hash``
        (null where an event cannot be hashed), ``verified``, ``broken_field`` (``record_hash`` or ``prev_hash``) and
        ``broken_because``. The first event that a compacted topic still holds has nothing before it to be held
        against. Events without a hash (old logs, agent event logs, transcripts) have no row.

    Raises
    ------
    InvalidArgument
        For frames alone.
    """
    if not isinstance(runs, Runs):
        found = f"a {type(runs).__name__}"
        raise InvalidArgument(
            found, where="hl.trust.events", expected="what hl.load gives, for the logs are read"
        )
    told = runs.frame("events").filter(pl.col("topic").is_not_null(), pl.col("event_id").is_not_null())
    parts = [pl.DataFrame(schema=_COLUMNS)]
    for source in runs.sources:
        rows = told.filter(pl.col("source_path") == source.shown)
        if rows.height:
            parts.append(_held_against_hashes(source, rows))
    return pl.concat(parts)


def _held_against_hashes(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    ordered = rows.sort("source_line", "source_offset", maintain_order=True)
    answers = _answers_of_database(source) if source.kind is SourceKind.EVENT_LOG_SQLITE else None
    if answers is None:
        chain = _Chain()
        found = [chain.answer(event) for event in _in_file(source, ordered)]
        # gone since it was loaded: what is left has no answer
        found += [None] * (ordered.height - len(found))
    else:
        found = [answers.get(line) for line in ordered["source_line"]]
    columns = dict(
        zip(("recorded_hash", "replayed_hash", "broken_field", "broken_because"), range(4), strict=True)
    )
    told = ordered.with_columns(
        pl.Series(name, [answer and answer[number] for answer in found], dtype=pl.String)
        for name, number in columns.items()
    ).with_columns(verified=pl.col("broken_field").is_null())
    return told.filter(pl.Series([answer is not None for answer in found], dtype=pl.Boolean)).select(
        pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items()
    )


def _answers_of_database(source: Source) -> dict[int, Answer | None]:
    """Answer of each row of a database, as far as it can be read."""
    for still in (True, False):
        chain, answers = _Chain(), {}
        try:
            with opened(source.path, still=still) as database:
                for numbers, rows in batches(database):
                    for number, row in zip(numbers, rows, strict=True):
                        answers[number] = chain.answer(_of_row(row))
        except Changed:
            continue
        except (NoEventLog, *DATABASE_ERRORS):
            pass
        return answers
    return {}


def _of_row(row: tuple[Any, ...]) -> dict[str, Any] | None:
    values = dict(zip(_MEMBERS, row, strict=False))
    texts = {name: _text(values[name]) for name in ("topic", "kind")}
    return values | texts | {name: _json(values[name]) for name in ("payload", "headers")}


def _in_file(source: Source, rows: pl.DataFrame) -> Iterator[dict[str, Any] | None]:
    """Each event as it stands in a topic file or a receipt."""
    try:
        with source.path.open("rb") as file:
            for topic, offset, length in rows.select("topic", "source_offset", "length").iter_rows():
                file.seek(offset)
                written = _json(file.read(length))
                envelope = written.get("event") if isinstance(written, dict) else None
                if isinstance(envelope, dict) and "topic" not in written:
                    written = {**envelope, "topic": topic, "event_id": written.get("id")}
                yield written if isinstance(written, dict) else None
    except OSError:
        return


@dataclass(slots=True)
class _Chain:
    """The newest hash of each topic, on the way through a log."""

    newest: dict[Any, str | None] = field(default_factory=dict)

    def answer(self, event: dict[str, Any] | None) -> Answer | None:
        """Answer of the next event; ``None`` where it carries no hash."""
        if event is None:
            return None
        headers = event.get("headers")
        headers = headers if isinstance(headers, dict) else {}
        replayed = _replayed(event, headers)
        # a receipt has the two beside the headers
        recorded = event.get("record_hash") or headers.get(RECORD_HASH_HEADER)
        before = event.get("prev_hash") or headers.get(PREVIOUS_HASH_HEADER)
        topic = event.get("topic")
        first = topic not in self.newest
        expected = self.newest.get(topic)
        self.newest[topic] = recorded if isinstance(recorded, str) else replayed
        if recorded is None and before is None:
            return None
        told = sound(recorded) if isinstance(recorded, str) else None
        if recorded != replayed:
            because = f"expected {replayed or 'an event that can be hashed'}, found {_shown(recorded)}"
            return told, replayed, "record_hash", because
        if before != expected and not (first and event.get("event_id") != 1):
            because = f"expected {expected or 'none before the first event'}, found {_shown(before)}"
            return told, replayed, "prev_hash", because
        # one text for both: a large log has a million of them
        return told, told, None, None


def _replayed(event: dict[str, Any], headers: dict[str, Any]) -> str | None:
    try:
        members = {name: event[name] for name in _MEMBERS if name != "headers"}
        return record_hash(LoggedEvent(**members, headers=headers))
    except (KeyError, InvalidArgument, RecursionError):
        return None


def _shown(value: Any) -> str:
    return "none" if value is None else sound(value) if isinstance(value, str) else json.dumps(value)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _json(content: Any) -> Any:
    try:
        return json.loads(content)
    except (TypeError, ValueError, RecursionError):
        return None
