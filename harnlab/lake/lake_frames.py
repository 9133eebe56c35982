"""The frames of a lake, read when they are asked for, and only as much of them as is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.frames import SCHEMAS
from harnlab.frames.when_asked import FramesWhenAsked
from harnlab.ingest.sources import Source
from harnlab.lake.layout import SOURCES, Manifest, is_lake, lake_folder, read_manifest, table_file
from harnlab.lake.parts import SOURCE_MAP, stated_sources
from harnlab.lake.source_paths import SourcePaths
from harnlab.lake.source_states import SourceState, ensure_unchanged
from harnlab.summary import summarise

#: Frames whose rows stand in order of one of these; rows of a run are in order within their part already.
_BY_RUN: Final = frozenset({"runs", "calls", "tool_calls", "steps", "step_calls", "skill_cards"})
_BY_PLACE: Final = ("source_path", "source_line", "source_offset")
_ORDERS: Final[Mapping[str, Sequence[str]]] = {
    **dict.fromkeys(_BY_RUN, ("run_id",)),
    "events": ("source_path", "source_line"),
    "trust_records": _BY_PLACE,
    "approvals": _BY_PLACE,
    "autonomy_checks": ("at", *_BY_PLACE),
}
#: Frames that tell of no run, so that choosing runs leaves them whole.
_OF_NO_RUN: Final = frozenset({"step_definitions"})


def open_lake(path: str | os.PathLike[str]) -> LakeFrames | None:
    """Frames of a lake; ``None`` for a path that is none.

    Raises
    ------
    UnreadablePath
        For a lake that is not finished, is damaged, or that another version wrote.
    """
    return LakeFrames(lake_folder(path)) if is_lake(path) else None


class LakeFrames(FramesWhenAsked):
    """Frames by name; each is read when it is first asked for, with rows in the order of a cold load.

    Parameters
    ----------
    lake : Path
        Folder of the lake.
    run_ids : sequence of str, optional
        Only rows of these runs.
    parts : collection of str, optional
        Only these parts.
    manifest : Manifest, optional
        The lake's, where it has been read.
    """

    def __init__(
        self,
        lake: Path,
        *,
        run_ids: Sequence[str] | None = None,
        parts: Collection[str] | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        super().__init__(SCHEMAS)
        self._lake = lake
        self._manifest = manifest or read_manifest(lake)
        self._run_ids = None if run_ids is None else list(run_ids)
        self._names = [part.part for part in self._manifest.parts if parts is None or part.part in parts]
        self._with_runs: list[str] | None = None if run_ids is not None else self._names
        self._stated: tuple[dict[str, tuple[Source, SourceState]], SourcePaths] | None = None

    def __reduce__(self) -> tuple[Callable[..., LakeFrames], tuple[Any, ...]]:
        return _again, (self._lake, self._run_ids, self._names)

    @property
    def manifest(self) -> Manifest:
        """Parts of the lake, and the paths it was converted from."""
        return self._manifest

    def _make(self, name: str) -> pl.DataFrame:
        return self._ordered(name, self._collected(self.scan(name)))

    def scan(self, name: str) -> pl.LazyFrame:
        """Rows of a frame, lazily, part by part; filters and selections are pushed down to the files."""
        if self._run_ids is None or name in _OF_NO_RUN:
            return self._scan(name, self._names)
        return self._scan(name, self._holding()).filter(pl.col("run_id").is_in(self._run_ids))

    def _holding(self) -> list[str]:
        """Parts that hold the chosen runs."""
        if self._with_runs is None:
            chosen = pl.col("run_id").is_in(self._run_ids or [])
            held = [self._scan("runs", [part]).filter(chosen).select(pl.len()) for part in self._names]
            counts = pl.collect_all(held)
            self._with_runs = [
                part for part, count in zip(self._names, counts, strict=True) if count.item() > 0
            ]
        return self._with_runs

    def height(self, name: str) -> int:
        """Number of rows of a frame, told without reading them."""
        if self._run_ids is not None and name not in _OF_NO_RUN:
            return int(self._collected(self.scan(name).select(pl.len())).item())
        chosen = set(self._names)
        return sum(part.rows.get(name, 0) for part in self._manifest.parts if part.part in chosen)

    def summary(self) -> pl.DataFrame:
        """Summary of every run (:func:`harnlab.summary.summarise`), a part at a time: a run lies in one part."""
        parts = [summarise(one) for one in self.in_parts()]
        return pl.concat(parts or [summarise(self)]).sort("run_id", maintain_order=True)

    def in_parts(self) -> Iterator[LakeFrames]:
        """The same rows, a part at a time, each with whole runs."""
        for part in self._holding():
            yield LakeFrames(self._lake, run_ids=self._run_ids, parts={part}, manifest=self._manifest)

    def only(self, run_ids: Sequence[str]) -> LakeFrames:
        """Rows of some runs, from the parts that hold them; what tells of no run stays whole."""
        kept = set(run_ids) if self._run_ids is None else set(run_ids) & set(self._run_ids)
        return LakeFrames(self._lake, run_ids=sorted(kept), parts=set(self._names), manifest=self._manifest)

    def sources(self) -> tuple[Source, ...]:
        """Files the lake was converted from."""
        return tuple(source for source, _ in self._sources()[0].values())

    def ensure_unchanged(self, path: str) -> None:
        """See to it that a row's ``source_path`` still leads to its bytes.

        Raises
        ------
        UnreadablePath
            For a file that is gone, or that is another one by now.
        """
        stated, paths = self._sources()
        if found := stated.get(paths.source_of(path)):
            ensure_unchanged(*found)

    def _sources(self) -> tuple[dict[str, tuple[Source, SourceState]], SourcePaths]:
        if self._stated is None:
            rows = self._collected(self._scan(SOURCES, self._names)).sort("source_path")
            stated = {one.source.shown: (one.source, one.state) for one in stated_sources(rows)}
            self._stated = stated, SourcePaths(source for source, _ in stated.values())
        return self._stated

    def _scan(self, table: str, parts: Sequence[str]) -> pl.LazyFrame:
        held = {part.part for part in self._manifest.parts if table == SOURCES or part.rows.get(table)}
        files = [table_file(self._lake, table, part) for part in parts if part in held]
        if not files:
            return SCHEMAS[table].empty().lazy() if table in SCHEMAS else pl.LazyFrame(schema=SOURCE_MAP)
        return pl.scan_parquet(files, glob=False, hive_partitioning=False)

    def _collected(self, rows: pl.LazyFrame) -> pl.DataFrame:
        try:
            return rows.collect(engine="streaming")
        except (OSError, pl.exceptions.PolarsError) as error:
            if read_manifest(self._lake) != self._manifest:
                raise UnreadablePath(
                    "the lake has been converted again since it was loaded",
                    where=str(self._lake),
                    hint="load it again",
                ) from None
            raise UnreadablePath(
                f"a part of the lake cannot be read: {str(error).partition(chr(10))[0]}",
                where=str(self._lake),
                hint="convert again",
            ) from None

    def _ordered(self, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        if name in _ORDERS:
            return rows.sort(*_ORDERS[name], maintain_order=True, nulls_last=name == "autonomy_checks")
        paths = rows["source_path"].unique().sort().to_list()
        known = self._sources()[1]
        logs_last = name == "skill_events"
        in_order = sorted(paths, key=lambda path: known.place_in_order(path, logs_last=logs_last))
        ranks = pl.DataFrame({"source_path": in_order}, schema={"source_path": pl.String()}).with_row_index(
            "_rank"
        )
        ranked = rows.join(ranks, on="source_path", how="left", maintain_order="left")
        return ranked.sort("_rank", maintain_order=True).drop("_rank")


def _again(lake: Path, run_ids: Sequence[str] | None, parts: Sequence[str]) -> LakeFrames:
    return LakeFrames(lake, run_ids=run_ids, parts=parts)


def the_lake(paths: Sequence[str | os.PathLike[str]]) -> LakeFrames | None:
    """Frames of the lake that is the only path; ``None`` where no path is one.

    Raises
    ------
    InvalidArgument
        For a lake among other paths.
    """
    lakes = [path for path in paths if is_lake(path)]
    if lakes and len(paths) > 1:
        raise InvalidArgument(
            "a lake among other paths", where=str(lakes[0]), expected="one lake alone, or files that are none"
        )
    return open_lake(lakes[0]) if lakes else None
