"""Questions asked once or many times over: a scalar is a sweep of one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from harnlab.core.rust_semantics import U64_MAX
from harnlab.errors import InvalidArgument

#: What may be asked: nothing, one value, or several.
Amounts = float | Iterable[float] | None
Counts = int | Iterable[int] | None


def amounts(asked: Amounts, *, name: str, where: str) -> list[float | None]:
    """Amounts of 0 or more; infinity asks for no limit, ``None`` leaves the recorded one.

    Raises
    ------
    InvalidArgument
        For anything else, and for no values at all.
    """
    return [None if value is None else _amount(value, name, where) for value in _several(asked, name, where)]


def counts(asked: Counts, *, name: str, where: str, least: int = 0) -> list[int | None]:
    """Whole numbers of ``least`` or more; ``None`` leaves the recorded one.

    Raises
    ------
    InvalidArgument
        For anything else, and for no values at all.
    """
    return [
        None if value is None else _count(value, name, where, least) for value in _several(asked, name, where)
    ]


def _several(asked: Any, name: str, where: str) -> list[Any]:
    if asked is None:
        return [None]
    if isinstance(asked, str) or not isinstance(asked, Iterable):
        return [asked]
    values = list(asked)
    if not values or None in values:
        raise InvalidArgument(f"{name}={asked!r}", where=where, expected="a number or several")
    return values


def _amount(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value < 0:
        raise InvalidArgument(f"{name}={value!r}", where=where, expected="a number of 0 or more")
    return float(value)


def _count(value: Any, name: str, where: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= U64_MAX:
        raise InvalidArgument(f"{name}={value!r}", where=where, expected=f"a whole number from {least}")
    return value
