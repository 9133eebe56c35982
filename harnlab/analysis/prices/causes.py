"""Why a recomputed cost is another than the recorded one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from harnlab.money import digits
from harnlab.replay.price_table import FAST, STANDARD, CacheConvention, Price, PriceTable, Tokens

#: A recorded cost is a float that was rounded on its way: as near as this is the same.
_NEAR: Final = 1e-9


class Cause(StrEnum):
    """Why a recomputed cost is another than the recorded one; in the order in which causes are looked for."""

    NO_USAGE = "no_usage"
    NOT_IN_TABLE = "not_in_table"
    RECORDED_UNPRICED = "recorded_unpriced"
    SAME = "same"
    RECORDED_ZERO = "recorded_zero"
    PARTLY_PRICED = "partly_priced"
    CACHE_IGNORED = "cache_ignored"
    CACHE_CONVENTION = "cache_convention"
    TIER = "tier"
    BAND = "band"
    RATES = "rates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A call with its recorded cost and the price the table has for it."""

    provider: str | None
    model: str | None
    tokens: Tokens
    tier: str
    recorded: float | None
    unpriced_tokens: int
    price: Price
    cost: Decimal


def cause_of(call: Priced, table: PriceTable, convention: CacheConvention) -> tuple[Cause, str]:
    """Cause of a difference, and a sentence; the first other way of pricing that gives what is recorded."""
    cost = f"{digits(call.cost)} USD by {table.name}"
    if call.recorded is None:
        return Cause.RECORDED_UNPRICED, f"recorded without a price; {cost}"
    if _near(call.recorded, call.cost):
        return Cause.SAME, f"recorded as {cost}"
    told = f"recorded {_text(call.recorded)} USD, {cost}"
    if call.recorded == 0:
        return Cause.RECORDED_ZERO, f"{told}: before 0.9 an unknown price was written as 0"
    if call.unpriced_tokens:
        return Cause.PARTLY_PRICED, f"{told}: {call.unpriced_tokens} of its tokens had no known price"
    for cause, why, other in _others(call, table, convention):
        if _near(call.recorded, other):
            return cause, f"{told}: {why}"
    ratio = f", {call.recorded / float(call.cost):.4g} times as much" if call.cost else ""
    return Cause.RATES, f"{told}: no rate of the table gives it{ratio}"


def _others(
    call: Priced, table: PriceTable, convention: CacheConvention
) -> Iterator[tuple[Cause, str, Decimal]]:
    """Other ways of pricing the tokens, each with what it would mean."""
    if convention is not CacheConvention.UNCACHED:
        uncached = call.price.cost(call.tokens, CacheConvention.UNCACHED)
        yield Cause.CACHE_IGNORED, "the price of the cache is left out", uncached
    for one in CacheConvention:
        why = f"input and cache tokens are counted as `{one}`"
        yield Cause.CACHE_CONVENTION, why, call.price.cost(call.tokens, one)
    other = STANDARD if call.tier == FAST else FAST
    for price in table.bands(call.provider, call.model, other):
        for one in CacheConvention:
            yield Cause.TIER, f"it is priced at the {other} tier", price.cost(call.tokens, one)
    for price in table.bands(call.provider, call.model, call.tier):
        for one in CacheConvention:
            why = f"it is priced in the band from {price.from_input_tokens} input tokens"
            yield Cause.BAND, why, price.cost(call.tokens, one)


def _near(recorded: float, cost: Decimal) -> bool:
    return math.isclose(recorded, float(cost), rel_tol=_NEAR, abs_tol=1e-15)


def _text(amount: float) -> str:
    return digits(Decimal(repr(amount)))
