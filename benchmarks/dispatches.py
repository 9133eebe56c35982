"""A million dispatches and their calls, as frames, with no file behind them."""

from datetime import UTC, datetime

import polars as pl

from harnlab.frames import CALLS, DISPATCHES, SCHEMAS
from harnlab.runs import Runs
from harnlab.vocabulary import PROVENANCE_FIELDS

_ORIGINS = ["operator_pin", "pipeline_input", "catalog_default", "inherited_from_primary", None]
#: Prime to every round number of rows, so that multiples of it shuffle them.
_SHUFFLE = 7919
_START = datetime(2026, 5, 12, tzinfo=UTC)


def _some(words, factor):
    return pl.lit(pl.Series(words)).gather((pl.col("n") + 1) * factor % len(words))


def made(rows):
    """Runs of a thousand dispatches each; calls come in another order, and one in twenty is missing."""
    shuffled = (pl.col("n") * _SHUFFLE + 500) % rows
    numbers = pl.int_range(rows, eager=True).to_frame("n")
    key = {
        "run_id": pl.format("run-{}", (pl.col("n") // 1000 + 137) % (rows // 1000)),
        "source_path": pl.format("run-{}.jsonl", pl.col("n") // 1000),
        "source_line": (pl.col("n") + 500) % 1000 + 1,
        "call_id": pl.format("019e3b32-b20f-708f-b1b4-{}", "n"),
    }
    dispatches = numbers.select(
        **key,
        timestamp=pl.lit(_START) + pl.duration(seconds=shuffled),
        model=_some(["gpt-4o", "qwen3", "glm-5"], 7),
        provider=_some(["openai", "anthropic", "local", None], 3),
        wire_format=_some(["openai_compat", "openai_compat", "anthropic"], 5),
        outcome_kind=_some(["provider_error"] * 4 + ["served"] * 13, 1),
        outcome_completion_tokens=shuffled,
        **{f"provenance_{field}": _some(_ORIGINS, k + 1) for k, field in enumerate(PROVENANCE_FIELDS)},
    )
    calls = numbers.select(n=shuffled).filter(pl.col("n") % 20 != 0)
    calls = calls.select(**key, cost_usd=(pl.col("n") * _SHUFFLE % 1_000_003) / 1e6, input_tokens="n")
    frames = {name: schema.empty() for name, schema in SCHEMAS.items()}
    return Runs({**frames, "dispatches": DISPATCHES.conform(dispatches), "calls": CALLS.conform(calls)}, ())
