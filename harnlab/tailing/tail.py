"""``tail``: an iterator over what is appended to a file from now on, or from where it was left."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import EVENTS, PROBLEMS
from harnlab.ingest.discover import discover
from harnlab.ingest.sources import Source, SourceKind
from harnlab.tailing.lines import LineFollower
from harnlab.tailing.rows import RowFollower
from harnlab.tailing.topics import KIND, TopicsFollower

Row = dict[str, Any]
State = dict[str, Any]

_LINE_KINDS: Final = (SourceKind.TRANSCRIPT, SourceKind.EVENT_LOG_FILE, SourceKind.AGENT_EVENTS)


class _Follower(Protocol):
    """Reads what is new, and knows where it is; its state can be taken back to any row of the newest batch."""

    @property
    def problems(self) -> list[pl.DataFrame]: ...

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
        A transcript, a topic file, the folder of a file log (all its topics, later ones too), an agent event log or
        a SQLite event log. It must exist.
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
        For a file that does not grow (a run record, a receipt), a state of another kind of log, or an interval that
        is not above 0.

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


def _log(path: str | os.PathLike[str]) -> tuple[Source, str, Callable[[Source, State | None], _Follower]]:
    """What there is to follow, the kind of its states, and what follows it."""
    source, *others = found = discover([path])
    if all(one.kind is SourceKind.EVENT_LOG_FILE for one in found) and os.path.isdir(path):  # noqa: PTH112
        if len({one.path.parent for one in found}) == 1:
            return source, KIND, TopicsFollower
    elif not others and source.kind in _LINE_KINDS:
        return source, source.kind.value, LineFollower
    elif not others and source.kind is SourceKind.EVENT_LOG_SQLITE:
        return source, source.kind.value, RowFollower
    raise InvalidArgument(
        "not one growing log",
        where=os.fspath(path),
        expected="a transcript, a topic file or the folder of them, an agent event log or a SQLite event log",
        hint=next((one.shown for one in found if one.kind in _LINE_KINDS), None),
    )


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
        source, kind, follower = _log(path)
        if state is not None and state.get("kind") != kind:
            found = f"a state of kind {state['kind']!r}" if "kind" in state else "no state of a tail"
            raise InvalidArgument(
                found, where="state", expected=f"one of kind {kind!r}", hint="`Tail.state` of the same log"
            )
        if not (isinstance(interval_s, int | float) and interval_s > 0):
            raise InvalidArgument(f"interval_s={interval_s!r}", where="tail", expected="seconds above 0")
        self._follower = follower(source, dict(state) if state else None)
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
