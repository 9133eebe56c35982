"""JSON text exactly as the runtime writes it, which is what its hashes are taken over (FORMATS 3.4).

Python's ``json.dumps`` comes close but prints ``1e-07`` and ``1e+16`` where the runtime prints ``1e-7`` and
``1e16``; one such float in a record and its hash would be called broken.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from harnlab.core.rust_semantics import I64_MIN, U64_MAX, json_number
from harnlab.errors import InvalidArgument


def canonical_json(value: Any) -> str:
    """Compact JSON of ``value`` with the keys of every object sorted by code point.

    Raises
    ------
    InvalidArgument
        If the runtime could not have read such a value: a number that is not finite as a float, a key that
        is not text, a type JSON does not have.
    """
    return _text(value, written=False)


def compact_json(value: Any) -> str:
    """Compact JSON of ``value`` as the runtime writes a line: members as they stand, NaN as ``null``.

    Raises
    ------
    InvalidArgument
        If an object has a key that is not text, or a type has no JSON form.
    """
    return _text(value, written=True)


def as_written(value: Any) -> Any:
    """Give ``value`` as a reader will find it once it is written; hash this, not what was handed in."""
    return json.loads(compact_json(value))


def sha256_text(value: Any) -> str:
    """``sha256:`` and the hex digest of a value's canonical JSON."""
    # A lone surrogate cannot come from the runtime; it must fail the comparison, not the reader.
    text = canonical_json(value).encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _text(value: Any, *, written: bool) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int() | float():
            return _number(value, written=written)
        case list() | tuple():
            return f"[{','.join([_text(item, written=written) for item in value])}]"
        case Mapping():
            return f"{{{','.join(_members(value, written=written))}}}"
    raise InvalidArgument(f"a {type(value).__name__} has no JSON form", expected="what json.loads returns")


def _members(mapping: Mapping[Any, Any], *, written: bool) -> Iterator[str]:
    if not all(isinstance(key, str) for key in mapping):
        raise InvalidArgument("an object has a key that is not text", expected="what json.loads returns")
    for key in mapping if written else sorted(mapping):
        yield f"{_quoted(key)}:{_text(mapping[key], written=written)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(value: float, *, written: bool) -> str:
    if isinstance(value, int) and I64_MIN <= value <= U64_MAX:
        return str(int(value))
    # The runtime reads an integer that fits neither i64 nor u64 as a float.
    number = _as_float(value)
    if math.isfinite(number):
        return json_number(number)
    if written:
        return "null"
    raise InvalidArgument("a number that is not finite has no JSON form", expected="a finite number")


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
