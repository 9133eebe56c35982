"""The vectors' JSON spelling of runtime values, and the comparison the vectors ask for."""

import json
import math

from harnlab.core.values import Duration


def decode(spelled):
    """Runtime value of a JSON value: ``{"$float": "nan"}`` and ``{"$duration_ms": 5}`` are values of their own."""
    if isinstance(spelled, list):
        return [decode(item) for item in spelled]
    if isinstance(spelled, dict):
        if spelled.keys() == {"$float"}:
            return float(spelled["$float"])
        if spelled.keys() == {"$duration_ms"}:
            return Duration(spelled["$duration_ms"])
        return {key: decode(item) for key, item in spelled.items()}
    return spelled


def encode(value):
    """JSON spelling of a runtime value; the inverse of :func:`decode`."""
    if isinstance(value, Duration):
        return {"$duration_ms": value.milliseconds}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def difference(expected, actual, place="output"):
    """Name the first place where two outputs differ, or ``None``.

    Types count (``100`` is not ``100.0``); object member order does not. An expected error with a
    ``message_prefix`` ends in text of the operating system or of a parser: only the prefix is compared.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        if "message_prefix" in expected:
            prefix = expected["message_prefix"]
            if not str(actual.get("message", "")).startswith(prefix):
                return f"{place}.message: expected the prefix {prefix!r}, got {actual.get('message')!r}"
            portable = {"message", "message_prefix"}
            expected = {key: item for key, item in expected.items() if key not in portable}
            actual = {key: item for key, item in actual.items() if key not in portable}
        if expected.keys() != actual.keys():
            return f"{place}: expected members {sorted(expected)}, got {sorted(actual)}"
        found = (difference(expected[key], actual[key], f"{place}.{key}") for key in expected)
        return next((one for one in found if one), None)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{place}: expected {len(expected)} items, got {len(actual)}"
        found = (
            difference(e, a, f"{place}[{i}]") for i, (e, a) in enumerate(zip(expected, actual, strict=True))
        )
        return next((one for one in found if one), None)
    if type(expected) is not type(actual) or json.dumps(expected) != json.dumps(actual):
        return f"{place}: expected {expected!r}, got {actual!r}"
    return None
