"""What a file was when it was converted, so that a change shows: size, time, and a hash of both edges."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from harnlab.errors import UnreadablePath
from harnlab.ingest.sources import Source, SourceKind

EDGE_BYTES: Final = 64 << 10
_AGAIN: Final = "`harnlab convert` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """Size and time of a file, and a hash of its first and last :data:`EDGE_BYTES`.

    Of a folder, the bytes of all files in it, the latest time, and a hash of every name, size and time.
    """

    size: int
    mtime_ns: int
    edge_hash: str


def state_of(source: Source) -> SourceState:
    """State of a source now; one that is gone or must not be read has size 0 and no hash."""
    if source.kind is SourceKind.STATE_FOLDER:
        return _folder_state(source.path)
    try:
        status = source.path.stat()
        size = status.st_size
        edges = _edges(source.path, size)
        if source.kind is SourceKind.EVENT_LOG_SQLITE:
            # rows that are not in the database yet
            wal = source.path.with_name(f"{source.path.name}-wal")
            if wal.exists():
                edges += f"+{wal.stat().st_size}@{wal.stat().st_mtime_ns}"
    except OSError:
        return SourceState(size=0, mtime_ns=0, edge_hash="")
    return SourceState(size=size, mtime_ns=status.st_mtime_ns, edge_hash=edges)


def _edges(path: Path, size: int) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        digest.update(file.read(min(EDGE_BYTES, size)))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read(min(EDGE_BYTES, size)))
    return digest.hexdigest()


def _folder_state(folder: Path) -> SourceState:
    digest = blake2b(digest_size=16)
    size = latest = 0
    for name, status in sorted(_below(folder)):
        digest.update(b"%s\0%d\0%d\0" % (name, *status))
        size, latest = size + status[0], max(latest, status[1])
    return SourceState(size=size, mtime_ns=latest, edge_hash=digest.hexdigest())


def _below(folder: Path) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Name, size and time of all in a folder; links are not followed."""
    for inner, subfolders, names in os.walk(folder):
        for name in (*names, *subfolders):
            path = Path(inner, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            is_folder = path.is_dir() and not path.is_symlink()
            yield os.fsencode(path), (0, 0) if is_folder else (status.st_size, status.st_mtime_ns)


def ensure_unchanged(source: Source, known: SourceState) -> None:
    """See to it that rows still lead to their bytes; a log that has only grown is fine.

    Raises
    ------
    UnreadablePath
        For a file that is gone, or that is another one by now.
    """
    if not source.path.exists():
        raise UnreadablePath(
            "the file this row was read from is not there any more",
            where=source.shown,
            hint=f"put it back at {source.path}, or {_AGAIN}",
        )
    if not _leads_home(source, known):
        raise UnreadablePath("the file has changed since it was converted", where=source.shown, hint=_AGAIN)


def _leads_home(source: Source, known: SourceState) -> bool:
    if source.kind is SourceKind.STATE_FOLDER:
        return _folder_state(source.path) == known
    try:
        size = source.path.stat().st_size
        if source.kind is SourceKind.EVENT_LOG_SQLITE:
            # a row is found by its id, and every write changes the first page
            return size >= known.size
        return size >= known.size and _edges(source.path, known.size) == known.edge_hash
    except OSError:
        return True  # reading it tells why not
