"""Every error harnlab raises on purpose.

::

    HarnlabError                  catch this to catch all of them
    ├── UnreadablePath            a path that is missing, forbidden, or holds no file harnlab knows
    ├── MalformedRecord           a strict reader met a record it cannot read; names file and line
    ├── UnknownName               a frame, column, dimension or run that is not there
    ├── InvalidArgument           an argument outside what a function accepts
    └── HarnError                 what the Harn runtime itself would have raised
        ├── HarnRuntimeError      a plain error text, word for word the runtime's
        └── HarnThrownError       a thrown runtime value

A message says where, what was found, what was expected and what to try. All survive pickling.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Self


def closest(name: object, known: Iterable[str]) -> str | None:
    """The known name that ``name`` may be a misspelling of."""
    return next(iter(get_close_matches(str(name), list(known), n=1)), None)


def no_frame_called(name: str, given: object, frames: Iterable[str]) -> AttributeError:
    """What ``given``, whose attributes are frames, raises for an attribute it does not have."""
    known = f"{type(given).__name__} has no {name!r}; frames are {', '.join(frames)}"
    meant = closest(name, dir(given))
    return AttributeError(f"{known}. Try: {meant}" if meant else known)


class HarnlabError(Exception):
    """Root of every error raised on purpose.

    Parameters
    ----------
    found : str
        What is wrong, as seen.
    where : str, optional
        The place: ``path``, ``path:line``, or the argument's name.
    expected : str, optional
        What would have been right.
    hint : str, optional
        What to try next.
    """

    def __init__(
        self, found: str, *, where: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> None:
        self.found = found
        self.where = where
        self.expected = expected
        self.hint = hint
        super().__init__(found)

    def __str__(self) -> str:
        text = f"{self.where}: {self.found}" if self.where else self.found
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f". Try: {self.hint}"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(kind: type[HarnlabError], state: dict[str, Any], args: tuple[Any, ...]) -> HarnlabError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UnreadablePath(HarnlabError):
    """A path that is missing, forbidden, or holds no file harnlab knows."""


class MalformedRecord(HarnlabError):
    """A strict reader met a record it cannot read; ``where`` is ``path:line``."""


class UnknownName(HarnlabError):
    """A frame, column, dimension or run that is not there."""

    @classmethod
    def among(cls, what: str, name: object, known: Iterable[str], *, where: str | None = None) -> Self:
        """No ``what`` is called ``name``: those that are, and the closest of them to try."""
        names = list(known)
        return cls(
            f"no {what} {name!r}" if names else f"no {what} {name!r}, nor any other",
            where=where,
            expected=f"one of {', '.join(names)}" if names else None,
            hint=closest(name, names),
        )


class InvalidArgument(HarnlabError):
    """An argument outside what a function accepts."""


class HarnError(HarnlabError):
    """What the Harn runtime itself would have raised; decided by :mod:`harnlab.core`."""


class HarnRuntimeError(HarnError):
    """A plain runtime error; ``str(error)`` is the runtime's text, word for word."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HarnThrownError(HarnError):
    """A thrown runtime value, carried in ``value`` (a string, a dict, …)."""

    def __init__(self, value: Any) -> None:
        super().__init__(value if isinstance(value, str) else repr(value))
        self.value = value
