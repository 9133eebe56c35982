"""``tail``: an iterator over what is appended to a file from now on, or from where it was left."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import EVENTS, PROBLEMS
from harnlab.ingest.discover import discover
from harnlab.ingest.sources import SourceKind
from harnlab.tailing.lines import LineFollower
from harnlab.tailing.rows import RowFollower

Row = dict[str, Any]
State = dict[str, Any]

_LINE_KINDS: Final = (SourceKind.TRANSCRIPT, SourceKind.EVENT_LOG_FILE, SourceKind.AGENT_EVENTS)


class _Follower(Protocol):
    """Reads what is new, and knows where it is; its state can be taken back to any row of the newest batch."""

    problems: list[pl.DataFrame]

    def read(self) -> pl.DataFrame: ...

    def text(self, row: Row) -> str: ...

    def state(self, row: Row | None) -> State: ...

    def close(self) -> None: ...


def tail(
    path: str | os.PathLike[str],
    *,
    state: Mapping[str, Any] | None = None,
    follow: bool = True,
    interval_s: float = 0.2,
) -> Tail:
    """Follow a growing log.

    Parameters
    ----------
    path : path-like
        A transcript, a topic file, an agent event log or a SQLite event log. It must exist.
    state : mapping, optional
        ``Tail.state`` of an earlier tail of the same path: goes on behind the last row that one gave.
    follow : bool
        Whether to wait for more at the end; otherwise the iterator ends there.
    interval_s : float
        Seconds between two looks at the file.

    Returns
    -------
    Tail
        Iterator of rows of ``events`` as dicts.

    Raises
    ------
    UnreadablePath
        For a path that is missing or no log.
    InvalidArgument
        For a file that does not grow (a run record, a receipt), or a state of another kind of log.

    Examples
    --------
    >>> import harnlab as hl
    >>> log = "sample_transcripts/autonomy-pressure/america/.harn/events.sqlite"
    >>> with hl.tail(log, follow=False) as rows:
    ...     types = [row["type"] for row in rows]
    >>> len(types)
    74
    >>> list(hl.tail(log, state=rows.state, follow=False))
    []
    """
    return Tail(path, state=state, follow=follow, interval_s=interval_s)


class Tail(Iterator[Row]):
    """Rows of ``events`` as they are appended; made by :func:`tail`.

    Survives rotation (by renaming, by copying and truncating, by numbered parts), compaction, and a file that is
    gone for a while. A line without its newline is held back until it is whole. What could not be read is in
    ``problems``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        state: Mapping[str, Any] | None = None,
        follow: bool = True,
        interval_s: float = 0.2,
    ) -> None:
        (source, *others) = discover([path])
        follower = LineFollower if source.kind in _LINE_KINDS else RowFollower
        if others or (follower is RowFollower and source.kind is not SourceKind.EVENT_LOG_SQLITE):
            raise InvalidArgument(
                "not one growing log",
                where=os.fspath(path),
                expected="a transcript, a topic file, an agent event log or a SQLite event log",
            )
        if state is not None and state.get("kind") != source.kind.value:
            found = f"a state of kind {state.get('kind')!r}"
            raise InvalidArgument(found, where="state", expected=f"one of {source.kind.value!r}")
        self._follower: _Follower = follower(source, dict(state) if state else None)
        self._follow = follow
        self._interval_s = interval_s
        self._waiting: deque[Row] = deque()
        self._given: Row | None = None

    def poll(self) -> pl.DataFrame:
        """Rows that are new since the last look, at most a batch of them; empty when there are none.

        Rows that were read for the iterator and not yet taken come first.
        """
        if self._waiting:
            frame = EVENTS.build(self._waiting)
            self._waiting.clear()
        else:
            frame = self._follower.read()
        self._given = None
        return frame

    def text(self, row: Mapping[str, Any]) -> str:
        """Record of a row of the newest batch, from what was read of the log for it; of SQLite logs the payload."""
        return self._follower.text(dict(row))

    def __next__(self) -> Row:
        while not self._waiting:
            frame = self.poll()
            self._waiting.extend(frame.iter_rows(named=True))
            if frame.is_empty():
                if not self._follow:
                    raise StopIteration
                time.sleep(self._interval_s)
        row = self._waiting.popleft()
        self._given = row if self._waiting else None
        return row

    @property
    def state(self) -> State:
        """Where this tail is, as plain JSON values: behind the last row it gave."""
        return self._follower.state(self._given)

    @property
    def problems(self) -> pl.DataFrame:
        """What could not be read as it should, in the schema of ``problems``."""
        return pl.concat([PROBLEMS.empty(), *self._follower.problems])

    def close(self) -> None:
        """Let go of the file."""
        self._follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
