"""A transcript read from nothing, by harnlab and its peers: ``cold_load.py [MEGABYTES] [ROUNDS] [READER...]``.

200 MB, five rounds and every reader unless told otherwise; a gigabyte is read by three, once.
"""

from __future__ import annotations

import sys

from generate import MEGABYTE
from measure import READERS, Sample, in_rounds, middle, publish, ratio, table, transcript, warmed
from readers import READERS as NAMES

#: What a reader must have found like harnlab to have read the same.
FACTS = ("lines", "answers", "input_tokens")
OURS = "harnlab.load"
#: Time of a peer beside harnlab's that is aimed at (DESIGN 10).
AIMS = {"pandas json_normalize": 6.0, "DuckDB read_json": 1 / 1.2}


def compared(found: dict[str, list[Sample]], size: float) -> str:
    """Table of readers: time, speed, ratios beside harnlab, memory, and whether each found the same."""
    ours = found[OURS]
    rows = []
    for name, samples in found.items():
        same = all(samples[0].get(fact, ours[0][fact]) == ours[0][fact] for fact in FACTS)
        memory = middle(samples, "anonymous_mb") if samples[0]["anonymous_mb"] is not None else float("nan")
        rows.append(
            [
                name,
                f"{middle(samples, 'wall'):.2f}",
                f"{middle(samples, 'cpu'):.2f}",
                f"{size / middle(samples, 'wall'):,.0f}",
                f"{ratio(samples, ours, 'wall'):.2f}",
                f"{ratio(samples, ours, 'cpu'):.2f}",
                f"{memory:,.0f}",
                "yes" if same else "no",
            ]
        )
    header = ["reader", "s", "CPU s", "MB/s", "times harnlab", "in CPU", "anonymous MB", "same sums"]
    return table(header, rows)


def aims(found: dict[str, list[Sample]]) -> str:
    """How far each aim is met."""
    told = []
    for peer, aim in AIMS.items():
        if peer in found:
            reached = ratio(found[peer], found[OURS], "wall")
            met = "met" if reached >= aim else "not met"
            told.append(
                f"{peer} should take {aim:.2f} times harnlab's time or more and takes {reached:.2f}: {met}."
            )
    return "\n".join(told)


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    path = transcript(megabytes)
    size = warmed([path]) / MEGABYTE
    names = sys.argv[3:] or NAMES
    found = in_rounds({name: [str(READERS), name, str(path)] for name in names}, rounds)
    lines = found[OURS][0]["lines"]
    told = f"{lines:,} lines of one transcript, {size:,.0f} MB; {rounds} rounds.\n\n"
    publish(f"One transcript of {megabytes:g} MB, cold", told + compared(found, size) + "\n\n" + aims(found))


if __name__ == "__main__":
    main()
