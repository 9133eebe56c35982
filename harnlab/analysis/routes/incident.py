"""Gathering the inherited-route incident: since when, how far, at what cost, and what came back."""

from __future__ import annotations

from typing import Any

import polars as pl

from harnlab.analysis.dimensions import (
    INHERITED,
    PINNED,
    PROVENANCE_COLUMNS,
    UNKNOWN,
    with_dimensions,
)
from harnlab.analysis.inputs import Frames
from harnlab.analysis.routes.account import FirstCall, Incident
from harnlab.analysis.routes.inherited import dispatched, oldest_inherited
from harnlab.analysis.routes.matrix import matrix_of
from harnlab.analysis.routes.outcomes import outcomes_of
from harnlab.money import column_sum
from harnlab.questions import question
from harnlab.vocabulary import PROVENANCE_FIELDS, OutcomeKind


@question
def incident(runs: Frames, /) -> Incident:
    """Gather the inherited-route incident from the dispatches of some runs.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    Incident
        A value; where nothing was inherited its ``found`` is false, and its ``paragraph`` says so and how many
        origins were unknown.
    """
    rows = dispatched(runs)
    hit = oldest_inherited(rows)
    first = with_dimensions(hit.head(1), runs, ("step",)).to_dicts()
    kinds = dict(hit["outcome_kind"].value_counts().iter_rows())
    sessions = with_dimensions(hit, runs, ("session",))["session"].drop_nulls().n_unique()
    counts = {field: int(hit["inherited_fields"].list.contains(field).sum()) for field in PROVENANCE_FIELDS}
    times = hit["timestamp"].drop_nulls().to_list()
    models = hit.group_by("model").len().drop_nulls().sort("len", "model", descending=[True, False])["model"]
    compared = rows.filter(
        pl.col("model").is_in(models.implode()), pl.col("origin").is_in([INHERITED, PINNED])
    )
    return Incident(
        first=_first(first[0]) if first else None,
        fields={field: calls for field, calls in counts.items() if calls},
        calls=hit.height,
        dispatches=rows.height,
        runs=hit["run_id"].n_unique(),
        sessions=sessions or None,
        cost_usd=column_sum(hit, "cost_usd"),
        unpriced_calls=int(hit["unpriced_calls"].sum()),
        started_at=times[0] if times else None,
        ended_at=times[-1] if times else None,
        models=tuple(models),
        dead=kinds.get(OutcomeKind.EMPTY_COMPLETION_TERMINAL, 0),
        recovered=kinds.get(OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED, 0),
        unknown_origins=sum(int((rows[name] == UNKNOWN).sum()) for name in PROVENANCE_COLUMNS),
        origins=rows.height * len(PROVENANCE_COLUMNS),
        matrix=matrix_of(rows),
        outcomes=outcomes_of(compared, ("model", "origin")),
    )


def _first(row: dict[str, Any]) -> FirstCall:
    return FirstCall(
        at=row["timestamp"],
        inherited_fields=tuple(row["inherited_fields"]),
        **{
            name: row[name]
            for name in (
                "run_id",
                "call_id",
                "source_path",
                "source_line",
                "provider",
                "model",
                "wire_format",
                "persona",
                "step",
            )
        },
    )
