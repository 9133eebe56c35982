"""What run records and receipts say: runs, their stages and spans, and what each persona did and cost."""

from __future__ import annotations

from harnlab.frames.columns import EXTRA, SOURCE, Column, Texts, instant, integer, json_text, number, text
from harnlab.frames.frame_schema import FrameSchema

RUNS = FrameSchema(
    name="runs",
    row="one run: a run record, or the folder or file where there is none",
    key=("run_id",),
    columns=(
        *SOURCE,
        text("workflow_id", "workflow that ran"),
        text("workflow_name", "its display name"),
        text("task", "what the run was asked to do"),
        text("status", "status the run record ended with"),
        instant("started_at", "start as recorded"),
        instant("finished_at", "end as recorded"),
        text("parent_run_id", "run that started this one"),
        text("root_run_id", "first run of the tree"),
        text("persona", "persona that ran, from spans, receipts or metadata"),
        integer("usage_input_tokens", "input tokens the run record reports", "tokens"),
        integer("usage_output_tokens", "output tokens the run record reports", "tokens"),
        integer("usage_total_duration_ms", "duration of the calls the run record reports", "ms"),
        integer("usage_call_count", "calls the run record reports"),
        number("usage_total_cost_usd", "`usage.total_cost` of the run record", "USD"),
        Column("usage_models", Texts, "models the run record reports"),
        integer("stage_count", "stages in the run record"),
        integer("child_run_count", "child runs in the run record"),
        text("persisted_path", "path the runtime says it wrote the record to"),
        json_text("metadata", "free metadata of the run record"),
        EXTRA,
    ),
)

STAGES = FrameSchema(
    name="stages",
    row="one stage of a run record",
    key=("run_id", "stage_id"),
    columns=(
        *SOURCE,
        text("stage_id", "`id` of the stage"),
        text("node_id", "node of the workflow"),
        text("kind", "kind of stage"),
        text("status", "status it ended with"),
        text("outcome", "outcome it ended with"),
        text("branch", "branch taken"),
        instant("started_at", "start"),
        instant("finished_at", "end"),
        integer("usage_input_tokens", "input tokens", "tokens"),
        integer("usage_output_tokens", "output tokens", "tokens"),
        integer("usage_total_duration_ms", "duration of the calls", "ms"),
        integer("usage_call_count", "calls"),
        number("usage_total_cost_usd", "`usage.total_cost`", "USD"),
        integer("attempt_count", "attempts made"),
        json_text("metadata", "free metadata"),
        EXTRA,
    ),
)

SPANS = FrameSchema(
    name="spans",
    row="one trace span with its parent",
    key=("run_id", "span_id"),
    columns=(
        *SOURCE,
        integer("span_id", "id within the run's process, from 1"),
        integer("parent_id", "span around it"),
        text("kind", "pipeline, fn_call, llm_call, tool_call, step, …"),
        text("name", "name of the span"),
        integer("start_ms", "start since the trace began", "ms"),
        integer("duration_ms", "time inside the span", "ms"),
        text("call_id", "call of an llm_call span"),
        text("model", "model of the span"),
        text("provider", "provider of the span"),
        text("persona", "persona of a step span"),
        text("status", "status of the span"),
        integer("llm_calls", "calls of a step span"),
        integer("input_tokens", "input tokens of the span", "tokens"),
        integer("output_tokens", "output tokens of the span", "tokens"),
        number("cost_usd", "cost of the span", "USD"),
        json_text("metadata", "everything the span recorded"),
    ),
)

RECEIPTS = FrameSchema(
    name="receipts",
    row="one harn.receipt.v1: what a persona or step says it did and cost",
    key=("receipt_id",),
    columns=(
        *SOURCE,
        text("receipt_id", "`id` of the receipt"),
        text("parent_run_id", "run it reports to"),
        text("persona", "persona it stands for"),
        text("step", "step it stands for"),
        text("trace_id", "trace across agents"),
        instant("started_at", "start"),
        instant("completed_at", "end"),
        text("status", "accepted, running, success, noop, failure, denied, duplicate or cancelled"),
        number("cost_usd", "cost it reports", "USD"),
        integer("model_call_count", "entries in `model_calls`"),
        integer("tool_call_count", "entries in `tool_calls`"),
        integer("approval_count", "entries in `approvals`"),
        integer("handoff_count", "entries in `handoffs`"),
        text("inputs_digest", "digest of the inputs"),
        text("outputs_digest", "digest of the outputs"),
        text("redaction_class", "public, internal, receipt_only or secret"),
        json_text("error", "error it ended with"),
        json_text("metadata", "free metadata"),
        EXTRA,
    ),
)
