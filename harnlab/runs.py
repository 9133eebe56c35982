"""``load`` and what it gives: the frames of some runs, and the way back from a row to its original record."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from operator import index
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from harnlab.cache.transcripts import transcript_reader
from harnlab.errors import InvalidArgument, MalformedRecord, UnknownName, UnreadablePath, no_frame_called
from harnlab.frames import SCHEMAS, schema
from harnlab.frames.when_asked import FramesWhenAsked
from harnlab.ingest.collect import collect
from harnlab.ingest.event_log_sqlite import NoEventLog, payload_at
from harnlab.ingest.heads import decode_leniently
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.state_folders import LARGEST_VALUE_BYTES, read_entry
from harnlab.ingest.transcripts import read_transcripts
from harnlab.lake.lake_frames import LakeFrames, the_lake
from harnlab.pandas_runs import PandasRuns, to_pandas
from harnlab.progress import file_progress
from harnlab.summary import summarise

if TYPE_CHECKING:
    import pandas as pd

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
#: A row of any frame, as a mapping or a one-row frame; ``"path:line"``; or ``(path, line)``.
Reference = Mapping[str, Any] | pl.DataFrame | str | tuple[str, int]


def load(
    paths: Paths,
    *,
    progress: bool | None = None,
    cache: bool | Literal["refresh"] = True,
    verify: Literal["edges", "full"] = "edges",
) -> Runs:
    """Read what the Harn runtime left on disk.

    Parameters
    ----------
    paths : path-like, or iterable of path-like
        A file, a glob pattern, or a folder (searched for every kind of file harnlab knows); or several of them. Or
        a lake that :func:`harnlab.convert` wrote: its frames are read when they are asked for.
    progress : bool, optional
        Whether to show a bar. By default in a terminal or notebook, not in CI and pipes.
    cache : bool or "refresh"
        Whether what was read of large transcripts is kept in the user's cache folder, and taken from there the next
        time; ``"refresh"`` reads them anew. The rows are the same either way.
    verify : {"edges", "full"}
        How a file is known not to have changed, besides by its size and time: by both ends, or by all its bytes.

    Returns
    -------
    Runs
        Every frame, joined when it is first asked for; what could not be read is in ``problems``.

    Raises
    ------
    UnreadablePath
        For a path that is missing, or where nothing harnlab knows was found.
    InvalidArgument
        For an argument that is none of these.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/cost-overrun")
    >>> runs.summary.height
    1
    """
    several = _listed(paths)
    transcripts = transcript_reader(cache, verify) or read_transcripts
    if lake := the_lake(several):
        return Runs(lake, lake.sources())
    with file_progress(progress) as report:
        collected = collect(several, progress=report, transcripts=transcripts)
    return Runs(collected.frames, collected.sources)


def _listed(paths: Any) -> list[str | os.PathLike[str]]:
    one = isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable)
    several = [paths] if one else list(paths)
    for path in several:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise InvalidArgument(
                repr(path), where="load", expected="a path, a glob pattern, or a list of them"
            )
    if not several:
        raise InvalidArgument("an empty list of paths", where="load", expected="at least one path")
    return several


class Runs:
    """Frames of some runs. Each of :mod:`harnlab.frames` is an attribute, as in ``runs.calls``.

    Parameters
    ----------
    frames : mapping of str to polars.DataFrame
        A frame for every schema.
    sources : iterable of Source
        Files the rows came from.
    """

    def __init__(self, frames: Mapping[str, pl.DataFrame], sources: Iterable[Source]) -> None:
        self._lake = frames if isinstance(frames, LakeFrames) else None
        self._frames = frames if isinstance(frames, FramesWhenAsked) else MappingProxyType(dict(frames))
        self._sources = {source.shown: source for source in sources}
        self._summary: pl.DataFrame | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Runs, (self._lake or dict(self._frames), self.sources)

    def frame(self, name: str) -> pl.DataFrame:
        """The frame called ``name``; :class:`~harnlab.errors.UnknownName` lists them all."""
        return self._frames[schema(name).name]

    def scan(self, name: str) -> pl.LazyFrame:
        """The frame called ``name``, lazily; of a lake, filters and selections are pushed down to its files."""
        return self._lake.scan(schema(name).name) if self._lake else self.frame(name).lazy()

    def in_parts(self) -> Iterator[Runs]:
        """The same runs a few at a time, so that memory need not hold them all; only a lake has several parts."""
        yield from (Runs(part, part.sources()) for part in self._lake.in_parts()) if self._lake else (self,)

    def __getattr__(self, name: str) -> pl.DataFrame:
        if name in SCHEMAS:
            return self._frames[name]
        raise no_frame_called(name, self, SCHEMAS)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *SCHEMAS})

    @property
    def sources(self) -> tuple[Source, ...]:
        """Files that were read."""
        return tuple(self._sources.values())

    @property
    def run_ids(self) -> list[str]:
        """Ids of the runs, in order."""
        ids: list[str] = self._frames["runs"]["run_id"].to_list()
        return ids

    @property
    def summary(self) -> pl.DataFrame:
        """One row per run: times, status, calls, tokens, cost, unpriced calls, steps, problems."""
        if self._summary is None:
            self._summary = self._lake.summary() if self._lake else summarise(self._frames)
        return self._summary

    def filter(self, *predicates: pl.Expr) -> Runs:
        """The runs whose row of ``summary`` meets every predicate, with all their rows.

        Raises
        ------
        UnknownName
            For a column that ``summary`` does not have.
        InvalidArgument
            For anything but a condition.

        Examples
        --------
        >>> import harnlab as hl, polars as pl
        >>> runs = hl.load("sample_transcripts/inherited-route")
        >>> runs.filter(pl.col("cost_usd") > 1000).run_ids
        []
        """
        try:
            kept = self.summary.filter(*predicates)
        except pl.exceptions.ColumnNotFoundError as error:
            raise UnknownName(
                str(error).partition(";")[0],
                where="runs.filter",
                expected=f"columns of the summary: {', '.join(self.summary.columns)}",
                hint="filter a frame itself, as in `runs.calls.filter(…)`",
            ) from None
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise InvalidArgument(
                str(error).partition("\n")[0],
                where="runs.filter",
                expected='a condition, such as `pl.col("cost_usd") > 1`',
            ) from None
        return self._only(kept["run_id"].to_list())

    def __getitem__(self, run_id: str) -> Runs:
        if run_id not in self.run_ids:
            more = f" and {len(self) - 12} more" if len(self) > 12 else ""
            known = ", ".join(self.run_ids[:12]) + more
            raise UnknownName(f"no run {run_id!r}", expected=f"one of {known}" if known else "no run at all")
        return self._only([run_id])

    def _only(self, run_ids: list[str]) -> Runs:
        if self._lake:
            return Runs(self._lake.only(run_ids), self.sources)
        kept = pl.col("run_id").is_in(run_ids)
        # what a step may spend is declared for a persona, not for a run
        frames = {
            name: frame if name == "step_definitions" else frame.filter(kept)
            for name, frame in self._frames.items()
        }
        return Runs(frames, self.sources)

    def __len__(self) -> int:
        return self._frames["runs"].height

    def __iter__(self) -> Iterator[str]:
        return iter(self.run_ids)

    def __repr__(self) -> str:
        height = self._lake.height if self._lake else lambda name: self._frames[name].height
        counts = [(name, height(name)) for name in ("calls", "dispatches", "steps", "problems")]
        told = ", ".join(f"{count:,} {name}" for name, count in counts)
        return f"Runs({len(self)} runs from {len(self._sources)} files: {told})"

    def to_pandas(self, name: str) -> pd.DataFrame:
        """The frame called ``name`` as pandas, with the same column names and nullable dtypes.

        Returns
        -------
        pandas.DataFrame
            Backed by Arrow, so that integers stay integers and null stays distinct from NaN.
        """
        return to_pandas(self.frame(name))

    @property
    def pandas(self) -> PandasRuns:
        """The same runs for pandas: its frames are pandas, and so is every answer to a question asked of it."""
        return PandasRuns(self)

    def record(self, reference: Reference) -> Any:
        """The original JSON of a row, read back from its file; of a row of a TOML manifest, its table.

        Of a row in a SQLite log it is the payload, of a key of durable state its content.

        Parameters
        ----------
        reference : mapping, one-row DataFrame, str or tuple
            A row of any frame (of Polars or pandas), ``"path:line"`` or ``(path, line)``.

        Returns
        -------
        object
            The decoded record; the text of a key of durable state that is no JSON.

        Raises
        ------
        UnknownName
            When the reference names no loaded file or line.
        MalformedRecord
            When the line is not JSON (nor the manifest TOML), or the file has changed since it was loaded.
        UnreadablePath
            When the file cannot be read any more, or is a value too large to read.
        """
        path, line, text = self._original(reference)
        toml = path in self._sources and path.lower().endswith(".toml")
        try:
            return _table(text) if toml else decode_leniently(text, lambda member, reason: None)
        except ValueError as error:
            if path not in self._sources:
                return text.decode("utf-8", "replace")
            raise MalformedRecord(
                f"not {'TOML' if toml else 'JSON'} ({error})",
                where=f"{path}:{line}",
                hint="`runs.text(…)` gives the bytes as text; load again if the file has changed",
            ) from None

    def text(self, reference: Reference) -> str:
        """The original text of a row's record, also of a line that is no JSON (bad bytes as U+FFFD)."""
        return self._original(reference)[2].decode("utf-8", "replace")

    def _original(self, reference: Reference) -> tuple[str, int, bytes]:
        path, line, offset, length = _place(reference)
        if self._lake:
            self._lake.ensure_unchanged(path)
        source = self._sources.get(path)
        if source is None:
            return path, line, _state_file(self._state_folder(path), path, offset or 0, length)
        if source.kind is SourceKind.EVENT_LOG_SQLITE:
            return path, line, _payload(source, line)
        if offset is None or length is None:
            offset, length = self._extent(path, line)
        try:
            with Path(source.path).open("rb") as file:
                file.seek(offset)
                return path, line, file.read(length)
        except OSError as error:
            raise UnreadablePath(f"cannot be read: {error.strerror}", where=path) from None

    def _state_folder(self, path: str) -> Source:
        folders = (source for source in self._sources.values() if source.kind is SourceKind.STATE_FOLDER)
        for source in folders:
            if path.startswith(f"{source.shown}/"):
                return source
        raise UnknownName(f"no file {path!r} was loaded", expected="a `source_path` of these runs")

    def _extent(self, path: str, line: int) -> tuple[int, int]:
        # what stands inside a document has a line of its own and no row of `events`
        for name in ("events", "problems", *SCHEMAS):
            here = (pl.col("source_path") == path) & (pl.col("source_line") == line)
            rows = self.scan(name).filter(here).select("source_offset", "length").collect()
            if rows.height and rows["source_offset"][0] is not None:
                return rows["source_offset"][0], rows["length"][0]
        raise UnknownName(
            f"no record starts on line {line}",
            where=path,
            hint="`runs.events` and `runs.problems` list every line that was read",
        )


def _place(reference: Any) -> tuple[str, int, int | None, int | None]:
    """Path, line, offset and length of what a reference names."""
    row = _row(reference)
    if row is not None:
        path = row.get("source_path")
        if not isinstance(path, str):
            raise InvalidArgument(
                "the row has no source_path", where="runs.record", expected="a row of one of the frames"
            )
        place = (_whole(row.get(name)) for name in ("source_line", "source_offset", "length"))
        line, offset, length = place
        return path, line or 1, offset, length
    if isinstance(reference, str):
        path, _, number = reference.rpartition(":")
        if path and number.isdecimal():
            return path, int(number), None, None
    elif isinstance(reference, tuple) and len(reference) == 2:
        path, line = reference[0], _whole(reference[1])
        if isinstance(path, str) and line is not None:
            return path, line, None, None
    raise InvalidArgument(
        repr(reference),
        where="runs.record",
        expected='"path:line", (path, line), a row or a one-row frame',
    )


def _row(reference: Any) -> Mapping[str, Any] | None:
    """Row as a mapping; also that of a pandas frame, a Series."""
    if isinstance(reference, Mapping):
        return reference
    if isinstance(reference, pl.DataFrame):
        if reference.height != 1:
            raise InvalidArgument(
                f"a frame of {reference.height} rows", where="runs.record", expected="one row"
            )
        return reference.row(0, named=True)
    as_mapping = getattr(reference, "to_dict", None)
    return as_mapping() if callable(as_mapping) else None


def _whole(value: Any) -> int | None:
    try:
        return index(value)
    except TypeError:
        return None


def _table(content: bytes) -> Any:
    """Table of a manifest; that of a step stands alone and is given as such."""
    table = tomllib.loads(content.decode("utf-8-sig", "replace"))
    personas = table.get("personas")
    steps = personas.get("steps") if isinstance(personas, dict) and len(table) == 1 else None
    return steps[0] if isinstance(steps, list) and len(steps) == 1 else table


def _payload(source: Source, row: int) -> bytes:
    try:
        payload = payload_at(source.path, row)
    except NoEventLog as error:
        raise UnreadablePath(str(error), where=source.shown) from None
    if payload is None:
        raise UnknownName(
            f"no row {row}", where=source.shown, hint="load again if the log has been compacted"
        )
    return payload


def _state_file(source: Source, path: str, offset: int, length: int | None) -> bytes:
    wanted = LARGEST_VALUE_BYTES + 1 if length is None else length
    try:
        content = read_entry(source, path, offset, min(wanted, LARGEST_VALUE_BYTES + 1))
    except OSError as error:
        raise UnreadablePath(f"cannot be read: {error.strerror or error}", where=path) from None
    if len(content) > LARGEST_VALUE_BYTES:
        raise UnreadablePath(
            f"a value of {max(len(content), wanted):,} bytes; the largest that is read is {LARGEST_VALUE_BYTES:,}",
            where=path,
            hint="open the file itself",
        )
    return content
