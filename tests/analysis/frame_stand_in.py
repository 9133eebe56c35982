"""Frames made from rows, in place of loaded runs."""

from datetime import UTC, datetime, timedelta

import polars as pl

from harnlab.frames import SCHEMAS

START = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class StandIn:
    """Frames by name; those not given are empty. ``run_id`` and the place are filled where rows leave them out."""

    def __init__(self, **rows):
        self._frames = {
            name: SCHEMAS[name].build({**_place(name, n), **row} for n, row in enumerate(given))
            for name, given in rows.items()
        }

    def frame(self, name: str) -> pl.DataFrame:
        return self._frames.get(name, SCHEMAS[name].empty())


def _place(name: str, n: int) -> dict:
    place = {"run_id": "run-1", "source_path": f"{name}.jsonl", "source_line": n + 1}
    if name == "steps":
        place |= {"seq": n, "source_kind": "span"}
    return place


def call(call_id: str, cost: float | None = None, **more) -> dict:
    return {"call_id": call_id, "status": "answered", "cost_usd": cost, **more}


def inside(call_id: str, step: str, span: int, seq: int, cost: float | None = None, **more) -> dict:
    """Row of ``step_calls``: a call inside a step."""
    return {
        "call_id": call_id,
        "step": step,
        "persona": "captain",
        "step_path": [step],
        "step_span_id": span,
        "seq": seq,
        "status": "ok",
        "cost_usd": cost,
        **more,
    }


def dispatch(
    call_id: str, minutes: float = 0, *, origins: str = "ooccp", kind: str = "served", **more
) -> dict:
    """Row of ``dispatches``; ``origins`` is a letter a field: o, p, e, c, i, u (unknown) or - (null)."""
    words = {
        "o": "operator_pin",
        "p": "pipeline_input",
        "e": "escalation_override",
        "c": "catalog_default",
        "i": "inherited_from_primary",
        "u": "unknown",
        "-": None,
    }
    fields = ("provider", "model", "wire_format", "thinking", "tool_format")
    return {
        "call_id": call_id,
        "timestamp": at(minutes),
        "provider": "openrouter",
        "model": "claude-sonnet-4-6",
        "wire_format": "openai_compat",
        "outcome_kind": kind,
        **{f"provenance_{field}": words[letter] for field, letter in zip(fields, origins, strict=True)},
        **more,
    }
