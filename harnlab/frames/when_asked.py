"""Frames by name, each made when it is first asked for: who asks for one need not wait for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from threading import RLock
from typing import Self

import polars as pl

from harnlab.errors import HarnlabError

#: Makes a frame; what it is given are the frames it stands among, for one may be made of others.
Maker = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]


class FramesWhenAsked(Mapping[str, pl.DataFrame], ABC):
    """Frames by name; each is made once, when it is first asked for, by whichever thread asks first.

    Parameters
    ----------
    names : iterable of str
        All names, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._known = dict.fromkeys(names)
        self._made: dict[str, pl.DataFrame] = {}
        self._lock = RLock()

    @abstractmethod
    def _make(self, name: str) -> pl.DataFrame:
        """The frame called ``name``; called once, unless it raises."""

    def __getitem__(self, name: str) -> pl.DataFrame:
        # what is there needs no lock, so that nobody waits for a frame that somebody else asked for
        if (made := self._made.get(name)) is not None:
            return made
        if name not in self._known:
            raise KeyError(name)
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class FramesByMaker(FramesWhenAsked):
    """Frames that are made by a function each; it is let go, with all it holds, when the frame is made.

    Parameters
    ----------
    makers : mapping of str to callable
        What makes each frame.
    """

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        super().__init__(makers)
        self._makers = dict(makers)

    @classmethod
    def of(cls, frames: Mapping[str, pl.DataFrame]) -> Self:
        """Frames that are there already, in a form in which each can be taken out."""
        return frames if isinstance(frames, cls) else cls({n: partial(_given, f) for n, f in frames.items()})

    def _make(self, name: str) -> pl.DataFrame:
        if name not in self._makers:
            raise HarnlabError(
                "joining its rows was stopped half-way", where=f"frame {name}", hint="load again"
            )
        made = self._makers[name](self)
        del self._makers[name]
        return made

    def take(self, name: str) -> pl.DataFrame:
        """The frame called ``name``, held here no longer: what is made of it need not be held beside it.

        Raises
        ------
        HarnlabError
            When it was taken before: what was to be made of it has failed or was interrupted.
        """
        with self._lock:
            taken = self[name]
            del self._made[name]
        return taken


def _given(frame: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return frame
