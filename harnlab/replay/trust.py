"""Trust records decided again: does the hash chain of each log hold, and how far might each agent act (FORMATS 3.4).

A record is hashed over ``payload``, so a frame is all that is needed; the hashes that every event of a log carries
(:func:`events`) need the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import polars as pl

from harnlab.core.trust import ChainReport, entry_hash, tier_changes, verify_chain
from harnlab.errors import InvalidArgument
from harnlab.frames import TRUST_RECORDS, Instant
from harnlab.ingest.fields import instant, sound
from harnlab.ingest.trust import log_of
from harnlab.questions import of_frames, question
from harnlab.replay.event_hashes import events
from harnlab.replay.inputs import Frames
from harnlab.vocabulary import AutonomyTier

__all__ = ["chains", "events", "tiers", "verified"]

#: Global topics, the newer name first; a tenant's log may hold its copies only.
_GLOBAL: Final = {
    topic: re.compile(rf"(?:tenant\.[^.]+\.)?{re.escape(topic)}") for topic in ("trust_graph", "trust.graph")
}

Row = dict[str, Any]


@of_frames
def verified(trust_records: pl.DataFrame) -> pl.DataFrame:
    """Trust records with what verification found.

    Parameters
    ----------
    trust_records : polars.DataFrame
        The frame of that name, of any number of logs.

    Returns
    -------
    polars.DataFrame
        The same rows with ``verified``, ``broken_field`` (``chain_index``, ``previous_hash``, ``entry_hash`` or
        ``payload``) and ``broken_because``. Each log has a chain of its own: the records of ``trust_graph``, else of
        ``trust.graph``, else all. A record outside of it is held against its hash alone. Where a sound copy of a
        changed record stands in another topic, ``broken_because`` names the members that differ.
    """
    numbered = trust_records.with_row_index("_row").with_columns(_log=log_of())
    found: dict[int, tuple[str, str]] = {}
    for _, records in numbered.group_by("_log", maintain_order=True):
        found |= _broken(_in_chain_order(records).to_dicts())
    rows = range(numbered.height)
    checked = numbered.with_columns(
        verified=pl.Series([row not in found for row in rows], dtype=pl.Boolean),
        broken_field=pl.Series([found.get(row, (None, None))[0] for row in rows], dtype=pl.String),
        broken_because=pl.Series([found.get(row, (None, None))[1] for row in rows], dtype=pl.String),
    )
    return TRUST_RECORDS.conform(checked)


@question
def chains(frames: Frames) -> pl.DataFrame:
    """The chain of each log: does it hold, and where does it break.

    Returns
    -------
    polars.DataFrame
        A row a log: ``log, topic, total, verified, root_hash, broken_at_event_id, broken`` (records named),
        ``errors`` in the runtime's words. Where a log has no event ids (a chain export), records are counted.
    """
    records = frames.frame("trust_records").with_columns(_log=log_of())
    logged = (
        frames.frame("events")
        .select("source_path", "source_line", "event_id")
        .unique(["source_path", "source_line"], keep="first")
    )
    records = records.join(logged, on=["source_path", "source_line"], how="left", maintain_order="left")
    rows = []
    for (log,), of_log in records.group_by("_log", maintain_order=True):
        chain, topic = _chain(_in_chain_order(of_log).to_dicts())
        numbered = ((row["event_id"] or position, _payload(row)) for position, row in enumerate(chain, 1))
        rows.append({"log": log, **_summary(verify_chain(numbered, topic=topic))})
    return pl.DataFrame(rows, schema=_CHAINS)


_CHAINS: Final = {
    "log": pl.String(),
    "topic": pl.String(),
    "total": pl.Int64(),
    "verified": pl.Boolean(),
    "root_hash": pl.String(),
    "broken_at_event_id": pl.Int64(),
    "broken": pl.List(pl.String()),
    "errors": pl.List(pl.String()),
}


def _summary(report: ChainReport) -> Row:
    broken = [f"{link.record_id or link.position}: {link.field}" for link in report.broken]
    told = report.to_json() | {"broken": broken}
    lists = {name: [sound(text) for text in told[name]] for name in ("broken", "errors")}
    return told | lists | {"root_hash": sound(report.root_hash) if report.root_hash is not None else None}


@question
def tiers(frames: Frames, *, default: str = AutonomyTier.ACT_AUTO.value) -> pl.DataFrame:
    """How far each agent might act on its own, and since when.

    Parameters
    ----------
    frames : Frames
        Runs, or anything that gives frames by name.
    default : str
        Tier before the first change.

    Returns
    -------
    polars.DataFrame
        A row for each stretch of each agent in each log: ``log, agent, since, until, tier, action, record_id``. The
        first stretch has no ``since``, the last no ``until``; only successful promotions and demotions change a tier.
    """
    records = frames.frame("trust_records").with_columns(_log=log_of())
    rows: list[Row] = []
    for (log,), of_log in records.group_by("_log", maintain_order=True):
        payloads = [_payload(row) for row in of_log.to_dicts()]
        for agent in of_log["agent"].drop_nulls().unique(maintain_order=True):
            rows += [
                {"log": log, "agent": agent} | stretch for stretch in _stretches(payloads, agent, default)
            ]
    return pl.DataFrame(rows, schema=_TIERS)


_TIERS: Final = {
    "log": pl.String(),
    "agent": pl.String(),
    "since": Instant,
    "until": Instant,
    "tier": pl.String(),
    "action": pl.String(),
    "record_id": pl.String(),
}


def _stretches(payloads: list[Any], agent: str, default: str) -> Iterator[Row]:
    stretch: Row = {"since": None, "tier": default, "action": None, "record_id": None}
    for change in tier_changes(payloads, agent):
        at = instant(change.timestamp).value
        record_id = sound(change.record_id) if isinstance(change.record_id, str) else None
        yield stretch | {"until": at}
        stretch = {"since": at, "tier": change.tier, "action": change.action, "record_id": record_id}
    yield stretch | {"until": None}


def _in_chain_order(records: pl.DataFrame) -> pl.DataFrame:
    # event order: a line of a topic file, a row of a database, a place in a document
    return records.sort("source_line", "source_offset", maintain_order=True)


def _chain(records: list[Row]) -> tuple[list[Row], str]:
    """Records of a log's chain, and the topic it stands in."""
    for topic, pattern in _GLOBAL.items():
        found = [row for row in records if any(pattern.fullmatch(one) for one in row["topics"] or ())]
        if found:
            return found, topic
    return records, "trust_graph"


def _broken(records: list[Row]) -> dict[int, tuple[str, str]]:
    """Field and reason of every record of a log that does not hold, by row."""
    chain, topic = _chain(records)
    report = verify_chain(((row["_row"], _payload(row)) for row in chain), topic=topic)
    found: dict[int, list[tuple[str, str]]] = {}
    for link in report.broken:
        found.setdefault(link.event_id, []).append((link.field, _expected(link.expected, link.found)))
    in_chain = {row["_row"] for row in chain}
    for row in records:
        if row["_row"] not in in_chain and (problem := _wrong_hash(row)):
            found[row["_row"]] = [problem]
    by_row = {row["_row"]: row for row in records}
    return {number: _told(by_row[number], broken, records, found) for number, broken in found.items()}


def _told(
    row: Row, broken: list[tuple[str, str]], records: list[Row], found: dict[int, Any]
) -> tuple[str, str]:
    because = "; ".join(f"{field}: {reason}" for field, reason in broken)
    copies = [
        other for other in records if other["_row"] not in found and other["record_id"] == row["record_id"]
    ]
    if copies and row["record_id"] is not None:
        differing = ", ".join(_differing(_payload(row), _payload(copies[0])))
        where = ", ".join(copies[0]["topics"] or [copies[0]["source_path"]])
        because += f"; not as in the copy in {where}: {sound(differing)}"
    return broken[0][0], because


def _wrong_hash(row: Row) -> tuple[str, str] | None:
    payload = _payload(row)
    if not isinstance(payload, dict):
        return "payload", _expected("an object", type(payload).__name__)
    try:
        expected = entry_hash(payload)
    except (InvalidArgument, RecursionError):
        expected = "a record that can be hashed"
    stored = payload.get("entry_hash", "")
    return None if stored == expected else ("entry_hash", _expected(expected, stored))


def _differing(one: Any, other: Any) -> Iterable[str]:
    missing = object()
    names = [*one, *(name for name in other if name not in one)]
    return (name for name in names if one.get(name, missing) != other.get(name, missing))


def _expected(expected: Any, found: Any) -> str:
    return f"expected {json.dumps(expected, default=str)}, found {json.dumps(found, default=str)}"


def _payload(row: Row) -> Any:
    try:
        return json.loads(row["payload"])
    except (TypeError, ValueError, RecursionError):
        return None
