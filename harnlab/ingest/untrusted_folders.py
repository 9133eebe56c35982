"""What is in a folder that anyone may have written into: names and sizes; nothing is followed, little is read.

Every folder and file is opened by its name inside the folder that is already open (``openat``), never through a
link, so that whoever swaps a folder for a link meanwhile leads nowhere. Only regular files are opened, without
waiting for a FIFO's other end. How many names are taken, how deep, and how many bytes are read has limits.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

#: Names taken of one folder and everything below it; those beyond are only counted.
MOST_NAMES: Final = 100_000
#: Names beyond the limit are counted up to here.
MOST_COUNTED: Final = 10 * MOST_NAMES
#: Folders nested deeper than this are not searched.
DEEPEST: Final = 64
#: The most that is read of all small files of one folder together.
MOST_READ_BYTES: Final = 64 << 20

_KINDS: Final = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# not every system has all of them
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN_FILE: Final = _OPEN | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_OPEN_FOLDER: Final = _OPEN | getattr(os, "O_DIRECTORY", 0)

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A regular file, or a symbolic link and what it points to; ``parts`` are names as the system gave them."""

    parts: Parts
    size: int
    modified_ns: int
    target: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that is not read, and why."""

    parts: Parts
    reason: str
    unreadable: bool = False


@dataclass(slots=True)
class Allowance:
    """What may be taken; one allowance serves folders that are read together.

    ``taken`` are names and ``left`` those beyond the limit, counted up to ``most_counted``.
    """

    most_names: int = MOST_NAMES
    most_counted: int = MOST_COUNTED
    bytes: int = MOST_READ_BYTES
    taken: int = 0
    left: int = 0

    def shortage(self, what: str) -> str | None:
        """What was left out, in words; ``None`` when nothing was."""
        if not self.left:
            return None
        count = f"{self.left:,}" if self.left < self.most_counted else f"{self.most_counted:,} or more"
        return f"{count} {what} are not listed; {self.most_names:,} names are taken of one folder"


@dataclass(slots=True)
class Walk:
    """Files below a folder, in any order.

    Parameters
    ----------
    read_up_to : int
        Size up to which the content of a file is read too; 0 reads none.
    skipped : frozenset of str
        Names in the folder itself that are passed over.
    apart : str
        A folder below the first that holds a folder of this name is not searched but put into ``found_apart``.
    """

    allowance: Allowance
    read_up_to: int = 0
    skipped: frozenset[str] = frozenset()
    apart: str = ""
    found_apart: list[Parts] = field(default_factory=list)

    def files(self, folder: str | os.PathLike[str], below: Parts = ()) -> Iterator[File | Refused]:
        """Everything below a folder.

        Raises
        ------
        OSError
            The folder itself cannot be opened or listed; what cannot be read below it is a :class:`Refused`.
        """
        with opened_folder(folder, below) as descriptor:
            yield from self._files(descriptor, (), first=True)

    def _files(self, folder: int, parts: Parts, *, first: bool = False) -> Iterator[File | Refused]:
        names, untaken = self._names(folder, self.skipped if first else frozenset())
        if self.apart and not first and _is_folder(folder, self.apart):
            self.allowance.taken -= len(names)
            self.found_apart.append(parts)
            return
        self.allowance.left += untaken
        for name in sorted(names):
            yield from self._file(folder, (*parts, name))

    def _names(self, folder: int, skipped: frozenset[str]) -> tuple[list[str], int]:
        names: list[str] = []
        untaken = 0
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in skipped:
                    continue
                if self.allowance.taken + len(names) < self.allowance.most_names:
                    names.append(entry.name)
                elif self.allowance.left + untaken < self.allowance.most_counted:
                    untaken += 1
                else:
                    break
        self.allowance.taken += len(names)
        return names, untaken

    def _file(self, folder: int, parts: Parts) -> Iterator[File | Refused]:
        name = parts[-1]
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                yield from self._folder(folder, parts)
            elif stat.S_ISLNK(status.st_mode):
                target = os.readlink(name, dir_fd=folder)
                yield File(parts, status.st_size, status.st_mtime_ns, target=target)
            elif stat.S_ISREG(status.st_mode):
                content = self._content(folder, name, status.st_size)
                yield File(parts, status.st_size, status.st_mtime_ns, content=content)
            else:
                kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
                yield Refused(parts, f"{kind}; only regular files are read")
        except OSError as error:
            yield _unreadable(parts, error)

    def _folder(self, folder: int, parts: Parts) -> Iterator[File | Refused]:
        if len(parts) >= DEEPEST:
            yield Refused(parts, f"folders nested deeper than {DEEPEST} are not searched")
            return
        descriptor = os.open(parts[-1], _OPEN_FOLDER, dir_fd=folder)
        try:
            yield from self._files(descriptor, parts)
        finally:
            os.close(descriptor)

    def _content(self, folder: int, name: str, size: int) -> bytes | None:
        if size > min(self.read_up_to, self.allowance.bytes) or not self.read_up_to:
            return None
        with _opened_file(folder, name) as descriptor:
            content = os.read(descriptor, size + 1)
        self.allowance.bytes -= len(content)
        return content


@contextmanager
def opened_folder(folder: str | os.PathLike[str], below: Parts = ()) -> Iterator[int]:
    """Descriptor of a folder; the way ``below`` it is gone name by name, never through a link.

    Raises
    ------
    OSError
        A name is missing, no folder, a link, or must not be read.
    """
    # the folder itself may be a link: it is the one the analyst named
    descriptor = os.open(folder, _OPEN_FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for name in below:
            _refuse_to_climb(name)
            inner = os.open(name, _OPEN_FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def read_inside(folder: str | os.PathLike[str], parts: Parts, offset: int, length: int) -> bytes:
    """Bytes of a regular file below a folder.

    Raises
    ------
    OSError
        The way there leads through a link, or ends at anything but a regular file that may be read.
    """
    with opened_folder(folder, parts[:-1]) as descriptor, _opened_file(descriptor, parts[-1]) as file:
        os.lseek(file, offset, os.SEEK_SET)
        chunks = []
        while length > 0 and (chunk := os.read(file, min(length, 1 << 20))):
            chunks.append(chunk)
            length -= len(chunk)
        return b"".join(chunks)


@contextmanager
def _opened_file(folder: int, name: str) -> Iterator[int]:
    _refuse_to_climb(name)
    # asked first, because opening is all it takes to start a tape; asked again, because it may be another by now
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    descriptor = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_to_climb(name: str) -> None:
    if name in {"", ".", ".."} or "/" in name:
        raise OSError(errno.EINVAL, f"{name!r} is not a name in a folder")


def _is_folder(folder: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _unreadable(parts: Parts, error: OSError) -> Refused:
    return Refused(parts, f"cannot be read: {error.strerror or error}", unreadable=True)
