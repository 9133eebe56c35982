"""Where a call can go, what it costs there, and who decided so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

Json = dict[str, Any]

HOSTS: Final = {
    "anthropic": "api.anthropic.com",
    "openrouter": "openrouter.ai",
    "openai": "api.openai.com",
    "ollama": "localhost:11434",
}
WIRE_FORMATS: Final = {"anthropic": "anthropic_native", "ollama": "ollama"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    read: Decimal
    write: Decimal


def _price(input_: str, output: str, read: str | None = None, write: str | None = None) -> Price:
    base = Decimal(input_)
    return Price(
        input=base,
        output=Decimal(output),
        read=Decimal(read) if read else base,
        write=Decimal(write) if write else base,
    )


#: The catalog of these samples. A pair that is not here has no known price: ``cost_usd`` is null.
PRICES: Final = {
    ("anthropic", "claude-haiku-4-5"): _price("1", "5", "0.10", "1.25"),
    ("anthropic", "claude-sonnet-4-6"): _price("3", "15", "0.30", "3.75"),
    ("anthropic", "claude-opus-4-6"): _price("5", "25", "0.50", "6.25"),
    ("openrouter", "qwen/qwen3.6-27b"): _price("0.20", "0.80"),
    ("openrouter", "claude-sonnet-4-6"): _price("3", "15", "0.30", "3.75"),
    ("openai", "gpt-4o-mini"): _price("0.15", "0.60"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What one call used; ``input`` includes the cache tokens."""

    input: int
    output: int
    read: int = 0
    write: int = 0


def cached_usd(price: Price, used: Tokens) -> Decimal:
    """USD as the transcript of the 0.9 line counts them: cache tokens at their own rates."""
    billable = used.input - used.read - used.write
    micro = billable * price.input + used.output * price.output
    return (micro + used.read * price.read + used.write * price.write) / 1_000_000


def uncached_usd(price: Price, used: Tokens) -> Decimal:
    """USD as a step is charged: every input token at the full rate."""
    return (used.input * price.input + used.output * price.output) / 1_000_000


def saved_usd(price: Price, used: Tokens) -> Decimal:
    saved = used.read * (price.input - price.read) + used.write * (price.input - price.write)
    return saved / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where each field of a dispatch came from."""

    provider: str = "unknown"
    model: str = "unknown"
    wire_format: str = "unknown"
    thinking: str = "unknown"
    tool_format: str = "unknown"

    def as_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


OFF: Final = ("off", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One resolved way to a model, with the options of the call."""

    provider: str
    model: str
    origins: Origins = Origins()
    thinking: tuple[str, Any] = OFF
    tool_format: str = "native"
    policy: str = "manual"
    fallback_chain: tuple[str, ...] = ()
    alternatives: tuple[Json, ...] = ()
    requested_quality: str | None = None
    temperature: float | None = None
    max_tokens: int = 4096
    extra: Json = field(default_factory=dict)

    @property
    def wire_format(self) -> str:
        return WIRE_FORMATS.get(self.provider, "openai_compat")

    @property
    def host(self) -> str:
        return HOSTS[self.provider]

    @property
    def price(self) -> Price | None:
        return PRICES.get((self.provider, self.model))

    def using(self, **changes: Any) -> Route:
        return replace(self, **changes)

    def request_thinking(self) -> Json:
        mode, value = self.thinking
        if mode == "off":
            return {"mode": "disabled", "enabled": False, "budget_tokens": None}
        if mode == "effort":
            return {"mode": "effort", "level": value, "enabled": value != "none", "budget_tokens": None}
        return {"mode": mode, "enabled": True, "budget_tokens": value}

    def dispatch_thinking(self) -> Json:
        mode, value = self.thinking
        if mode == "off":
            return {"mode": "off", "enabled": False}
        if mode == "effort":
            return {"mode": "effort", "level": value, "enabled": value != "none"}
        if mode == "enabled":
            return {"mode": "enabled", "enabled": True, "budget_tokens": value}
        return {"mode": mode, "enabled": True}

    def routing_decision(self) -> Json | None:
        if self.policy == "manual":
            return None
        return {
            "policy": self.policy,
            "requested_quality": self.requested_quality,
            "selected_provider": self.provider,
            "selected_model": self.model,
            "fallback_chain": list(self.fallback_chain),
            "alternatives": list(self.alternatives),
        }
