"""Durable state that lives as long as the process: the folder tree of the filesystem store, held in memory.

Only the disk is another; every rule and every error text is the filesystem store's. Nothing is left behind
and nothing has to be cleaned up, which is what a test or a what-if wants.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

from harnlab.backends.filesystem import Disk, FilesystemBackend, FolderEntry

Folder = dict[str, "Folder | bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryDisk:
    """A disk in memory, as strict as Linux: same errors, ``.`` and ``..`` resolved as the kernel does.

    Relative paths start at its top.
    """

    top: Folder = field(default_factory=dict)

    def make_dir(self, path: str) -> None:
        """Make one folder."""
        folder, name = self._parent(path)
        if name in {".", "..", ""} or name in folder:
            raise _error(errno.EEXIST)
        folder[name] = {}

    def is_dir(self, path: str) -> bool:
        """Whether a path leads to a folder."""
        try:
            return isinstance(self._find(path), dict)
        except (OSError, ValueError):
            return False

    def read(self, path: str) -> bytes:
        """Bytes of a file."""
        found = self._find(path)
        if isinstance(found, dict):
            raise _error(errno.EISDIR)
        return found

    def write_new(self, path: str, content: bytes) -> None:
        """Make a file."""
        folder, name = self._parent(path)
        if name in folder:
            raise _error(errno.EEXIST)
        folder[name] = content

    def replace(self, source: str, target: str) -> None:
        """Rename over the target."""
        old_folder, old_name = self._parent(source)
        new_folder, new_name = self._parent(target)
        if isinstance(new_folder.get(new_name), dict):
            raise _error(errno.EISDIR)
        new_folder[new_name] = old_folder.pop(old_name)

    def sync_dir(self, path: str) -> None:
        """Do nothing: memory is as safe as it gets."""

    def remove_file(self, path: str) -> None:
        """Remove a file."""
        folder, name = self._parent(path)
        if isinstance(self._find(path), dict):
            raise _error(errno.EISDIR)
        del folder[name]

    def remove_dir(self, path: str) -> None:
        """Remove an empty folder."""
        folder, name = self._parent(path)
        found = self._find(path)
        if not isinstance(found, dict):
            raise _error(errno.ENOTDIR)
        if found:
            raise _error(errno.ENOTEMPTY)
        del folder[name]

    def entries(self, path: str) -> list[FolderEntry]:
        """Names in a folder."""
        found = self._find(path)
        if not isinstance(found, dict):
            raise _error(errno.ENOTDIR)
        return [
            FolderEntry(name=name, is_dir=isinstance(item, dict), is_file=not isinstance(item, dict))
            for name, item in found.items()
        ]

    def _find(self, path: str) -> Folder | bytes:
        _check_length(path, 4095)
        trail: list[Folder | bytes] = [self.top]
        for name in path.split("/"):
            here = trail[-1]
            if not isinstance(here, dict):
                raise _error(errno.ENOTDIR)
            if name == "..":
                trail = trail[:-1] or [self.top]
            elif name not in {"", "."}:
                _check_length(name, 255)
                if name not in here:
                    raise _error(errno.ENOENT)
                trail.append(here[name])
        return trail[-1]

    def _parent(self, path: str) -> tuple[Folder, str]:
        """Folder a name is in, and the name; the name need not be there."""
        _check_length(path, 4095)
        head, _, name = path.rstrip("/").rpartition("/")
        folder = self._find(head)
        if not isinstance(folder, dict):
            raise _error(errno.ENOTDIR)
        _check_length(name, 255)
        return folder, name


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBackend(FilesystemBackend):
    """A :class:`~harnlab.core.agent_state.DurableStateBackend` that forgets when it is dropped.

    Parameters
    ----------
    disk : Disk
        The disk in memory; share it to let several backends see the same state.
    """

    disk: Disk = field(default_factory=MemoryDisk)
    name: str = "memory"


def _check_length(text: str, most: int) -> None:
    if "\0" in text:
        raise ValueError("embedded null byte")
    if len(os.fsencode(text)) > most:
        raise _error(errno.ENAMETOOLONG)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
