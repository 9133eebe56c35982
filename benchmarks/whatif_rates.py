"""How fast what-if questions are answered: ``python benchmarks/whatif_rates.py [calls]`` (default: 200,000).

Catalog sweeps from lengths beside the core asked budget by budget, and step limits swept over many calls beside the
core asked call by call; each pair is checked to be equal before it is timed.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import polars as pl

from harnlab.core.skills import fit_lengths
from harnlab.core.steps import LlmCall, StepDefinition, run_calls
from harnlab.frames import SCHEMAS
from harnlab.replay import whatif
from harnlab.replay.step_budgets import running, trips
from harnlab.replay.whatif.catalog_lengths import HEADER_BYTES, fits

ROUNDS = 3
LIMITS = [0.005 * n for n in range(1, 11)]


class Made:
    """Frames made in memory; those not given are empty."""

    def __init__(self, **frames: pl.DataFrame) -> None:
        self._frames = {name: SCHEMAS[name].conform(frame) for name, frame in frames.items()}

    def frame(self, name: str) -> pl.DataFrame:
        return self._frames.get(name, SCHEMAS[name].empty())


def best(run: Callable[[], object]) -> float:
    """Shortest of some rounds, seconds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def catalogs(turns: int) -> list[list[int]]:
    chance = random.Random(7)
    return [[chance.randint(60, 120) for _ in range(chance.randint(20, 60))] for _ in range(turns)]


def sweep_catalogs() -> None:
    turns = catalogs(100)
    budgets = range(6000)

    def core() -> list[list[int]]:
        return [[fit_lengths(HEADER_BYTES, lengths, budget).shown for budget in budgets] for lengths in turns]

    def fast() -> list[list[int]]:
        return [fits(lengths, budgets)[0].tolist() for lengths in turns]

    assert core() == fast()
    slow, quick, asked = best(core), best(fast), len(turns) * len(budgets)
    print(
        f"catalog budgets: core {asked / slow:,.0f}/s, from lengths {asked / quick:,.0f}/s: {slow / quick:.0f}x"
    )


def step_calls(count: int) -> pl.DataFrame:
    chance = random.Random(7)
    return pl.DataFrame(
        {
            "run_id": [f"run-{n // 1000}" for n in range(count)],
            "step_span_id": [n // 20 for n in range(count)],
            "seq": [n % 20 for n in range(count)],
            "step": ["verify"] * count,
            "call_id": [f"call-{n}" for n in range(count)],
            "status": ["ok"] * count,
            "input_tokens": [chance.randint(0, 9000) for _ in range(count)],
            "output_tokens": [chance.randint(0, 900) for _ in range(count)],
            "cost_usd": [chance.random() / 100 for _ in range(count)],
        }
    )


def sweep_limits(count: int) -> None:
    calls = step_calls(count)
    charged = [
        LlmCall(input_tokens=read, output_tokens=written, cost_usd=cost)
        for read, written, cost in calls.select("input_tokens", "output_tokens", "cost_usd").iter_rows()
    ]
    steps = [charged[start : start + 20] for start in range(0, count, 20)]

    def core() -> list[int]:
        found = []
        for limit in LIMITS:
            definition = StepDefinition(name="verify", function="verify", max_usd=limit)
            found.append(sum(run_calls(definition, step).trip is not None for step in steps))
        return found

    def fast() -> list[int]:
        used = running(calls, by=["step_span_id"]).with_columns(max_tokens=pl.lit(None, dtype=pl.UInt64))
        asked = (used.with_columns(max_usd=pl.lit(limit)) for limit in LIMITS)
        return [trips(one, by=["step_span_id"]).height for one in asked]

    assert core() == fast()
    slow, quick = best(core), best(fast)
    print(
        f"step limits, {count:,} calls x {len(LIMITS)} limits: core {slow:.2f} s, columns {quick:.2f} s: ",
        end="",
    )
    print(f"{slow / quick:.0f}x")
    totals = calls.group_by("run_id", "step_span_id", "step", maintain_order=True).agg(
        pl.col("input_tokens", "output_tokens", "cost_usd").sum(), llm_calls=pl.len()
    )
    finished = totals.with_columns(
        span_id="step_span_id", status=pl.lit("completed"), source_kind=pl.lit("span")
    )
    made = Made(step_calls=calls, steps=finished.with_row_index("seq"))
    start = time.perf_counter()
    told = whatif.step_budget(made, step="verify", max_usd=LIMITS)
    print(f"whatif.step_budget: {told.height:,} answers in {time.perf_counter() - start:.1f} s, all of it")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"Python {sys.version.split()[0]}, Polars {pl.__version__}, best of {ROUNDS}")
    sweep_catalogs()
    sweep_limits(count)


if __name__ == "__main__":
    main()
