"""Memory that reading takes beyond the frames it gives, as files grow: ``memory.py [MEGABYTES...]`` (100 200 400)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from measure import in_rounds, middle, publish, table, timed, transcript

from harnlab.ingest.discover import discover
from harnlab.ingest.transcripts import read_transcripts

ROUNDS = 3


def read(path: str) -> dict[str, float]:
    """Size of the frames of a transcript, in MB."""
    frames: dict[str, pl.DataFrame] = read_transcripts(discover([path]))
    return {"frames_mb": sum(frame.estimated_size() for frame in frames.values()) / 1e6}


def main() -> None:
    sizes = [float(text) for text in sys.argv[1:]] or [100.0, 200.0, 400.0]
    commands = {f"{size:g}": [__file__, "--read", str(transcript(size))] for size in sizes}
    found = in_rounds(commands, ROUNDS)
    if any(sample["anonymous_mb"] is None for samples in found.values() for sample in samples):
        print("left out: memory: this system does not tell anonymous memory (Linux does)")
        return
    rows = []
    for name, samples in found.items():
        most, held = middle(samples, "anonymous_mb"), middle(samples, "frames_mb")
        rows.append([name, f"{most:,.0f}", f"{held:,.0f}", f"{most - held:,.0f}"])
    told = (
        "Anonymous memory at its highest while a transcript is read, the frames that stay, and what is left: "
        "the windows and the values on their way, which must not grow with the file.\n\n"
    )
    header = ["file MB", "anonymous MB", "frames MB", "beyond the frames MB"]
    publish("Memory as a transcript grows", told + table(header, rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        print(json.dumps(timed(lambda: read(str(Path(sys.argv[2]))))))
    else:
        main()
