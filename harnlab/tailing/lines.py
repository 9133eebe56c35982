"""Following a file of JSON Lines: by offset, and by the last line read where the offset no longer means anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl

from harnlab.frames import EVENTS
from harnlab.ingest.agent_events import agent_batch, next_part
from harnlab.ingest.event_frames import EventReader
from harnlab.ingest.event_log import topic_batch
from harnlab.ingest.records import RecordReader
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.transcripts import transcript_frames
from harnlab.ingest.windows import LONGEST_LINE_BYTES, WINDOW_BYTES, Oversized, Piece, Window, index_lines

_BOM: Final = b"\xef\xbb\xbf"

Row = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """A place between two lines of one file, and the line before it.

    ``skipping`` is the bytes passed over of a line that is too long, whose end has not come yet.
    """

    path: str
    inode: tuple[int, int] | None = None
    offset: int = 0
    line: int = 1
    last_length: int = 0
    last_digest: str = ""
    skipping: int = 0


class LineFollower:
    """What is appended to a transcript, a topic file or an agent event log."""

    def __init__(self, source: Source, state: State | None) -> None:
        self.problems: list[pl.DataFrame] = []
        self._source = source
        self._at = _Position(path=str(source.path))
        if state:
            members = {name: state[name] for name in _Position.__slots__ if name in state}
            inode = members.get("inode")
            self._at = replace(self._at, **members | {"inode": tuple(inode) if inode else None})
        self._file: BinaryIO | None = None
        self._before: tuple[_Position, bytes] = (self._at, b"")
        self._waited = False

    def read(self) -> pl.DataFrame:
        """Rows of the lines that are whole by now, a window at most."""
        while self._open():
            content = self._content()
            torn = not content and self._moved_on()
            if torn:
                content = self._rest()
            elif not content:
                break
            frame = self._frame(content, torn=torn) if content else EVENTS.empty()
            if torn:
                self._leave()
            # a window of lines that are no events is no end
            if frame.height:
                return frame
        return EVENTS.empty()

    def text(self, row: Row) -> str:
        """Record of a row of the newest batch as it stands in the file."""
        start, content = self._before
        begin = row["source_offset"] - start.offset
        held = content[begin : begin + row["length"]] if begin >= 0 else b""
        return held.decode("utf-8", "replace")

    def state(self, row: Row | None) -> State:
        """Where this is: behind ``row`` of the newest batch, or behind all of it."""
        at = self._at
        if row is not None:
            start, content = self._before
            begin = row["source_offset"] - start.offset
            end = begin + row["length"]
            last = _last(content[begin:end]) if end < len(content) else {}
            offset = start.offset + min(end + 1, len(content))
            at = replace(start, offset=offset, line=row["source_line"] + 1, **last)
        members = {name: getattr(at, name) for name in _Position.__slots__}
        return members | {"kind": self._source.kind.value, "inode": list(at.inode) if at.inode else None}

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """Have the file open at the right place; false where there is no file at the moment."""
        if self._file is None:
            try:
                self._file = self._find()
            except OSError:
                return False
            inode = _inode(os.fstat(self._file.fileno()))
            if inode != self._at.inode or not self._is_where_it_was():
                self._search_last_line()
            self._at = replace(self._at, inode=inode)
        elif not self._is_where_it_was():
            self._search_last_line()
        return True

    def _find(self) -> BinaryIO:
        """The file this was left in, under its name or the one that rotation gave it; else the file of the path."""
        path = Path(self._at.path)
        if self._at.inode and not (path.exists() and _inode(path.stat()) == self._at.inode):
            for sibling in _siblings(path):
                if _inode(sibling.stat()) == self._at.inode:
                    return sibling.open("rb")
        return path.open("rb")

    def _is_where_it_was(self) -> bool:
        """Whether the line before the position still stands there."""
        at = self._at
        if at.offset == 0 or at.skipping:
            return self._size() >= at.offset
        if not at.last_digest:
            return self._size() >= at.offset
        line = self._bytes(at.offset - at.last_length - 1, at.last_length)
        return self._size() >= at.offset and _digest(line) == at.last_digest

    def _search_last_line(self) -> None:
        """Go behind the last line read where a rewritten file still has it, else to the start."""
        start = replace(self._at, offset=0, line=1, last_length=0, last_digest="", skipping=0)
        found = start
        if self._at.last_digest:
            for position in self._lines(start):
                if (position.last_length, position.last_digest) == (
                    self._at.last_length,
                    self._at.last_digest,
                ):
                    found = position
        self._at = found

    def _lines(self, start: _Position) -> Iterator[_Position]:
        """Positions behind each line of the file."""
        offset, number = 0, 1
        if self._file is None:
            return
        self._file.seek(0)
        for line in self._file:
            offset, number = offset + len(line), number + 1
            if line.endswith(b"\n"):
                content = line[:-1].removeprefix(_BOM) if number == 2 else line[:-1]
                if len(content) == self._at.last_length:
                    yield replace(start, offset=offset, line=number, **_last(content))

    def _content(self) -> bytes:
        """Whole lines behind the position, a window at most; a longer line grows it."""
        size, content = WINDOW_BYTES, b""
        while not (cut := content.rfind(b"\n") + 1):
            content = self._bytes(self._at.offset, size)
            if len(content) < size and b"\n" not in content:
                return b""
            if size > LONGEST_LINE_BYTES and b"\n" not in content:
                self._pass_over(len(content))
                content, size = b"", WINDOW_BYTES
            size *= 2
        if self._at.skipping:
            self._end_long_line(content.find(b"\n") + 1)
            return self._content()
        return content[:cut]

    def _pass_over(self, length: int) -> None:
        at = self._at
        self._at = replace(at, offset=at.offset + length, skipping=at.skipping + length, last_digest="")

    def _end_long_line(self, rest: int) -> None:
        at = self._at
        length = at.skipping + rest - 1
        line = Oversized(file=0, line=at.line, offset=at.offset - at.skipping, length=length)
        reader = self._records()
        window = Window(buffer=memoryview(b""), pieces=(), oversized=(line,))
        self.problems.append(reader.problems(index_lines(window), [], window.oversized))
        self._at = replace(at, offset=at.offset + rest, line=at.line + 1, skipping=0)

    def _rest(self) -> bytes:
        """What stands behind the last newline of a file that is finished."""
        return self._bytes(self._at.offset, LONGEST_LINE_BYTES) if not self._at.skipping else b""

    def _moved_on(self) -> bool:
        """Whether the log goes on in another file, and this one has had a look more to finish its last line."""
        path = Path(self._at.path)
        try:
            elsewhere = _inode(path.stat()) != self._at.inode
        except OSError:
            return False
        if not elsewhere and self._source.kind is SourceKind.AGENT_EVENTS:
            elsewhere = next_part(path).exists()
        if elsewhere and not self._waited and self._rest():
            self._waited = True
            return False
        return elsewhere

    def _leave(self) -> None:
        """Go to the start of the file in which the log goes on."""
        path = Path(self._at.path)
        left = self._at.inode
        self.close()
        self._waited = False
        later = _after(path, left)
        if later is None and _inode(path.stat()) == left:
            self._at = _Position(path=str(next_part(path)))
        else:
            # a log that was rewritten in place of this one still has the last line read
            self._at = replace(self._at, inode=later, offset=0, line=1)

    def _frame(self, content: bytes, *, torn: bool) -> pl.DataFrame:
        at = self._at
        bom = len(_BOM) if at.offset == 0 and content.startswith(_BOM) else 0
        piece = Piece(
            file=0, start=bom, stop=len(content), offset=at.offset + bom, first_line=at.line, ends_torn=torn
        )
        window = Window(buffer=memoryview(content + b"\n" if torn else content), pieces=(piece,))
        self._before = (at, content)
        if torn:
            self._at = replace(at, offset=at.offset + len(content), line=at.line + 1)
        else:
            last = content[content.rfind(b"\n", 0, -1) + 1 : -1].removeprefix(_BOM if at.offset == 0 else b"")
            lines = content.count(b"\n")
            self._at = replace(at, offset=at.offset + len(content), line=at.line + lines, **_last(last))
        return self._events(window)

    def _events(self, window: Window) -> pl.DataFrame:
        source = self._shown()
        if self._source.kind is SourceKind.TRANSCRIPT:
            frames = transcript_frames(self._records(), window)
        else:
            reader = EventReader([source], typed=False)
            lines = index_lines(window)
            batch = agent_batch if self._source.kind is SourceKind.AGENT_EVENTS else topic_batch
            reader.add(lines, batch(window, lines, [source]), window.oversized)
            frames = reader.parts.frames.concat()
        if "problems" in frames and frames["problems"].height:
            self.problems.append(frames["problems"])
        return EVENTS.conform(frames["events"]) if "events" in frames else EVENTS.empty()

    def _records(self) -> RecordReader:
        return RecordReader([self._shown()], ())

    def _shown(self) -> Source:
        """The source as rows name it: a later part of a log by its own name."""
        path = Path(self._at.path)
        if path == self._source.path:
            return self._source
        return replace(
            self._source, path=path, shown=Path(self._source.shown).with_name(path.name).as_posix()
        )

    def _bytes(self, offset: int, length: int) -> bytes:
        if self._file is None or offset < 0:
            return b""
        self._file.seek(offset)
        return self._file.read(length)

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size if self._file else 0


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _siblings(path: Path) -> list[Path]:
    """Files beside one that rotation may have made of it, the oldest first."""
    try:
        found = [one for one in path.parent.iterdir() if one.name.startswith(path.stem) and one.is_file()]
        return sorted(found, key=lambda one: one.stat().st_mtime_ns)
    except OSError:
        return []


def _after(path: Path, left: tuple[int, int] | None) -> tuple[int, int] | None:
    """The file rotated away after the one that was left; ``None`` when the path itself is next."""
    renamed = [one for one in _siblings(path) if one.name.startswith(path.name) and one != path]
    inodes = [_inode(one.stat()) for one in renamed]
    if left in inodes and inodes.index(left) + 1 < len(inodes):
        return inodes[inodes.index(left) + 1]
    return None


def _last(line: bytes) -> dict[str, Any]:
    # a blank line stands for nothing: it may be anywhere
    return {"last_length": len(line), "last_digest": _digest(line) if line.strip() else ""}


def _digest(line: bytes) -> str:
    return blake2b(line, digest_size=16).hexdigest()
