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

from typing import Any


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
