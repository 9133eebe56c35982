"""An event log of one JSON Lines file a topic (FORMATS 2.2)."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from harnlab.backends.event_log import LoggedEvent, checked_topic, next_event, read_back
from harnlab.core.trust import compact_json
from harnlab.errors import HarnRuntimeError

_TAIL_BYTES: Final = 64 * 1024


class FileEventLog:
    """Event log under ``<root>/topics/<topic>.jsonl``, readable by the runtime.

    A line is written in one piece and, unless ``durable`` is off, flushed to disk before its id is given.
    Writers in other processes are held off with a lock on the folder where the system has one. The end of a
    write that was cut short is moved to ``<topic>.jsonl.torn`` before the next append: the runtime would
    refuse the whole topic for it.

    Parameters
    ----------
    root : Path or str
        Folder of the log; created if missing.
    durable : bool
        Whether each append waits for the disk.

    Raises
    ------
    HarnRuntimeError
        If the folder cannot be created.
    """

    def __init__(self, root: Path | str, *, durable: bool = True) -> None:
        self._topics = Path(root) / "topics"
        self._durable = durable
        self._lock = threading.RLock()
        self._depth = 0
        with _as_runtime_error("mkdir"):
            self._topics.mkdir(parents=True, exist_ok=True)

    def append(
        self, topic: str, kind: str, payload: Any, headers: Mapping[str, str], occurred_at_ms: int
    ) -> int:
        """Store an event; see :meth:`harnlab.backends.event_log.EventLog.append`."""
        path = self._path(topic)
        with self.exclusive(), _as_runtime_error("write"):
            _mend_tail(path)
            previous = self.last(topic)
            event = next_event(
                previous,
                topic=topic,
                event_id=previous.event_id + 1 if previous else 1,
                kind=kind,
                payload=payload,
                headers=headers,
                occurred_at_ms=occurred_at_ms,
            )
            _append_whole(path, _line(event), durable=self._durable)
            return event.event_id

    def read(self, topic: str) -> list[LoggedEvent]:
        """Events of a topic in order; a torn last line is left out.

        Raises
        ------
        HarnRuntimeError
            If the file cannot be read, or a finished line holds no event.
        """
        with _as_runtime_error("read"):
            try:
                with self._path(topic).open("rb") as lines:
                    return [event for line in lines if (event := _event(topic, line)) is not None]
            except FileNotFoundError:
                return []

    def last(self, topic: str) -> LoggedEvent | None:
        """Newest event of a topic, found from the end of its file.

        Raises
        ------
        HarnRuntimeError
            If the file cannot be read, or its last finished line holds no event.
        """
        with _as_runtime_error("read"):
            try:
                with self._path(topic).open("rb") as file:
                    lines = _lines_from_end(file)
                    return next((found for line in lines if (found := _event(topic, line))), None)
            except FileNotFoundError:
                return None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log against other threads and, where the system can, other processes."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth > 1:
                    yield
                else:
                    with _folder_lock(self._topics):
                        yield
            finally:
                self._depth -= 1

    def _path(self, topic: str) -> Path:
        return self._topics / f"{checked_topic(topic)}.jsonl"


def _line(event: LoggedEvent) -> bytes:
    body = {
        "kind": event.kind,
        "payload": event.payload,
        "headers": event.headers,
        "occurred_at_ms": event.occurred_at_ms,
    }
    try:
        return compact_json({"id": event.event_id, "event": body}).encode() + b"\n"
    except UnicodeEncodeError as problem:
        raise HarnRuntimeError(f"event log encode error: {problem}") from problem


def _event(topic: str, line: bytes) -> LoggedEvent | None:
    """Read an event from a line; ``None`` for a blank line and for a torn last one."""
    if not line.strip():
        return None
    try:
        record = json.loads(line)
        event = record["event"]
        return read_back(
            topic=topic,
            event_id=record["id"],
            kind=event["kind"],
            payload=event["payload"],
            headers=event.get("headers", {}),
            occurred_at_ms=event["occurred_at_ms"],
        )
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        if not line.endswith(b"\n"):
            return None
        raise HarnRuntimeError(f"event log parse error: {problem!r} in topic {topic}") from problem


def _lines_from_end(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, newest first, without reading more of it than is asked for."""
    start = file.seek(0, os.SEEK_END)
    rest = b""
    while start > 0:
        length = min(_TAIL_BYTES, start)
        start -= length
        file.seek(start)
        first, *whole = BytesIO(file.read(length) + rest).readlines()
        yield from reversed(whole)
        rest = first
    yield rest


def _mend_tail(path: Path) -> None:
    """Finish a last line that lacks only its end; move one that was cut short out of the way."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        tail = next(_lines_from_end(file))
        if not tail or tail.endswith(b"\n"):
            return
        if _event(path.stem, tail) is not None:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            return
        with path.with_name(f"{path.name}.torn").open("ab") as torn:
            torn.write(tail + b"\n")
        file.truncate(file.seek(0, os.SEEK_END) - len(tail))


def _append_whole(path: Path, line: bytes, *, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if os.write(descriptor, line) != len(line):
            os.ftruncate(descriptor, size)
            raise HarnRuntimeError("event log write error: the disk took only part of an event")
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":  # pragma: no cover  # the tests run where the lock is
        yield
        return
    import fcntl  # noqa: PLC0415  # not there on Windows

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _as_runtime_error(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise HarnRuntimeError(f"event log {doing} error: {problem}") from problem
