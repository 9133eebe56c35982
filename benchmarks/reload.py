"""A second look at a transcript, and a look at what was appended: ``reload.py [MEGABYTES] [ROUNDS]`` (200, 5)."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from generate import MEGABYTE, Session
from measure import DATA, Sample, in_rounds, middle, publish, ratio, table, timed, transcript, warmed

COLD = "cold, nothing kept"
#: What is done to a transcript, in the order in which each round does it.
LOOKS = {
    COLD: {"cache": False},
    "cold, and kept": {"cache": "refresh"},
    "reload": {},
    "reload, all bytes compared": {"verify": "full"},
    "1 MB appended": {},
    "reload after that": {},
}
#: Share of the cold time that is aimed at (DESIGN 10).
AIMS = {"reload": 1 / 20, "1 MB appended": 0.03}
_APPENDED = "1 MB appended"


def look(name: str, path: Path) -> Sample:
    """Time of one look at a transcript in the state in which each finds it."""
    runs = importlib.import_module("harnlab.runs")
    load, reading = runs.load, _timing(runs)
    if name == COLD:
        (path.parent / "cache").mkdir(exist_ok=True)
        os.truncate(path, (path.parent / "size").stat().st_size)
    if name == "reload, all bytes compared":
        load(
            path, progress=False, verify="full"
        )  # the digest of all bytes is kept when it is first asked for
    if name == _APPENDED:
        _append(path, MEGABYTE)
    reading.clear()
    found = timed(lambda: {"lines": load(path, progress=False, **LOOKS[name]).events.height})
    return {**found, "reading": sum(reading)}


def _timing(runs: ModuleType) -> list[float]:
    """Seconds that reading transcripts takes, without linking and joining, of every load from now on."""
    spent: list[float] = []
    chosen = runs.transcript_reader

    def chosen_and_timed(*asked: Any) -> Callable[[Any], Any]:
        read = chosen(*asked) or runs.read_transcripts

        def read_and_timed(sources: Any) -> Any:
            start = time.perf_counter()
            frames = read(sources)
            spent.append(time.perf_counter() - start)
            return frames

        return read_and_timed

    runs.transcript_reader = chosen_and_timed
    return spent


def _append(path: Path, size: int) -> None:
    with path.open("a") as file:
        for line in Session(2).lines():
            size -= file.write(line + "\n")
            if size < 0:
                return


def _own_copy(megabytes: float) -> Path:
    """A transcript that may be written to; ``size`` beside it is as large as it was made."""
    path = DATA / "reload" / "llm_transcript.jsonl"
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    shutil.copyfile(transcript(megabytes), path)
    with (path.parent / "size").open("wb") as size:
        size.truncate(path.stat().st_size)
    return path


def _rows(found: dict[str, list[Sample]]) -> list[list[str]]:
    rows = []
    for name, samples in found.items():
        times = 1 / ratio(samples, found[COLD], "wall")
        share = 100 * ratio(samples, found[COLD], "wall")
        reading = f"{1000 * middle(samples, 'reading'):,.0f}"
        rows.append(
            [name, f"{1000 * middle(samples, 'wall'):,.0f}", f"{share:.1f} %", f"{times:.1f}", reading]
        )
    return rows


def _aims(found: dict[str, list[Sample]]) -> str:
    told = []
    for name, aim in AIMS.items():
        reached = ratio(found[name], found[COLD], "wall")
        met = "met" if reached <= aim else "not met"
        alone = middle(found[name], "reading") / middle(found[COLD], "reading")
        told.append(
            f"{name} should take {aim:.0%} of the cold time and takes {reached:.1%}: {met}. "
            f"Reading alone takes {alone:.1%} of it; the rest is joining all rows anew."
        )
    return "\n".join(told)


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    path = _own_copy(megabytes)
    os.environ["HARNLAB_CACHE_DIR"] = str(path.parent / "cache")
    size = warmed([path]) / MEGABYTE
    found = in_rounds({name: [__file__, "--look", name, str(path)] for name in LOOKS}, rounds)
    kept = sum(one.stat().st_size for one in (path.parent / "cache").iterdir()) / MEGABYTE
    shutil.rmtree(path.parent)
    told = f"One transcript of {size:,.0f} MB, {kept:,.1f} MB of it kept; {rounds} rounds.\n\n"
    header = ["look", "ms", "of the cold time", "times faster", "ms reading"]
    publish("A second look", told + table(header, _rows(found)) + "\n\n" + _aims(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(sys.argv[2], Path(sys.argv[3]))))
    else:
        main()
