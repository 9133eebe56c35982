"""The unit of work: some files to one part of a lake. Any executor can run it, in any process that sees the files."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import polars as pl

from harnlab.errors import UnreadablePath
from harnlab.ingest.collect import collect_sources
from harnlab.ingest.file_names import shown_path
from harnlab.ingest.sources import Source, SourceKind
from harnlab.lake.layout import (
    LAKE_VERSION,
    NAMED_RUNS,
    SOURCES,
    TABLES,
    UNFINISHED,
    PartCount,
    schema_digest,
    table_file,
)
from harnlab.lake.source_states import SourceState

#: The source map: which file, what it was when it was read, and which run it belongs to. ``path`` are the bytes of
#: its name, which need not be text.
SOURCE_MAP: Final = pl.Schema(
    {
        "source_path": pl.String(),
        "path": pl.Binary(),
        "kind": pl.String(),
        "run_id": pl.String(),
        "project": pl.String(),
        "size": pl.Int64(),
        "mtime_ns": pl.Int64(),
        "edge_hash": pl.String(),
        "part": pl.String(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSource:
    """A source, and what it was when the work was planned."""

    source: Source
    state: SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class PartJob:
    """Files that become one part."""

    lake: Path
    sources: tuple[StatedSource, ...]

    @property
    def part(self) -> str:
        """Name of the part: a digest of what it is read from, and of the schema."""
        digest = blake2b(f"{LAKE_VERSION} {schema_digest()}".encode(), digest_size=12)
        for one in self.sources:
            source, state = one.source, one.state
            told = (source.shown, source.kind.value, source.run_id, source.project)
            digest.update("\0".join([*told, str(state.size), str(state.mtime_ns), state.edge_hash]).encode())
            digest.update(b"\0" + os.fsencode(source.path) + b"\1")
        return digest.hexdigest()

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(one.state.size for one in self.sources)


def write_part(job: PartJob) -> PartCount:
    """Read the files of a job and write their part, unless it is there already.

    Parameters
    ----------
    job : PartJob
        Files, and the lake.

    Returns
    -------
    PartCount
        What the part holds.

    Raises
    ------
    UnreadablePath
        The lake cannot be written to. What is wrong inside a file is a row of ``problems``.
    """
    part = job.part
    if not table_file(job.lake, SOURCES, part).exists():
        collected = collect_sources([one.source for one in job.sources])
        named = pl.DataFrame({"run_id": sorted(collected.named_runs)}, schema={"run_id": pl.String()})
        linked = source_map(job, collected.sources)
        # the source map comes last: with it the part is whole
        tables = {**collected.frames, NAMED_RUNS: named, SOURCES: linked}
        try:
            _write_tables(job.lake, part, tables)
        except OSError as error:
            raise not_written(job.lake, error) from None
    return count_part(job.lake, part)


def source_map(job: PartJob, linked: Iterable[Source]) -> pl.DataFrame:
    """Rows of :data:`SOURCE_MAP`, with the run each file was found to belong to."""
    run_ids = {source.shown: source.run_id for source in linked}
    rows = [
        (
            one.source.shown,
            os.fsencode(one.source.path),
            one.source.kind.value,
            run_ids.get(one.source.shown, one.source.run_id),
            one.source.project,
            one.state.size,
            one.state.mtime_ns,
            one.state.edge_hash,
            job.part,
        )
        for one in job.sources
    ]
    return pl.DataFrame(rows, schema=SOURCE_MAP, orient="row")


def stated_sources(source_map: pl.DataFrame) -> list[StatedSource]:
    """Sources of a source map, in its order."""
    return [
        StatedSource(
            source=Source(
                path=Path(os.fsdecode(row["path"])),
                shown=row["source_path"],
                kind=SourceKind(row["kind"]),
                run_id=row["run_id"],
                project=row["project"],
            ),
            state=SourceState(size=row["size"], mtime_ns=row["mtime_ns"], edge_hash=row["edge_hash"]),
        )
        for row in source_map.iter_rows(named=True)
    ]


def _write_tables(lake: Path, part: str, tables: Mapping[str, pl.DataFrame]) -> None:
    (lake / UNFINISHED).mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{part}-", dir=lake / UNFINISHED))
    try:
        written = [name for name in TABLES if tables[name].height or name == SOURCES]
        for name in written:
            _write(folder / f"{name}.parquet", tables[name])
        for name in written:
            final = table_file(lake, name, part)
            final.parent.mkdir(exist_ok=True)
            (folder / f"{name}.parquet").replace(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, frame: pl.DataFrame) -> None:
    # written by Python, because Polars tells of a full disk as of a damaged file
    content = io.BytesIO()
    frame.write_parquet(content, compression="zstd")
    with path.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def count_part(lake: Path, part: str) -> PartCount:
    """What a whole part holds."""
    rows = {}
    for table in TABLES:
        file = table_file(lake, table, part)
        if table not in {SOURCES, NAMED_RUNS} and file.exists():
            rows[table] = pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()
    sizes = pl.read_parquet(table_file(lake, SOURCES, part), glob=False, columns=["size"])["size"]
    return PartCount(part=part, files=sizes.len(), bytes=int(sizes.sum()), rows=rows)


def not_written(lake: Path, error: OSError) -> UnreadablePath:
    """What is told when a lake cannot be written to."""
    return UnreadablePath(
        f"the lake cannot be written: {error.strerror or error}",
        where=shown_path(str(lake)),
        hint="make room (or give it another place) and convert again; parts that are written are kept",
    )
