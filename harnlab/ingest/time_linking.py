"""Which run a transcript entry belongs to by its time, where neither a place nor an id tells (docs/linking.md).

Tracing is off by default, and then nothing in an entry names its run. But a run record says when its run began and
ended: an entry written while exactly one run of the project was at work is that run's. A run inside another (a
child and its parent) is preferred; runs side by side tell nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from harnlab.frames import Instant
from harnlab.ingest.sources import Source

#: A record of 0.7 gives whole seconds, so a run may have gone on for the rest of its last one.
_REST: Final = timedelta(seconds=1)
_MOMENT: Final = timedelta(microseconds=1)
#: More runs than these at once tell nothing.
_MOST_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """When a run was at work; ``last`` is null without an end on record, ``rest`` includes its last second."""

    run_id: str
    first: datetime
    last: datetime | None
    rest: datetime | None


def link_by_time(rows: pl.DataFrame, runs: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Run of every row that was written while one run of its project was at work.

    Parameters
    ----------
    rows : polars.DataFrame
        ``source_path``, ``source_line`` and ``timestamp`` of transcript entries.
    runs : polars.DataFrame
        Rows of ``runs`` from run records.
    sources : sequence of Source
        All files; they say which project a file and a record are of.

    Returns
    -------
    polars.DataFrame
        ``source_path``, ``source_line`` and ``linked_run``, a row for each row that its time tells.
    """
    projects = pl.DataFrame(
        {"source_path": [s.shown for s in sources], "project": [s.project for s in sources]},
        schema={"source_path": pl.String(), "project": pl.String()},
    ).unique("source_path", keep="first")
    stretches = _stretches(runs.join(projects, on="source_path", how="inner"))
    timed = rows.select("source_path", "source_line", "timestamp").drop_nulls()
    if stretches.is_empty():
        return timed.clear().select("source_path", "source_line", linked_run="source_path")
    told = (
        timed.join(projects, on="source_path", how="inner")
        .sort("timestamp")
        .join_asof(stretches, left_on="timestamp", right_on="begin", by="project", check_sortedness=False)
        .filter(pl.col("linked_run").is_not_null())
    )
    return told.select("source_path", "source_line", "linked_run")


def _stretches(runs: pl.DataFrame) -> pl.DataFrame:
    """Run that was at work alone from each moment on (null where none or several were), by project."""
    found: list[tuple[str, datetime, str | None]] = []
    for (project,), recorded in runs.drop_nulls("started_at").partition_by("project", as_dict=True).items():
        columns = recorded.select("run_id", "started_at", "finished_at", "parent_run_id")
        windows = [_window(*row[:3]) for row in columns.iter_rows()]
        parents = {row[0]: row[3] for row in columns.iter_rows()}
        found += [(project, begin, run) for begin, run in _alone(windows, parents)]
    schema = {"project": pl.String(), "begin": Instant, "linked_run": pl.String()}
    return pl.DataFrame(found, schema=schema, orient="row").sort("begin")


def _window(run_id: str, first: datetime, last: datetime | None) -> _Window:
    if last is None or last < first:
        return _Window(run_id=run_id, first=first, last=None, rest=None)
    rest = last if last.microsecond else last + _REST - _MOMENT
    return _Window(run_id=run_id, first=first, last=last, rest=rest)


def _alone(
    windows: Sequence[_Window], parents: Mapping[str, str | None]
) -> Iterator[tuple[datetime, str | None]]:
    begins: dict[datetime, list[int]] = {}
    ends: dict[datetime, list[int]] = {}
    edges = {window.first for window in windows}
    for number, window in enumerate(windows):
        begins.setdefault(window.first, []).append(number)
        if window.last is not None and window.rest is not None:
            ends.setdefault(window.rest + _MOMENT, []).append(number)
            edges |= {window.last + _MOMENT, window.rest + _MOMENT}
    at_work: dict[int, _Window] = {}
    for edge in sorted(edges):
        at_work |= {number: windows[number] for number in begins.get(edge, ())}
        for number in ends.get(edge, ()):
            at_work.pop(number, None)
        alone = len(at_work) <= _MOST_AT_ONCE
        yield edge, _at_work(list(at_work.values()), edge, parents) if alone else None


def _at_work(windows: Sequence[_Window], at: datetime, parents: Mapping[str, str | None]) -> str | None:
    """The run at work, looked for first among runs that have an end, in their last second too."""
    ended = [window for window in windows if window.rest is not None]
    surely = [window for window in ended if window.last is not None and at <= window.last]
    for candidates in (ended, surely) if ended else (windows,):
        if run := _innermost([window.run_id for window in candidates], parents):
            return run
    return None


def _innermost(run_ids: Collection[str], parents: Mapping[str, str | None]) -> str | None:
    """The one run, or the one that all others are ancestors of."""
    for run_id in run_ids:
        above, at = {run_id}, parents.get(run_id)
        while at is not None and at not in above:
            above.add(at)
            at = parents.get(at)
        if above.issuperset(run_ids):
            return run_id
    return None
