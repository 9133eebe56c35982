"""What a file looked like when it was read, and whether it still does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import BinaryIO, Final

#: Bytes at each end of a file that are compared.
EDGE_BYTES: Final = 64 << 10
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file's first ``size`` bytes: when they were changed last, the digests of both ends and perhaps of all."""

    size: int
    mtime_ns: int
    inode: int
    head: str
    tail: str
    digest: str | None = None

    def still_holds(self, file: BinaryIO, status: os.stat_result) -> bool:
        """Whether an open file still begins with these bytes, as far as its ends and its status tell.

        A file of the same size must have the same time of change; a larger one must be the same inode.
        """
        if status.st_size < self.size:
            return False
        same = (
            self.mtime_ns == status.st_mtime_ns
            if status.st_size == self.size
            else self.inode == status.st_ino
        )
        return same and (self.head, self.tail) == _edges(file, self.size)


def seen(file: BinaryIO, status: os.stat_result, digest: str | None = None) -> Seen:
    """What an open file looks like up to the size of its status."""
    head, tail = _edges(file, status.st_size)
    return Seen(
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        head=head,
        tail=tail,
        digest=digest,
    )


def digests(file: BinaryIO, *sizes: int) -> Iterator[str]:
    """Digests of the first so many bytes of a file, read once; sizes ascend."""
    whole, at = blake2b(digest_size=16), 0
    file.seek(0)
    for size in sizes:
        while at < size and (chunk := file.read(min(_CHUNK_BYTES, size - at))):
            whole.update(chunk)
            at += len(chunk)
        yield whole.hexdigest()


def _edges(file: BinaryIO, size: int) -> tuple[str, str]:
    return _digest_at(file, 0, min(size, EDGE_BYTES)), _digest_at(file, max(0, size - EDGE_BYTES), size)


def _digest_at(file: BinaryIO, start: int, stop: int) -> str:
    file.seek(start)
    return blake2b(file.read(stop - start), digest_size=16).hexdigest()
