"""An agent's autonomy budget, read from its options (port of ``autonomy_budget`` 0.8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harnlab.core.rust_semantics import trim
from harnlab.core.values import Value, is_int, type_name
from harnlab.errors import HarnRuntimeError

#: Who is asked when a budget names no reviewer.
DEFAULT_REVIEWER: Final = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyBudget:
    """Decisions one key may take alone; ``None`` is no cap."""

    key: str
    per_hour: int | None = None
    per_day: int | None = None
    reviewer: str = DEFAULT_REVIEWER


def read_budget(options: Value, *, default_key: str, label: str) -> AutonomyBudget | None:
    """Read ``options["autonomy_budget"]`` as the runtime does.

    Parameters
    ----------
    options : Value
        Options of the call. Anything but a dict counts as no options.
    default_key : str
        Key of the counters when the budget names none; the runtime passes the session id.
    label : str
        Prefix of every error text, such as ``agent_loop``.

    Returns
    -------
    AutonomyBudget or None
        ``None`` when there is no budget, or when it sets neither cap; a key or reviewer beside no cap is
        then not even looked at.

    Raises
    ------
    HarnRuntimeError
        In the runtime's words. Caps are read before zeros are refused, and both before key and reviewer.

    Notes
    -----
    Port of ``parse_autonomy_budget`` (seed ``autonomy_budget`` 0.8.2).
    """
    given = options.get("autonomy_budget") if isinstance(options, dict) else None
    if given is None:
        return None
    if not isinstance(given, dict):
        raise HarnRuntimeError(
            f"{label}: autonomy_budget must be a dict {{per_hour, per_day, key?, reviewer?}}"
        )
    caps = {cap: _whole_number(given, cap, label) for cap in ("per_hour", "per_day")}
    for cap, limit in caps.items():
        if limit == 0:
            raise HarnRuntimeError(f"{label}: autonomy_budget.{cap} must be >= 1 (use nil to disable)")
    if all(limit is None for limit in caps.values()):
        return None
    key = _text(given, "key", default_key, label)
    if not trim(key):
        raise HarnRuntimeError(f"{label}: autonomy_budget requires a non-empty `key` or session_id")
    return AutonomyBudget(key=key, **caps, reviewer=_text(given, "reviewer", DEFAULT_REVIEWER, label))


def _whole_number(given: dict[str, Value], field: str, label: str) -> int | None:
    value = given.get(field)
    if value is None:
        return None
    if not is_int(value) or value < 0:
        raise HarnRuntimeError(f"{label}: autonomy_budget.{field} must be a non-negative int")
    return value


def _text(given: dict[str, Value], field: str, default: str, label: str) -> str:
    value = given.get(field)
    if value is None:
        return default
    if not isinstance(value, str) or not trim(value):
        raise HarnRuntimeError(
            f"{label}: autonomy_budget.{field} must be a non-empty string, got {type_name(value)}"
        )
    return value
