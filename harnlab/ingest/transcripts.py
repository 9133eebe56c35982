"""Transcripts (JSON Lines of events, FORMATS 1) to frames, window by window.

Reads many files at once: frames are built per window, not per file. Gives ``events`` and one frame per family;
requests, responses and errors are joined into ``calls`` afterwards (:mod:`harnlab.ingest.calls`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader

import numpy as np
import polars as pl

from harnlab.frames import EVENTS
from harnlab.frames.when_asked import FramesByMaker
from harnlab.ingest.families import FAMILIES
from harnlab.ingest.heads import HEAD_DTYPES, Heads, LineProblem, read_heads
from harnlab.ingest.instants import instants
from harnlab.ingest.plain_records import rows_by_guess
from harnlab.ingest.records import (
    FrameMaker,
    FrameParts,
    Plain,
    RecordReader,
    encoding_problems,
    is_utf8,
    no_collection,
)
from harnlab.ingest.skill_evidence import in_window
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import (
    WINDOW_BYTES,
    Lines,
    Unreadable,
    Window,
    ahead,
    index_lines,
    windows,
    windows_of,
)


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
    return _read(sources, ahead(map(_indexed, windows([source.path for source in sources]))))


def read_stretch(
    source: Source, file: BufferedReader, *, offset: int, line: int, stop: int
) -> Mapping[str, pl.DataFrame]:
    """Frames of a stretch of one transcript: from where ``line`` starts to ``stop``, as if the file ended there.

    All of it is read and every problem found; the families' frames of a short stretch are made when asked for.

    Raises
    ------
    OSError
        When the open file cannot be read.
    """
    found = map(_index, windows_of(file, offset=offset, line=line, stop=stop))
    if stop - offset >= WINDOW_BYTES:
        return _read([source], ahead(found))
    # one window has nothing behind it that could be read meanwhile, and its values may be held
    return _read_later([source], found)


def _read(sources: Sequence[Source], indexed: Iterator[_Indexed | Unreadable]) -> dict[str, pl.DataFrame]:
    parts = FrameParts()
    reader = RecordReader(sources, FAMILIES)
    with no_collection():
        for found in indexed:
            if isinstance(found, Unreadable):
                parts.add("problems", reader.unreadable(found))
            else:
                parts.extend(_made_frames(reader, found))
            # its buffer is filled again
            del found
    return parts.concat()


def _read_later(sources: Sequence[Source], indexed: Iterator[_Indexed]) -> FramesByMaker:
    parts: dict[str, list[FrameMaker]] = {}
    reader = RecordReader(sources, FAMILIES)
    with no_collection():
        for found in indexed:
            for name, frame in _frames(reader, found, made=False):
                if not isinstance(frame, pl.DataFrame):
                    parts.setdefault(name, []).append(frame)
                elif frame.height:
                    parts.setdefault(name, []).append(partial(pl.DataFrame, frame))
    return FramesByMaker({name: partial(_together, makers) for name, makers in parts.items()})


def _together(makers: Iterable[FrameMaker], _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([make() for make in makers])


def transcript_frames(reader: RecordReader, window: Window) -> dict[str, pl.DataFrame]:
    """Every frame of one window of transcript lines."""
    return dict(_made_frames(reader, _index(window)))


def _made_frames(reader: RecordReader, found: _Indexed) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every frame of a window, made at once: values as Python has them take several times the memory of columns."""
    for name, frame in _frames(reader, found, made=True):
        yield name, _made(frame)


def _made(frame: pl.DataFrame | FrameMaker) -> pl.DataFrame:
    return frame if isinstance(frame, pl.DataFrame) else frame()


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


def _frames(
    reader: RecordReader, indexed: _Indexed, *, made: bool
) -> Iterator[tuple[str, pl.DataFrame | FrameMaker]]:
    """Plain records of known types are read at once; all others by head, duplicates and family, one by one.

    Frames of plain records are ``made``, or to be made.
    """
    window, lines = indexed.window, indexed.lines
    plain, others = _plain(reader, window, lines, made=made)
    heads = read_heads(window.buffer, lines, others)
    problems = heads.problems
    for found in plain.values():
        problems += found.problems
    rows = [*(row for found in plain.values() for row in found.rows), *heads.rows]
    if not indexed.is_utf8:
        problems += encoding_problems(window, lines, rows)
    rows_of = _by_type(heads)
    records = {kind: _records(window, lines, of_kind) for kind, of_kind in rows_of.items()}
    for kind, of_kind in rows_of.items():
        problems += reader.duplicates(kind, records[kind], of_kind)
    yield "events", _events(reader, lines, plain.values(), heads, problems)
    for kind, found in plain.items():
        if found.frame is not None and kind not in rows_of:
            yield kind, found.frame
    for kind, of_kind in rows_of.items():
        if kind in reader.decoders:
            frame = reader.family(kind, records[kind], lines, of_kind, problems)
            known = plain[kind].frame if kind in plain else None
            if known is not None:
                frame = _by_row([_made(known), frame], [plain[kind].rows, of_kind])
            yield kind, frame
    yield from in_window(reader.sources, window, lines, rows)
    yield "problems", reader.problems(lines, problems, window.oversized)


def _plain(
    reader: RecordReader, window: Window, lines: Lines, *, made: bool
) -> tuple[dict[str, Plain], list[int]]:
    """The plain records of a window by type, and the rows of all other lines."""
    found: dict[str, Plain] = {}
    others: list[int] = []
    for guess, rows in rows_by_guess(window, lines).items():
        kind = guess.decode("ascii", "replace")
        plain = reader.plain(kind, _records(window, lines, rows), lines, rows)
        if plain is None:
            others += rows
            continue
        if made and plain.frame is not None:
            plain = replace(plain, frame=_made(plain.frame))
        found[kind] = plain
        if len(plain.rows) < len(rows):
            others += sorted(set(rows).difference(plain.rows))
    return found, sorted(others)


def _records(window: Window, lines: Lines, rows: Sequence[int]) -> list[memoryview]:
    buffer = window.buffer
    starts, ends = lines.starts[rows].tolist(), lines.ends[rows].tolist()
    return [buffer[start:end] for start, end in zip(starts, ends, strict=True)]


def _events(
    reader: RecordReader, lines: Lines, plain: Iterable[Plain], heads: Heads, problems: list[LineProblem]
) -> pl.DataFrame:
    others = {
        name: instants(values, heads.rows, problems)
        if name == "timestamp"
        else pl.Series(name, values, dtype=HEAD_DTYPES[name])
        for name, values in heads.columns.items()
    }
    parts = [*(found.heads for found in plain), others]
    rows = np.concatenate([*(found.rows for found in plain), np.asarray(heads.rows, dtype=np.int64)])
    columns = {name: pl.concat([part[name] for part in parts]) for name in HEAD_DTYPES}
    ordered = pl.DataFrame(columns)[np.argsort(rows)]
    return EVENTS.conform(pl.DataFrame({**reader.place(lines, np.sort(rows)), **ordered.to_dict()}))


def _by_row(parts: Sequence[pl.DataFrame], rows: Sequence[Sequence[int]]) -> pl.DataFrame:
    """The rows of some frames together, in the order of the window."""
    order = np.argsort(np.concatenate([np.asarray(part, dtype=np.int64) for part in rows]))
    return pl.concat(parts)[order]


def _by_type(heads: Heads) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, kind in zip(heads.rows, heads.columns["type"], strict=True):
        rows.setdefault(kind or "", []).append(row)
    return rows
