"""Memory that reading takes beyond its frames as logs grow: ``memory.py [MEGABYTES...]`` (100 200 400 1000).

A SQLite log of a quarter of a million events, and one of a million, come behind the transcripts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from measure import Sample, aim, event_log, in_rounds, middle, publish, table, timed, transcript

from harnlab.frames import SCHEMAS
from harnlab.runs import load

ROUNDS = 3
#: Runs what follows with an allocator that gives freed pages back at once, not after a while.
_AT_ONCE = """
import os, sys
os.environ["_RJEM_MALLOC_CONF"] = "dirty_decay_ms:0,muzzy_decay_ms:0"
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
EVENTS = (250_000, 1_000_000)


def read(path: str) -> dict[str, float | None]:
    """Most anonymous memory while a log was read into frames, and what the frames hold, in MB."""
    frames: list[pl.DataFrame] = []

    def work() -> dict[str, float]:
        runs = load(path, progress=False, cache=False)
        frames.extend(runs.frame(name) for name in SCHEMAS)
        return {}

    return {**timed(work), "frames_mb": held_mb(frames)}


def held_mb(frames: list[pl.DataFrame]) -> float:
    """Size of the buffers of some frames; ``estimated_size`` counts shared texts often, and short ones not at all."""
    newest = pl.CompatLevel.newest()
    columns = [column.to_arrow(compat_level=newest) for frame in frames for column in frame.get_columns()]
    chunks = [chunk for column in columns for chunk in getattr(column, "chunks", [column])]
    sizes = {buffer.address: buffer.size for chunk in chunks for buffer in chunk.buffers() if buffer}
    return sum(sizes.values()) / 1e6


def main() -> None:
    sizes = [float(text) for text in sys.argv[1:]] or [100.0, 200.0, 400.0, 1000.0]
    logs = {f"transcript of {size:,g} MB": transcript(size) for size in sizes}
    logs |= {f"SQLite log of {count:,} events": event_log(count) for count in EVENTS}
    commands = {name: [__file__, "--read", str(path)] for name, path in logs.items()}
    commands |= {f"{name}, pages given back at once": ["-c", _AT_ONCE, *commands[name]] for name in logs}
    found = in_rounds(commands, ROUNDS)
    if any(sample["anonymous_mb"] is None for samples in found.values() for sample in samples):
        print("left out: memory: this system does not tell anonymous memory (Linux does)")
        return
    rows = []
    for name, samples in found.items():
        most, held = middle(samples, "anonymous_mb"), middle(samples, "frames_mb")
        rows.append(
            [name, f"{most:,.0f}", f"{held:,.0f}", f"{most - held:,.0f}", f"{middle(samples, 'wall'):.1f}"]
        )
    told = (
        f"The most anonymous memory while a log is read into frames (`hl.load`, nothing cached), what the frames "
        f"hold, and what is left: the windows and the values on their way; {ROUNDS} rounds. Freed pages stay "
        "with the allocator for a while and are counted; what is left without them is measured with one that gives "
        "them back at once.\n\n"
    )
    header = ["log", "anonymous MB", "frames MB", "beyond the frames MB", "s"]
    publish("Memory as a log grows", f"{told}{table(header, rows)}\n\n{_flatness(found)}")


def _flatness(found: dict[str, list[Sample]]) -> str:
    """Whether the memory beyond the frames is the same for the smallest and the largest transcript."""
    names = [name for name in found if name.startswith("transcript")]
    told = []
    for several in ([n for n in names if "at once" not in n], [n for n in names if "at once" in n]):
        least, most = (
            middle(found[name], "anonymous_mb") - middle(found[name], "frames_mb")
            for name in (several[0], several[-1])
        )
        words = f"beyond the frames a {several[-1]} should take what a {several[0]} takes"
        told.append(aim(f"{words}, and takes {most / least:.1f} times it", met=most <= 1.2 * least))
    return "\n\n".join(told)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        print(json.dumps(read(str(Path(sys.argv[2])))))
    else:
        main()
