"""One typed value from one logged value, leniently: what fits is kept, what does not is named.

A value that fits after an honest conversion (``5333.0`` or ``"5333"`` for an int) is kept and reported as
drift; one that would lose something (``5333.5`` for an int, ``true`` for a number) becomes null and its raw
text goes into the report. Nothing is rounded and nothing wraps.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

_BOUNDS: dict[pl.DataType, tuple[int, int]] = {
    pl.Int64(): (-(2**63), 2**63 - 1),
    pl.UInt64(): (0, 2**64 - 1),
    pl.UInt32(): (0, 2**32 - 1),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last instant Python and Polars both hold
_SHOWN = 120


class Typed(NamedTuple):
    """A converted value, and what was odd about it (``None`` when nothing was)."""

    value: Any
    oddity: str | None = None


def shown(value: Any) -> str:
    """Text of a raw value for a report, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def typed(value: Any, dtype: pl.DataType) -> Typed:
    """Convert one decoded JSON value to a column's type.

    Parameters
    ----------
    value : object
        Anything a JSON decoder returns; ``None`` stays ``None`` and is never odd.
    dtype : polars.DataType
        String, Boolean, Float64, Int64, UInt32, UInt64, ``List(String)`` or ``Datetime("us", "UTC")``.

    Returns
    -------
    Typed
        The value, or ``None`` where it cannot be converted without loss, and the oddity if any.
    """
    if value is None:
        return Typed(None)
    if dtype == pl.String():
        return _text(value)
    if dtype == pl.Boolean():
        return Typed(value) if isinstance(value, bool) else _refused(value, "a bool")
    if dtype == pl.Float64():
        return _float(value)
    if dtype in _BOUNDS:
        return _int(value, *_BOUNDS[dtype])
    if isinstance(dtype, pl.Datetime):
        return instant(value)
    if isinstance(dtype, pl.List):
        return _texts(value)
    raise TypeError(f"no conversion to {dtype}")


def _refused(value: Any, expected: str) -> Typed:
    return Typed(None, f"expected {expected}, found {shown(value)}")


def _text(value: Any) -> Typed:
    if not isinstance(value, str):
        return _refused(value, "text")
    kept = sound(value)
    if kept != value:
        return Typed(kept, f"lone surrogate in {shown(value)}; kept as U+FFFD")
    return Typed(value)


def sound(text: str) -> str:
    """A text as a column can hold it: U+FFFD for every lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def object_of(text: str | None) -> dict[str, Any]:
    """Object a JSON column holds; empty where there is none."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> Typed:
    if not isinstance(value, list):
        return _refused(value, "a list of texts")
    converted = [_text(item) for item in value]
    oddity = next((item.oddity for item in converted if item.oddity), None)
    return Typed([item.value for item in converted], oddity)


def _float(value: Any) -> Typed:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _refused(value, "a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _refused(value, "a number")
    if isinstance(value, str):
        return Typed(number, f"expected a number, found the text {shown(value)}; read as {number!r}")
    return Typed(number)


def _int(value: Any, low: int, high: int) -> Typed:
    oddity = None
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        oddity = f"expected an integer, found {shown(value)}; read as {int(value)}"
        value = int(value)
    elif isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) <= 40:
        oddity = f"expected an integer, found the text {shown(value)}; read as {int(value)}"
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return _refused(value, "an integer")
    if not low <= value <= high:
        return Typed(None, f"{value} is outside the 64-bit range {low}..{high}; raw value kept here only")
    return Typed(value, oddity)


def instant(value: Any) -> Typed:
    """UTC instant of a time as the runtime writes it: epoch seconds as text or number, or RFC 3339.

    Follows FORMATS 1 (``"1777629600.123"``), 4.5 (``"1777629600"``) and 3.1 (``"2026-05-01T10:00:00.25Z"``).
    Precision beyond a microsecond is cut.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _refused(value, "a time")
    if isinstance(value, str):
        whole, _, fraction = value.strip().partition(".")
        if (
            whole.removeprefix("-").isdecimal()
            and (fraction == "" or fraction.isdecimal())
            and len(whole) <= 13
        ):
            return _from_epoch(whole, fraction, value)
        return _from_rfc3339(value)
    if not _FIRST_SECOND <= value <= _LAST_SECOND:  # also where it is NaN, or an integer that no float holds
        return _refused(value, "a time")
    return Typed(_EPOCH + timedelta(microseconds=round(value * 1_000_000)))


def _from_epoch(whole: str, fraction: str, raw: str) -> Typed:
    seconds, micros = int(whole), int(fraction[:6].ljust(6, "0"))
    if whole.startswith("-"):
        micros = -micros
    try:
        return Typed(_EPOCH + timedelta(seconds=seconds, microseconds=micros))
    except OverflowError:
        return _refused(raw, "a time between the years 1 and 9999")


def _from_rfc3339(value: str) -> Typed:
    text = value.strip()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return _refused(value, "a time (epoch seconds or RFC 3339)")
    if parsed.tzinfo is None:
        return Typed(parsed.replace(tzinfo=UTC), f"no time zone in {shown(value)}; read as UTC")
    try:
        return Typed(parsed.astimezone(UTC))
    except OverflowError:
        return _refused(value, "a time between the years 1 and 9999")
