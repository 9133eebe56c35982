"""Facts of ``cost-overrun``, worked out from the tables of the scenario and from where lines were put."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from .cost_overrun_turns import ANNOUNCE, CHANGELOG, COLLECT, OPENING, REVIEW, RISK, SIGNOFF, VERIFY, Turn
from .routes import PRICES, Json, Tokens, cached_usd, uncached_usd
from .runtime import Made, Run

_MODELS: Final = {"haiku": "claude-haiku-4-5", "sonnet": "claude-sonnet-4-6", "opus": "claude-opus-4-6"}
_PLAIN: Final = (Turn(used=Tokens(input=214, output=12), text="", route="haiku"),)
_CLOSING: Final = (Turn(used=Tokens(input=5120, output=210), text="", route="haiku"),)
_STEPS: Final = (
    ("collect", COLLECT, "completed"),
    ("verify", VERIFY["ledger-core"], "completed"),
    ("verify", VERIFY["webhooks"], "skipped"),
    ("verify", VERIFY["migrations"], "completed"),
    ("review", REVIEW, "completed"),
    ("changelog", CHANGELOG, "completed"),
    ("risk", RISK, "escalated"),
    ("signoff", SIGNOFF, "completed"),
    ("announce", ANNOUNCE, "completed"),
)
_UNATTRIBUTED: Final = (*_PLAIN, *OPENING, *_CLOSING)


def _usd(turns: tuple[Turn, ...], *, cached: bool) -> Decimal:
    rule = cached_usd if cached else uncached_usd
    priced = [turn for turn in turns if turn.route in _MODELS]
    return sum((rule(PRICES["anthropic", _MODELS[turn.route]], turn.used) for turn in priced), Decimal(0))


def _text(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def _step_rows() -> list[Json]:
    return [
        {
            "seq": seq,
            "step": name,
            "status": status,
            "llm_calls": len(turns),
            "input_tokens": sum(turn.used.input for turn in turns),
            "output_tokens": sum(turn.used.output for turn in turns),
            "step_cost_usd": _text(_usd(turns, cached=False)),
            "transcript_cost_usd": _text(_usd(turns, cached=True)),
        }
        for seq, (name, turns, status) in enumerate(_STEPS)
    ]


def facts(run: Run) -> Json:
    """``expected.json``: USD as exact decimal text; lines counted from 1."""
    attempts = {made.request_line: made for made in run.made}
    order = [attempts[line] for line in sorted(attempts)]
    before_verify = len(_PLAIN) + len(OPENING) + len(COLLECT) + 5
    webhooks = before_verify + len(VERIFY["ledger-core"]) + 2
    tripping = order[webhooks + len(VERIFY["webhooks"]) - 1]
    risky = order[-len(_CLOSING) - len(ANNOUNCE) - len(SIGNOFF) - 1]
    failed = order[before_verify - 3]
    unpriced = order[len(_PLAIN) + len(OPENING) + 3]
    every = (*_UNATTRIBUTED, *(turn for _, turns, _ in _STEPS for turn in turns))
    steps = [turn for _, turns, _ in _STEPS for turn in turns]
    return {
        "runs": 1,
        "run_id": run.id,
        "lines": {"llm_transcript.jsonl": len(run.transcript.lines), "completed_steps.jsonl": len(_STEPS)},
        "attempts": len(order),
        "served_calls": len(every),
        "dispatches": len(every),
        "failed_attempts": [{"call_id": failed.call_id, "line": failed.request_line, "status": "retrying"}],
        "unpriced_calls": [
            {"call_id": unpriced.call_id, "line": unpriced.response_line, "model": "z-ai/glm-5"}
        ],
        "input_tokens": sum(turn.used.input for turn in every),
        "output_tokens": sum(turn.used.output for turn in every),
        "cache_read_tokens": sum(turn.used.read for turn in every),
        "cache_write_tokens": sum(turn.used.write for turn in every),
        "transcript_cost_usd": _text(_usd(every, cached=True)),
        "receipt_cost_usd": _text(_usd(tuple(steps), cached=False)),
        "unattributed": {
            "calls": len(_UNATTRIBUTED),
            "cost_usd": _text(_usd(_UNATTRIBUTED, cached=True)),
        },
        "steps": _step_rows(),
        "step_kinds": {"verify": {"runs": 3, "calls": 17, "cost_usd": "0.57438"}},
        "problems": {},
        "overruns": _overruns(tripping, risky),
        "exactly_at_limit": {
            "step": "changelog",
            "limit": "max_usd",
            "limit_value": "0.02",
            "observed": "0.02",
        },
        "declared_but_not_run": ["rollback"],
        "what_if_verify_max_usd": {
            "0.1": {"trips": [[1, 5], [2, 4]], "calls_not_paid": 4, "usd_not_paid": "0.24426"},
            "0.2": {"trips": [[2, 6]], "calls_not_paid": 1, "usd_not_paid": "0.08643"},
            "0.25": {"trips": [[2, 7]], "calls_not_paid": 0, "usd_not_paid": "0"},
            "0.4": {"trips": [], "censored": [2]},
        },
    }


def _overruns(tripping: Made, risky: Made) -> list[Json]:
    """The two steps that went over, with the call that tripped each."""
    return [
        {
            "step": "verify",
            "seq": 2,
            "area": "webhooks",
            "limit": "max_usd",
            "limit_value": "0.25",
            "observed": "0.33642",
            "overshoot": "0.08642",
            "calls_before_trip": 6,
            "running_usd_before_trip": "0.24999",
            "tripping_call_id": tripping.call_id,
            "tripping_response_line": tripping.response_line,
            "boundary": "continue",
            "status": "skipped",
            "message": "step `verify` exceeded max_usd budget (97860 > 0)",
        },
        {
            "step": "risk",
            "seq": 6,
            "limit": "max_tokens",
            "limit_value": "30000",
            "observed": "32410",
            "overshoot": "2410",
            "calls_before_trip": 2,
            "tripping_call_id": risky.call_id,
            "tripping_response_line": risky.response_line,
            "boundary": "escalate",
            "status": "escalated",
            "message": "step `risk` exceeded max_tokens budget (32410 > 30000)",
        },
    ]
