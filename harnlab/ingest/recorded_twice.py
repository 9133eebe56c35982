"""Transcript entries that stand both in a transcript file and in event logs: told once (FORMATS 0).

The runtime appends every entry to the topic ``agent.transcript.llm`` besides the file. Two entries are the same
when ``type``, ``call_id`` and ``timestamp`` agree; without a ``call_id``, when the whole entry does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from harnlab.frames import SOURCE
from harnlab.ingest.families import FAMILIES, Family
from harnlab.ingest.heads import decode_leniently
from harnlab.ingest.sources import Source

Frames = Mapping[str, pl.DataFrame]

_TIME_COLUMNS: Final = ("timestamp", "requested_at", "answered_at", "called_at", "finished_at")
_KEY: Final = ["call_id", "_at", "digest", "_nth"]


def entry_digest(content: bytes) -> str:
    """Digest of an entry that does not depend on the order of its members, or on spaces."""
    try:
        value = decode_leniently(content, lambda member, reason: None)
        content = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        pass
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def told_once(files: Frames, logs: Frames, sources: Sequence[Source]) -> dict[str, pl.DataFrame]:
    """Frames of transcript entries by event type, those of files first, each entry once.

    Parameters
    ----------
    files : mapping of str to polars.DataFrame
        What transcript files gave; every row is kept.
    logs : mapping of str to polars.DataFrame
        What event logs gave by event type, with ``topic`` and ``digest``. The n-th copy of an entry in a topic is
        left out where a file, or a log before it, has n.
    sources : sequence of Source
        The transcript files: entries without a ``call_id`` are compared by what stands in them.

    Returns
    -------
    dict of str to polars.DataFrame
        The frames of ``files``, with the rows that only logs have.
    """
    told = dict(files)
    paths = {source.shown: source.path for source in sources}
    for family in FAMILIES:
        log = logs.get(family.type)
        if log is None:
            continue
        columns = [*(column.name for column in SOURCE), *family.columns, "extra"]
        entries = _numbered(_timed(log, family))
        file = files.get(family.type)
        if file is not None:
            alike = _timed(file, family).join(entries, on=["call_id", "_at"], how="semi", nulls_equal=True)
            in_file = _numbered(_with_digests(alike, paths))
            entries = entries.join(in_file, on=_KEY, how="anti", nulls_equal=True, maintain_order="left")
        new = entries.unique(_KEY, keep="first", maintain_order=True).select(columns)
        told[family.type] = new if file is None else pl.concat([file.select(columns), new])
    return told


def _timed(entries: pl.DataFrame, family: Family) -> pl.DataFrame:
    """Entries with the time they were written, and a ``call_id`` even where the family has none."""
    time = next(name for name in _TIME_COLUMNS if name in family.columns)
    none = [] if "call_id" in entries.columns else [pl.lit(None, dtype=pl.String).alias("call_id")]
    return entries.with_columns(*none, _at=pl.col(time))


def _numbered(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries with their number among equal ones of the same file or topic."""
    within = ["source_path", *(["topic"] if "topic" in entries.columns else [])]
    return entries.with_columns(_nth=pl.int_range(pl.len()).over(*within, "call_id", "_at", "digest"))


def _with_digests(entries: pl.DataFrame, paths: Mapping[str, Path]) -> pl.DataFrame:
    """Entries of files with the digest of those that have no ``call_id``."""
    columns = entries.select("call_id", "source_path", "source_offset", "length")
    digests = [
        None if call_id is not None else _digest_at(paths[path], offset, length)
        for call_id, path, offset, length in columns.iter_rows()
    ]
    return entries.with_columns(digest=pl.Series(digests, dtype=pl.String))


def _digest_at(path: Path, offset: int, length: int) -> str | None:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return entry_digest(file.read(length))
    except OSError:
        return None
