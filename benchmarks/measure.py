"""How the benchmarks measure: fresh processes, one of each kind a round, medians of ratios within a round.

A machine that others use is slow for everyone in the same minute, so what counts is the time beside a peer's in the
same round. Tables are printed and written to ``docs/performance.md``, a section for each script.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final

from generate import write_event_log, write_transcript

PROJECT: Final = Path(__file__).parent.parent
DATA: Final = PROJECT / "out" / "bench"
PAGE: Final = PROJECT / "docs" / "performance.md"
READERS: Final = Path(__file__).parent / "readers.py"
_PACKAGES: Final = ("polars", "msgspec", "numpy", "pandas", "duckdb", "pysimdjson")
_INTRODUCTION: Final = """# How fast it reads

Written by `make bench`, `benchmarks/lake.py` and `benchmarks/browser_grid.py`; every number is measured, none is
edited. Each time is that of a fresh process, imports left out, files in the page cache; in each round every reader
runs once, in turn, and a ratio is the median of the ratios within a round. *times harnlab* above 1 is slower than
harnlab. CPU seconds count all threads.
"""

Sample = dict[str, Any]


def transcript(megabytes: float, *, seed: int = 1) -> Path:
    """A made transcript of a size, made once."""
    path = DATA / f"{megabytes:g}MB-{seed}" / "llm_transcript.jsonl"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        write_transcript(unfinished, megabytes, seed=seed)
        unfinished.rename(path)
    return path


def event_log(count: int) -> Path:
    """A made SQLite event log of so many events, made once."""
    path = DATA / f"{count}-events" / "events.sqlite"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        write_event_log(unfinished, count)
        unfinished.rename(path)
    return path


def warmed(paths: Sequence[Path]) -> int:
    """Bring files into the page cache; gives their size in bytes."""
    return sum(len(path.read_bytes()) for path in paths)


def in_rounds(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Sample]]:
    """What each command printed as JSON, run in turn in a process of its own; one that fails is left out."""
    found: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name in list(found):
            done = subprocess.run(
                [sys.executable, *commands[name]], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
            else:
                print(f"left out: {name}: {done.stderr.strip().splitlines()[-1]}")
                del found[name]
    return found


def timed(work: Callable[[], Mapping[str, Any]]) -> Sample:
    """What some work found, its wall and CPU seconds, and how much anonymous memory it took at most."""
    memory = _Memory()
    with memory:
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {**found, "wall": wall, "cpu": cpu, "anonymous_mb": memory.most}


class _Memory:
    """The most anonymous memory seen, above that at the start; nothing where the system does not tell."""

    def __init__(self) -> None:
        self.most: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        if Path("/proc/self/statm").exists():
            self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._thread.ident:
            self._thread.join()

    def _watch(self) -> None:
        start = _anonymous_mb()
        while True:
            self.most = max(self.most or 0, _anonymous_mb() - start)
            if self._done.wait(0.01):
                return


def _anonymous_mb() -> float:
    _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6


def middle(samples: Sequence[Sample], value: str) -> float:
    """Median of one value of some samples."""
    return median(sample[value] for sample in samples)


def ratio(samples: Sequence[Sample], reference: Sequence[Sample], value: str) -> float:
    """Median of the ratios within each round."""
    pairs = zip(samples, reference, strict=False)
    return median(sample[value] / other[value] for sample, other in pairs)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, aligned to be read as text too."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def aim(told: str, *, met: bool) -> str:
    """How far an aim is met, as :mod:`aims` finds it again."""
    return f"{told}: {'met' if met else 'not met'}."


def publish(title: str, text: str, *, first: bool = False) -> None:
    """Print a section and put it in the place of the one of its title in ``docs/performance.md``, or first."""
    section = f"## {title}\n\n{text}\n\n*{_surroundings()}*\n"
    print(section)
    page = PAGE.read_text() if PAGE.exists() else _INTRODUCTION
    sections = {part.split("\n", 1)[0]: part for part in re.split(r"(?m)^(?=## )", page)[1:]}
    heading = f"## {title}"
    sections = {heading: section} | sections | {heading: section} if first else sections | {heading: section}
    PAGE.write_text("\n".join([_INTRODUCTION, *(part.strip() + "\n" for part in sections.values())]))


def _surroundings() -> str:
    packages = []
    for name in _PACKAGES:
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    load = f"load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "load unknown"
    machine = f"{_processor()}, {os.cpu_count()} processors, {load}"
    return (
        f"{time.strftime('%Y-%m-%d')}: {machine}; Python {platform.python_version()}, {', '.join(packages)}"
    )


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()
