"""What every question takes and gives: runs or frames of them, in Polars or pandas; and the answer alike.

::

    hl.costs.by(runs, "step")                           # Polars
    hl.costs.by(runs.pandas, "step")                    # pandas
    hl.routes.matrix(frame)                             # one frame of either, told by its columns
    hl.costs.by({"calls": calls, "steps": steps}, "step")   # several; what is not given counts as not recorded
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast, overload

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import ALL_FRAMES, FrameSchema, schema
from harnlab.pandas_runs import PandasRuns, as_declared, is_pandas, to_pandas, to_polars
from harnlab.runs import Runs

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_EXPECTED: Final = "what hl.load gives, runs.pandas, a frame of it, or a mapping of frames by name"


class Frames(Protocol):
    """Source of the frames declared in :mod:`harnlab.frames`."""

    def frame(self, name: str, /) -> pl.DataFrame:
        """Frame called ``name``; empty when nothing of the kind was recorded."""
        ...


class GivenFrames:
    """Frames somebody chose: what was not given is empty."""

    def __init__(self, frames: Mapping[str, pl.DataFrame]) -> None:
        self._frames = dict(frames)

    def frame(self, name: str, /) -> pl.DataFrame:
        """Frame called ``name``."""
        declared = schema(name)
        return self._frames[name] if name in self._frames else declared.empty()


class Question(Protocol[P, R_co]):
    """A function of runs: Polars in gives Polars out; pandas in gives pandas out."""

    __name__: str

    @overload
    def __call__(self, runs: Frames, /, *args: P.args, **options: P.kwargs) -> R_co: ...
    @overload
    def __call__(
        self, runs: PandasRuns | pl.DataFrame | Mapping[str, Any], /, *args: P.args, **options: P.kwargs
    ) -> Any: ...


def question(function: Callable[Concatenate[Frames, P], R]) -> Question[P, R]:
    """Let a function of runs take frames of either library, and give its answer in the one it was asked in.

    Raises
    ------
    InvalidArgument
        For a path (not loaded yet), frames that are none of harnlab's, and anything else.
    """
    where = _name(function)

    @functools.wraps(function)
    def asked(runs: Any, /, *args: Any, **options: Any) -> Any:
        given, in_pandas = frames_of(runs, where=where)
        answer = function(given, *map(_polars, args), **{k: _polars(v) for k, v in options.items()})
        return answered(answer, in_pandas=in_pandas)

    return cast("Question[P, R]", asked)


def of_frames(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of result frames take pandas, and give pandas where it got some."""

    @functools.wraps(function)
    def asked(*args: P.args, **options: P.kwargs) -> R:
        in_pandas = any(map(is_pandas, (*args, *options.values())))
        found: Any = function(*map(_polars, args), **{k: _polars(v) for k, v in options.items()})
        return cast("R", answered(found, in_pandas=in_pandas))

    return asked


def frames_of(runs: Any, *, where: str) -> tuple[Frames, bool]:
    """Frames of whatever stands for runs, and whether pandas was given.

    Raises
    ------
    InvalidArgument
        For anything else; the message says what to try.
    """
    if isinstance(runs, PandasRuns):
        return runs.polars, True
    if isinstance(runs, Mapping):
        frames = {name: _declared(frame, schema(name), where) for name, frame in runs.items()}
        return GivenFrames(frames), any(map(is_pandas, runs.values()))
    if isinstance(runs, pl.DataFrame) or is_pandas(runs):
        declared = _recognised(runs, where)
        return GivenFrames({declared.name: _declared(runs, declared, where)}), is_pandas(runs)
    if callable(getattr(runs, "frame", None)):
        return cast("Frames", runs), False
    hint = None
    found = f"{type(runs).__name__}: {runs!r}"
    if isinstance(runs, str | os.PathLike):
        found, hint = f"a path, {os.fspath(runs)!r}", f"hl.load({os.fspath(runs)!r}) first"
    elif isinstance(runs, pl.LazyFrame):
        found, hint = "a LazyFrame", ".collect()"
    raise InvalidArgument(found[:200], where=where, expected=_EXPECTED, hint=hint)


def runs_of(runs: Any, *, where: str) -> Runs:
    """Whole runs, for what needs more of them than frames: their files, or the way back to a record.

    Raises
    ------
    InvalidArgument
        For anything but runs of either library; the message says what to try.
    """
    found, _ = frames_of(runs, where=where)
    if isinstance(found, Runs):
        return found
    raise InvalidArgument(f"{type(runs).__name__} of frames", where=where, expected="what hl.load gives")


def answered(answer: Any, *, in_pandas: bool) -> Any:
    """Answer in the library it was asked in; what is no frame stays as it is."""
    return to_pandas(answer) if in_pandas and isinstance(answer, pl.DataFrame) else answer


def recognised(columns: list[str]) -> FrameSchema | None:
    """Declared frame that has all its columns among some; the one with most of them."""
    names = set(columns)
    fitting = [one for one in ALL_FRAMES if names.issuperset(one.names)]
    return max(fitting, key=lambda one: len(one.names), default=None)


def _recognised(frame: Any, where: str) -> FrameSchema:
    columns = [str(name) for name in frame.columns]
    found = recognised(columns)
    if found is not None:
        return found
    closest = max(ALL_FRAMES, key=lambda one: len(set(columns).intersection(one.names)) / len(one.names))
    missing = [name for name in closest.names if name not in columns]
    raise InvalidArgument(
        f"a frame with columns {', '.join(columns[:8]) or 'of no name'}{', …' if len(columns) > 8 else ''}",
        where=where,
        expected="all columns of a frame that `harnlab schema` lists",
        hint=f"the closest, `{closest.name}`, also has {', '.join(missing[:8])}{', …' if len(missing) > 8 else ''}",
    )


def _declared(frame: Any, declared: FrameSchema, where: str) -> pl.DataFrame:
    if is_pandas(frame):
        return to_polars(frame, declared)
    if isinstance(frame, pl.DataFrame):
        return as_declared(frame, declared)
    raise InvalidArgument(
        f"{type(frame).__name__} as {declared.name!r}", where=where, expected="a frame of Polars or pandas"
    )


def _polars(value: Any) -> Any:
    """Argument of pandas as Polars; a row of a pandas frame, a Series, as a mapping."""
    if is_pandas(value):
        return to_polars(value)
    if is_pandas(value, kind="Series"):
        missing = value.isna()
        return {str(name): None if missing[name] else value[name] for name in value.index}
    return value


def _name(function: Callable[..., Any]) -> str:
    """Public name of a function, as ``costs.by``."""
    rooms = function.__module__.removeprefix("harnlab.").split(".")
    room = rooms[1] if rooms[0] in ("analysis", "replay") and len(rooms) > 1 else rooms[0]
    return function.__name__ if room == function.__name__ else f"{room}.{function.__name__}"


__all__ = ["Frames", "GivenFrames", "Question", "frames_of", "of_frames", "question", "recognised", "runs_of"]
