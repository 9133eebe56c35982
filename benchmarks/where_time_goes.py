"""Which part of reading a transcript takes how long, on one thread: ``where_time_goes.py [MEGABYTES]`` (200)."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
from measure import publish, table, transcript

from harnlab.ingest.discover import discover
from harnlab.ingest.families import FAMILIES
from harnlab.ingest.heads import read_heads
from harnlab.ingest.plain_records import rows_by_guess
from harnlab.ingest.records import RecordReader, is_utf8
from harnlab.ingest.windows import Window, index_lines, windows
from harnlab.runs import load

DECODE = "decode families, each member once"
BOTH = "families, decoded and made columns"


class Seconds(Counter[str]):
    """CPU seconds of this thread by part."""

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self[part] += time.thread_time() - start


def read_apart(path: str, seconds: Seconds) -> None:
    """Read a transcript, each part of the work on its own."""
    sources = discover([path])
    reader = RecordReader(sources, FAMILIES)
    stretches = windows([source.path for source in sources])
    while True:
        with seconds.of("read the file, find its newlines"):
            window = next(stretches, None)
        if not isinstance(window, Window):
            return
        with seconds.of("place the lines"):
            lines = index_lines(window)
        with seconds.of("check the encoding"):
            is_utf8(window.buffer)
        with seconds.of("guess the types"):
            guessed = rows_by_guess(window, lines)
        others = []
        for guess, rows in guessed.items():
            kind = guess.decode()
            records = [window.buffer[lines.starts[row] : lines.ends[row]] for row in rows]
            if reader.plain(kind, records[:1], lines, rows[:1]) is None:
                others += rows
                continue
            decoder = reader.plain_decoder(kind)
            with seconds.of(DECODE):
                if decoder:
                    decoder.read(records, rows)
            with seconds.of(BOTH):
                found = reader.plain(kind, records, lines, rows)
                if found and not isinstance(found.frame, pl.DataFrame | None):
                    found.frame()
        with seconds.of("heads and duplicates of other types"):
            read_heads(window.buffer, lines, sorted(others))
            list(
                reader.duplicates(
                    "", [window.buffer[lines.starts[row] : lines.ends[row]] for row in others], others
                )
            )


def main() -> None:
    path = str(transcript(float(sys.argv[1]) if len(sys.argv) > 1 else 200))
    seconds = Seconds()
    gc.disable()
    read_apart(path, seconds)
    seconds["columns of families"] = seconds.pop(BOTH) - seconds[DECODE]
    gc.enable()
    start = time.process_time()
    load(path, progress=False, cache=False)
    whole = time.process_time() - start
    seconds["events, joins, order, the rest"] = max(0.0, whole - seconds.total())
    rows = [[part, f"{spent:.2f}", f"{spent / whole:.0%}"] for part, spent in seconds.most_common()]
    told = (
        f"CPU seconds of one load ({whole:.2f}). Reading, newlines, places and encoding are done on a thread "
        "of their own, beside the others.\n\n"
    )
    publish("Where the time goes", told + table(["part", "CPU s", "share"], rows))


if __name__ == "__main__":
    main()
