"""As many lines in many files as in one: ``many_files.py [FILES] [ROUNDS]`` (2000, 3)."""

from __future__ import annotations

import sys
from pathlib import Path

from generate import MEGABYTE
from measure import DATA, READERS, aim, in_rounds, middle, publish, ratio, table, transcript, warmed

PER_FILE = 0.1
ONE = "harnlab.load, one file"
#: Peers that read many files; pandas takes half a minute a round.
PEERS = ("DuckDB read_json", "Polars scan_ndjson")


def split(count: int) -> tuple[Path, Path]:
    """A transcript, and the same lines as so many transcripts in folders of their own."""
    whole = transcript(count * PER_FILE, seed=2)
    parts = DATA / f"{count}-files"
    if not parts.exists():
        unfinished = parts.with_suffix(".part")
        lines = whole.read_bytes().splitlines(keepends=True)
        for number in range(count):
            folder = unfinished / f"run_{number:05d}"
            folder.mkdir(parents=True, exist_ok=True)
            piece = lines[len(lines) * number // count : len(lines) * (number + 1) // count]
            (folder / "llm_transcript.jsonl").write_bytes(b"".join(piece))
        unfinished.rename(parts)
    return whole, parts


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    whole, parts = split(count)
    size = warmed([whole, *parts.rglob("*.jsonl")]) / 2 / MEGABYTE
    many = "harnlab.load, many files"
    commands = {many: ("harnlab.load", parts), ONE: ("harnlab.load", whole)}
    commands |= {f"{peer}, many files": (peer, parts) for peer in PEERS}
    found = in_rounds(
        {name: [str(READERS), peer, str(path)] for name, (peer, path) in commands.items()}, rounds
    )
    rows = [
        [
            name,
            f"{middle(samples, 'wall'):.2f}",
            f"{middle(samples, 'cpu'):.2f}",
            f"{count / middle(samples, 'wall'):,.0f}" if "many" in name else "",
            f"{ratio(samples, found[many], 'wall'):.2f}",
            f"{ratio(samples, found[many], 'cpu'):.2f}",
        ]
        for name, samples in found.items()
    ]
    told = f"{size:,.0f} MB in {count:,} files, and the same lines in one; {rounds} rounds.\n\n"
    header = ["reader", "s", "CPU s", "files/s", "times harnlab", "in CPU"]
    one = ratio(found[ONE], found[many], "wall")
    speed = count / middle(found[many], "wall")
    reached = aim(
        "many files should be read at 1,500 a second, or in 2.00 times the time of one, "
        f"and are read at {speed:,.0f}, in {1 / one:.2f} times the time of one",
        met=speed >= 1500 or 1 / one <= 2,
    )
    publish(f"{count:,} transcripts", f"{told}{table(header, rows)}\n\n{reached}")


if __name__ == "__main__":
    main()
