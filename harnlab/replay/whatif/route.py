"""Where inherited calls would have gone on a pinned route, what they would have cost, what nobody can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from harnlab.core.dispatch import BUILTIN_CAPABILITIES, CapabilityTable, base_url_host
from harnlab.errors import InvalidArgument
from harnlab.frames import SOURCE, Instant
from harnlab.money import digits, exact_sum, known_cost
from harnlab.questions import question
from harnlab.replay.base_urls import BASE_URLS, FIXED
from harnlab.replay.dispatch_answers import wire_formats_of
from harnlab.replay.inputs import Frames
from harnlab.replay.price_table import FAST, STANDARD, CacheConvention, PriceTable, Tokens
from harnlab.replay.whatif.decidability import Decidability, Side
from harnlab.vocabulary import OutcomeKind, ProvenanceOrigin

Row = Mapping[str, Any]

_WHERE: Final = "whatif.route"
#: The origins that decide where a call goes.
_ROUTE: Final = ("provenance_provider", "provenance_model", "provenance_wire_format")
_CALL: Final = ("run_id", "call_id")
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_INHERITED: Final = ProvenanceOrigin.INHERITED_FROM_PRIMARY.value
_SERVED: Final = (OutcomeKind.SERVED.value, OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED.value)

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "timestamp": Instant,
    "call_id": pl.String(),
    "recorded_provider": pl.String(),
    "recorded_model": pl.String(),
    "asked_provider": pl.String(),
    "asked_model": pl.String(),
    "field": pl.String(),
    "recorded": pl.String(),
    "whatif": pl.String(),
    "recorded_usd": pl.Float64(),
    "whatif_usd": pl.Float64(),
    "whatif_low_usd": pl.Float64(),
    "whatif_high_usd": pl.Float64(),
    "savings_usd": pl.Float64(),
    "side": pl.String(),
    "base_calls": pl.Int64(),
    "base_served": pl.Int64(),
    "decidability": pl.String(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def route(
    runs: Frames,
    /,
    *,
    provider: str | None = None,
    model: str | None = None,
    prices: PriceTable | None = None,
    convention: str = CacheConvention.INCLUSIVE,
    capabilities: CapabilityTable = BUILTIN_CAPABILITIES,
    base_url: str | None = None,
) -> pl.DataFrame:
    """Ask where calls on an inherited route would have gone had it been pinned.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    provider, model : str, optional
        The pinned route. Left out: the model stays, and its provider is the one that calls of the same model had
        where it was pinned, if there is only one.
    prices : PriceTable, optional
        Table of ``hl.prices.read``; without one the price is not decided.
    convention : str
        How recorded input and cache tokens are billed (``hl.prices.CacheConvention``).
    capabilities : CapabilityTable
        Registry that decides the wire format; the built-in one by default.
    base_url : str, optional
        Base URL of the provider, where the project sets its own.

    Returns
    -------
    polars.DataFrame
        Four rows for each dispatch whose provider, model or wire format was inherited, oldest first: ``field`` is
        ``wire_format`` and ``base_url_host`` (exact), ``cost_usd`` (a bound) and ``outcome_kind`` (insufficient).
        ``recorded`` and ``whatif`` are the answers as text. For the price, ``whatif_usd`` is the recorded tokens at
        the table's rates, ``whatif_low_usd`` and ``whatif_high_usd`` what they cost at the least and most however
        much of them is cached, ``savings_usd`` recorded less ``whatif_usd``. For the outcome, ``base_served`` of
        ``base_calls`` other calls of that route and model came back with an answer: a base rate, not a prediction.

    Raises
    ------
    InvalidArgument
        For an unknown convention.
    """
    if convention not in frozenset(CacheConvention):
        known = ", ".join(CacheConvention)
        raise InvalidArgument(f"convention={convention!r}", where=_WHERE, expected=f"one of {known}")
    every = _dispatches(runs)
    hit = every.filter(pl.col("inherited")).sort("timestamp", "source_path", "source_line", nulls_last=True)
    seen = _Seen(every, base_url=base_url)
    rates = _Rates(table=prices, convention=CacheConvention(convention))
    rows = []
    for row in hit.iter_rows(named=True):
        target = _Target(provider or seen.pinned(row["model"]), model or row["model"])
        shared = {name: row[name] for name in _COLUMNS if name in row} | {
            "recorded_provider": row["provider"],
            "recorded_model": row["model"],
            "asked_provider": target.provider,
            "asked_model": target.model,
        }
        rows += [shared | told for told in _answers(row, target, seen, rates, capabilities)]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _COLUMNS.items()}
    )


@dataclass(frozen=True, slots=True)
class _Target:
    """The route asked about."""

    provider: str | None
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """The prices asked with."""

    table: PriceTable | None
    convention: CacheConvention


class _Seen:
    """What other recorded dispatches say of routes."""

    def __init__(self, every: pl.DataFrame, *, base_url: str | None) -> None:
        self._base_url = base_url
        clean = every.filter(~pl.col("inherited"))
        pinned = clean.filter(~pl.col("provenance_provider").fill_null("unknown").is_in(["unknown"]))
        self._pinned: dict[str, set[str]] = {}
        for model, provider in pinned.select("model", "provider").drop_nulls().unique().iter_rows():
            self._pinned.setdefault(model, set()).add(provider)
        self._hosts: dict[str, Counter[str]] = {}
        hosts = every.select("provider", "base_url_host").drop_nulls()
        for provider, host in hosts.iter_rows():
            self._hosts.setdefault(provider, Counter())[host] += 1
        self._served: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()
        for provider, model, kind in clean.select("provider", "model", "outcome_kind").iter_rows():
            self._calls[provider, model] += 1
            self._served[provider, model] += kind in _SERVED

    def pinned(self, model: str | None) -> str | None:
        """Provider of a model where it was not inherited, if there is just one."""
        providers = self._pinned.get(model or "", set())
        return next(iter(providers)) if len(providers) == 1 else None

    def host(self, provider: str) -> tuple[str | None, Decidability, str]:
        """Host of a provider, how sure it is, and why."""
        if self._base_url is not None:
            return base_url_host(self._base_url), Decidability.EXACT, "the base URL given names it"
        seen = self._hosts.get(provider, Counter())
        if len(seen) == 1:
            ((host, calls),) = seen.items()
            return host, Decidability.EXACT, f"{calls} recorded calls of {provider} went there"
        if seen:
            why = f"recorded calls of {provider} went to {len(seen)} hosts"
            return None, Decidability.INSUFFICIENT, f"{why}; base_url=… says which"
        url = BASE_URLS.get(provider)
        if url is None:
            return None, Decidability.INSUFFICIENT, f"no base URL of {provider} is known; base_url=… says it"
        if provider in FIXED:
            return base_url_host(url), Decidability.EXACT, f"the built-in base URL of {provider} names it"
        why = f"no call of {provider} is recorded, and a project may replace its built-in base URL"
        return base_url_host(url), Decidability.INSUFFICIENT, f"{why}; base_url=… says it"

    def base_rate(self, target: _Target) -> tuple[int, int]:
        """Calls of a route that was not inherited, and those that came back with an answer."""
        key = target.provider or "", target.model or ""
        return self._calls[key], self._served[key]


def _dispatches(runs: Frames) -> pl.DataFrame:
    """Dispatches with their call's tokens and cost; ``inherited`` where a part of the route was."""
    priced = runs.frame("calls").select(*_CALL, *_TOKENS, "served_fast", recorded_usd=known_cost())
    priced = priced.drop_nulls(list(_CALL)).unique(list(_CALL), keep="first")
    inherited = pl.any_horizontal(pl.col(name).fill_null("") == _INHERITED for name in _ROUTE)
    rows = runs.frame("dispatches").with_columns(inherited=inherited)
    return rows.join(priced, on=list(_CALL), how="left", maintain_order="left")


def _answers(
    row: Row, target: _Target, seen: _Seen, rates: _Rates, capabilities: CapabilityTable
) -> Iterator[dict[str, Any]]:
    recorded = {"wire_format": row["wire_format"], "base_url_host": row["base_url_host"]}
    recorded["cost_usd"] = None if row["recorded_usd"] is None else digits(exact_sum([row["recorded_usd"]]))
    recorded["outcome_kind"] = row["outcome_kind"]
    if target.provider is None or target.model is None:
        why = f"no single provider was pinned for {row['model'] or 'the model'}; provider=… says which"
        for field, text in recorded.items():
            yield {"field": field, "recorded": text} | _said(None, Decidability.INSUFFICIENT, why)
        return
    told = {
        "wire_format": _wire_format(target, capabilities),
        "base_url_host": _said(*seen.host(target.provider)),
        "cost_usd": _cost(row, target, rates),
        "outcome_kind": _outcome(target, seen),
    }
    for field, text in recorded.items():
        yield {"field": field, "recorded": text} | told[field]


def _said(whatif: str | None, word: Decidability, because: str) -> dict[str, Any]:
    return {"whatif": whatif, "decidability": word.value, "because": because}


def _wire_format(target: _Target, capabilities: CapabilityTable) -> dict[str, Any]:
    asked = pl.DataFrame({"provider": [target.provider], "model": [target.model]})
    word = wire_formats_of(asked, capabilities)["replayed_wire_format"][0]
    if word is None:
        why = f"the registry's answer for {target.provider} is not known; capabilities=… says it"
        return _said(None, Decidability.INSUFFICIENT, why)
    why = f"the capability registry decides it from {target.provider} and {target.model} alone"
    return _said(word, Decidability.EXACT, why)


def _cost(row: Row, target: _Target, rates: _Rates) -> dict[str, Any]:
    told: dict[str, Any] = {"recorded_usd": row["recorded_usd"]}
    if rates.table is None:
        return told | _said(None, Decidability.INSUFFICIENT, "no price table is given; prices=… names one")
    if row["input_tokens"] is None or row["output_tokens"] is None:
        return told | _said(None, Decidability.INSUFFICIENT, "the tokens of the call are not recorded")
    tokens = Tokens(
        input=row["input_tokens"],
        output=row["output_tokens"],
        cache_read=row["cache_read_tokens"] or 0,
        cache_write=row["cache_write_tokens"] or 0,
    )
    tier = FAST if row["served_fast"] else STANDARD
    price = rates.table.price(target.provider, target.model, tokens, tier)
    if price is None:
        why = f"{rates.table.name} has no price of {target.provider}/{target.model}"
        return told | _said(None, Decidability.INSUFFICIENT, why)
    cost, (low, high) = price.cost(tokens, rates.convention), price.bounds(tokens)
    because = (
        f"the recorded tokens cost {digits(cost)} USD by {rates.table.name}, {digits(low)} to {digits(high)} USD "
        "however much of them is cached; another route may count other tokens"
    )
    savings = None if row["recorded_usd"] is None else float(exact_sum([row["recorded_usd"], -cost]))
    told |= {"whatif_usd": float(cost), "whatif_low_usd": float(low), "whatif_high_usd": float(high)}
    told |= {"savings_usd": savings, "side": Side.BETWEEN.value}
    return told | _said(digits(cost), Decidability.BOUND, because)


def _outcome(target: _Target, seen: _Seen) -> dict[str, Any]:
    calls, served = seen.base_rate(target)
    because = "nothing decides what would have come back"
    if calls:
        because += f"; base rate: {served} of {calls} calls of {target.provider}/{target.model} were answered"
    base = {"base_calls": calls, "base_served": served}
    return base | _said(None, Decidability.INSUFFICIENT, because)
