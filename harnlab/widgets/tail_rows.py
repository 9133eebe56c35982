"""Running totals of a growing log, from its new events alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from harnlab.money import exact_sum

_ASKED: Final = "provider_call_request"
_ANSWERED: Final = "provider_call_response"
_FAILED: Final = "provider_call_error"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a log has come to so far.

    ``cost_usd`` is the exact sum of the costs known; ``unpriced`` answers have none.
    """

    events: int = 0
    asked: int = 0
    answered: int = 0
    failed: int = 0
    unpriced: int = 0
    cost_usd: Decimal = Decimal(0)
    last_type: str | None = None
    last_at: datetime | None = None

    def after(self, events: Iterable[tuple[Row, str]]) -> Totals:
        """Totals after some more events, each with its record as text."""
        rows = list(events)
        if not rows:
            return self
        types = [row["type"] for row, _ in rows]
        costs = [known_cost(text) for (_, text), kind in zip(rows, types, strict=True) if kind == _ANSWERED]
        dated = [row["timestamp"] for row, _ in rows if row["timestamp"] is not None]
        return replace(
            self,
            events=self.events + len(rows),
            asked=self.asked + types.count(_ASKED),
            answered=self.answered + types.count(_ANSWERED),
            failed=self.failed + types.count(_FAILED),
            unpriced=self.unpriced + sum(priced is None for _, priced in costs),
            cost_usd=exact_sum([self.cost_usd, *(known for known, _ in costs if known is not None)]),
            last_type=types[-1],
            last_at=dated[-1] if dated else self.last_at,
        )


def known_cost(text: str) -> tuple[float | None, float | None]:
    """What is known of the cost of an answered call, and its whole price; ``None`` where the record has no number."""
    try:
        record = json.loads(text)
    except ValueError:
        return None, None
    if not isinstance(record, dict):
        return None, None
    price, known = _amount(record.get("cost_usd")), _amount(record.get("known_cost_usd"))
    return (price if known is None else known), price


def _amount(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None
