"""``convert``: files to a lake; what is there already, and has not changed, is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.ingest.discover import discover
from harnlab.ingest.sources import Source
from harnlab.lake import plan
from harnlab.lake.crossing import crossing_ties
from harnlab.lake.executors import done_in_turn
from harnlab.lake.layout import (
    MANIFEST,
    SOURCES,
    Manifest,
    PartCount,
    drop_others,
    is_of_newer_version,
    lake_folder,
    locked,
    read_manifest,
    table_file,
    write_manifest,
)
from harnlab.lake.parts import PartJob, StatedSource, count_part, not_written, write_part
from harnlab.lake.plan import Ties
from harnlab.lake.source_states import state_of
from harnlab.plurals import counted
from harnlab.progress import file_progress

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
_Report = Callable[[int, int], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion did.

    ``parts`` are all parts of the lake, ``written`` the names of those written now; the others were there already.
    """

    lake: Path
    parts: tuple[PartCount, ...]
    written: frozenset[str]

    @property
    def files(self) -> int:
        """Files in the lake."""
        return sum(part.files for part in self.parts)

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows of each frame that has any."""
        names = dict.fromkeys(chain.from_iterable(part.rows for part in self.parts))
        return {name: sum(part.rows.get(name, 0) for part in self.parts) for name in names}

    def to_frame(self) -> pl.DataFrame:
        """One row per part: ``part, written, files, bytes, events, calls, problems`` (bytes of the files read)."""
        rows = [
            {
                "part": part.part,
                "written": part.part in self.written,
                "files": part.files,
                "bytes": part.bytes,
                **{name: part.rows.get(name, 0) for name in ("runs", "events", "calls", "problems")},
            }
            for part in self.parts
        ]
        return pl.DataFrame(rows)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.rows.get(name, 0):,} {name}" for name in ("runs", "events", "problems"))
        parts = f"{len(self.written)} of {counted(len(self.parts), 'part')} written"
        return f"Converted({str(self.lake)!r}: {counted(self.files, 'file')}, {parts}; {counts})"


def convert(
    paths: Paths,
    lake: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    drop_missing: bool = False,
    progress: bool | None = None,
) -> Converted:
    """Write every frame of some files as Parquet, for :func:`harnlab.load` to read lazily.

    Converting again does nothing, or only what has changed. Whatever stops it (a kill, a full disk) loses nothing:
    the lake is as it was before, and converting again goes on behind the parts that were done.

    Parameters
    ----------
    paths : path-like, or iterable of path-like
        What :func:`harnlab.load` takes: files, patterns, folders.
    lake : path-like
        Folder to write; it is made if need be.
    executor : concurrent.futures.Executor, optional
        Who reads: a pool of your own, or ``distributed.Client(…).get_executor()``. Its processes must see the same
        files and the same lake.
    workers : int, optional
        Without an executor, how many processes read; in a script, call it under ``if __name__ == "__main__":``.
        By default this process reads.
    drop_missing : bool
        Whether rows of files that are gone leave the lake.
    progress : bool, optional
        Whether to show a bar. By default in a terminal or notebook, not in CI and pipes.

    Returns
    -------
    Converted
        The parts of the lake, and which were written now.

    Raises
    ------
    UnreadablePath
        For a path that is missing, a lake that cannot be written, files of the lake that are gone, workers that
        were killed again and again. What is wrong inside a file is a row of ``problems``.
    InvalidArgument
        For a folder that holds something else, or a lake of other paths.

    Examples
    --------
    >>> import harnlab as hl, tempfile
    >>> lake = tempfile.mkdtemp()
    >>> hl.convert("sample_transcripts/cost-overrun", lake).rows["runs"]
    1
    >>> hl.load(lake).summary.height
    1
    """
    several = _listed(paths)
    if workers is not None and workers < 1:
        raise InvalidArgument(str(workers), where="workers", expected="at least 1")
    if not isinstance(lake, str | os.PathLike) or not os.fspath(lake):
        raise InvalidArgument(repr(lake), where="convert", expected="a folder for the lake")
    folder = lake_folder(lake)
    try:
        found = discover(several)
        with locked(folder), file_progress(progress) as report:
            given = tuple(os.path.abspath(path) for path in several)  # noqa: PTH100 - a pattern is no Path
            work = _Conversion(
                folder,
                report,
                lambda jobs: done_in_turn(write_part, jobs, executor=executor, workers=workers),
            )
            return work.convert(found, given, drop_missing=drop_missing)
    except OSError as error:
        raise not_written(folder, error) from None


def _listed(paths: Any) -> list[str | os.PathLike[str]]:
    one = isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable)
    several = [paths] if one else list(paths)
    if not several or not all(isinstance(path, str | os.PathLike) and os.fspath(path) for path in several):
        raise InvalidArgument(repr(paths), where="convert", expected="a path, a pattern, or a list of them")
    return several


class _Conversion:
    """One conversion into one lake."""

    def __init__(self, lake: Path, report: _Report, run: Callable[[list[PartJob]], Any]) -> None:
        self._lake = lake
        self._report = report
        self._run = run
        self._done: dict[str, PartCount] = {}
        self._written: set[str] = set()
        self._known: dict[str, PartCount] = {}

    def convert(self, found: Sequence[Source], given: tuple[str, ...], *, drop_missing: bool) -> Converted:
        """Write what is not there, see that no id stands in two parts, and say which parts count."""
        before = self._before(given)
        sources = [StatedSource(source=source, state=state_of(source)) for source in found]
        self._known = {part.part: part for part in before.parts} if before else {}
        held = self._held(before)
        if not drop_missing:
            self._ensure_all_there(held, sources)
        ties = Ties()
        jobs = self._jobs(sources, held, ties)
        self._write(jobs)
        while self._is_changed(jobs, before) and ties.extend(self._crossing(jobs)):
            jobs = self._jobs(sources, held, ties)
            self._write(jobs)
        parts = tuple(self._done[job.part] for job in jobs)
        manifest = Manifest(paths=given, parts=parts)
        if manifest != before:
            write_manifest(self._lake, manifest, writer=_version())
        drop_others(self._lake, manifest)
        return Converted(
            lake=self._lake, parts=parts, written=frozenset(self._written & {part.part for part in parts})
        )

    def _before(self, given: tuple[str, ...]) -> Manifest | None:
        """Manifest that is there; one that is damaged, or of an older version, does not count."""
        if not (self._lake / MANIFEST).exists():
            return None
        try:
            before = read_manifest(self._lake)
        except UnreadablePath:
            if is_of_newer_version(self._lake):
                raise
            return None
        if sorted(before.paths) != sorted(given):
            raise InvalidArgument(
                f"a lake of {', '.join(before.paths)}",
                where=str(self._lake),
                expected="the same paths as before",
                hint="another folder, or one lake of all paths made anew",
            )
        return before

    def _held(self, before: Manifest | None) -> dict[str, str]:
        """Part of each file that is in the lake, by its path as shown; without a manifest, of all parts there are."""
        held: dict[str, str] = {}
        there = (path.stem for path in sorted((self._lake / SOURCES).glob("*.parquet")))
        for part in [one.part for one in before.parts] if before else there:
            try:
                rows = pl.read_parquet(
                    table_file(self._lake, SOURCES, part), glob=False, columns=["source_path"]
                )
            except (OSError, pl.exceptions.PolarsError):
                continue  # a part that is not whole is written again
            held |= dict.fromkeys(rows["source_path"].to_list(), part)
        return held

    def _ensure_all_there(self, held: Mapping[str, str], sources: Sequence[StatedSource]) -> None:
        missing = sorted(held.keys() - {one.source.shown for one in sources})
        if missing:
            raise UnreadablePath(
                f"{len(missing)} of {len(held)} files of this lake are gone, such as {missing[0]}",
                where=str(self._lake),
                expected="every file it was converted from",
                hint="drop_missing=True (--drop-missing) lets their rows leave the lake; "
                "another folder leaves this lake as it is",
            )

    def _jobs(self, sources: Sequence[StatedSource], held: Mapping[str, str], ties: Ties) -> list[PartJob]:
        """A job for each part: those that are there and still hold what must be read together, then new ones."""
        groups = plan.read_together(sources, ties)
        together = {one.source.shown: number for number, group in enumerate(groups) for one in group.sources}
        size = {number: len(group.sources) for number, group in enumerate(groups)}
        members: dict[str, list[StatedSource]] = {}
        for one in sources:
            if one.source.shown in held:
                members.setdefault(held[one.source.shown], []).append(one)
        kept = []
        for part, stated in members.items():
            job = PartJob(lake=self._lake, sources=tuple(stated))
            numbers = {together[one.source.shown] for one in stated}
            if job.part == part and sum(size[number] for number in numbers) == len(stated):
                kept.append(job)
        there = {together[one.source.shown] for job in kept for one in job.sources}
        new = [group for number, group in enumerate(groups) if number not in there]
        made = [PartJob(lake=self._lake, sources=batch) for batch in plan.batches(new, size=plan.PART_BYTES)]
        return [*kept, *made]

    def _write(self, jobs: Sequence[PartJob]) -> None:
        waiting = [job for job in jobs if job.part not in self._done]
        for job in list(waiting):
            if there := self._there(job.part):
                self._done[job.part] = there
                waiting.remove(job)
        total = sum(len(job.sources) for job in jobs)
        done = total - sum(len(job.sources) for job in waiting)
        with closing(_generator(self._run(waiting))) as finished:
            for count in finished:
                self._done[count.part] = count
                self._written.add(count.part)
                done += count.files
                if self._report:
                    self._report(done, total)

    def _there(self, part: str) -> PartCount | None:
        """A part that is whole already; one that has lost files since is not."""
        marker = table_file(self._lake, SOURCES, part)
        if not marker.exists():
            return None
        known = self._known.get(part)
        if known is None:
            return count_part(self._lake, part)
        if all(table_file(self._lake, table, part).exists() for table in known.rows):
            return known
        marker.unlink()
        return None

    def _is_changed(self, jobs: Sequence[PartJob], before: Manifest | None) -> bool:
        return before is None or {part.part for part in before.parts} != {job.part for job in jobs}

    def _crossing(self, jobs: Sequence[PartJob]) -> Ties:
        sources = [one.source for job in jobs for one in job.sources]
        return crossing_ties(self._lake, [job.part for job in jobs], sources)


def _generator(items: Iterable[PartCount]) -> Any:
    yield from items


def _version() -> str:
    from harnlab import __version__  # noqa: PLC0415 - the root names every part

    return __version__
