"""Facts of ``inherited-route``, from its plan; line numbers from where the writer put them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from .inherited_plan import ROUTES, Planned
from .routes import Json, cached_usd
from .runtime import Made, Run

_OUTCOMES: Final = {
    "": "served",
    "dead": "empty_completion_terminal",
    "recovered": "empty_completion_transient_recovered",
    "usage_limit": "usage_limit",
    "timeout": "provider_error",
}
_EXTRA_ATTEMPTS: Final = {"dead": 2, "recovered": 2, "usage_limit": 1}
_FIELDS: Final = ("provider", "model", "wire_format", "thinking", "tool_format")

Played = tuple[int, Run, list[tuple[Planned, Made]]]


def _cost(call: Planned) -> Decimal:
    price = ROUTES[call.route].price
    unpaid = call.mishap in {"usage_limit", "timeout"} or price is None
    return Decimal(0) if unpaid or price is None else cached_usd(price, call.used)


def _text(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def _total(calls: list[Planned]) -> str:
    return _text(sum(map(_cost, calls), Decimal(0)))


def _attempts(calls: list[Planned]) -> int:
    return sum(1 + _EXTRA_ATTEMPTS.get(call.mishap, 0) for call in calls)


def facts(runs: list[Played]) -> Json:
    every = [call for _, _, made in runs for call, _ in made]
    inherited = [call for call in every if call.route.startswith("inherited")]
    pinned = [call for call in every if call.route == "pinned"]
    return {
        "runs": len(runs),
        "config_change": {"last_run_before": 7, "first_run_after": 8, "missing": "BURIN_EVAL_SMART_PROVIDER"},
        "attempts": _attempts(every),
        "dispatches": len(every),
        "responses": sum(call.mishap not in {"usage_limit", "timeout"} for call in every),
        "empty_completion_retries": 4,
        "cost_usd": _total(every),
        "by_route": {
            name: {"dispatches": len(calls), "cost_usd": _total(calls)}
            for name in ROUTES
            if (calls := [call for call in every if call.route == name])
        },
        "outcomes": dict(sorted(Counter(_OUTCOMES[call.mishap] for call in every).items())),
        "wire_formats": dict(sorted(Counter(ROUTES[call.route].wire_format for call in every).items())),
        "unknown_origins": {"dispatches": len(every) - _known(every), "of": len(every)},
        "origin_matrix": _matrix(every),
        "inherited": _incident(runs, inherited),
        "same_model_pinned": {
            "dispatches": len(pinned),
            "cost_usd": _total(pinned),
            "outcomes": dict(Counter(_OUTCOMES[call.mishap] for call in pinned)),
            "runs": [number for number, _, made in runs if any(call.route == "pinned" for call, _ in made)],
        },
        "marks": _marks(runs),
        "per_run": [_run_row(*played) for played in runs],
        "problems": {},
    }


def _known(calls: list[Planned]) -> int:
    return sum(call.route != "plain" for call in calls)


def _matrix(calls: list[Planned]) -> Json:
    matrix: Json = {}
    for name in _FIELDS:
        origins = [getattr(ROUTES[call.route].origins, name) for call in calls]
        matrix[name] = {
            origin: {
                "dispatches": origins.count(origin),
                "cost_usd": _total([c for c, o in zip(calls, origins, strict=True) if o == origin]),
            }
            for origin in sorted(set(origins))
        }
    return matrix


def _incident(runs: list[Played], inherited: list[Planned]) -> Json:
    places = [
        (number, run, call, made)
        for number, run, rows in runs
        for call, made in rows
        if call.route.startswith("inherited")
    ]
    first, last = places[0], places[-1]
    return {
        "dispatches": len(inherited),
        "attempts": _attempts(inherited),
        "cost_usd": _total(inherited),
        "runs": sorted({number for number, *_ in places}),
        "run_ids": list(dict.fromkeys(run.id for _, run, *_ in places)),
        "sessions": len({run.id for _, run, *_ in places}),
        "first": _place(*first),
        "last": _place(*last),
        "first_timestamp": _stamp(first[1], first[3]),
        "last_timestamp": _stamp(last[1], last[3]),
        "fields_inherited": dict(Counter(_fields_inherited(call) for call in inherited)),
        "outcomes": dict(sorted(Counter(_OUTCOMES[call.mishap] for call in inherited).items())),
        "model": "claude-sonnet-4-6",
        "went_to": {"provider": "openrouter", "wire_format": "openai_compat", "host": "openrouter.ai"},
        "pinned_goes_to": {
            "provider": "anthropic",
            "wire_format": "anthropic_native",
            "host": "api.anthropic.com",
        },
    }


def _fields_inherited(call: Planned) -> str:
    origins = ROUTES[call.route].origins.as_json().values()
    return f"{list(origins).count('inherited_from_primary')} of 5"


def _stamp(run: Run, made: Made) -> str:
    line = run.transcript.lines[made.dispatch_line - 1]
    return line.split('"timestamp":"')[1].split('"')[0]


def _place(number: int, run: Run, call: Planned, made: Made) -> Json:
    path = f"transcripts/{run.id}/llm_transcript.jsonl"
    return {"run": number, "file": path, "line": made.dispatch_line, "call_id": made.call_id}


def _marks(runs: list[Played]) -> Json:
    """Where the calls that did not simply answer stand."""
    return {
        _OUTCOMES[call.mishap]: {**_place(number, run, call, made), "route": call.route}
        for number, run, rows in runs
        for call, made in rows
        if call.mishap
    }


def _run_row(number: int, run: Run, rows: list[tuple[Planned, Made]]) -> Json:
    calls = [call for call, _ in rows]
    return {
        "run": number,
        "run_id": run.id,
        "status": run.status,
        "lines": len(run.transcript.lines),
        "dispatches": len(calls),
        "attempts": _attempts(calls),
        "cost_usd": _total(calls),
    }
