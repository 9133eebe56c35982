"""What a step had used after each of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.questions import question
from harnlab.replay.step_instances import StepInstance, answer_place, proved_trip, step_instances

_RUNNING: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
    "persona": pl.String(),
    "step": pl.String(),
    "span_id": pl.Int64(),
    "seq": pl.UInt32(),
    "call_id": pl.String(),
    "model": pl.String(),
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "cost_usd": pl.Float64(),
    "running_tokens": pl.UInt64(),
    "running_usd": pl.Float64(),
    "max_tokens": pl.Int64(),
    "max_usd": pl.Float64(),
    "tripping": pl.Boolean(),
}


@question
def running(
    runs: Frames, /, *, run_id: str | None = None, step: str | None = None, span_id: int | None = None
) -> pl.DataFrame:
    """Usage of steps call by call, against their limits.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    run_id, step, span_id : optional
        Only steps of this run, of this name, of this span. Default: all whose calls are recorded.

    Returns
    -------
    polars.DataFrame
        One row an answered call, in order: ``running_tokens`` and ``running_usd`` after it (as the runtime adds
        them, left to right), the declared ``max_tokens`` and ``max_usd`` (null = none), and ``tripping``: this call
        is proved to have broken a limit first. ``source_path``, ``source_line``: its answer in the log.
    """
    wanted = {"run_id": run_id, "step": step, "span_id": span_id}.items()
    rows = [
        row
        for instance in step_instances(runs)
        if all(value is None or instance.record[name] == value for name, value in wanted)
        for row in _rows(instance)
    ]
    return pl.DataFrame(rows, schema=_RUNNING, orient="row")


def _rows(step: StepInstance) -> Iterator[dict[str, Any]]:
    limits, tripped = step.definition, proved_trip(step)
    for position, (call, used) in enumerate(zip(step.answered, step.usage, strict=True)):
        path, line = answer_place(call)
        yield {
            **{name: call[name] for name in _RUNNING if name in call},
            "source_path": path,
            "source_line": line,
            "span_id": call["step_span_id"],
            "running_tokens": used.total_tokens,
            "running_usd": used.cost_usd,
            "max_tokens": limits.max_tokens if limits else None,
            "max_usd": limits.max_usd if limits else None,
            "tripping": tripped is not None and tripped[0] == position,
        }
