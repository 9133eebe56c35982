"""Transcripts (JSON Lines of events, FORMATS 1) to frames, window by window.

Reads many files at once: frames are built per window, not per file. Gives ``events`` and one frame per family;
requests, responses and errors are joined into ``calls`` afterwards (:mod:`harnlab.ingest.calls`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl

from harnlab.frames import EVENTS
from harnlab.ingest.families import FAMILIES
from harnlab.ingest.heads import HEAD_DTYPES, Heads, LineProblem, read_heads
from harnlab.ingest.records import (
    FrameParts,
    RecordReader,
    encoding_problems,
    instants,
    is_utf8,
    no_collection,
)
from harnlab.ingest.skill_evidence import in_window
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import Lines, Unreadable, Window, ahead, index_lines, windows, windows_of


def read_transcripts(sources: Sequence[Source]) -> dict[str, pl.DataFrame]:
    """Frames of transcript files, by event type.

    Parameters
    ----------
    sources : sequence of Source
        Files of JSON Lines; each may be damaged in any way.

    Returns
    -------
    dict of str to polars.DataFrame
        ``events`` and ``problems`` in their schemas; and under each family's event type a frame with the source
        columns, the family's columns and ``extra``. Names without rows are absent. For every file,
        ``lines == events + problems(torn, bad, blank)``.
    """
    return _read(sources, windows([source.path for source in sources]))


def read_stretch(
    source: Source, file: BinaryIO, *, offset: int, line: int, stop: int
) -> dict[str, pl.DataFrame]:
    """Frames of a stretch of one transcript: from where ``line`` starts to ``stop``, as if the file ended there.

    Raises
    ------
    OSError
        When the open file cannot be read.
    """
    return _read([source], windows_of(file, offset=offset, line=line, stop=stop))


def _read(sources: Sequence[Source], found_windows: Iterator[Window | Unreadable]) -> dict[str, pl.DataFrame]:
    parts = FrameParts()
    reader = RecordReader(sources, FAMILIES)
    with no_collection():
        for found in ahead(map(_indexed, found_windows)):
            if isinstance(found, Unreadable):
                parts.add("problems", reader.unreadable(found))
            else:
                parts.extend(_frames(reader, found))
    return parts.concat()


def transcript_frames(reader: RecordReader, window: Window) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every frame of one window of transcript lines."""
    return _frames(reader, _index(window))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Indexed:
    """A window, and what can be told of it without Python's lock: its lines, and whether all is UTF-8."""

    window: Window
    lines: Lines
    is_utf8: bool


def _indexed(found: Window | Unreadable) -> _Indexed | Unreadable:
    return found if isinstance(found, Unreadable) else _index(found)


def _index(window: Window) -> _Indexed:
    return _Indexed(window=window, lines=index_lines(window), is_utf8=is_utf8(window.buffer))


def _frames(reader: RecordReader, indexed: _Indexed) -> Iterator[tuple[str, pl.DataFrame]]:
    window, lines = indexed.window, indexed.lines
    heads = read_heads(window.buffer, lines)
    problems = heads.problems
    if not indexed.is_utf8:
        problems += encoding_problems(window, lines, heads.rows)
    rows_of = _by_type(heads)
    starts, ends = lines.starts.tolist(), lines.ends.tolist()
    records = {
        kind: [window.buffer[starts[row] : ends[row]] for row in rows] for kind, rows in rows_of.items()
    }
    for kind, rows in rows_of.items():
        problems += reader.duplicates(kind, records[kind], rows)
    yield "events", _events(reader, lines, heads, problems)
    for kind, rows in rows_of.items():
        if kind in reader.decoders:
            yield kind, reader.family(kind, records[kind], lines, rows, problems)
    yield from in_window(reader.sources, window, lines, heads.rows)
    yield "problems", reader.problems(lines, problems, window.oversized)


def _events(reader: RecordReader, lines: Lines, heads: Heads, problems: list[LineProblem]) -> pl.DataFrame:
    columns = reader.place(lines, np.asarray(heads.rows, dtype=np.int64))
    for name, dtype in HEAD_DTYPES.items():
        columns[name] = pl.Series(name, heads.columns[name], dtype=dtype)
    columns["timestamp"] = instants(columns["timestamp"], heads.rows, problems)
    return EVENTS.conform(pl.DataFrame(columns))


def _by_type(heads: Heads) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, kind in zip(heads.rows, heads.columns["type"], strict=True):
        rows.setdefault(kind or "", []).append(row)
    return rows
