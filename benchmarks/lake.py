"""A lake by every executor, killed, short of disk, and one of 10 GB summarised: ``lake.py [FILES] [GIGABYTES]``.

Defaults are 2000 files and 10 GB of logs. The files of the large lake are links to eight that were made, each under a
run of its own, so that they take the disk once; what is read, and the lake, are as large as told.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from generate import MEGABYTE
from many_files import split
from measure import DATA, Sample, publish, table, timed, transcript

import harnlab as hl
from harnlab.frames import SCHEMAS
from harnlab.lake import plan

WORKERS = 2
KILLS = 8
PART_MB = 64
#: Small, so that a kill meets many parts.
SMALL_PART_BYTES = 8 << 20
CONVERT = f"""
import sys, harnlab as hl
from harnlab.lake import plan
plan.PART_BYTES = {SMALL_PART_BYTES}
hl.convert(sys.argv[1], sys.argv[2])
"""
SUMMARISE = f"""
import json, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from measure import timed
import harnlab as hl
import polars as pl
pl.DataFrame({{"a": [1]}}).lazy().filter(pl.col("a") > 0).collect()
def work():
    runs = hl.load(sys.argv[1])
    return {{"runs": runs.summary.height, "calls": int(runs.summary["calls"].sum())}}
print(json.dumps(timed(work)))
"""


def damaged(count: int) -> Path:
    """Runs in folders of their own: transcripts, every third with a record, every twentieth with damage."""
    _, clean = split(count)
    folder = DATA / f"{count}-damaged"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".part")
    chance = random.Random(1)
    for number, place in enumerate(sorted(clean.iterdir())):
        content = (place / "llm_transcript.jsonl").read_bytes()
        if number % 20 == 0:
            at = chance.randrange(len(content))
            content = content[:at] + chance.choice((b"\n{]\n", b"\xff\xfe", b"\n\n", b"")) + content[at + 9 :]
        if number % 50 == 1:
            content = content[:-40]
        run = unfinished / ("plain" if number % 3 else "recorded")
        path = run / "logs" / place.name / "llm_transcript.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        if number % 3 == 0:
            record = {"_type": "run_record", "id": place.name, "status": "completed", "trace_spans": []}
            (run / ".harn-runs").mkdir(exist_ok=True)
            (run / ".harn-runs" / f"{place.name}.json").write_text(json.dumps(record))
    unfinished.rename(folder)
    return folder


def is_equal(lake: Path, cold: hl.Runs) -> bool:
    """Whether every frame of a lake has the rows of a cold load, in its order (problems in any)."""
    found = hl.load(lake)
    pairs = ((found.frame(name), cold.frame(name)) for name in SCHEMAS if name != "problems")
    problems = found.problems.sort(pl.all()).equals(cold.problems.sort(pl.all()))
    return problems and all(rows.equals(expected) for rows, expected in pairs)


@contextmanager
def dask() -> Iterator[Executor]:
    """Executor of a cluster on this machine."""
    from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


def executors(files: Path, cold: hl.Runs, cold_s: float, count: int) -> str:
    """One lake by each executor, compared with a cold load."""
    lake = DATA / "lake"
    rows = [["hl.load, cold", f"{cold_s:.1f}", f"{count / cold_s:,.0f}", "", ""]]

    def row(name: str, work: Callable[[], Any]) -> None:
        start = time.perf_counter()
        done = work()
        wall = time.perf_counter() - start
        rows.append(
            [name, f"{wall:.1f}", f"{count / wall:,.0f}", str(len(done.parts)), str(is_equal(lake, cold))]
        )

    shutil.rmtree(lake, ignore_errors=True)
    row("hl.convert, this process", lambda: hl.convert(files, lake))
    row("hl.convert, again", lambda: hl.convert(files, lake))
    shutil.rmtree(lake)
    row(f"hl.convert, {WORKERS} workers", lambda: hl.convert(files, lake, workers=WORKERS))
    shutil.rmtree(lake)
    with dask() as executor:
        row(f"hl.convert, Dask, {WORKERS} workers", lambda: hl.convert(files, lake, executor=executor))
    return table(["reader", "s", "files/s", "parts", "equal row for row"], rows)


def _parts(lake: Path) -> int:
    return len([*(lake / "sources").glob("*.parquet")])


def killed(files: Path, cold: hl.Runs) -> str:
    """Conversions that are killed (SIGKILL), each going on where the one before was."""
    lake = DATA / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    command = [sys.executable, "-c", CONVERT, str(files), str(lake)]
    chance, kills = random.Random(1), 0
    for _ in range(KILLS):
        before = _parts(lake)
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        # however fast this machine is: while the part behind the first new one is on its way
        while process.poll() is None and _parts(lake) == before:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        kills += process.poll() is None
        process.kill()
        process.wait()
    parts = _parts(lake)
    done = hl.convert(files, lake)
    told = f"Killed {kills} times, with {parts} parts done; then {len(done.written)} of {len(done.parts)} written"
    return f"{told}; equal row for row: {is_equal(lake, cold)}."


def without_room(files: Path, cold: hl.Runs) -> str:
    """A lake on a file system that is too small, then made larger; where this process may mount one."""
    place = DATA / "small-disk"
    place.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", place], check=False).returncode:
        return "No small file system could be mounted here: not measured."
    try:
        found = "nothing"
        try:
            hl.convert(files, place / "lake")
        except hl.HarnlabError as error:
            found = str(error).replace(str(DATA), "…")
        subprocess.run(["mount", "-o", "remount,size=1g", place], check=True)
        done = hl.convert(files, place / "lake")
        told = f"On a disk of 1.5 MB: `{found}` With room, {len(done.written)} of {len(done.parts)} parts written"
        return f"{told}; equal row for row: {is_equal(place / 'lake', cold)}."
    finally:
        subprocess.run(["umount", place], check=False)


def large(gigabytes: float) -> tuple[Path, int]:
    """Runs of one transcript each, of so many gigabytes together; and their bytes."""
    made = [transcript(PART_MB, seed=100 + number) for number in range(8)]
    folder = DATA / f"{gigabytes:g}GB-links"
    size = 0
    for number in range(round(gigabytes * 1000 / PART_MB)):
        path = folder / f"run_{number:05d}" / "llm_transcript.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.link(made[number % len(made)], path)
        size += path.stat().st_size
    return folder, size


def summarised(gigabytes: float) -> list[str]:
    """A row for a lake of so many gigabytes of logs: time to convert, and time and memory to summarise."""
    files, size = large(gigabytes)
    lake = DATA / f"{gigabytes:g}GB-lake"
    shutil.rmtree(lake, ignore_errors=True)
    done: Sample = timed(lambda: {"parts": len(hl.convert(files, lake).parts)})
    on_disk = sum(path.stat().st_size for path in lake.rglob("*") if path.is_file())
    told = subprocess.run([sys.executable, "-c", SUMMARISE, lake], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    shutil.rmtree(lake)
    shutil.rmtree(files)
    return [
        f"{size / 1e9:.2f}",
        f"{on_disk / MEGABYTE:,.0f}",
        f"{done['parts']:,}",
        f"{done['wall']:.0f}",
        f"{found['calls']:,}",
        f"{found['wall']:.1f}",
        f"{found['anonymous_mb']:,.0f}",
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    gigabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    files = damaged(count)
    start = time.perf_counter()
    cold = hl.load(files, cache=False)
    cold_s = time.perf_counter() - start
    usual, plan.PART_BYTES = plan.PART_BYTES, SMALL_PART_BYTES
    told = f"{count:,} transcripts, {cold.problems.height} problems among {cold.events.height:,} lines.\n\n"
    told += executors(files, cold, cold_s, count)
    told += f"\n\n{killed(files, cold)}\n\n{without_room(files, cold)}\n\n"
    plan.PART_BYTES = usual
    header = [
        "GB of logs",
        "MB of lake",
        "parts",
        "convert s",
        "calls",
        "summary s",
        "summary MB",
    ]
    told += table(header, [summarised(gigabytes / 10), summarised(gigabytes)])
    told += "\n\nsummary MB is the anonymous memory of a fresh process, at most, above that at its start."
    publish("A lake", told)


if __name__ == "__main__":
    main()
