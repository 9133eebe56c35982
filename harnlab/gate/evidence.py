"""The records each measure counts: one row each, with its scope, what it adds, and its place in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from harnlab.analysis.dimensions import INHERITED, UNATTRIBUTED
from harnlab.analysis.inputs import Frames
from harnlab.analysis.ledger import charges
from harnlab.analysis.routes.inherited import dispatched
from harnlab.gate.measures import SCOPES, MeasureName
from harnlab.gate.words import unknown_words
from harnlab.money import finite
from harnlab.replay import Verdict, parity
from harnlab.vocabulary import OutcomeKind

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "unit": pl.String(),
    "persona": pl.String(),
    "step": pl.String(),
    "model": pl.String(),
    "amount": pl.Float64(),
    "unknown": pl.Int64(),
    "word": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
}
_IN_ORDER: Final = ("at", "source_path", "source_line")


def evidence(runs: Frames, measure: MeasureName) -> pl.DataFrame:
    """Records a measure counts, oldest first.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    measure : MeasureName
        What is measured.

    Returns
    -------
    polars.DataFrame
        ``run_id``; ``unit`` (what a mean is taken over: the run, for ``cost_per_step`` the step);
        ``persona``, ``step``, ``model`` (``(unattributed)`` where not recorded); ``amount`` (USD, or 1 for a record
        that counts and 0 for one that does not; null = not known); ``unknown`` (how many things of no known price
        or answer the record stands for); ``word`` (what to call it); ``at``, ``source_path``, ``source_line``.
    """
    rows = _READERS[measure](runs)
    have = set(rows.columns)
    shaped = rows.with_columns(unit="unit" if "unit" in have else "run_id").select(
        (pl.col(name) if name in have or name == "unit" else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _COLUMNS.items()
    )
    labels = {name: pl.col(name).fill_null(UNATTRIBUTED) for name in SCOPES}
    return shaped.with_columns(unknown=pl.col("unknown").fill_null(0), **labels).sort(
        _IN_ORDER, nulls_last=True, maintain_order=True
    )


def _costs_of_calls(runs: Frames) -> pl.DataFrame:
    return charges(runs, ("persona", "step")).with_columns(
        amount="cost_usd", unknown="unpriced_calls", word="call_id"
    )


def _costs_of_steps(runs: Frames) -> pl.DataFrame:
    cost = finite(pl.col("cost_usd"))
    return runs.frame("steps").with_columns(
        unit=pl.format("{} {}", "run_id", "seq"),
        amount=cost,
        unknown=cost.is_null().cast(pl.Int64),
        word=pl.format("step `{}`", pl.col("step").fill_null("?")),
        at="started_at",
    )


def _inherited(runs: Frames) -> pl.DataFrame:
    return dispatched(runs, ("persona", "step")).with_columns(
        amount=(pl.col("origin") == INHERITED).cast(pl.Float64), word="call_id"
    )


def _dead_lanes(runs: Frames) -> pl.DataFrame:
    dead = pl.col("outcome_kind") == OutcomeKind.EMPTY_COMPLETION_TERMINAL
    return dispatched(runs, ("persona", "step")).with_columns(
        amount=dead.cast(pl.Float64), unknown=dead.is_null().cast(pl.Int64), word="call_id"
    )


def _omitted_skills(runs: Frames) -> pl.DataFrame:
    personas = runs.frame("runs").select("run_id", "persona").unique("run_id", keep="first")
    shown = pl.col("selected")
    return (
        runs.frame("skill_cards")
        .join(personas, on="run_id", how="left", maintain_order="left")
        .with_columns(
            amount=(~shown).cast(pl.Float64),
            unknown=shown.is_null().cast(pl.Int64),
            word=pl.format("skill `{}`", pl.coalesce("name", "skill_id", pl.lit("?"))),
        )
    )


def _denials(runs: Frames) -> pl.DataFrame:
    """Autonomy decisions; a denial that several records tell of, by one request, counts once."""
    checks = runs.frame("autonomy_checks")
    request = pl.col("request_id")
    once = request.is_null() | request.is_first_distinct()
    denied = pl.col("decision") == "denied"
    return checks.filter(once).with_columns(
        amount=denied.cast(pl.Float64), unknown=denied.is_null().cast(pl.Int64), word="agent_key"
    )


def _parity(runs: Frames) -> pl.DataFrame:
    """Decisions that can be decided again; of the others nothing is known."""
    verdict = pl.col("verdict")
    return (
        parity(runs)
        .filter(verdict != Verdict.INSUFFICIENT.value)
        .with_columns(amount=(verdict == Verdict.MISMATCH.value).cast(pl.Float64), word="subject")
    )


_READERS: Final[dict[MeasureName, Callable[[Frames], pl.DataFrame]]] = {
    MeasureName.COST_PER_RUN: _costs_of_calls,
    MeasureName.COST_PER_STEP: _costs_of_steps,
    MeasureName.INHERITED_SHARE: _inherited,
    MeasureName.DEAD_LANE_SHARE: _dead_lanes,
    MeasureName.OMITTED_SKILLS: _omitted_skills,
    MeasureName.DENIALS: _denials,
    MeasureName.PARITY_MISMATCHES: _parity,
    MeasureName.UNKNOWN_WORDS: unknown_words,
}
