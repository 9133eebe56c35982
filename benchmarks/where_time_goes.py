"""Which part of reading a transcript takes how long, on one thread: ``where_time_goes.py [MEGABYTES]`` (200)."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from measure import publish, table, transcript

from harnlab.ingest.discover import discover
from harnlab.ingest.families import FAMILIES
from harnlab.ingest.heads import read_heads
from harnlab.ingest.records import RecordReader, is_utf8
from harnlab.ingest.windows import Window, index_lines, windows
from harnlab.runs import load


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
        with seconds.of("read the file"):
            window = next(stretches, None)
        if not isinstance(window, Window):
            return
        with seconds.of("find the lines"):
            lines = index_lines(window)
        with seconds.of("check the encoding"):
            is_utf8(window.buffer)
        with seconds.of("heads of all lines"):
            heads = read_heads(window.buffer, lines)
        rows_of: dict[str, list[int]] = {}
        for row, kind in zip(heads.rows, heads.columns["type"], strict=True):
            rows_of.setdefault(kind, []).append(row)
        for kind, rows in rows_of.items():
            records = [window.buffer[lines.starts[row] : lines.ends[row]] for row in rows]
            with seconds.of("members named twice"):
                list(reader.duplicates(kind, records, rows))
            if kind in reader.decoders:
                with seconds.of("decode families"):
                    reader.decoders[kind].rows(records, lambda _: print)
                with seconds.of("families, decoded and made columns"):
                    reader.family(kind, records, lines, rows, [])


def main() -> None:
    path = str(transcript(float(sys.argv[1]) if len(sys.argv) > 1 else 200))
    seconds = Seconds()
    gc.disable()
    read_apart(path, seconds)
    seconds["columns of families"] = (
        seconds.pop("families, decoded and made columns") - seconds["decode families"]
    )
    gc.enable()
    start = time.process_time()
    load(path, progress=False, cache=False)
    whole = time.process_time() - start
    seconds["events, joins, order, the rest"] = max(0.0, whole - seconds.total())
    rows = [[part, f"{spent:.2f}", f"{spent / whole:.0%}"] for part, spent in seconds.most_common()]
    told = (
        f"CPU seconds of one load ({whole:.2f}); the first three parts run on a thread beside the others.\n\n"
    )
    publish("Where the time goes", told + table(["part", "CPU s", "share"], rows))


if __name__ == "__main__":
    main()
