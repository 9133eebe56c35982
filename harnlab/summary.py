"""One row per run: what an analyst reads first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from harnlab.charges import recorded_charges
from harnlab.money import sum_parts, take_sums
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin

_INHERITED: Final = pl.any_horizontal(
    pl.col(f"provenance_{field}") == ProvenanceOrigin.INHERITED_FROM_PRIMARY for field in PROVENANCE_FIELDS
)
_TOKENS: Final = ("input_tokens", "output_tokens")
#: Status of a call that failed, in a transcript or a span.
_NOT_ANSWERED: Final = ["error", "retrying", "retries_exhausted"]
_STOPPED: Final = ["failed", "skipped", "escalated"]
#: Columns that are 0, and not unknown, where a run has nothing of the kind.
_COUNTED: Final = (
    "calls", "failed_calls", "unpriced_calls", "inherited_calls", "steps", "steps_stopped", "problems",
)  # fmt: skip
_COLUMNS: Final = (
    "run_id", "task", "status", "persona", "started_at", "finished_at", "duration_ms", "calls", "failed_calls",
    "input_tokens", "output_tokens", "cost_usd", "unpriced_calls", "inherited_calls", "steps", "steps_stopped",
    "problems", "source_path", "source_line",
)  # fmt: skip


def summarise(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Summary of every run.

    Parameters
    ----------
    frames : mapping of str to polars.DataFrame
        All frames.

    Returns
    -------
    polars.DataFrame
        ``run_id, task, status, persona, started_at, finished_at, duration_ms, calls, failed_calls, input_tokens,
        output_tokens, cost_usd, unpriced_calls, inherited_calls, steps, steps_stopped, problems, source_path,
        source_line``. Times are the recorded ones, else those of the first and last event. Calls, tokens and cost are
        those of the transcript, else of the coarser record a run has (:mod:`harnlab.charges`). ``cost_usd`` is the
        part whose price is known (FORMATS 1.5: ``known_cost_usd``, else ``cost_usd``); ``unpriced_calls`` counts
        the rest.
    """
    summary = frames["runs"].select(
        "run_id", "task", "status", "persona", "started_at", "finished_at", "source_path", "source_line"
    )
    for part in (
        _times(frames["events"]),
        _calls(recorded_charges(frames.__getitem__)),
        _dispatches(frames["dispatches"]),
    ):
        summary = summary.join(part, on="run_id", how="left", maintain_order="left")
    for part in (_steps(frames["steps"]), _problems(frames["problems"])):
        summary = summary.join(part, on="run_id", how="left", maintain_order="left")
    started = pl.coalesce("started_at", "first_event_at")
    finished = pl.coalesce("finished_at", "last_event_at")
    return summary.with_columns(
        started_at=started,
        finished_at=finished,
        duration_ms=(finished - started).dt.total_milliseconds(),
        **{name: pl.col(name).fill_null(0).cast(pl.Int64) for name in _COUNTED},
    ).select(_COLUMNS)


def _times(events: pl.DataFrame) -> pl.DataFrame:
    return events.group_by("run_id").agg(
        first_event_at=pl.col("timestamp").min(), last_event_at=pl.col("timestamp").max()
    )


def _calls(charges: pl.DataFrame) -> pl.DataFrame:
    counted = charges.group_by("run_id").agg(
        *sum_parts("cost_usd"),
        pl.col("calls", "unpriced_calls", *_TOKENS).sum(),
        failed_calls=pl.col("status").is_in(_NOT_ANSWERED).sum(),
    )
    groups, sums = take_sums(counted)
    return groups.with_columns(cost_usd=pl.Series(map(float, sums), dtype=pl.Float64))


def _dispatches(dispatches: pl.DataFrame) -> pl.DataFrame:
    return dispatches.group_by("run_id").agg(inherited_calls=_INHERITED.fill_null(value=False).sum())


def _steps(steps: pl.DataFrame) -> pl.DataFrame:
    return steps.group_by("run_id").agg(steps=pl.len(), steps_stopped=pl.col("status").is_in(_STOPPED).sum())


def _problems(problems: pl.DataFrame) -> pl.DataFrame:
    return problems.group_by("run_id").agg(problems=pl.len())
