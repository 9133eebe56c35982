"""Which run an event-log row belongs to, where its project had more than one (docs/linking.md).

A log is shared by all runs of a project. A row belongs to the run it names, else to the run whose other files, or
whose rows in the log, carry its ``call_id``, ``session_id``, ``trace_id`` or ``request_id``; an id that two runs
carry tells nothing. What is left stays with the project.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import polars as pl

from harnlab.ingest.event_frames import NAMED_RUN
from harnlab.ingest.sources import SourceKind

#: Ids that tell a run, the surest first.
_IDS: Final = ("call_id", "session_id", "trace_id", "request_id")
#: A request leads to its session, a session to its trace, a trace to what only names the trace.
_ROUNDS: Final = 3


def link_log_rows(
    logged: pl.DataFrame,
    others: Mapping[str, pl.DataFrame],
    runs: Collection[str],
    linked: Mapping[str, str],
    timed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Run of every log row that an id, or else its time, can tell.

    Parameters
    ----------
    logged : polars.DataFrame
        Rows of ``events`` from logs, with the run each names.
    others : mapping of str to polars.DataFrame
        Frames from other files, linked already; ids are taken from every column of :data:`_IDS`.
    runs : collection of str
        Ids of the known runs.
    linked : mapping of str to str
        Paths that are certain already.
    timed : polars.DataFrame, optional
        What :func:`harnlab.ingest.time_linking.link_by_time` tells of transcript entries.

    Returns
    -------
    polars.DataFrame
        ``source_path``, ``source_line`` and ``linked_run``.
    """
    if not runs:
        return logged.select("source_path", "source_line", linked_run=NAMED_RUN).clear()
    named = pl.when(pl.col(NAMED_RUN).is_in(list(runs))).then(NAMED_RUN)
    rows = logged.filter(
        # the events of a receipt are one run's; a line of it may hold many of them
        pl.col("source_kind") != SourceKind.PROVENANCE_RECEIPT.value,
        ~pl.col("source_path").is_in(list(linked)),
    ).select("source_path", "source_line", *_IDS, linked_run=named)
    for name in _IDS:
        known = [frame.select(name, "run_id") for frame in others.values() if name in frame.columns]
        rows = _told_by(rows, name, pl.concat(known) if known else _nothing_known(name))
    if timed is not None:
        timed = timed.rename({"linked_run": "_run"})
        rows = rows.join(timed, on=["source_path", "source_line"], how="left", maintain_order="left")
        rows = rows.with_columns(linked_run=pl.coalesce("linked_run", "_run")).drop("_run")
    for _ in range(_ROUNDS):
        for name in _IDS:
            rows = _told_by(rows, name, rows.select(name, run_id="linked_run"))
    return rows.select("source_path", "source_line", "linked_run").filter(pl.col("linked_run").is_not_null())


def _told_by(rows: pl.DataFrame, name: str, known: pl.DataFrame) -> pl.DataFrame:
    certain = known.drop_nulls().unique().unique(name, keep="none").rename({"run_id": "_run"})
    told = rows.join(certain, on=name, how="left", maintain_order="left")
    return told.with_columns(linked_run=pl.coalesce("linked_run", "_run")).drop("_run")


def _nothing_known(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema={name: pl.String(), "run_id": pl.String()})
