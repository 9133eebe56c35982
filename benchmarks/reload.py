"""A second look at a transcript, and a look at what was appended: ``reload.py [MEGABYTES] [ROUNDS]`` (200, 5)."""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generate import MEGABYTE, Session
from measure import DATA, Sample, aim, in_rounds, middle, publish, ratio, table, timed, transcript, warmed


@dataclass(frozen=True, kw_only=True)
class Look:
    """What ``load`` is called with, and the frames that are asked for behind it (none named: every frame).

    ``appended`` is what the file has grown by; ``before`` says that this process has looked at it before that.
    """

    given: dict[str, Any] = field(default_factory=dict)
    asked: tuple[str, ...] = ("events",)
    appended: int = 0
    before: bool = False


COLD = {
    ("events",): "cold, nothing kept",
    ("calls",): "cold, and runs.calls",
    (): "cold, and every frame",
}
#: What is done to a transcript, in the order in which each round does it.
LOOKS = {
    **{name: Look(given={"cache": False}, asked=asked) for asked, name in COLD.items()},
    "cold, and kept": Look(given={"cache": "refresh"}),
    "reload": Look(),
    "reload, and runs.calls": Look(asked=("calls",)),
    "reload, and every frame": Look(asked=()),
    "reload, all bytes compared": Look(given={"verify": "full"}),
    "1 MB appended": Look(appended=MEGABYTE),
    "reload after that": Look(),
    "1 MB appended, notebook open": Look(appended=MEGABYTE, before=True),
}
#: Share of the cold time that is aimed at (DESIGN 10).
AIMS = {"reload": 1 / 20, "1 MB appended": 0.03, "1 MB appended, notebook open": 0.03}


def look(name: str, path: Path) -> Sample:
    """Time of one look at a transcript in the state in which each finds it."""
    load, schemas = importlib.import_module("harnlab.runs").load, importlib.import_module("harnlab.frames")
    # imports are left out: what Polars imports when it is first given an array, and the garbage all of them left
    importlib.import_module("numpy.ma")
    if name in COLD.values():
        (path.parent / "cache").mkdir(exist_ok=True)
    if name in COLD.values() or LOOKS[name].before:
        os.truncate(path, (path.parent / "size").stat().st_size)
    if name == "reload, all bytes compared":
        load(
            path, progress=False, verify="full"
        )  # the digest of all bytes is kept when it is first asked for
    if LOOKS[name].before:
        load(path, progress=False).frame("events")
    _append(path, LOOKS[name].appended)
    gc.collect()

    def work() -> dict[str, float]:
        start = time.perf_counter()
        runs = load(path, progress=False, **LOOKS[name].given)
        loaded = time.perf_counter() - start
        rows = [runs.frame(asked).height for asked in LOOKS[name].asked or schemas.SCHEMAS]
        return {"rows": sum(rows), "load": loaded}

    return timed(work)


def _append(path: Path, size: int) -> None:
    lines = Session(2).lines()
    with path.open("a") as file:
        while size > 0:
            size -= file.write(next(lines) + "\n")


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
        asked = LOOKS[name].asked
        share = ratio(samples, found[COLD[asked]], "wall")
        wall, load = (f"{1000 * middle(samples, part):,.0f}" for part in ("wall", "load"))
        frames = ", ".join(asked) or "every frame"
        rows.append([name, frames, wall, f"{100 * share:.1f} %", f"{1 / share:.1f}", load])
    return rows


def _aims(found: dict[str, list[Sample]]) -> str:
    told = []
    for name, share in AIMS.items():
        reached = ratio(found[name], found[COLD[LOOKS[name].asked]], "wall")
        words = f"{name} should take {share:.0%} of the cold time or less and takes {reached:.1%}"
        told.append(aim(words, met=reached <= share))
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
    told = (
        f"One transcript of {size:,.0f} MB, {kept:,.1f} MB of it kept; {rounds} rounds. Timed is `hl.load` and the "
        "number of rows of the frames that are asked for; a frame that is not asked for is neither decoded nor "
        "joined, so each look is held against a cold load that is asked for the same. Each is in a process of its "
        "own, which has read nothing before, but for the one in an open notebook.\n\n"
    )
    header = ["look", "asked for", "ms", "of the cold time", "times faster", "ms until load returns"]
    publish("A second look", told + table(header, _rows(found)) + "\n\n" + _aims(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(sys.argv[2], Path(sys.argv[3]))))
    else:
        main()
