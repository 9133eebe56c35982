"""How fast decisions are decided again: ``python benchmarks/replay_rates.py [count]`` (default: a million).

Step budgets beside the scalar core, which they equal to the bit (``tests/replay/test_step_budgets.py``), and a million
dispatches with one planted change that must be found with its line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from harnlab.frames import SCHEMAS
from harnlab.replay import dispatch

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


def with_planted(made: Made, at: int) -> Made:
    """The same with the wire format of one dispatch changed."""
    told = made.frame("dispatches").with_columns(
        wire_format=pl.when(pl.int_range(pl.len()) == at)
        .then(pl.lit("anthropic_native"))
        .otherwise("wire_format")
    )
    return Made(calls=made.frame("calls"), dispatches=told)


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
    made = with_planted(dispatches(count), count * 2 // 3)
    seconds = best(lambda: dispatch(made))
    found = dispatch(made).filter(pl.col("verdict") == "mismatch")
    assert found.height == 1, found
    row = found.row(0, named=True)
    print(f"{count:,} dispatches decided again in {seconds:.2f} s; planted: `{row['field']}` found at")
    print(f"  {row['source_path']}:{row['source_line']}")


if __name__ == "__main__":
    main()
