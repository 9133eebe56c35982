"""Finished steps, whatever they are read from: a step span, a receipt's entry, a completed-step log (FORMATS 4.1)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from harnlab.frames import STEPS
from harnlab.ingest.document_rows import Reading, Row, reading
from harnlab.ingest.documents import Findings, Record
from harnlab.ingest.sources import Source

_USAGE: Final = ("model", "input_tokens", "output_tokens", "llm_calls", "cost_usd", "status", "error")

COMPLETED_STEP: Final = reading(STEPS, " ".join(("persona", "function", *_USAGE)), step="name")
RECEIPT_ENTRY: Final = reading(STEPS, " ".join(("step", "function", *_USAGE)))
STEP_SPAN: Final = reading(
    STEPS,
    "span_id start_ms duration_ms",
    kept_in_file="kind",
    step="name",
    parent_span_id="parent_id",
    **{name: f"metadata.{name}" for name in ("persona", "function", *_USAGE)},
)


def finished_step(
    how: Reading, source: Source, record: Record, findings: Findings, *, run_id: str | None = None
) -> Row:
    """Row of ``steps`` for one record, without its ``seq``; a cost that is not finite is null."""
    row = how.row(source, record, findings, run_id=run_id)
    if row["cost_usd"] is not None and not math.isfinite(row["cost_usd"]):
        path = next(path for column, path, _ in how.columns if column == "cost_usd")
        findings.note(record, path, f"a cost of {row['cost_usd']}; read as not recorded")
        row["cost_usd"] = None
    return row


def numbered(rows: Iterable[Row]) -> list[Row]:
    """Rows with their ``seq`` within their run, from 0, in the order given."""
    counts: Counter[str] = Counter()
    listed = list(rows)
    for row in listed:
        row["seq"] = counts[row["run_id"]]
        counts[row["run_id"]] += 1
    return listed


def in_order_of_completion(steps: Sequence[Row], spans: Sequence[Row]) -> list[Row]:
    """Rows of step spans as they finished: by end, the inner of two that end together first.

    A step without times stays behind those that have them, in the order of the file.
    """
    depths = _depths({row["span_id"]: row["parent_id"] for row in reversed(spans)})

    def key(numbered_step: tuple[int, Row]) -> tuple[float, int, int]:
        number, step = numbered_step
        if step["start_ms"] is None or step["duration_ms"] is None:
            return math.inf, 0, number
        return step["start_ms"] + step["duration_ms"], -depths.get(step["span_id"], 0), number

    return [step for _, step in sorted(enumerate(steps), key=key)]


def _depths(parents: dict[int | None, int | None]) -> dict[int | None, int]:
    """How many spans stand around each span; a circle of parents ends where it closes."""
    depths: dict[int | None, int] = {}
    for start in parents:
        chain: dict[int | None, None] = {}
        span = start
        while span in parents and span not in depths and span not in chain:
            chain[span] = None
            span = parents[span]
        depth = depths.get(span, -1)
        for inner in reversed(chain):
            depth += 1
            depths[inner] = depth
    return depths
