"""Steps: as a persona declares them, as they finished, and the calls inside them."""

from __future__ import annotations

from harnlab.frames.columns import EXTRA, SOURCE, Column, Line, Texts, instant, integer, number, text
from harnlab.frames.frame_schema import FrameSchema

STEP_DEFINITIONS = FrameSchema(
    name="step_definitions",
    row="one declared @step and its limits",
    key=("persona", "function"),
    columns=(
        *SOURCE,
        text("persona", "persona the step belongs to"),
        text("function", "function the step wraps"),
        text("name", "name of the step; the function's where none is given"),
        text("model", "model the step imposes on calls that pin none"),
        text("error_boundary", "what a budget error does: fail, continue or escalate"),
        integer("max_tokens", "token ceiling as the runtime reads it; null = none", "tokens"),
        number("max_usd", "USD ceiling as the runtime reads it; null = none", "USD"),
        text("approval", "approval the step declares"),
        text("receipt", "receipt the step declares"),
        integer("retry_max_attempts", "attempts the step allows"),
        integer("declared_line", "line of the step in its source"),
        EXTRA,
    ),
)

STEPS = FrameSchema(
    name="steps",
    row="one finished step, in order of completion (inner steps first)",
    key=("run_id", "seq"),
    columns=(
        *SOURCE,
        Column("seq", Line, "order in which steps finished in the run, from 0", nullable=False),
        text("source_kind", "span, receipt or completed_steps: what the row was read from"),
        text("persona", "persona the step ran under"),
        text("step", "name of the step"),
        text("function", "function the step wraps"),
        text("model", "last model used, else the declared one"),
        integer("span_id", "the step's trace span"),
        integer("parent_span_id", "the span around it"),
        instant("started_at", "start, where the run's start is known"),
        integer("start_ms", "start since the trace began", "ms"),
        integer("duration_ms", "time inside the step", "ms"),
        integer("input_tokens", "input tokens charged to the step itself", "tokens"),
        integer("output_tokens", "output tokens charged to the step itself", "tokens"),
        number("cost_usd", "cost charged to the step itself; null = not finite", "USD"),
        integer("llm_calls", "calls charged to the step itself"),
        text("status", "completed, failed, skipped or escalated"),
        text("error", "why it was stopped"),
        text("receipt_id", "receipt the row stands in"),
        EXTRA,
    ),
)

STEP_CALLS = FrameSchema(
    name="step_calls",
    row="one model call inside its innermost step, in the order the step was charged",
    key=("run_id", "call_id"),
    columns=(
        *SOURCE,
        text("call_id", "provider call attempt"),
        integer("span_id", "span of the call"),
        integer("step_span_id", "span of the innermost step around it; null = outside every step"),
        text("persona", "persona of that step"),
        text("step", "name of that step"),
        Column("step_path", Texts, "names of all steps around the call, outermost first"),
        Column("seq", Line, "order within the step, from 0"),
        text("provider", "provider the span names"),
        text("model", "model the span names"),
        text("status", "ok, retrying, retries_exhausted or error"),
        integer("start_ms", "start since the trace began", "ms"),
        integer("duration_ms", "time the call took", "ms"),
        integer("input_tokens", "input tokens charged", "tokens"),
        integer("output_tokens", "output tokens charged", "tokens"),
        number("cost_usd", "cost charged; null = price unknown", "USD"),
    ),
)
