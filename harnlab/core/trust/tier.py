"""How far an agent might act alone, and since when (FORMATS 3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from harnlab.core.trust.chain import unique_records
from harnlab.core.values import is_int
from harnlab.vocabulary import AutonomyTier, TrustOutcome

_CONTROL_ACTIONS: Final = ("trust.promote", "trust.demote")
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)

#: A moment: UTC second and nanosecond, which sort as time does.
Moment = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """One successful promotion or demotion; ``tier`` holds from ``timestamp`` on."""

    timestamp: str
    tier: str
    action: str
    record_id: str | None


def tier_changes(payloads: Iterable[Any], agent: str) -> list[TierChange]:
    """Successful promotions and demotions of ``agent`` in order of time.

    Parameters
    ----------
    payloads : iterable of Any
        Payloads of trust records in any order; copies in other topics are dropped. What the runtime could
        not read (no object, no RFC 3339 timestamp, no tier) is passed over.
    agent : str
        Agent as recorded, not as sanitised in a topic's name.
    """
    changes = (payload for payload in payloads if _is_tier_change(payload, agent))
    found = [payload for _, payload in unique_records(enumerate(changes))]
    return [
        TierChange(
            timestamp=payload["timestamp"],
            tier=payload["autonomy_tier"],
            action=payload["action"],
            record_id=payload.get("record_id"),
        )
        for payload in sorted(found, key=_query_order)
    ]


def effective_tier(
    payloads: Iterable[Any],
    agent: str,
    *,
    at: str | None = None,
    default: str = AutonomyTier.ACT_AUTO.value,
) -> str:
    """Tier of ``agent`` at a moment: that of its latest successful promotion or demotion.

    Parameters
    ----------
    payloads : iterable of Any
        Payloads of trust records in any order.
    agent : str
        Agent as recorded.
    at : str, optional
        RFC 3339 moment, included; the end of the record when not given.
    default : str
        Tier before any change.

    Raises
    ------
    ValueError
        If ``at`` is no RFC 3339 time.
    """
    until = None if at is None else _moment(at)
    tier = default
    for change in tier_changes(payloads, agent):
        if until is None or _moment(change.timestamp) <= until:
            tier = change.tier
    return tier


def _is_tier_change(payload: Any, agent: str) -> bool:
    return (
        isinstance(payload, Mapping)
        and payload.get("agent") == agent
        and payload.get("action") in _CONTROL_ACTIONS
        and payload.get("outcome") == TrustOutcome.SUCCESS
        and isinstance(payload.get("autonomy_tier"), str)
        and _is_moment(payload.get("timestamp"))
    )


def _query_order(payload: Mapping[str, Any]) -> tuple[Moment, int, str]:
    # The runtime's order of records: time, then place in the chain, then id (FORMATS 3.5).
    index = payload.get("chain_index")
    return _moment(payload["timestamp"]), index if is_int(index) else 0, str(payload.get("record_id"))


def _is_moment(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(_moment(text))
    except ValueError:
        return False


def _moment(text: str) -> Moment:
    # Not compared as text: "…:00.25Z" sorts before "…:00Z".
    match = _RFC3339.fullmatch(text.upper())
    if match is None:
        raise ValueError(f"{text!r} is no RFC 3339 time")
    whole, fraction, zone = match.groups()
    second = datetime.fromisoformat(whole + zone).timestamp()
    return int(second), int((fraction or "").ljust(9, "0"))
