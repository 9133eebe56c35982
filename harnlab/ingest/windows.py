"""Bounded windows over JSON Lines files: whole lines only, with the place of every line.

A large file is read in pieces of about :data:`WINDOW_BYTES`, each cut at a newline; many small files share a
window, because building frames costs more per window than per line. Files are read, not mapped: a file that
shrinks while it is read must not kill the process, and memory must not grow with the file. For that the same few
buffers are filled again and again: large ones asked for and let go between small ones leave holes in the heap.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import SEEK_CUR, BufferedReader
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

WINDOW_BYTES: Final = 16 << 20
#: A line longer than this is not parsed; it becomes a problem row that names its place and size.
LONGEST_LINE_BYTES: Final = 64 << 20
_NEWLINE: Final = 10
#: Newlines are looked for in so many bytes at a time.
_INDEXED_BYTES: Final = 1 << 22
_BOM: Final = b"\xef\xbb\xbf"

Longs = npt.NDArray[np.int64]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of whole lines of one file inside a window's buffer."""

    file: int
    start: int
    stop: int
    offset: int
    first_line: int
    ends_torn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversized:
    """A line that is too long to read."""

    file: int
    line: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that could not be read, or not to its end."""

    file: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Bytes of whole lines, and which file each stretch of them is from.

    ``newlines`` are the places of all newlines, where they have been looked for already.
    """

    buffer: memoryview
    pieces: tuple[Piece, ...]
    oversized: tuple[Oversized, ...] = ()
    newlines: Longs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Place of every line of a window, in the window and in its file; five arrays of equal length."""

    starts: Longs
    ends: Longs
    files: Longs
    numbers: Longs
    offsets: Longs
    torn: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)


def windows(paths: Sequence[Path], *, size: int = WINDOW_BYTES) -> Iterator[Window | Unreadable]:
    """Windows over files, all in order; a file that cannot be read gives an :class:`Unreadable` instead.

    Every line of every readable file is in exactly one window, or in its ``oversized``.
    """
    shared: list[tuple[int, bytes]] = []
    held = 0
    buffers = _Buffers(size)
    for number, path in enumerate(paths):
        try:
            with path.open("rb") as file:
                small = file.read(size) if os.fstat(file.fileno()).st_size < size else None
                if small is not None and len(small) < size:
                    shared.append((number, small))
                    held += len(small)
                else:
                    if shared:
                        yield _shared_window(shared)
                        shared, held = [], 0
                    file.seek(0)
                    yield from _large_file(number, file, buffers)
        except OSError as error:
            if shared:
                yield _shared_window(shared)
                shared, held = [], 0
            yield Unreadable(file=number, reason=error.strerror or str(error))
        if held >= size:
            yield _shared_window(shared)
            shared, held = [], 0
    if shared:
        yield _shared_window(shared)


def windows_of(
    file: BufferedReader, *, offset: int, line: int, stop: int, size: int = WINDOW_BYTES
) -> Iterator[Window]:
    """Windows over a stretch of an open file: from where a line starts to ``stop``, as if the file ended there."""
    file.seek(offset)
    # room for a byte more than there is shows that the end was reached
    buffers = _Buffers(min(size, stop - offset + 1))
    yield from _large_file(0, _Stretch(file, stop - offset), buffers, offset=offset, line=line)


@dataclass(slots=True)
class _Stretch:
    """The next ``left`` bytes of a file."""

    file: BufferedReader
    left: int

    def read(self, size: int) -> bytes:
        content = self.file.read(min(size, self.left))
        self.left -= len(content)
        return content

    def readinto(self, buffer: bytearray) -> int:
        """Fill a buffer as far as there are bytes."""
        count = self.file.readinto(memoryview(buffer)[: self.left])
        self.left -= count
        return count

    def seek(self, distance: int, whence: int) -> None:
        """Go back (or on) by a number of bytes."""
        self.file.seek(distance, whence)
        self.left -= distance


@dataclass(slots=True)
class _Buffers:
    """Buffers of one size, each given again once no window is left in it."""

    size: int
    made: list[bytearray] = field(default_factory=list)

    def free(self) -> bytearray:
        """A buffer that may be filled."""
        for buffer in self.made:
            try:
                # a buffer that is looked at refuses to change its size
                buffer.append(buffer.pop())
            except BufferError:
                continue
            return buffer
        self.made.append(bytearray(self.size))
        return self.made[-1]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one made on a thread of its own while one is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="harnlab-read") as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item
            # what was used is let go before the next one but one is made
            del item


def _shared_window(files: Iterable[tuple[int, bytes]]) -> Window:
    pieces, chunks, at = [], [], 0
    for number, content in files:
        bom = len(_BOM) if content.startswith(_BOM) else 0
        if len(content) == bom:
            continue
        torn = not content.endswith(b"\n")
        stop = at + len(content)
        pieces.append(Piece(file=number, start=at + bom, stop=stop, offset=bom, first_line=1, ends_torn=torn))
        chunks += [content, b"\n"] if torn else [content]
        at = stop + torn
    return Window(buffer=memoryview(b"".join(chunks)), pieces=tuple(pieces))


def _large_file(
    number: int, file: BufferedReader | _Stretch, buffers: _Buffers, *, offset: int = 0, line: int = 1
) -> Iterator[Window]:
    while stop := file.readinto(buffer := buffers.free()):
        content: bytes | bytearray = buffer
        start = len(_BOM) if offset == 0 and content.startswith(_BOM) else 0
        offset += start
        if start >= stop:
            continue
        last = stop < len(content)
        cut = stop if last else content.rfind(b"\n", start, stop) + 1
        if cut == 0:
            content, last, dropped = _finish_long_line(file, bytes(content[start:stop]))
            if dropped:
                found = Oversized(file=number, line=line, offset=offset, length=dropped)
                yield Window(buffer=memoryview(b""), pieces=(), oversized=(found,))
                offset, line = offset + dropped + 1, line + 1
                file.seek(-len(content), SEEK_CUR)
                continue
            start, stop = 0, len(content)
            cut = stop if last else content.find(b"\n") + 1
        torn = last and not content.endswith(b"\n", start, stop)
        piece = Piece(file=number, start=start, stop=cut, offset=offset, first_line=line, ends_torn=torn)
        newlines = _newlines(memoryview(content)[:cut])
        yield Window(buffer=memoryview(content)[:cut], pieces=(piece,), newlines=newlines)
        line += len(newlines)
        offset += cut - start
        # the rest of a line is read again: to put it before what follows, all of that would have to be copied
        file.seek(cut - stop, SEEK_CUR)


def _finish_long_line(file: BufferedReader | _Stretch, content: bytes) -> tuple[bytes, bool, int]:
    """Read on to the end of a line longer than a window.

    Returns the bytes from the line's start, whether the file ended, and 0; or, for a line over the limit, the
    bytes after it, whether the file ended, and the length of the line that was passed over.
    """
    chunks, length = [content], len(content)
    while chunk := file.read(WINDOW_BYTES):
        newline = chunk.find(b"\n")
        if length + (newline if newline >= 0 else len(chunk)) > LONGEST_LINE_BYTES:
            return _pass_over(file, chunk, length)
        chunks.append(chunk)
        length += len(chunk)
        if newline >= 0:
            return b"".join(chunks), False, 0
    return b"".join(chunks), True, 0


def _pass_over(file: BufferedReader | _Stretch, chunk: bytes, length: int) -> tuple[bytes, bool, int]:
    while (newline := chunk.find(b"\n")) < 0:
        length += len(chunk)
        chunk = file.read(WINDOW_BYTES)
        if not chunk:
            return b"", True, length
    return chunk[newline + 1 :], False, length + newline


def index_lines(window: Window) -> Lines:
    """Place of every line of a window (numbers from 1, offsets in bytes; the newline is not part of a line)."""
    newlines = _newlines(window.buffer) if window.newlines is None else window.newlines
    parts = [_lines_of_piece(piece, newlines) for piece in window.pieces]
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Lines(starts=none, ends=none, files=none, numbers=none, offsets=none, torn=none.astype(bool))
    starts, ends, files, numbers, offsets, torn = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Lines(
        starts=starts, ends=ends, files=files, numbers=numbers, offsets=offsets, torn=torn.astype(bool)
    )


def _newlines(content: memoryview) -> Longs:
    octets = np.frombuffer(content, dtype=np.uint8)
    # some bytes at a time: what is compared takes as much memory again
    places = [
        np.flatnonzero(octets[start : start + _INDEXED_BYTES] == _NEWLINE) + start
        for start in range(0, len(octets), _INDEXED_BYTES)
    ]
    return np.concatenate(places) if places else np.empty(0, dtype=np.int64)


def _lines_of_piece(piece: Piece, newlines: Longs) -> tuple[Longs, ...]:
    low, high = np.searchsorted(newlines, [piece.start, piece.stop])
    ends = newlines[low:high].astype(np.int64)
    if piece.ends_torn:
        ends = np.append(ends, piece.stop)
    starts = np.empty_like(ends)
    starts[0:1] = piece.start
    starts[1:] = ends[:-1] + 1
    count = len(ends)
    torn = np.zeros(count, dtype=np.int64)
    if count and piece.ends_torn:
        torn[-1] = 1
    return (
        starts,
        ends,
        np.full(count, piece.file, dtype=np.int64),
        np.arange(piece.first_line, piece.first_line + count, dtype=np.int64),
        starts - piece.start + piece.offset,
        torn,
    )
