"""How many decisions a second each core makes, scalar, on one core: ``python benchmarks/core_rates.py``.

Every rate is the best of five rounds; the inputs are made from a fixed seed, so a slower number is a slower machine
or a slower core.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters
from harnlab.core.dispatch import outcome_of_error, outcome_of_result
from harnlab.core.rust_semantics import byte_len
from harnlab.core.skills import (
    CATALOG_HEADER,
    SkillCard,
    activation_evidence,
    fit_catalog,
    fit_lengths,
    render_block,
)
from harnlab.core.steps import LlmCall, StepRuntime, read_step_definition

ROUNDS = 5
BUDGET = 2000


def catalogs(turns: int) -> list[list[str]]:
    """Catalogs of 20 to 60 cards of about 90 bytes, of which about 20 fit."""
    chance = random.Random(7)
    return [
        [
            render_block(f"team/skill-{n}", "does x" * chance.randint(4, 9), "when y" * chance.randint(2, 6))
            for n in range(chance.randint(20, 60))
        ]
        for _ in range(turns)
    ]


def step_records(calls: int) -> Callable[[], int]:
    chance = random.Random(7)
    recorded = [
        LlmCall(
            model="m",
            input_tokens=chance.randint(0, 9000),
            output_tokens=chance.randint(0, 900),
            cost_usd=chance.random() / 100,
        )
        for _ in range(calls)
    ]
    step = read_step_definition("verify", {"budget": {"max_tokens": 2**60, "max_usd": 1e9}})

    def run() -> int:
        runtime = StepRuntime()
        runtime.define_step(step)
        runtime.push_step("verify", 1)
        for call in recorded:
            runtime.record(call)
        return calls

    return run


def autonomy_checks(checks: int) -> Callable[[], int]:
    chance = random.Random(7)
    budgets = [
        AutonomyBudget(key=f"agent-{n}", per_hour=20, per_day=200, reviewer="operator") for n in range(200)
    ]
    asked = [
        (chance.choice(budgets), at_s)
        for at_s in sorted(chance.randrange(30 * 86_400) for _ in range(checks))
    ]

    def run() -> int:
        counters = AutonomyCounters()
        for budget, at_s in asked:
            if counters.exceeded_cap(budget, at_s) is None:
                counters.note(budget.key, at_s)
        return checks

    return run


def turns_from_text(turns: int) -> Callable[[], int]:
    blocks = catalogs(turns)
    return lambda: len([fit_catalog(CATALOG_HEADER, one, BUDGET) for one in blocks])


def turns_from_lengths(turns: int) -> Callable[[], int]:
    header = byte_len(CATALOG_HEADER)
    lengths = [[byte_len(block) for block in one] for one in catalogs(turns)]
    return lambda: len([fit_lengths(header, one, BUDGET) for one in lengths])


def turns_with_evidence(turns: int) -> Callable[[], int]:
    decks = [
        [SkillCard(id=str(n), name=str(n), block=block) for n, block in enumerate(one)]
        for one in catalogs(turns)
    ]
    return lambda: len(
        [activation_evidence(cards, budget=BUDGET, loaded=["1"], used=["2"]) for cards in decks]
    )


def dispatch_outcomes(calls: int) -> Callable[[], int]:
    def run() -> int:
        for _ in range(calls // 2):
            outcome_of_result(text="answer", tool_calls=(), thinking=None, output_tokens=8)
            outcome_of_error("anthropic API error: overloaded")
        return calls

    return run


RATES = {
    "step usage records/s": step_records(200_000),
    "autonomy checks/s": autonomy_checks(200_000),
    "catalog turns/s (from text)": turns_from_text(5_000),
    "catalog turns/s (from lengths)": turns_from_lengths(5_000),
    "evidence turns/s": turns_with_evidence(1_000),
    "dispatch outcomes/s": dispatch_outcomes(200_000),
}


def best_rate(run: Callable[[], int]) -> float:
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        done = run()
        rates.append(done / (time.perf_counter() - start))
    return max(rates)


def main() -> None:
    print(f"Python {sys.version.split()[0]}, best of {ROUNDS}")
    for name, run in RATES.items():
        print(f"{name:32} {best_rate(run):>12,.0f}")


if __name__ == "__main__":
    main()
