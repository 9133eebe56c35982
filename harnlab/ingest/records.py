"""JSON records of a batch to frames: the place of each, typed columns a family, and what was odd about them.

Lines of a transcript and payloads of an event log come here alike; what differs is where they were found.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self

import numpy as np
import polars as pl

from harnlab.frames import EXTRA, PROBLEMS, SOURCE
from harnlab.frames.columns import null_column
from harnlab.ingest.decode import FamilyDecoder, column, plain_column
from harnlab.ingest.duplicates import DuplicateFinder, repeated_members
from harnlab.ingest.families import Family, no_family
from harnlab.ingest.heads import HEAD_DTYPES, LineProblem
from harnlab.ingest.instants import instants
from harnlab.ingest.plain_records import PlainDecoder, PlainRecords
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import LONGEST_LINE_BYTES, Lines, Longs, Oversized, Unreadable, Window
from harnlab.vocabulary import ProblemKind

#: Types of which plain records are read at once, families among them; beyond it one by one.
MOST_TYPES: Final = 64
_UTF8_STRETCH: Final = 1 << 20
_SOURCE: Final = [column.name for column in SOURCE]

FrameMaker = Callable[[], pl.DataFrame]


@dataclass(slots=True)
class FrameParts:
    """What batches gave so far: a list of frames per name."""

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Keep a frame that has rows."""
        if frame.height:
            # a column of one repeated value would stay one chunk, and Polars copies a frame of uneven chunks whole
            even = pl.DataFrame(frame.get_columns())
            self.frames.setdefault(name, []).append(even)

    def extend(self, named: Iterable[tuple[str, pl.DataFrame]]) -> None:
        """Keep the frames that have rows."""
        for name, frame in named:
            self.add(name, frame)

    def concat(self) -> dict[str, pl.DataFrame]:
        """One frame per name; the parts are let go, for a large log is not held twice."""
        return {name: pl.concat(self.frames.pop(name)) for name in list(self.frames)}


@contextmanager
def no_collection() -> Iterator[None]:
    """Leave cyclic garbage alone: a batch holds a million small objects and no cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Plain records of one type: their rows in the batch, the members of their heads, and their family's frame.

    The frame, where there is a family, is made by a call: their values are held until then, and nothing more is
    found odd.
    """

    rows: list[int]
    heads: dict[str, pl.Series]
    frame: pl.DataFrame | FrameMaker | None
    problems: list[LineProblem]


@dataclass(frozen=True, slots=True)
class FamilyColumns:
    """Typed columns of some records of a family, each made when it is first asked for; times are there at once."""

    family: Family
    values: Mapping[str, Sequence[Any]]
    extras: list[str | None] | None
    made: dict[str, pl.Series]

    @classmethod
    def of(
        cls,
        family: Family,
        values: Mapping[str, Sequence[Any]],
        extras: list[str | None] | None,
        rows: Sequence[int],
        problems: list[LineProblem],
    ) -> Self:
        """Columns of values; odd times are reported for ``rows``, if any."""
        times = {
            name: instants(values[name], rows, problems, member=reading.path)
            for name, reading in family.columns.items()
            if isinstance(family.dtype(name), pl.Datetime)
        }
        return cls(family, values, extras, times)

    def __getitem__(self, name: str) -> pl.Series:
        if name not in self.made:
            self.made[name] = column(self.family.columns[name], self.family.dtype(name), self.values[name])
        return self.made[name]

    def all(self) -> dict[str, pl.Series]:
        """Every column of the family, and ``extra``."""
        series = {name: self[name] for name in self.family.columns}
        count = len(next(iter(series.values())))
        dtype = EXTRA.dtype
        extra = null_column(dtype, count) if self.extras is None else pl.Series(self.extras, dtype=dtype)
        return {**series, EXTRA.name: extra}


class RecordReader:
    """Decoders and file names that stay the same from batch to batch.

    Parameters
    ----------
    sources : sequence of Source
        What the ``files`` of a batch's lines count.
    families : iterable of Family
        Families that get typed columns.
    """

    def __init__(self, sources: Sequence[Source], families: Iterable[Family]) -> None:
        self.sources = sources
        self.decoders = {family.type: FamilyDecoder(family) for family in families}
        self._finders: dict[str, DuplicateFinder] = {}
        self._plain_decoders: dict[str, PlainDecoder] = {}
        # gathered one by one: as a frame they would be gathered by Polars' threads, which have to be woken for it
        self._files = (
            pl.Series([source.run_id for source in sources], dtype=pl.String),
            pl.Series([source.shown for source in sources], dtype=pl.String),
            pl.Series([source.kind.value for source in sources], dtype=pl.String),
        )

    def place(self, lines: Lines, rows: Longs) -> dict[str, pl.Series]:
        """Source columns (and kind of file) of some rows of a batch; an offset below 0 is none."""
        files = lines.files[rows]
        if len(files) and (files == files[0]).all():
            run_ids, paths, kinds = (c.new_from_index(int(files[0]), len(files)) for c in self._files)
        else:
            several = pl.Series(files, dtype=pl.UInt32)
            run_ids, paths, kinds = (column.gather(several) for column in self._files)
        offsets, lengths = lines.offsets[rows], (lines.ends - lines.starts)[rows]
        places = {
            "run_id": run_ids,
            "source_path": paths,
            "source_line": pl.Series(lines.numbers[rows], dtype=pl.UInt32),
            "source_offset": pl.Series(offsets, dtype=pl.Int64),
            "length": pl.Series(lengths, dtype=pl.Int64),
            "source_kind": kinds,
        }
        if (offsets < 0).any():
            nowhere = pl.Series(offsets < 0, dtype=pl.Boolean)
            for name in ("source_offset", "length"):
                places[name] = places[name].set(nowhere, None)
        return places

    def family(
        self,
        kind: str,
        records: Sequence[bytes | memoryview],
        lines: Lines,
        rows: Sequence[int],
        problems: list[LineProblem],
        *,
        times_seen: bool = True,
    ) -> pl.DataFrame:
        """Frame of one family's records: source columns, the family's columns, ``extra``.

        ``times_seen`` says that an odd time has been reported by who read the heads.
        """
        decoder = self.decoders[kind]

        def note(number: int) -> Any:
            return lambda member, reason: problems.append(
                LineProblem(row=rows[number], kind=ProblemKind.DRIFT, field=member, reason=reason)
            )

        values = decoder.rows(records, note)
        width = len(decoder.columns)
        plain = not decoder.learned and all(len(row) == width for row in values)
        extras = None if plain else [decoder.extra(row) for row in values]
        columns = zip(*(values if plain else (row[:width] for row in values)), strict=True)
        named = dict(zip(decoder.columns, columns, strict=True))
        told = FamilyColumns.of(decoder.family, named, extras, [] if times_seen else rows, problems)
        return self._placed(lines, rows, told)

    def plain_decoder(self, kind: str) -> PlainDecoder | None:
        """Decoder of the plain records of one type; ``None`` for a type too many that is no family."""
        if kind not in self._plain_decoders:
            if kind in self.decoders:
                self._plain_decoders[kind] = PlainDecoder(self.decoders[kind].family)
            elif kind and len(self._plain_decoders) < MOST_TYPES:
                self._plain_decoders[kind] = PlainDecoder(no_family(kind), extras=False)
        return self._plain_decoders.get(kind)

    def plain(
        self, kind: str, records: Sequence[bytes | memoryview], lines: Lines, rows: Sequence[int]
    ) -> Plain | None:
        """What those records are that are plain; ``None`` where there are none."""
        decoder = self.plain_decoder(kind)
        found = decoder.read(records, rows) if decoder else None
        if decoder is None or found is None:
            return None
        problems = list[LineProblem]()
        told = FamilyColumns.of(decoder.family, found.columns, found.extras, found.rows, problems)
        heads = _heads(kind, found, told)
        if kind not in self.decoders:
            return Plain(rows=found.rows, heads=heads, frame=None, problems=problems)
        frame = partial(self._placed, lines, found.rows, told)
        return Plain(rows=found.rows, heads=heads, frame=frame, problems=problems)

    def _placed(self, lines: Lines, rows: Sequence[int], told: FamilyColumns) -> pl.DataFrame:
        place = self.place(lines, np.asarray(rows, dtype=np.int64))
        return pl.DataFrame({**{name: place[name] for name in _SOURCE}, **told.all()})

    def duplicates(
        self, kind: str, records: Iterable[bytes | memoryview], rows: Sequence[int]
    ) -> Iterator[LineProblem]:
        """A report for every member that a record, of a family or not, gives more than once."""
        kind = kind if kind in self.decoders else ""
        if kind not in self._finders:
            self._finders[kind] = DuplicateFinder(self.decoders[kind].family if kind else None)
        for number, member in self._finders[kind].find(records):
            yield _given_again(rows[number], member)

    def problems(
        self, lines: Lines, problems: list[LineProblem], oversized: Iterable[Oversized] = ()
    ) -> pl.DataFrame:
        """Rows of ``problems``, in order of place."""
        # a member is read by its head and by its family: one report is enough
        first = {(problem.row, problem.kind, problem.field): problem for problem in reversed(problems)}
        found = sorted(first.values(), key=lambda problem: problem.row)
        rows = np.asarray([problem.row for problem in found], dtype=np.int64)
        frame = pl.DataFrame(
            {
                **self.place(lines, rows),
                "kind": pl.Series([problem.kind.value for problem in found], dtype=pl.String),
                "field": pl.Series([problem.field for problem in found], dtype=pl.String),
                "reason": pl.Series([problem.reason for problem in found], dtype=pl.String),
            }
        )
        return pl.concat([PROBLEMS.conform(frame), *map(self._too_long, oversized)])

    def _too_long(self, line: Oversized) -> pl.DataFrame:
        reason = f"a line of {line.length:,} bytes; the longest that is read is {LONGEST_LINE_BYTES:,}"
        place = {"source_line": line.line, "source_offset": line.offset, "length": line.length}
        return self.problem(line.file, ProblemKind.BAD, reason, **place)

    def unreadable(self, found: Unreadable) -> pl.DataFrame:
        """Problem row of a file that could not be read."""
        return self.problem(found.file, ProblemKind.UNREADABLE, f"cannot be read: {found.reason}")

    def problem(self, file: int, kind: ProblemKind, reason: str, **place: int | None) -> pl.DataFrame:
        """One problem row of a file."""
        source = self.sources[file]
        row = {
            "run_id": source.run_id,
            "source_path": source.shown,
            "kind": kind.value,
            "reason": reason,
            **place,
        }
        return PROBLEMS.build([row])


def _heads(kind: str, found: PlainRecords, told: FamilyColumns) -> dict[str, pl.Series]:
    """Columns of the members of a head, each as the family has it or else as it was read."""
    count = len(found.rows)
    column_of = {reading.path: name for name, reading in told.family.columns.items()}
    heads = {}
    for name, dtype in HEAD_DTYPES.items():
        if name == "type":
            heads[name] = pl.Series([kind], dtype=dtype).new_from_index(0, count)
        elif name in column_of:
            heads[name] = told[column_of[name]]
        elif name in found.heads:
            heads[name] = plain_column(dtype, found.heads[name])
        else:
            heads[name] = null_column(dtype, count)
    return heads


def encoding_problems(window: Window, lines: Lines, rows: Iterable[int]) -> Iterator[LineProblem]:
    """A report for every record of a window that is not UTF-8 throughout."""
    if not is_utf8(window.buffer):
        starts, ends = lines.starts.tolist(), lines.ends.tolist()
        for row in rows:
            yield from encoding_problem(row, bytes(window.buffer[starts[row] : ends[row]]))


def is_utf8(content: memoryview) -> bool:
    """Whether a window is UTF-8 throughout."""
    start, size = 0, len(content)
    while start < size:
        stop = min(start + _UTF8_STRETCH, size)
        # a stretch at a time needs no memory to speak of; none ends within a character
        while stop < size and content[stop] & 0xC0 == 0x80 and stop > start + _UTF8_STRETCH - 4:
            stop -= 1
        # Polars checks in a third of the time in which Python makes a text of it
        stretch = pl.Series([bytes(content[start:stop])], dtype=pl.Binary)
        try:
            if stretch.cast(pl.String).null_count():
                return False
        except pl.exceptions.ComputeError:
            return False
        start = stop
    return True


def encoding_problem(row: int, record: bytes) -> Iterator[LineProblem]:
    """A report for a record that is not UTF-8 throughout."""
    try:
        record.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"byte 0x{record[error.start]:02x} at {error.start} is not UTF-8; kept as U+FFFD"
        yield LineProblem(row=row, kind=ProblemKind.DRIFT, reason=reason)


def duplicate_problems(
    row: int, record: bytes | memoryview, *, every_level: bool = False
) -> Iterator[LineProblem]:
    """A report for every member that a record gives more than once."""
    for member in repeated_members(record, every_level=every_level):
        yield _given_again(row, member)


def _given_again(row: int, member: str) -> LineProblem:
    reason = f"member {member!r} is given more than once; the last value counts"
    return LineProblem(row=row, kind=ProblemKind.DUPLICATE_KEY, field=member, reason=reason)
