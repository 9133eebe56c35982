"""The calls of ``inherited-route`` in order: who made each, over which route, with which answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .inherited_issues import CHEAP, FINISH, ISSUES, SMART, Issue
from .routes import Json, Origins, Route, Tokens

_LANES: Final = (
    {"provider": "openrouter", "model": "qwen/qwen3.6-27b", "quality_tier": "mid", "available": True},
    {"provider": "anthropic", "model": "claude-sonnet-4-6", "quality_tier": "frontier", "available": True},
)


def _lanes(chosen: str) -> tuple[Json, ...]:
    costs = {"mid": (0.0002, 0.0008, 640), "frontier": (0.003, 0.015, 1480)}
    rows = []
    for lane in _LANES:
        in_, out, latency = costs[str(lane["quality_tier"])]
        picked = lane["model"] == chosen
        rows.append(
            {**lane, "selected": picked, "cost_per_1k_in": in_, "cost_per_1k_out": out}
            | {"latency_p50_ms": latency, "reason": "target" if picked else "not the target"}
        )
    return tuple(rows)


PRIMARY: Final = Route(
    provider="openrouter",
    model="qwen/qwen3.6-27b",
    origins=Origins(
        provider="pipeline_input",
        model="pipeline_input",
        wire_format="catalog_default",
        thinking="catalog_default",
        tool_format="operator_pin",
    ),
    tool_format="text",
    temperature=0.2,
)
PINNED: Final = Route(
    provider="anthropic",
    model="claude-sonnet-4-6",
    origins=Origins(
        provider="operator_pin",
        model="escalation_override",
        wire_format="catalog_default",
        thinking="escalation_override",
        tool_format="catalog_default",
    ),
    thinking=("effort", "low"),
    policy="always(claude-sonnet-4-6)",
    requested_quality="frontier",
    alternatives=_lanes("claude-sonnet-4-6"),
    max_tokens=8192,
)
_FALLEN_THROUGH: Final = "inherited_from_primary"
INHERITED: Final = PINNED.using(
    provider="openrouter",
    tool_format="text",
    origins=Origins(
        provider=_FALLEN_THROUGH,
        model="escalation_override",
        wire_format=_FALLEN_THROUGH,
        thinking="escalation_override",
        tool_format=_FALLEN_THROUGH,
    ),
)
#: The last run pins its tool format, so one field fewer is inherited.
INHERITED_NATIVE: Final = INHERITED.using(
    tool_format="native",
    origins=Origins(
        provider=_FALLEN_THROUGH,
        model="escalation_override",
        wire_format=_FALLEN_THROUGH,
        thinking="escalation_override",
        tool_format="operator_pin",
    ),
)
PLAIN: Final = Route(
    provider="openai",
    model="gpt-4o-mini",
    temperature=0.0,
    max_tokens=64,
    policy="cheapest_over_quality(low)",
    requested_quality="low",
    fallback_chain=("openrouter:qwen/qwen3.6-27b",),
)
ROUTES: Final = {
    "plain": PLAIN,
    "primary": PRIMARY,
    "pinned": PINNED,
    "inherited": INHERITED,
    "inherited_native": INHERITED_NATIVE,
}

#: Run number (from 1) to the route of its escalation. The configuration changed between runs 7 and 8.
ESCALATIONS: Final = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 10), "pinned"),
    **dict.fromkeys((8, 9, 11), "inherited"),
    12: "inherited_native",
}
#: (run, phase, turn) to what went wrong there.
MISHAPS: Final = {
    (4, "cheap", 3): "timeout",
    (9, "smart", 2): "dead",
    (11, "smart", 1): "recovered",
    (11, "smart", 4): "usage_limit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One logical call."""

    phase: str
    route: str
    used: Tokens
    say: str = ""
    tool: str = ""
    answer: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    mishap: str = ""


def plan(number: int) -> list[Planned]:
    """Every logical call of run ``number``, in order."""
    issue = ISSUES[number - 1]
    calls = [_plain("title", issue, number, issue.title)]
    # Nine turns in odd runs; even runs get stuck one guess earlier.
    cheap = CHEAP if number % 2 else (*CHEAP[:6], CHEAP[8])
    calls += _phase("cheap", "primary", cheap, issue, number)
    smart = list(_phase("smart", ESCALATIONS[number], SMART, issue, number))
    dead = [position for position, call in enumerate(smart) if call.mishap == "dead"]
    if dead:
        return calls + smart[: dead[0] + 1]
    calls += smart
    calls += _phase("finish", "primary", FINISH, issue, number)
    return [*calls, _plain("commit", issue, number, f"fix: {issue.fix} (#{issue.number})")]


def _plain(phase: str, issue: Issue, number: int, say: str) -> Planned:
    used = Tokens(input=780 + 7 * number + len(issue.title), output=9 + number % 5)
    return Planned(phase=phase, route="plain", used=used, say=say)


def _phase(
    phase: str, route: str, turns: tuple[tuple[str, str, str, Json], ...], issue: Issue, number: int
) -> Iterator[Planned]:
    filling = {name: getattr(issue, name) for name in Issue.__slots__}
    start = {"cheap": 2400, "smart": 9800, "finish": 11600}[phase] + 130 * number
    for turn, (say, tool, answer, arguments) in enumerate(turns):
        mishap = MISHAPS.get((number, phase, turn), "")
        yield Planned(
            phase=phase,
            route=route,
            used=_used(route, start + 860 * turn, turn, number, mishap),
            say="" if mishap == "dead" else say.format(**filling),
            tool="" if mishap == "dead" else tool,
            answer=answer.format(**filling),
            arguments={key: value.format(**filling) for key, value in arguments.items()},
            mishap=mishap,
        )


def _used(route: str, size: int, turn: int, number: int, mishap: str) -> Tokens:
    output = 120 + 17 * ((3 * turn + number) % 11) + (0 if route == "primary" else 260)
    if mishap == "dead":
        output = 8
    if route != "pinned":
        return Tokens(input=size, output=output)
    # Over its own wire format the smart model caches the prompt; over the primary's it cannot.
    read = 0 if turn == 0 else size - 1100
    return Tokens(input=size, output=output, read=read, write=size - 300 if turn == 0 else 800)
