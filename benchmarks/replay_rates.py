"""How fast decisions are decided again: ``python benchmarks/replay_rates.py [count]`` (default: a million).

Step budgets beside the scalar core, which they equal to the bit (``tests/replay/test_step_budgets.py``), and a
million dispatches with one planted change, and one inherited field, that must be found with their lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from measure import aim, publish, table

from harnlab.analysis import routes
from harnlab.core.steps import LlmCall, StepDefinition, Usage, exceeded_limit
from harnlab.frames import SCHEMAS
from harnlab.replay import dispatch
from harnlab.replay.step_budgets import running, trips

ROUNDS = 3


class Made:
    """Frames made in memory; those not given are empty."""

    def __init__(self, **frames: pl.DataFrame) -> None:
        self._frames = {name: SCHEMAS[name].conform(frame) for name, frame in frames.items()}

    def frame(self, name: str) -> pl.DataFrame:
        return self._frames.get(name, SCHEMAS[name].empty())


def dispatches(count: int) -> Made:
    """Calls with their dispatches, three lines each, a thousand a file."""
    chance = np.random.default_rng(7)
    number = pl.int_range(count, eager=True)
    tokens = pl.Series(chance.integers(1, 900, count))
    texts = pl.Series(chance.integers(1, 4000, count))
    rows = pl.DataFrame({"n": number, "output_tokens": tokens, "text_bytes": texts}).with_columns(
        source_path=pl.format("runs/{}/llm_transcript.jsonl", pl.col("n") // 1000),
        run_id=pl.format("run_{}", pl.col("n") // 1000),
        call_id=pl.format("019e1111-0000-7000-8000-{}", pl.col("n").cast(pl.String).str.zfill(12)),
        line=(pl.col("n") % 1000 * 3 + 1).cast(pl.UInt32),
        iteration=pl.col("n") % 1000,
    )
    shared = {
        "provider": pl.lit("openrouter"),
        "model": pl.lit("claude-sonnet-4-6"),
        "tool_format": pl.lit("native"),
    }
    calls = rows.with_columns(
        **shared,
        source_line=pl.col("line") + 1,
        requested_provider=shared["provider"],
        requested_model=shared["model"],
        status=pl.lit("answered"),
        thinking_mode=pl.lit("effort"),
        thinking_level=pl.lit("low"),
        thinking_enabled=pl.lit(value=True),
        tool_call_count=pl.lit(0),
        request_line="line",
        response_line=pl.col("line") + 1,
    )
    told = rows.with_columns(
        **shared,
        source_line=pl.col("line") + 2,
        wire_format=pl.lit("openai_compat"),
        base_url_host=pl.lit("openrouter.ai"),
        thinking_mode=pl.lit("effort"),
        thinking_level=pl.lit("low"),
        thinking_enabled=pl.lit(value=True),
        outcome_kind=pl.lit("served"),
        outcome_completion_tokens="output_tokens",
        outcome_content_len="text_bytes",
        **{
            f"provenance_{field}": pl.lit("operator_pin")
            for field in ("provider", "model", "wire_format", "thinking", "tool_format")
        },
    )
    return Made(calls=calls, dispatches=told)


def with_planted(made: Made, at: int, **changed: str) -> Made:
    """The same with members of one dispatch changed."""
    told = made.frame("dispatches").with_columns(
        pl.when(pl.int_range(pl.len()) == at).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in changed.items()
    )
    return Made(calls=made.frame("calls"), dispatches=told)


def step_calls(count: int) -> pl.DataFrame:
    """Calls of steps of twenty calls each, interleaved, with the ceilings of their step."""
    chance = np.random.default_rng(7)
    span = chance.integers(0, count // 20, count)
    return pl.DataFrame(
        {
            "run_id": pl.Series(span // 50).cast(pl.String),
            "step_span_id": span,
            "input_tokens": chance.integers(0, 9000, count),
            "output_tokens": chance.integers(0, 900, count),
            "cost_usd": chance.random(count) / 100,
        }
    ).with_columns(max_tokens=pl.lit(90_000), max_usd=pl.lit(0.1))


def scalar_trips(calls: pl.DataFrame) -> dict[int, tuple[int, str, float]]:
    """Position, limit and cost of the first trip of each step, by the core alone."""
    limits = StepDefinition(name="verify", function="verify", max_tokens=90_000, max_usd=0.1)
    used: dict[int, Usage] = {}
    found: dict[int, tuple[int, str, float]] = {}
    columns = ("step_span_id", "input_tokens", "output_tokens", "cost_usd")
    for span, tokens_in, tokens_out, cost in calls.select(columns).iter_rows():
        usage = used.get(span, Usage()).after(
            LlmCall(input_tokens=tokens_in, output_tokens=tokens_out, cost_usd=cost)
        )
        used[span] = usage
        if span not in found and (trip := exceeded_limit(limits, usage)):
            found[span] = (usage.llm_calls - 1, trip.limit.value, usage.cost_usd)
    return found


def fast_trips(calls: pl.DataFrame) -> dict[int, tuple[int, str, float]]:
    columns = ("step_span_id", "position", "limit", "running_usd")
    return {
        span: (at, limit, usd) for span, at, limit, usd in trips(running(calls)).select(columns).iter_rows()
    }


def best(run: Callable[[], object]) -> float:
    """Shortest of some rounds, seconds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"Python {sys.version.split()[0]}, Polars {pl.__version__}, best of {ROUNDS}")
    calls = step_calls(count)
    assert scalar_trips(calls) == fast_trips(calls)
    scalar, fast = best(lambda: scalar_trips(calls)), best(lambda: trips(running(calls)))
    print(
        f"step budgets, {count:,} calls in {count // 20:,} steps: scalar {scalar:.2f} s, columns {fast:.2f} s,"
    )
    print(f"  {scalar / fast:.0f} times as fast, every trip and every bit of every cost equal")
    reached = aim(
        f"step budgets by column should take a tenth of the scalar core's time and take {fast / scalar:.1%}",
        met=scalar >= 10 * fast,
    )
    told = f"{count:,} calls in {count // 20:,} steps; every trip and every bit of every cost is equal."
    times = [["scalar core", f"{scalar:.2f}"], ["columns", f"{fast:.2f}"]]
    publish("Step budgets decided again", f"{told}\n\n{table(['replay', 's'], times)}\n\n{reached}")
    made = dispatches(count)
    at = count * 2 // 3
    show("decided again", made, at, lambda told: dispatch(told).filter(pl.col("verdict") == "mismatch"))
    show("searched for inherited routes", made, at, routes.inherited)


def show(done: str, made: Made, at: int, find: Callable[[Made], pl.DataFrame]) -> None:
    """Plant one change, find it, and say how long that took."""
    planted = with_planted(
        made, at, wire_format="anthropic_native", provenance_model="inherited_from_primary"
    )
    seconds = best(lambda: find(planted))
    (row,) = find(planted).iter_rows(named=True)
    print(
        f"{made.frame('dispatches').height:,} dispatches {done} in {seconds:.2f} s; planted change found at"
    )
    print(f"  {row['source_path']}:{row['source_line']}")


if __name__ == "__main__":
    main()
