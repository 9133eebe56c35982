"""The folder in which entries are kept: where it is, how large it may become, what is in it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import platformdirs

from harnlab.cache.entry import SUFFIX, Entry, Frames, read_about, write_entry
from harnlab.errors import InvalidArgument

FOLDER_VARIABLE: Final = "HARNLAB_CACHE_DIR"
MOST_VARIABLE: Final = "HARNLAB_CACHE_MAX"
_MOST_BYTES: Final = 2_000_000_000
_SIZE: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?)B?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
#: Names of entries, and of what a writer that was killed left of one; nothing else is ever removed.
_OURS: Final = re.compile(rf"[0-9a-f]{{32}}-\d+{re.escape(SUFFIX)}(?P<unfinished>\..+)?")
_UNFINISHED_S: Final = 3600


def _path() -> Path:
    """Folder of the cache: ``HARNLAB_CACHE_DIR``, or the place this system has for caches."""
    asked = os.environ.get(FOLDER_VARIABLE)
    return (
        Path(asked).expanduser().absolute()
        if asked
        else Path(platformdirs.user_cache_dir("harnlab", appauthor=False))
    )


def _most_bytes() -> int:
    """How many bytes the cache may hold: ``HARNLAB_CACHE_MAX`` (as in ``500MB``; 0 for no cache), or 2 GB.

    Raises
    ------
    InvalidArgument
        When the variable is no size.
    """
    asked = os.environ.get(MOST_VARIABLE, "").strip()
    if not asked:
        return _MOST_BYTES
    size = _SIZE.fullmatch(asked)
    if size is None:
        raise InvalidArgument(
            repr(asked), where=MOST_VARIABLE, expected="a size such as 500MB or 2GB, or 0 for no cache"
        )
    return int(float(size["number"]) * _UNITS[size["unit"].upper()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An entry as it lies in the folder; ``entry`` is null where it cannot be read."""

    path: Path
    size: int
    used_at: datetime
    entry: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFolder:
    """A folder of entries that holds ``most_bytes`` at most; of more, those go that were not used for longest."""

    path: Path = field(default_factory=_path)
    most_bytes: int = field(default_factory=_most_bytes)

    def keep(self, name: str, entry: Entry, frames: Frames) -> None:
        """Write an entry; where that is impossible it is said once, and nothing else is different."""
        target = self.path / name
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if write_entry(entry, frames, target) > self.most_bytes:
                target.unlink()
            self._make_room()
        except OSError as error:
            _say_once(f"{self.path}: {error.strerror or error}")

    def use(self, name: str) -> Path:
        """Path of an entry, marked as used now."""
        path = self.path / name
        with suppress(OSError):  # a folder that can only be read has no order of use
            os.utime(path)
        return path

    def forget(self, names: str, *, but: str) -> None:
        """Remove entries whose name begins so, all but one."""
        for path, _ in self._files():
            if path.name.startswith(names) and path.name != but and path.suffix == SUFFIX:
                _remove(path)

    def clear(self) -> int:
        """Remove everything that was kept; gives the bytes that were freed."""
        return sum(status.st_size for path, status in self._files() if _remove(path))

    def kept(self) -> list[Kept]:
        """What is in the folder, used last first."""
        found = [
            Kept(
                path=path,
                size=status.st_size,
                used_at=datetime.fromtimestamp(status.st_mtime, UTC),
                entry=read_about(path),
            )
            for path, status in self._files()
        ]
        return sorted(found, key=lambda one: one.used_at, reverse=True)

    def _make_room(self) -> None:
        files = sorted(self._files(), key=lambda found: found[1].st_mtime_ns, reverse=True)
        held = 0
        for path, status in files:
            left = path.suffix != SUFFIX and status.st_mtime < files[0][1].st_mtime - _UNFINISHED_S
            if not ((left or held + status.st_size > self.most_bytes) and _remove(path)):
                held += status.st_size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        try:
            found = [Path(one.path) for one in os.scandir(self.path) if _OURS.fullmatch(one.name)]
        except OSError:
            return
        for path in found:
            try:
                yield path, path.stat(follow_symlinks=False)
            except OSError:
                continue  # another process has removed it


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False  # another process has removed it, or reads it on a system that does not allow both
    return True


@cache
def _say_once(reason: str) -> None:
    logging.getLogger(__name__).warning("harnlab keeps no cache: %s", reason)
