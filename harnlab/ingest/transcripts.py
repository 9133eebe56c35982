"""Transcripts (JSON Lines of events, FORMATS 1) to frames, window by window.

Reads many files at once: frames are built per window, not per file. Gives ``events`` and one frame per family;
requests, responses and errors are joined into ``calls`` afterwards (:mod:`harnlab.ingest.calls`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from harnlab.frames import EVENTS, EXTRA, PROBLEMS, SOURCE, Instant
from harnlab.ingest.decode import FamilyDecoder, Values, column_values
from harnlab.ingest.duplicates import repeated_members
from harnlab.ingest.families import FAMILIES, Family
from harnlab.ingest.fields import instant, typed
from harnlab.ingest.heads import HEAD_DTYPES, Heads, LineProblem, read_heads
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import (
    LONGEST_LINE_BYTES,
    Lines,
    Longs,
    Oversized,
    Unreadable,
    Window,
    index_lines,
    windows,
)
from harnlab.vocabulary import ProblemKind

_EPOCH_MILLIS: Final = r"^\d{1,11}\.\d{3}$"


@dataclass(slots=True)
class TranscriptParts:
    """What windows gave so far: a list of frames per event type, and problems."""

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Keep a frame that has rows."""
        if frame.height:
            self.frames.setdefault(name, []).append(frame)

    def concat(self) -> dict[str, pl.DataFrame]:
        """One frame per name."""
        return {name: pl.concat(parts) for name, parts in self.frames.items()}


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
    parts = TranscriptParts()
    reader = _Reader(sources)
    with _no_collection():
        for window in windows([source.path for source in sources]):
            if isinstance(window, Unreadable):
                parts.add("problems", reader.unreadable(window))
            else:
                for name, frame in reader.frames(window):
                    parts.add(name, frame)
    return parts.concat()


@contextmanager
def _no_collection() -> Iterator[None]:
    # A window holds a million small objects and no cycles: collecting in between only costs.
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Reader:
    """Decoders and file names that stay the same from window to window."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._decoders = {family.type: FamilyDecoder(family) for family in FAMILIES}
        self._files = pl.DataFrame(
            {
                "file": pl.Series(range(len(sources)), dtype=pl.Int64),
                "run_id": pl.Series([source.run_id for source in sources], dtype=pl.String),
                "source_path": pl.Series([source.shown for source in sources], dtype=pl.String),
                "source_kind": pl.Series([source.kind.value for source in sources], dtype=pl.String),
            }
        )

    def frames(self, window: Window) -> Iterator[tuple[str, pl.DataFrame]]:
        """Every frame of one window."""
        lines = index_lines(window)
        heads = read_heads(window.buffer, lines)
        problems = [
            *heads.problems,
            *_encoding_problems(window, lines, heads),
            *_duplicates(window, lines, heads),
        ]
        rows = np.asarray(heads.rows, dtype=np.int64)
        yield "events", self._events(lines, heads, rows, problems)
        by_type: dict[str, list[int]] = {}
        for row, kind in zip(heads.rows, heads.columns["type"], strict=True):
            if kind in self._decoders:
                by_type.setdefault(kind, []).append(row)
        for kind, family_rows in by_type.items():
            yield kind, self._family(self._decoders[kind], window, lines, family_rows, problems)
        yield "problems", self._problems(lines, problems, window.oversized)

    def _place(self, lines: Lines, rows: Longs) -> dict[str, pl.Series]:
        """Source columns (and kind of file) of some rows of a window."""
        files = self._files[lines.files[rows]]
        return {
            "run_id": files["run_id"],
            "source_path": files["source_path"],
            "source_line": pl.Series(lines.numbers[rows], dtype=pl.UInt32),
            "source_offset": pl.Series(lines.offsets[rows], dtype=pl.Int64),
            "length": pl.Series((lines.ends - lines.starts)[rows], dtype=pl.Int64),
            "source_kind": files["source_kind"],
        }

    def _events(self, lines: Lines, heads: Heads, rows: Longs, problems: list[LineProblem]) -> pl.DataFrame:
        columns: dict[str, pl.Series] = self._place(lines, rows)
        for name, dtype in HEAD_DTYPES.items():
            values = pl.Series(name, heads.columns[name], dtype=dtype)
            columns[name] = values
        columns["timestamp"] = _instants(columns["timestamp"], heads.rows, problems)
        return EVENTS.conform(pl.DataFrame(columns))

    def _family(
        self,
        decoder: FamilyDecoder,
        window: Window,
        lines: Lines,
        rows: list[int],
        problems: list[LineProblem],
    ) -> pl.DataFrame:
        starts, ends = lines.starts.tolist(), lines.ends.tolist()
        records = [window.buffer[starts[row] : ends[row]] for row in rows]

        def note(number: int) -> Any:
            return lambda member, reason: problems.append(
                LineProblem(row=rows[number], kind=ProblemKind.DRIFT, field=member, reason=reason)
            )

        values = decoder.rows(records, note)
        place = self._place(lines, np.asarray(rows, dtype=np.int64))
        return _family_frame(decoder, values, {column.name: place[column.name] for column in SOURCE})

    def _problems(
        self, lines: Lines, problems: list[LineProblem], oversized: tuple[Oversized, ...]
    ) -> pl.DataFrame:
        # a member is read by its head and by its family: one report is enough
        first = {(problem.row, problem.kind, problem.field): problem for problem in reversed(problems)}
        found = sorted(first.values(), key=lambda problem: problem.row)
        rows = np.asarray([problem.row for problem in found], dtype=np.int64)
        frame = pl.DataFrame(
            {
                **self._place(lines, rows),
                "kind": pl.Series([problem.kind.value for problem in found], dtype=pl.String),
                "field": pl.Series([problem.field for problem in found], dtype=pl.String),
                "reason": pl.Series([problem.reason for problem in found], dtype=pl.String),
            }
        )
        return pl.concat([PROBLEMS.conform(frame), *map(self._too_long, oversized)])

    def _too_long(self, line: Oversized) -> pl.DataFrame:
        run_id, path = self._files.row(line.file)[1:3]
        row = {
            "run_id": run_id,
            "source_path": path,
            "source_line": line.line,
            "source_offset": line.offset,
            "length": line.length,
            "kind": ProblemKind.BAD.value,
            "reason": f"a line of {line.length:,} bytes; the longest that is read is {LONGEST_LINE_BYTES:,}",
        }
        return PROBLEMS.build([row])

    def unreadable(self, found: Unreadable) -> pl.DataFrame:
        """Problem row of a file that could not be read."""
        run_id, path = self._files.row(found.file)[1:3]
        row = {
            "run_id": run_id,
            "source_path": path,
            "kind": ProblemKind.UNREADABLE.value,
            "reason": f"cannot be read: {found.reason}",
        }
        return PROBLEMS.build([row])


def _family_frame(decoder: FamilyDecoder, rows: list[Values], place: dict[str, pl.Series]) -> pl.DataFrame:
    family = decoder.family
    width = len(decoder.columns)
    columns = list(zip(*(row[:width] for row in rows), strict=True))
    series = {
        name: _series(family, name, column_values(family.columns[name], values))
        for name, values in zip(decoder.columns, columns, strict=True)
    }
    plain = not decoder.learned and all(len(row) == width for row in rows)
    extras = [None] * len(rows) if plain else [decoder.extra(row) for row in rows]
    return pl.DataFrame({**place, **series, "extra": pl.Series(extras, dtype=EXTRA.dtype)})


def _series(family: Family, column: str, values: Sequence[Any]) -> pl.Series:
    dtype = family.dtype(column)
    if isinstance(dtype, pl.Datetime):
        return _instants(pl.Series(values, dtype=pl.String), [], [])
    if isinstance(dtype, pl.List):
        return _lists(values, dtype)
    return pl.Series(values, dtype=dtype)


def _lists(values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    # a fallback chain is one of a handful: building each once is many times faster than each row's
    numbers: dict[tuple[str, ...] | None, int] = {}
    rows = [numbers.setdefault(None if value is None else tuple(value), len(numbers)) for value in values]
    distinct = [None if value is None else list(value) for value in numbers]
    return pl.Series(distinct, dtype=dtype).gather(rows)


def _instants(texts: pl.Series, rows: Sequence[int], problems: list[LineProblem]) -> pl.Series:
    """UTC instants of timestamps; ``"1777629600.123"`` by column, anything else one by one."""
    usual = texts.str.contains(_EPOCH_MILLIS).fill_null(value=True)
    millis = pl.when(usual).then(pl.col("t").str.replace(".", "", literal=True).cast(pl.Int64, strict=False))
    parsed = texts.to_frame("t").select(millis.cast(pl.Datetime("ms", "UTC")).cast(Instant)).to_series()
    unusual = (~usual).arg_true().to_list()
    if not unusual:
        return parsed
    values = {}
    for index in unusual:
        values[index], oddity = instant(_unquoted(texts[index]))
        if oddity and rows:
            found = LineProblem(row=rows[index], kind=ProblemKind.DRIFT, field="timestamp", reason=oddity)
            problems.append(found)
    return parsed.scatter(list(values), pl.Series(list(values.values()), dtype=Instant))


def _unquoted(text: str) -> Any:
    # heads.py keeps a timestamp that is no text as its JSON; a bare number is read as epoch seconds
    number = typed(text, pl.Float64()).value
    return text if number is None or text.replace(".", "", 1).isdecimal() else number


def _encoding_problems(window: Window, lines: Lines, heads: Heads) -> Iterator[LineProblem]:
    """A report for every record that is not UTF-8 throughout."""
    content = np.frombuffer(window.buffer, dtype=np.uint8)
    if not (content & 0x80).any():
        return
    try:
        str(window.buffer, "utf-8")
    except UnicodeDecodeError:
        starts, ends = lines.starts.tolist(), lines.ends.tolist()
        for row in heads.rows:
            record = bytes(window.buffer[starts[row] : ends[row]])
            try:
                record.decode("utf-8")
            except UnicodeDecodeError as error:
                reason = f"byte 0x{record[error.start]:02x} at {error.start} is not UTF-8; kept as U+FFFD"
                yield LineProblem(row=row, kind=ProblemKind.DRIFT, reason=reason)


def _duplicates(window: Window, lines: Lines, heads: Heads) -> Iterator[LineProblem]:
    starts, ends = lines.starts.tolist(), lines.ends.tolist()
    for row in heads.rows:
        for member in repeated_members(window.buffer[starts[row] : ends[row]]):
            reason = f"member {member!r} is given more than once; the last value counts"
            yield LineProblem(row=row, kind=ProblemKind.DUPLICATE_KEY, field=member, reason=reason)
