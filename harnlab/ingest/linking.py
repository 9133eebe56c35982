"""Which run a transcript row belongs to, where the place of its file does not say.

Only the file separates runs in a transcript, and a host may let many runs append to one. A run record names
its calls (spans with a ``call_id``), so those rows are certain; the rows between them go with the next call,
because the runtime writes a call's context (prompt, tools, messages) before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from harnlab.frames import PROBLEMS
from harnlab.ingest.sources import Source, SourceKind
from harnlab.vocabulary import LOST_LINE_KINDS, ProblemKind

#: Kinds of file that the runs of a project share: of the only run there is, all are its own.
_SHARED: Final = frozenset(
    {
        SourceKind.EVENT_LOG_FILE,
        SourceKind.EVENT_LOG_SQLITE,
        SourceKind.AGENT_EVENTS,
        SourceKind.PROVENANCE_RECEIPT,
        SourceKind.TRUST_CHAIN,
    }
)


def link_by_folder(sources: Sequence[Source], runs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Run of each file whose path carries a run's id, or that is the only one of its kind beside a single run.

    Parameters
    ----------
    sources : sequence of Source
        Files of any kind.
    runs : mapping of str to sequence of str
        Ids of the recorded runs of each project folder.

    Returns
    -------
    dict of str to str
        ``shown`` path to run id, for the files that are certain.
    """
    linked = {}
    kinds = Counter((source.project, source.kind) for source in sources)
    recorded = {project: Counter(ids) for project, ids in runs.items()}
    for source in sources:
        known = recorded.get(source.project, Counter())
        # a fleet's project has thousands of runs: the few names in a path are looked up among them
        named = Counter({name: known[name] for name in {*source.path.parts, source.path.stem} & known.keys()})
        if named.total() == 1:
            linked[source.shown] = next(iter(named))
        elif known.total() == 1 and (source.kind in _SHARED or kinds[source.project, source.kind] == 1):
            linked[source.shown] = next(iter(known))
    return linked


def link_by_call(
    events: pl.DataFrame,
    spans: pl.DataFrame,
    linked: Mapping[str, str],
    timed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Run of every transcript row that a run record's spans, or else its time, can tell.

    Parameters
    ----------
    events : polars.DataFrame
        Rows of ``events``.
    spans : polars.DataFrame
        Rows of ``spans``.
    linked : mapping of str to str
        Paths that are certain already.
    timed : polars.DataFrame, optional
        What :func:`harnlab.ingest.time_linking.link_by_time` tells of rows that no span names.

    Returns
    -------
    polars.DataFrame
        ``source_path``, ``source_line`` and ``linked_run``; a row for each row of a file with at least one call
        that a run record names, and for each whose time tells.
    """
    named = (
        spans.filter(pl.col("call_id").is_not_null())
        .select("call_id", linked_run="run_id")
        .unique("call_id", keep="none")
    )
    if named.is_empty() and (timed is None or timed.is_empty()):
        return events.clear().select("source_path", "source_line", linked_run="run_id")
    rows = (
        events.filter(
            pl.col("source_kind") == SourceKind.TRANSCRIPT.value,
            ~pl.col("source_path").is_in(list(linked)),
        )
        .select("source_path", "source_line", "call_id")
        .join(named, on="call_id", how="left")
        .sort("source_path", "source_line")
    )
    nearest = pl.col("linked_run").backward_fill().forward_fill().over("source_path")
    if timed is not None:
        timed = timed.rename({"linked_run": "timed_run"})
        rows = rows.join(timed, on=["source_path", "source_line"], how="left", maintain_order="left")
        nearest = pl.coalesce("linked_run", "timed_run", nearest)
    return rows.select("source_path", "source_line", nearest).filter(pl.col("linked_run").is_not_null())


def relink(frame: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The frame with ``run_id`` replaced where ``links`` knows better."""
    if links.is_empty():
        return frame
    joined = frame.join(links, on=["source_path", "source_line"], how="left", maintain_order="left")
    return joined.with_columns(run_id=pl.coalesce("linked_run", "run_id")).drop("linked_run")


def superseded_records(runs: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """Run records that tell of a run another record tells better.

    A host that copies or rewrites records leaves a run twice. A record that could be read to its end counts
    before one that could not, then the one that finished later.

    Returns
    -------
    polars.DataFrame
        ``run_id``, ``source_path`` of the record not used, and ``used_path`` of the one that is.
    """
    broken = problems.filter(pl.col("kind").is_in(list(LOST_LINE_KINDS)))["source_path"].unique()
    ranked = runs.sort(
        pl.col("source_path").is_in(broken.implode()),
        pl.col("finished_at"),
        "source_path",
        descending=[False, True, False],
        nulls_last=True,
    ).with_columns(used_path=pl.col("source_path").first().over("run_id"))
    return ranked.filter(pl.col("source_path") != pl.col("used_path")).select(
        "run_id", "source_path", "used_path"
    )


def without_superseded(documents: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Frames of run records with each run told once; the records not used are named in ``problems``."""
    if "runs" not in documents:
        return dict(documents)
    superseded = superseded_records(documents["runs"], documents["problems"])
    if superseded.is_empty():
        return dict(documents)
    told = ("events", "problems")
    kept = {
        name: frame if name in told else frame.join(superseded, on=["run_id", "source_path"], how="anti")
        for name, frame in documents.items()
    }
    named = superseded.select(
        "run_id",
        "source_path",
        kind=pl.lit(ProblemKind.UNSUPPORTED.value),
        reason=pl.format("run {} is told by {} too, whose rows are used", "run_id", "used_path"),
    )
    return {**kept, "problems": pl.concat([kept["problems"], PROBLEMS.conform(named)])}
