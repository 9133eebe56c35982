"""Steps as the imitated runtime charges them: after the call, tokens before USD, strictly over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .routes import Json, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One ``@step`` declaration of a persona."""

    name: str
    function: str
    model: str | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    boundary: str | None = None
    line: int = 0

    def declaration(self) -> Json:
        limits = {"max_tokens": self.max_tokens, "max_usd": self.max_usd}
        budget = {name: limit for name, limit in limits.items() if limit is not None}
        members: Json = {"name": self.name, "function": self.function}
        members |= {"model": self.model} if self.model else {}
        members |= {"error_boundary": self.boundary} if self.boundary else {}
        members |= {"budget": budget} if budget else {}
        return members | {"line": self.line}


class StepBudgetExhausted(Exception):
    """The thrown dict of a step over its limit."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.error = error


@dataclass(slots=True, kw_only=True)
class ActiveStep:
    """A step on the stack with what it has used."""

    step: Step
    span: Json
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    llm_calls: int = 0
    last_model: str | None = None

    def charge(self, model: str, used: Tokens, cost_usd: float) -> None:
        self.input_tokens += used.input
        self.output_tokens += used.output
        self.cost_usd += cost_usd
        self.llm_calls += 1
        self.last_model = model
        total = self.input_tokens + self.output_tokens
        if self.step.max_tokens is not None and total > self.step.max_tokens:
            raise StepBudgetExhausted(self._error("max_tokens", float(self.step.max_tokens)))
        if self.step.max_usd is not None and self.cost_usd > self.step.max_usd:
            raise StepBudgetExhausted(self._error("max_usd", self.step.max_usd))

    def _error(self, limit: str, value: float) -> Json:
        tokens = self.input_tokens + self.output_tokens
        return {
            "category": "budget_exceeded",
            "consumed_cost_usd": self.cost_usd,
            "consumed_tokens": float(tokens),
            "error_boundary": self.step.boundary or "fail",
            "function": self.step.function,
            "kind": "budget_exhausted",
            "limit": limit,
            "limit_value": value,
            "message": f"step `{self.step.name}` exceeded {limit} budget ({tokens} > {int(value)})",
            "reason": "step_budget_exhausted",
            "step": self.step.name,
        }

    def completed(self, status: str, error: str | None) -> Json:
        return {
            "name": self.step.name,
            "function": self.step.function,
            "model": self.last_model or self.step.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "llm_calls": self.llm_calls,
            "status": status,
            "error": error,
        }


def model_call_entry(completed: Json) -> Json:
    """A completed step as a receipt embeds it: keys sorted, nulls absent."""
    entry = {"step" if key == "name" else key: value for key, value in completed.items() if value is not None}
    return dict(sorted(entry.items()))


def manifest_toml(persona: Json, steps: tuple[Step, ...]) -> str:
    """A ``harn.toml`` with one persona and its steps."""
    lines = ["[[personas]]", *(_toml_member(key, value) for key, value in persona.items())]
    for step in steps:
        lines += ["", "[[personas.steps]]"]
        lines += [_toml_member(key, value) for key, value in step.declaration().items()]
    return "\n".join(lines) + "\n"


def _toml_member(key: str, value: Any) -> str:
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(member)}" for key, member in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(member) for member in value) + "]"
    return repr(value)
