"""What is counted of some runs before they are compared: one row a fact, with its cost and its place in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from harnlab.analysis.dimensions import PROVENANCE_COLUMNS, UNATTRIBUTED
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import charges
from harnlab.analysis.routes.inherited import dispatched
from harnlab.frames.vocabularies import VOCABULARIES

#: Kinds of difference, in the order they are told.
COST: Final = "cost"
ROUTE: Final = "route"
OUTCOME: Final = "outcome"
DECISION: Final = "decision"
VOCABULARY: Final = "vocabulary"
KINDS: Final = (COST, ROUTE, OUTCOME, DECISION, VOCABULARY)

#: ``what`` of all costs of a side together.
TOTAL: Final = "(total)"

#: Text columns whose words are compared; those Harn has a closed list of are in :data:`VOCABULARIES`.
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "events": ("type",),
    "calls": ("stop_reason", "error_category", "error_reason", "tool_format"),
    "dispatches": (*PROVENANCE_COLUMNS, "outcome_kind", "outcome_class", "wire_format", "thinking_mode"),
    "steps": ("status",),
    "skill_cards": ("lifecycle", "omitted_reason"),
    "skill_events": ("kind",),
    "autonomy_checks": ("reason", "decision"),
    "trust_records": ("action", "outcome"),
}

_NO_COST: Final = pl.lit(None, dtype=pl.Float64)
_FACTS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "kind": pl.String(),
    "among": pl.String(),
    "what": pl.String(),
    "cost_usd": pl.Float64(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
}


def facts(runs: Frames) -> pl.DataFrame:
    """Facts of every run, each kind in the order of the log; ``among`` names what a share is taken of."""
    parts = [_shaped(part) for part in _parts(runs)]
    return pl.concat(parts).with_row_index("order")


def is_known(what: str) -> bool | None:
    """Whether a fact of the vocabulary is a word Harn had when harnlab was made; ``None`` where no list is closed."""
    column, _, word = what.partition(": ")
    frame, _, name = column.partition(".")
    known = VOCABULARIES.get((frame, name))
    return None if known is None else word in frozenset(known)


def _parts(runs: Frames) -> Iterator[pl.DataFrame]:
    costs = charges(runs, ("step",)).with_columns(kind=pl.lit(COST))
    yield costs.with_columns(among=pl.lit(TOTAL), what=pl.lit(TOTAL))
    step = pl.format("step {}", pl.col("step").fill_null(UNATTRIBUTED))
    yield costs.with_columns(among=pl.lit("steps"), what=step)
    calls = dispatched(runs).with_columns(among=pl.lit("dispatches"))
    route = pl.col("route").fill_null("(route not recorded)")
    yield calls.with_columns(kind=pl.lit(ROUTE), what=pl.format("{} ({})", route, "origin"))
    yield calls.with_columns(kind=pl.lit(OUTCOME), what=pl.col("outcome_kind").fill_null("(not recorded)"))
    yield from _decisions(runs)
    for frame, columns in _WORDS.items():
        for name in columns:
            column = pl.lit(f"{frame}.{name}")
            words = runs.frame(frame).drop_nulls(name).with_columns(kind=pl.lit(VOCABULARY), among=column)
            yield words.with_columns(what=pl.format("{}: {}", column, name), cost_usd=_NO_COST)


def _decisions(runs: Frames) -> Iterator[pl.DataFrame]:
    """What the runtime decided, in words: ends of runs and steps, cards shown or left out, attempts let through."""
    ended = runs.frame("runs").unique("run_id", keep="first", maintain_order=True)
    yield _decided(ended, pl.lit("run"), pl.col("status").fill_null("without a status"))
    steps = runs.frame("steps")
    order = pl.col("source_kind").replace_strict(
        {"span": 0, "completed_steps": 1, "receipt": 2}, default=3, return_dtype=pl.Int64()
    )
    step = pl.format("step {}", pl.col("step").fill_null("without a name"))
    once = steps.filter(order == order.min().over("run_id"))
    yield _decided(once, step, pl.col("status").fill_null("without a status"))
    skill = pl.format("skill {}", "skill_id")
    left_out = pl.format("omitted ({})", "omitted_reason")
    yield _decided(runs.frame("skill_cards"), skill, pl.coalesce(left_out, pl.lit("shown")))
    denied = pl.format("{} ({})", "decision", "reason")
    yield _decided(runs.frame("autonomy_checks"), pl.col("agent_key"), pl.coalesce(denied, "decision"))


def _decided(rows: pl.DataFrame, subject: pl.Expr, answer: pl.Expr) -> pl.DataFrame:
    what = pl.format("{} {}", subject, answer)
    rows = rows.with_columns(kind=pl.lit(DECISION), among=subject, what=what, cost_usd=_NO_COST)
    return rows.drop_nulls("what")


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in _FACTS.items())
