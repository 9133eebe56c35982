"""What ties files of different parts together: ids that only reading tells.

A cold load joins rows by run, by the ids that event logs share with everything else, and by the calls that run
records name. Where such an id stands in two parts, the files it stands in belong into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from harnlab.frames import SCHEMAS
from harnlab.ingest.event_log import LOG_KINDS
from harnlab.ingest.sources import Source, SourceKind
from harnlab.lake.layout import NAMED_RUNS, SOURCES, table_file
from harnlab.lake.plan import Ties, split_projects
from harnlab.lake.source_paths import SourcePaths

_LOG_IDS: Final = ("call_id", "session_id", "trace_id", "request_id")
_LOGS: Final = tuple(kind.value for kind in LOG_KINDS)
#: Ids by which rows of these frames are told once, or joined, whatever run they are of.
_OF_DECISIONS: Final = {
    "trust_records": ("record_id",),
    "approvals": ("request_id",),
    "autonomy_checks": ("request_id", "event_id", "trace_id"),
}
#: Frames whose ids tell the run of a log row.
_TELLING: Final = (
    "spans",
    "messages",
    "skill_events",
    "receipts",
    "approvals",
    "trust_records",
    "autonomy_checks",
)
_PLACE: Final = ("source_path", "part")


def crossing_ties(lake: Path, parts: Sequence[str], sources: Iterable[Source]) -> Ties:
    """Files of different parts that must be read together after all.

    Parameters
    ----------
    lake : Path
        Folder of the lake.
    parts : sequence of str
        All its parts, whole.
    sources : iterable of Source
        Files of all parts, as they were found.

    Returns
    -------
    Ties
        Empty when the parts hold together what a cold load joins.
    """
    sources = list(sources)
    reader = _Ids(lake, parts)
    known = SourcePaths(sources)
    ties = Ties()
    logged = any(source.kind in LOG_KINDS for source in sources)
    shared = _by_log(reader) if logged else []
    for found in (_by_run(reader), *shared, _by_call(reader), *_by_decision(reader)):
        ties.pairs |= _pairs(found, known)
    ties.pairs |= _by_named_run(reader, sources)
    ties.whole |= _misnamed(reader, sources)
    return ties


class _Ids:
    """Ids of the parts of a lake, each with the file and the part it stands in, once."""

    def __init__(self, lake: Path, parts: Sequence[str]) -> None:
        self._lake = lake
        self._parts = parts

    def scan(self, table: str) -> pl.LazyFrame | None:
        """Rows of a table with their part; ``None`` where no part has any."""
        files = [table_file(self._lake, table, part) for part in self._parts]
        frames = [
            pl.scan_parquet(file, glob=False).with_columns(part=pl.lit(file.stem))
            for file in files
            if file.exists()
        ]
        return pl.concat(frames) if frames else None

    def of(self, table: str, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """One column as ``id``."""
        rows = self.scan(table)
        if rows is None:
            return pl.DataFrame(schema=dict.fromkeys(("id", *_PLACE), pl.String()))
        chosen = rows.filter(*conditions).select(pl.col(name).cast(pl.String).alias("id"), *_PLACE)
        return chosen.drop_nulls("id").unique().collect(engine="streaming")


def _by_run(reader: _Ids) -> pl.DataFrame:
    names = [name for name in SCHEMAS if name != "step_definitions"]
    return pl.concat([reader.of(name, "run_id") for name in names]).unique()


def _by_log(reader: _Ids) -> list[pl.DataFrame]:
    """Ids of log rows, wherever they stand; and the entries of transcripts that a log tells without a call."""
    logged = pl.col("source_kind").is_in(_LOGS)
    found = []
    for name in _LOG_IDS:
        shared = reader.of("events", name, logged)
        if shared.height:
            others = [
                reader.of(table, name) for table in ("events", *_TELLING) if name in SCHEMAS[table].dtypes
            ]
            found.append(pl.concat([shared, *others]).join(shared, on="id", how="semi"))
    return [*found, _entries(reader, logged)]


def _entries(reader: _Ids, logged: pl.Expr) -> pl.DataFrame:
    """Entries without a call, by type and time."""
    rows = reader.scan("events")
    empty = reader.of("events", "call_id", pl.lit(value=False))
    if rows is None:
        return empty
    entry = pl.col("topic").str.ends_with("agent.transcript.llm")
    found = rows.filter(pl.col("call_id").is_null(), pl.col("timestamp").is_not_null()).select(
        pl.format("{} {}", "type", pl.col("timestamp").cast(pl.Int64)).alias("id"),
        *_PLACE,
        told_by_log=logged & entry,
    )
    if found.filter("told_by_log").select(pl.len()).collect(engine="streaming").item() == 0:
        return empty
    told = found.filter("told_by_log").select("id").unique()
    return found.join(told, on="id", how="semi").select("id", *_PLACE).unique().collect(engine="streaming")


def _by_call(reader: _Ids) -> pl.DataFrame:
    """Calls that run records name."""
    named = reader.of("spans", "call_id")
    if named.is_empty():
        return named
    entries = reader.of("events", "call_id", pl.col("source_kind") == SourceKind.TRANSCRIPT.value)
    return pl.concat([named, entries]).join(named, on="id", how="semi")


def _by_decision(reader: _Ids) -> list[pl.DataFrame]:
    return [reader.of(table, name) for table, names in _OF_DECISIONS.items() for name in names]


def _pairs(ids: pl.DataFrame, known: SourcePaths) -> set[tuple[str, str]]:
    """Files that share an id across parts."""
    crossing = ids.filter(pl.col("part").n_unique().over("id") > 1)
    grouped = crossing.group_by("id").agg(pl.col("source_path").unique())
    pairs = set()
    for (paths,) in grouped.select("source_path").iter_rows():
        first, *rest = sorted({known.source_of(path) for path in paths})
        pairs |= {(first, other) for other in rest}
    return pairs


def _by_named_run(reader: _Ids, sources: Sequence[Source]) -> set[tuple[str, str]]:
    """Logs that name a run, and the files of that run in another part."""
    rows = reader.scan(NAMED_RUNS)
    if rows is None:
        return set()
    named = rows.select("run_id", log_part="part").unique().collect()
    runs = (
        _by_run(reader).rename({"id": "run_id"}).group_by("run_id", "part").agg(pl.col("source_path").min())
    )
    met = named.join(runs, on="run_id").filter(pl.col("part") != pl.col("log_part"))
    logs = _logs_by_part(reader)
    known = SourcePaths(sources)
    return {
        (known.source_of(path), log)
        for path, part in met.select("source_path", "log_part").iter_rows()
        for log in logs.get(part, ())
    }


def _logs_by_part(reader: _Ids) -> Mapping[str, list[str]]:
    logs = reader.of(SOURCES, "source_path", pl.col("kind").is_in(_LOGS))
    return dict(logs.group_by("part").agg("source_path").iter_rows())


def _misnamed(reader: _Ids, sources: Sequence[Source]) -> set[str]:
    """Projects that were split by the names of their records, where a record tells another run, or none."""
    split = split_projects(sources)
    records = {
        source.shown: source
        for source in sources
        if source.kind is SourceKind.RUN_RECORD and source.project in split
    }
    if not records:
        return set()
    told: dict[str, set[str]] = {}
    for path, run in reader.of("runs", "run_id").select("source_path", "id").iter_rows():
        told.setdefault(path, set()).add(run)
    return {source.project for shown, source in records.items() if told.get(shown) != {source.path.stem}}
