"""Following a whole file log: every topic of its folder, those that come later too."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from harnlab.frames import EVENTS
from harnlab.ingest.sources import Source
from harnlab.tailing.lines import LineFollower

Row = dict[str, Any]
State = dict[str, Any]

#: Kind of a state that names every topic.
KIND = "event_log_folder"


class TopicsFollower:
    """What is appended to the topics of one folder; a batch is of one topic, and each topic gets its turn.

    Events of a topic come in order; between topics nothing says which was first but their time.
    """

    def __init__(self, source: Source, state: State | None) -> None:
        self._source = source
        self._folder = source.path.parent
        self._left: dict[str, State] = dict(state["topics"]) if state else {}
        self._topics: dict[str, LineFollower] = {}
        self._turns: deque[str] = deque()
        self._newest = ""

    @property
    def problems(self) -> list[pl.DataFrame]:
        """What could not be read, topic by topic."""
        return [frame for follower in self._topics.values() for frame in follower.problems]

    def read(self) -> pl.DataFrame:
        """Rows of the next topic that has new ones."""
        self._find_topics()
        for _ in range(len(self._turns)):
            name = self._turns[0]
            self._turns.rotate(-1)
            frame = self._topics[name].read()
            if frame.height:
                self._newest = name
                return frame
        return EVENTS.empty()

    def state(self, row: Row | None) -> State:
        """Where this is: behind ``row`` of the newest batch, or behind all of it."""
        told = {
            name: follower.state(row if name == self._newest else None)
            for name, follower in self._topics.items()
        }
        return {"kind": KIND, "topics": self._left | told}

    def text(self, row: Row) -> str:
        """Record of a row of the newest batch as it stands in its topic."""
        return self._topics[self._newest].text(row) if self._newest else ""

    def close(self) -> None:
        """Let go of the files."""
        for follower in self._topics.values():
            follower.close()

    def _find_topics(self) -> None:
        """Take up the topics that are new; one that was compacted away may come again under its name."""
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.name not in self._topics and path.is_file() and not path.is_symlink():
                shown = Path(self._source.shown).with_name(path.name).as_posix()
                source = replace(self._source, path=path, shown=shown)
                self._topics[path.name] = LineFollower(source, self._left.pop(path.name, None))
                self._turns.append(path.name)
