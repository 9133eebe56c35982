"""Load what a command line names; ``-`` is a transcript on standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from harnlab.errors import UnreadablePath
from harnlab.frames import SCHEMAS
from harnlab.runs import Runs, load

#: What stands in ``source_path`` and ``run_id`` for standard input.
STDIN: Final = "stdin"


@contextmanager
def loaded(paths: Sequence[str]) -> Iterator[Runs]:
    """Runs under some paths, for as long as what came from standard input is kept.

    Raises
    ------
    UnreadablePath
        For a path that is missing or holds nothing harnlab knows, and for a closed or empty standard input.
    """
    if "-" not in paths:
        yield load(list(paths))
        return
    with tempfile.TemporaryDirectory(prefix="harnlab-stdin-") as folder:
        kept = Path(folder, STDIN, "llm_transcript.jsonl")
        kept.parent.mkdir()
        _keep(kept)
        runs = load([str(kept) if path == "-" else path for path in dict.fromkeys(paths)], cache=False)
        yield _renamed(runs, kept.as_posix())


def _keep(target: Path) -> None:
    if sys.stdin is None or sys.stdin.closed:
        raise UnreadablePath("nothing to read", where="-", expected="a transcript on standard input")
    with target.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if target.stat().st_size == 0:
        raise UnreadablePath("standard input is empty", where="-", expected="a transcript")


def _renamed(runs: Runs, kept: str) -> Runs:
    """The same runs with ``stdin`` as the path of what was kept."""
    path = pl.col("source_path").replace(kept, STDIN)
    frames = {
        name: frame.with_columns(path) if "source_path" in frame.columns else frame
        for name, frame in ((name, runs.frame(name)) for name in SCHEMAS)
    }
    sources = [replace(one, shown=STDIN) if one.shown == kept else one for one in runs.sources]
    return Runs(frames, sources)
