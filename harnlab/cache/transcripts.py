"""Transcripts read from the cache where it holds them, from the files where it does not.

Entries of a file follow on one another, as a growing log is looked at again and again: each holds the whole lines of
a stretch. What stands behind the last is read from the file, and becomes an entry when it is long enough.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from io import BufferedReader
from itertools import groupby
from typing import Final, Literal

import polars as pl

from harnlab.cache.entry import SUFFIX, Entry, Place, read_about, read_frames, reader_version
from harnlab.cache.folder import CacheFolder
from harnlab.cache.seen import Seen, digests, seen
from harnlab.errors import InvalidArgument
from harnlab.frames.when_asked import FramesByMaker
from harnlab.ingest.sources import Source
from harnlab.ingest.transcripts import read_stretch, read_transcripts

#: A smaller file is read in no time.
SMALLEST_FILE_BYTES: Final = 2 << 20
#: Fewer new bytes of a file that grew are read again rather than kept.
SMALLEST_GROWTH_BYTES: Final = 4 << 20
#: So many entries of one file are put together to one.
MOST_ENTRIES: Final = 8

Frames = Mapping[str, pl.DataFrame]
Wanted = bool | Literal["refresh"]
Verify = Literal["edges", "full"]


def transcript_reader(cache: Wanted = True, verify: Verify = "edges") -> CachedTranscripts | None:
    """What reads transcripts as the arguments of ``hl.load`` ask; ``None`` for no cache.

    Raises
    ------
    InvalidArgument
        For an argument that is none of these, or a ``HARNLAB_CACHE_MAX`` that is no size.
    """
    if not (isinstance(cache, bool) or cache == "refresh"):
        raise InvalidArgument(repr(cache), where="cache", expected='True, False or "refresh"')
    if verify not in {"edges", "full"}:
        raise InvalidArgument(repr(verify), where="verify", expected='"edges" or "full"')
    if cache is False:
        return None
    folder = CacheFolder()
    if folder.most_bytes <= 0:
        return None
    return CachedTranscripts(folder=folder, refresh=cache == "refresh", whole=verify == "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedTranscripts:
    """Reads transcripts as :func:`~harnlab.ingest.transcripts.read_transcripts` does, row for row.

    ``refresh`` reads every file anew; ``whole`` compares all bytes with those that were read, not only both ends.
    """

    folder: CacheFolder = field(default_factory=CacheFolder)
    refresh: bool = False
    whole: bool = False

    def __call__(self, sources: Sequence[Source]) -> FramesByMaker:
        """Frames of transcripts by event type; all is read, and what was kept is decoded when it is asked for."""
        parts: list[Frames] = []
        for large, group in groupby(sources, _is_large):
            if large:
                parts += map(self._frames, group)
            else:
                parts.append(read_transcripts(list(group)))
        return _one_behind_another(parts)

    def _frames(self, source: Source) -> Frames:
        try:
            with source.path.open("rb") as file:
                return self._read(_Log(source=source, file=file, status=os.fstat(file.fileno())))
        except OSError:
            return read_transcripts([source])

    def _read(self, log: _Log) -> Frames:
        chain = [] if self.refresh else self._chain(log)
        digest = None
        if self.whole:
            sizes = [chain[-1].seen.size] if chain else []
            *before, digest = digests(log.file, *sizes, log.status.st_size)
            if chain and before != [chain[-1].seen.digest]:
                chain = []
        found = seen(log.file, log.status, digest)
        held, fresh = self._held_and_fresh(log, chain)
        if found.still_holds(log.file, os.fstat(log.file.fileno())):
            self._keep(log, found, chain[len(held) - 1] if held else None, held, fresh)
        return _one_behind_another([*held, fresh])

    def _held_and_fresh(self, log: _Log, chain: Sequence[Entry]) -> tuple[list[FramesByMaker], Frames]:
        """Frames of entries, up to the first that cannot be read, and of all lines that stand behind them."""
        if not chain or chain[-1].end.offset == log.status.st_size:
            held = self._held(log, chain)
            return held, log.read(_end(held, chain))
        with ThreadPoolExecutor(1, thread_name_prefix="harnlab-kept") as thread:
            # the lines behind all entries are read meanwhile, for hardly ever is one of them damaged
            reading = thread.submit(self._held_and_decoded, log, chain)
            fresh = log.read(chain[-1].end)
            held = reading.result()
        if len(held) < len(chain):
            fresh = log.read(_end(held, chain))
        return held, fresh

    def _held_and_decoded(self, log: _Log, chain: Sequence[Entry]) -> list[FramesByMaker]:
        held = self._held(log, chain)
        for part in held:
            with suppress(Exception):  # it is raised again where the frame is asked for
                part.get("events")  # nearly everything asked needs them
        return held

    def _held(self, log: _Log, chain: Sequence[Entry]) -> list[FramesByMaker]:
        held: list[FramesByMaker] = []
        for entry in chain:
            path = self.folder.use(log.entry_name(entry.start))
            frames = read_frames(path, entry, run_id=log.source.run_id, source_path=log.source.shown)
            if frames is None:
                break
            held.append(frames)
        return held

    def _chain(self, log: _Log) -> list[Entry]:
        """Entries that follow on one another from the start of a file, up to the last that still holds."""
        chain: list[Entry] = []
        at, after, reader = Place(), "", reader_version()
        while (entry := read_about(self.folder.path / log.entry_name(at))) is not None:
            told = (entry.path, entry.reader, entry.start, entry.after)
            if told != (log.path, reader, at, after) or entry.end.offset <= at.offset:
                break
            chain.append(entry)
            at, after = entry.end, entry.id
        while chain and not chain[-1].seen.still_holds(log.file, log.status):
            chain.pop()
        return chain

    def _keep(
        self, log: _Log, found: Seen, last: Entry | None, parts: Sequence[Frames], fresh: Frames
    ) -> None:
        start, after = (last.end, last.id) if last else (Place(), "")
        least = start.offset + (SMALLEST_GROWTH_BYTES if last else 1)
        if found.size < least or (end := log.end_of_lines(start, fresh)).offset < least:
            return
        lines = {name: frame.filter(pl.col("source_line") < end.line) for name, frame in fresh.items()}
        whole: Frames = {name: frame for name, frame in lines.items() if frame.height}
        if len(parts) + 1 >= MOST_ENTRIES:
            start, after, whole = Place(), "", _together([*parts, whole])
        entry = Entry(
            path=log.path,
            reader=reader_version(),
            id=secrets.token_hex(8),
            after=after,
            start=start,
            end=end,
            seen=found,
        )
        self.folder.keep(log.entry_name(start), entry, whole)
        if not after:
            self.folder.forget(log.name, but=log.entry_name(start))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """A transcript that is open, up to the size it had when it was opened."""

    source: Source
    file: BufferedReader
    status: os.stat_result

    @property
    def path(self) -> str:
        """Where the file really is."""
        return os.path.realpath(self.source.path)

    @property
    def name(self) -> str:
        """How the names of its entries begin."""
        told = repr([self.path, self.source.kind.value, reader_version()])
        return blake2b(told.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def entry_name(self, start: Place) -> str:
        """Name of the entry that starts at a place."""
        return f"{self.name}-{start.offset}{SUFFIX}"

    def read(self, start: Place) -> Frames:
        """Frames of all that stands behind a place."""
        if start.offset == self.status.st_size:
            return {}
        stop = self.status.st_size
        return read_stretch(self.source, self.file, offset=start.offset, line=start.line, stop=stop)

    def end_of_lines(self, start: Place, frames: Frames) -> Place:
        """Where the last line that has an end ends, of the frames of all that stands behind a place."""
        places = [
            frames[name].select("source_line", "source_offset")
            for name in ("events", "problems")
            if name in frames
        ]
        last = max(
            (
                row
                for rows in places
                for row in rows.filter(pl.col("source_line") == pl.col("source_line").max()).iter_rows()
            ),
            default=None,
        )
        if last is None:
            return start
        self.file.seek(self.status.st_size - 1)
        if self.file.read(1) == b"\n":
            return Place(offset=self.status.st_size, line=last[0] + 1)
        return Place(offset=last[1], line=last[0])


def _end(held: Sequence[FramesByMaker], chain: Sequence[Entry]) -> Place:
    """Where the lines that are held end."""
    return chain[len(held) - 1].end if held else Place()


def _is_large(source: Source) -> bool:
    try:
        return source.path.stat().st_size >= SMALLEST_FILE_BYTES
    except OSError:
        return False


def _one_behind_another(parts: Sequence[Frames]) -> FramesByMaker:
    """Rows of some frames, one part behind the other; a frame is taken out of all parts when it is asked for."""
    several = [FramesByMaker.of(part) for part in parts]
    if len(several) == 1:
        return several[0]
    names = dict.fromkeys(name for part in several for name in part)
    return FramesByMaker(
        {name: partial(_taken, [part for part in several if name in part], name) for name in names}
    )


def _taken(parts: Sequence[FramesByMaker], name: str, _: Frames) -> pl.DataFrame:
    return pl.concat([part.take(name) for part in parts])


def _together(parts: Sequence[Frames]) -> Frames:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part], rechunk=True) for name in names}
