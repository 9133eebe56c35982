"""Prices an analyst names, and what tokens cost under them; nothing here knows a price of its own (FORMATS 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, localcontext
from enum import StrEnum
from typing import Final

from harnlab.errors import InvalidArgument

#: Tiers of service; ``fast`` is what a call with ``served_fast`` paid.
STANDARD: Final = "standard"
FAST: Final = "fast"

#: Digits enough for any 64-bit count times any rate; a sum that would be rounded says so.
_EXACT: Final = Context(prec=1200, traps=[Inexact])


class CacheConvention(StrEnum):
    """Which input tokens are billed at the plain rate where some were cached.

    ``uncached``
        All of them; cache tokens cost nothing of their own (runtime 0.7 and 0.8, and step totals).
    ``inclusive_if_fits``
        Input less cache tokens where these fit into it; else input is taken to exclude them (a 0.9 version).
    ``inclusive``
        Input less cache tokens, not below 0 (newest).
    """

    UNCACHED = "uncached"
    INCLUSIVE_IF_FITS = "inclusive_if_fits"
    INCLUSIVE = "inclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Token counts of one call, as recorded."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """Input and cache tokens together, whichever way they were counted."""
        cached = self.cache_read + self.cache_write
        return self.input if cached <= self.input else self.input + cached


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Rates of one model, USD per million tokens.

    Attributes
    ----------
    model : str
        Exact model id.
    provider : str, optional
        Provider the rates are for; any where none is named.
    input, output : Decimal
        Plain rates.
    cache_read, cache_write : Decimal, optional
        Rates of cached input; the plain one where none is named.
    from_input_tokens : int
        Least input tokens of a call the rates are for.
    tier : str
        ``standard`` or ``fast``.
    """

    model: str
    provider: str | None = None
    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    from_input_tokens: int = 0
    tier: str = STANDARD

    def cost(self, tokens: Tokens, convention: CacheConvention) -> Decimal:
        """Cost of a call in USD, exact."""
        if convention is CacheConvention.UNCACHED:
            return _usd((tokens.input, self.input), (tokens.output, self.output))
        cached = tokens.cache_read + tokens.cache_write
        plain = max(tokens.input - cached, 0)
        if convention is CacheConvention.INCLUSIVE_IF_FITS and cached > tokens.input:
            plain = tokens.input
        read, write = self._cache_rates
        return _usd(
            (plain, self.input),
            (tokens.output, self.output),
            (tokens.cache_read, read),
            (tokens.cache_write, write),
        )

    def bounds(self, tokens: Tokens) -> tuple[Decimal, Decimal]:
        """Least and most the same tokens can cost in USD, however much of the prompt is cached."""
        rates = self.input, *self._cache_rates
        least, most = (
            _usd((tokens.prompt, rate), (tokens.output, self.output)) for rate in (min(rates), max(rates))
        )
        return least, most

    @property
    def _cache_rates(self) -> tuple[Decimal, Decimal]:
        read = self.input if self.cache_read is None else self.cache_read
        return read, self.input if self.cache_write is None else self.cache_write


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by provider, model, tier and band of input tokens.

    Parameters
    ----------
    prices : iterable of Price
        In any order.
    name : str
        What the analyst calls the table; shown beside every recomputed number.

    Raises
    ------
    InvalidArgument
        Where two prices are for the same thing.
    """

    prices: tuple[Price, ...]
    name: str = "price table"
    _bands: Mapping[tuple[str | None, str, str], tuple[Price, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __init__(self, prices: Iterable[Price], name: str = "price table") -> None:
        object.__setattr__(self, "prices", tuple(prices))
        object.__setattr__(self, "name", name)
        found: dict[tuple[str | None, str, str], list[Price]] = {}
        for price in sorted(self.prices, key=lambda one: one.from_input_tokens):
            band = found.setdefault((price.provider, price.model, price.tier), [])
            if band and band[-1].from_input_tokens == price.from_input_tokens:
                whose = f"{price.provider or 'any provider'}/{price.model} ({price.tier})"
                raise InvalidArgument(
                    f"two prices of {whose} from {price.from_input_tokens} input tokens", where=name
                )
            band.append(price)
        object.__setattr__(self, "_bands", {key: tuple(band) for key, band in found.items()})

    def bands(self, provider: str | None, model: str | None, tier: str = STANDARD) -> tuple[Price, ...]:
        """Prices of a model by band; those for its provider come before those for any."""
        if model is None:
            return ()
        return self._bands.get((provider, model, tier)) or self._bands.get((None, model, tier), ())

    def price(
        self, provider: str | None, model: str | None, tokens: Tokens, tier: str = STANDARD
    ) -> Price | None:
        """Price of a call; ``None`` where the table has none."""
        reached = [
            band for band in self.bands(provider, model, tier) if band.from_input_tokens <= tokens.input
        ]
        return reached[-1] if reached else None


def _usd(*parts: tuple[int, Decimal]) -> Decimal:
    """Tokens at their rates per million, in USD, exact."""
    with localcontext(_EXACT):
        return sum((tokens * rate for tokens, rate in parts), Decimal(0)).scaleb(-6)
