"""Runtime values as Python holds them, and the text the runtime shows for each.

===========  =======================================================
runtime      Python
===========  =======================================================
nil          ``None``
bool         ``bool``
int (i64)    ``int``, never ``bool``
float (f64)  ``float``
string       ``str``
list         ``list``
dict         ``dict`` with ``str`` keys; the runtime orders keys by code point
duration     :class:`Duration`
===========  =======================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from harnlab.core.rust_semantics import positional


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration value, its own runtime type; never equal to an int."""

    milliseconds: int


Value: TypeAlias = "bool | int | float | str | Duration | list[Value] | dict[str, Value] | None"


def is_int(value: object) -> TypeGuard[int]:
    """Whether ``value`` is a runtime int (Python's ``True`` is not one)."""
    return isinstance(value, int) and not isinstance(value, bool)


def type_name(value: Value) -> str:
    """Name of a value's type as the runtime's error messages print it."""
    match value:
        case None:
            return "nil"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            return "dict"
        case Duration():  # pragma: no branch - mypy proves the match complete
            return "duration"


def display(value: Value) -> str:
    """Text of a value as the runtime shows it (``vectors/README.md``, "display form")."""
    match value:
        case str():
            return value
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _display_float(value)
        case list():
            return f"[{', '.join(map(display, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}: {display(value[key])}" for key in sorted(value)) + "}"
        case Duration():  # pragma: no branch - mypy proves the match complete
            return _display_duration(value.milliseconds)


def _display_float(value: float) -> str:
    if math.isfinite(value) and value == math.trunc(value) and abs(value) < 1e15:
        return f"{value:.1f}"
    return positional(value)


def _display_duration(milliseconds: int) -> str:
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
