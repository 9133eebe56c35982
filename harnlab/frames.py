"""Every frame harnlab gives, declared once: what a row is, its key, each column's type, unit and meaning.

Loaders build from these schemas, tests read every column back, and ``harnlab schema`` and the docs print them.
Column names are Harn's field names, nested records flattened with an underscore, units in the suffix.
``null`` means *not recorded*; ``0`` means a recorded zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from harnlab.errors import UnknownName

#: Raised when a column changes name, type or meaning; caches and lakes are keyed by it.
SCHEMA_VERSION: Final = 1

Instant: Final = pl.Datetime("us", "UTC")
Text: Final = pl.String()
Texts: Final = pl.List(pl.String())
Int: Final = pl.Int64()
Float: Final = pl.Float64()
Bool: Final = pl.Boolean()
Line: Final = pl.UInt32()
Hash: Final = pl.UInt64()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, and what a value means."""

    name: str
    dtype: pl.DataType
    doc: str
    unit: str | None = None
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class FrameSchema:
    """One frame: what a row is, which columns identify it, and every column in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        """Polars type of every column, in order."""
        return {column.name: column.dtype for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """The frame with no rows."""
        return pl.DataFrame(schema=self.dtypes)

    def build(self, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
        """Frame of row mappings; columns a row does not name are null, names it has no column for are an error."""
        listed = list(rows)
        for row in listed:
            if unknown := row.keys() - set(self.names):
                raise UnknownName(f"column {sorted(unknown)}", where=f"frame {self.name}")
        return pl.DataFrame(
            {c.name: pl.Series([row.get(c.name) for row in listed], dtype=c.dtype) for c in self.columns}
        )

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows with exactly this schema's columns, in order; missing ones are null."""
        have = set(frame.columns)
        return frame.select(
            pl.col(c.name).cast(c.dtype) if c.name in have else pl.lit(None, dtype=c.dtype).alias(c.name)
            for c in self.columns
        )


def _text(name: str, doc: str) -> Column:
    return Column(name, Text, doc)


def _int(name: str, doc: str, unit: str | None = None) -> Column:
    return Column(name, Int, doc, unit)


def _float(name: str, doc: str, unit: str | None = None) -> Column:
    return Column(name, Float, doc, unit)


def _flag(name: str, doc: str) -> Column:
    return Column(name, Bool, doc)


def _at(name: str, doc: str) -> Column:
    return Column(name, Instant, doc, "UTC")


def _json(name: str, doc: str) -> Column:
    return Column(name, Text, f"{doc}, as JSON text")


RUN_ID: Final = Column("run_id", Text, "run the row belongs to", nullable=False)
#: Where a row came from. Every frame has these; ``Runs.record`` follows them back to the original.
SOURCE: Final = (
    RUN_ID,
    Column("source_path", Text, "file the row was read from", nullable=False),
    Column("source_line", Line, "line the record starts on, from 1; the row id in a SQLite log"),
    Column("source_offset", Int, "where the record starts in the file; null in a SQLite log", "bytes"),
    Column("length", Int, "size of the record in the file", "bytes"),
)
EXTRA: Final = _json("extra", "members this version has no column for")

_USAGE_LEDGER: Final = (
    _int("reported_total_tokens", "total the provider reported", "tokens"),
    _float("known_cost_usd", "the part of the cost whose price is known", "USD"),
    _int("provider_call_count", "provider calls the row stands for"),
    _int("unpriced_calls", "calls among them without a price"),
    _int("usage_unknown_calls", "calls among them without a token count"),
    _int("unpriced_tokens", "tokens without a price", "tokens"),
    _text("unpriced_reason", "why something has no price"),
    _float("projected_cost_usd", "cost projected before the call", "USD"),
    _flag("cache_supported", "whether the provider caches prompts"),
    _text("cache_visibility", "why cache use may be invisible"),
    _flag("served_fast", "whether the fast tier answered"),
    _text("accounting_status", "reported, partial or unknown"),
)

RUNS = FrameSchema(
    name="runs",
    row="one run: a run record, or the folder or file where there is none",
    key=("run_id",),
    columns=(
        *SOURCE,
        _text("workflow_id", "workflow that ran"),
        _text("workflow_name", "its display name"),
        _text("task", "what the run was asked to do"),
        _text("status", "status the run record ended with"),
        _at("started_at", "start as recorded"),
        _at("finished_at", "end as recorded"),
        _text("parent_run_id", "run that started this one"),
        _text("root_run_id", "first run of the tree"),
        _text("persona", "persona that ran, from spans, receipts or metadata"),
        _int("usage_input_tokens", "input tokens the run record reports", "tokens"),
        _int("usage_output_tokens", "output tokens the run record reports", "tokens"),
        _int("usage_total_duration_ms", "duration of the calls the run record reports", "ms"),
        _int("usage_call_count", "calls the run record reports"),
        _float("usage_total_cost_usd", "`usage.total_cost` of the run record", "USD"),
        Column("usage_models", Texts, "models the run record reports"),
        _int("stage_count", "stages in the run record"),
        _int("child_run_count", "child runs in the run record"),
        _text("persisted_path", "path the runtime says it wrote the record to"),
        _json("metadata", "free metadata of the run record"),
        EXTRA,
    ),
)

EVENTS = FrameSchema(
    name="events",
    row="one line, log row or document of any kind, known or not",
    key=("source_path", "source_line", "source_offset"),
    columns=(
        *SOURCE,
        Column(
            "source_kind", Text, "kind of file: transcript, run_record, receipt, event_log, …", nullable=False
        ),
        _text("type", "event type or kind as written"),
        _at("timestamp", "when it was written"),
        _text("call_id", "provider call attempt, or tool call for tool events"),
        _int("iteration", "agent-loop turn; 0 is also written outside a loop"),
        _int("span_id", "trace span, per process"),
        _text("session_id", "agent session"),
        _text("trace_id", "trace across agents"),
        _text("request_id", "approval or other human request"),
        _text("topic", "event-log topic"),
        _int("event_id", "position in the topic, from 1"),
    ),
)

CALLS = FrameSchema(
    name="calls",
    row="one provider call attempt: request, response or error joined by call_id",
    key=("run_id", "call_id"),
    columns=(
        *SOURCE,
        _text("call_id", "UUIDv7 minted per attempt"),
        _int("iteration", "agent-loop turn; 0 is also written outside a loop"),
        _int("span_id", "trace span of the call"),
        _at("requested_at", "when the request was written"),
        _at("answered_at", "when the response or error was written"),
        _text("provider", "provider that answered, else the one asked"),
        _text("model", "model that answered, else the one asked"),
        _text("requested_provider", "provider asked"),
        _text("requested_model", "model asked"),
        _text("status", "answered, error, or pending when the log has no answer"),
        _int("input_tokens", "input tokens billed", "tokens"),
        _int("output_tokens", "output tokens billed", "tokens"),
        _int("cache_read_tokens", "input tokens read from the prompt cache", "tokens"),
        _int("cache_write_tokens", "input tokens written to the prompt cache", "tokens"),
        _float("cost_usd", "recorded cost; null = price unknown", "USD"),
        _float("cache_savings_usd", "saved by the cache; may be negative", "USD"),
        _float("cache_hit_ratio", "share of the prompt read from the cache"),
        _flag("cache_hit", "whether anything was read from the cache"),
        _int("response_ms", "time to the answer", "ms"),
        _text("stop_reason", "provider's word for why it stopped"),
        _int("text_bytes", "UTF-8 size of the answer's text", "bytes"),
        _int("thinking_bytes", "UTF-8 size of the answer's thinking", "bytes"),
        _int("tool_call_count", "tool calls in the answer"),
        _int("max_tokens", "output limit asked for", "tokens"),
        _float("temperature", "sampling temperature asked for"),
        _text("thinking_mode", "disabled, enabled, adaptive or effort"),
        _flag("thinking_enabled", "whether thinking was on"),
        _int("thinking_budget_tokens", "thinking budget asked for", "tokens"),
        _text("thinking_level", "effort level asked for"),
        _json("tool_choice", "tool choice asked for"),
        _text("tool_format", "native, text or json"),
        _int("native_tool_count", "native tools offered"),
        _int("message_count", "messages sent"),
        _text("route_policy", "routing policy of the call"),
        Column("fallback_chain", Texts, "targets to try after the first"),
        _json("call_role", "role of the call in its actor chain"),
        _json("actor_chain", "who called whom"),
        _json("structural_experiment", "experiment the call belonged to"),
        _json("context_token_breakdown", "context tokens by segment"),
        _json("served_context", "hashes of the context that was sent"),
        _text("error_status", "retrying, retries_exhausted or error"),
        _text("error_category", "error category"),
        _text("error_kind", "transient or terminal"),
        _text("error_reason", "error reason"),
        _text("error_message", "error text"),
        _flag("error_retryable", "whether a retry could help"),
        _int("error_attempt", "attempt that failed, from 1"),
        _int("error_attempt_count", "attempts made in all"),
        _flag("error_failover_eligible", "whether another route could be tried"),
        _text("error_stage", "stage the error arose in"),
        *_USAGE_LEDGER,
        Column("request_line", Line, "line of the request"),
        Column("response_line", Line, "line of the response"),
        Column("error_line", Line, "line of the error"),
        EXTRA,
    ),
)

DISPATCHES = FrameSchema(
    name="dispatches",
    row="one resolved_dispatch: what a call really dispatched, where each field came from, what came back",
    key=("run_id", "call_id"),
    columns=(
        *SOURCE,
        _at("timestamp", "when it was written"),
        _text("call_id", "provider call attempt"),
        _int("iteration", "agent-loop turn; 0 is also written outside a loop"),
        _int("span_id", "trace span of the call"),
        _text("provider", "provider dispatched to"),
        _text("model", "model dispatched"),
        _text("wire_format", "request dialect"),
        _text("tool_format", "native, text or json"),
        _text("base_url_host", "host the call went to"),
        _text("thinking_mode", "off, enabled, adaptive or effort"),
        _flag("thinking_enabled", "whether thinking was on"),
        _int("thinking_budget_tokens", "thinking budget", "tokens"),
        _text("thinking_level", "effort level"),
        Column("stop", Texts, "stop sequences"),
        _text("provenance_provider", "where the provider came from"),
        _text("provenance_model", "where the model came from"),
        _text("provenance_wire_format", "where the wire format came from"),
        _text("provenance_thinking", "where the thinking setting came from"),
        _text("provenance_tool_format", "where the tool format came from"),
        _text("outcome_kind", "what came back"),
        _int("outcome_completion_tokens", "output tokens billed", "tokens"),
        _int("outcome_content_len", "UTF-8 size of the text", "bytes"),
        _int("outcome_empty_retries", "empty answers before this one"),
        _text("outcome_class", "class of a provider error"),
        EXTRA,
    ),
)

MESSAGES = FrameSchema(
    name="messages",
    row="one message of a session; the text stays in the file",
    key=("source_path", "source_line", "source_offset"),
    columns=(
        *SOURCE,
        _at("timestamp", "when it was written"),
        _text("session_id", "agent session"),
        _int("iteration", "agent-loop turn (0.7 logs)"),
        _int("message_index", "position in the session, from 0"),
        _text("role", "system, user, assistant, tool, …"),
        _text("name", "name given with the message"),
        _text("tool_call_id", "tool call the message answers"),
        _int("content_bytes", "size of the content in the file", "bytes"),
        _int("tool_call_count", "tool calls in the message"),
        EXTRA,
    ),
)

TOOL_CALLS = FrameSchema(
    name="tool_calls",
    row="one tool call, with its result where the log has one",
    key=("run_id", "call_id"),
    columns=(
        *SOURCE,
        _text("call_id", "tool call id"),
        _text("session_id", "agent session"),
        _text("tool_name", "tool called"),
        _at("called_at", "when the call was written"),
        _at("finished_at", "when the result was written"),
        _int("assistant_message_index", "message that asked for it"),
        _int("result_message_index", "message that holds the result"),
        _flag("ok", "whether the tool succeeded"),
        _text("tool_format", "native, text or json"),
        _int("arguments_bytes", "size of the arguments in the file", "bytes"),
        _flag("is_rejected", "whether the call was refused (run records)"),
        _int("duration_ms", "time the tool took (run records, agent events)", "ms"),
        _int("iteration", "agent-loop turn (run records)"),
        _text("args_hash", "hash of the arguments (run records)"),
        Column("result_line", Line, "line of the result"),
        EXTRA,
    ),
)

ROUTING_DECISIONS = FrameSchema(
    name="routing_decisions",
    row="one choice of provider and model by the router",
    key=("source_path", "source_line"),
    columns=(
        *SOURCE,
        _at("timestamp", "when it was written"),
        _text("call_id", "provider call attempt"),
        _int("iteration", "agent-loop turn; 0 is also written outside a loop"),
        _int("span_id", "trace span of the call"),
        _text("policy", "manual, always(…), cheapest_over_quality(…), …"),
        _text("requested_quality", "quality asked for"),
        _text("selected_provider", "provider chosen"),
        _text("selected_model", "model chosen"),
        Column("fallback_chain", Texts, "targets to try after the first"),
        _json("alternatives", "every target considered, with prices and reasons"),
        EXTRA,
    ),
)

STEP_DEFINITIONS = FrameSchema(
    name="step_definitions",
    row="one declared @step and its limits",
    key=("persona", "function"),
    columns=(
        *SOURCE,
        _text("persona", "persona the step belongs to"),
        _text("function", "function the step wraps"),
        _text("name", "name of the step; the function's where none is given"),
        _text("model", "model the step imposes on calls that pin none"),
        _text("error_boundary", "what a budget error does: fail, continue or escalate"),
        _int("max_tokens", "token ceiling as the runtime reads it; null = none", "tokens"),
        _float("max_usd", "USD ceiling as the runtime reads it; null = none", "USD"),
        _text("approval", "approval the step declares"),
        _text("receipt", "receipt the step declares"),
        _int("retry_max_attempts", "attempts the step allows"),
        _int("declared_line", "line of the step in its source"),
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
        _text("source_kind", "span, receipt or completed_steps: what the row was read from"),
        _text("persona", "persona the step ran under"),
        _text("step", "name of the step"),
        _text("function", "function the step wraps"),
        _text("model", "last model used, else the declared one"),
        _int("span_id", "the step's trace span"),
        _int("parent_span_id", "the span around it"),
        _at("started_at", "start, where the run's start is known"),
        _int("start_ms", "start since the trace began", "ms"),
        _int("duration_ms", "time inside the step", "ms"),
        _int("input_tokens", "input tokens charged to the step itself", "tokens"),
        _int("output_tokens", "output tokens charged to the step itself", "tokens"),
        _float("cost_usd", "cost charged to the step itself; null = not finite", "USD"),
        _int("llm_calls", "calls charged to the step itself"),
        _text("status", "completed, failed, skipped or escalated"),
        _text("error", "why it was stopped"),
        _text("receipt_id", "receipt the row stands in"),
        EXTRA,
    ),
)

STEP_CALLS = FrameSchema(
    name="step_calls",
    row="one model call inside its innermost step, in the order the step was charged",
    key=("run_id", "call_id"),
    columns=(
        *SOURCE,
        _text("call_id", "provider call attempt"),
        _int("span_id", "span of the call"),
        _int("step_span_id", "span of the innermost step around it; null = outside every step"),
        _text("persona", "persona of that step"),
        _text("step", "name of that step"),
        Column("step_path", Texts, "names of all steps around the call, outermost first"),
        Column("seq", Line, "order within the step, from 0"),
        _text("provider", "provider the span names"),
        _text("model", "model the span names"),
        _text("status", "ok, retrying, retries_exhausted or error"),
        _int("start_ms", "start since the trace began", "ms"),
        _int("duration_ms", "time the call took", "ms"),
        _int("input_tokens", "input tokens charged", "tokens"),
        _int("output_tokens", "output tokens charged", "tokens"),
        _float("cost_usd", "cost charged; null = price unknown", "USD"),
    ),
)

SPANS = FrameSchema(
    name="spans",
    row="one trace span with its parent",
    key=("run_id", "span_id"),
    columns=(
        *SOURCE,
        _int("span_id", "id within the run's process, from 1"),
        _int("parent_id", "span around it"),
        _text("kind", "pipeline, fn_call, llm_call, tool_call, step, …"),
        _text("name", "name of the span"),
        _int("start_ms", "start since the trace began", "ms"),
        _int("duration_ms", "time inside the span", "ms"),
        _text("call_id", "call of an llm_call span"),
        _text("model", "model of the span"),
        _text("provider", "provider of the span"),
        _text("persona", "persona of a step span"),
        _text("status", "status of the span"),
        _int("llm_calls", "calls of a step span"),
        _int("input_tokens", "input tokens of the span", "tokens"),
        _int("output_tokens", "output tokens of the span", "tokens"),
        _float("cost_usd", "cost of the span", "USD"),
        _json("metadata", "everything the span recorded"),
    ),
)

STAGES = FrameSchema(
    name="stages",
    row="one stage of a run record",
    key=("run_id", "stage_id"),
    columns=(
        *SOURCE,
        _text("stage_id", "`id` of the stage"),
        _text("node_id", "node of the workflow"),
        _text("kind", "kind of stage"),
        _text("status", "status it ended with"),
        _text("outcome", "outcome it ended with"),
        _text("branch", "branch taken"),
        _at("started_at", "start"),
        _at("finished_at", "end"),
        _int("usage_input_tokens", "input tokens", "tokens"),
        _int("usage_output_tokens", "output tokens", "tokens"),
        _int("usage_total_duration_ms", "duration of the calls", "ms"),
        _int("usage_call_count", "calls"),
        _float("usage_total_cost_usd", "`usage.total_cost`", "USD"),
        _int("attempt_count", "attempts made"),
        _json("metadata", "free metadata"),
        EXTRA,
    ),
)

RECEIPTS = FrameSchema(
    name="receipts",
    row="one harn.receipt.v1: what a persona or step says it did and cost",
    key=("receipt_id",),
    columns=(
        *SOURCE,
        _text("receipt_id", "`id` of the receipt"),
        _text("parent_run_id", "run it reports to"),
        _text("persona", "persona it stands for"),
        _text("step", "step it stands for"),
        _text("trace_id", "trace across agents"),
        _at("started_at", "start"),
        _at("completed_at", "end"),
        _text("status", "accepted, running, success, noop, failure, denied, duplicate or cancelled"),
        _float("cost_usd", "cost it reports", "USD"),
        _int("model_call_count", "entries in `model_calls`"),
        _int("tool_call_count", "entries in `tool_calls`"),
        _int("approval_count", "entries in `approvals`"),
        _int("handoff_count", "entries in `handoffs`"),
        _text("inputs_digest", "digest of the inputs"),
        _text("outputs_digest", "digest of the outputs"),
        _text("redaction_class", "public, internal, receipt_only or secret"),
        _json("error", "error it ended with"),
        _json("metadata", "free metadata"),
        EXTRA,
    ),
)

SKILL_CARDS = FrameSchema(
    name="skill_cards",
    row="one card of one turn of skill activation evidence",
    key=("run_id", "turn", "position"),
    columns=(
        *SOURCE,
        Column("turn", Line, "order of the evidence within the run, from 0", nullable=False),
        Column("position", Line, "order of the card in the evidence, from 0", nullable=False),
        _int("schema_version", "version of the evidence"),
        _int("budget_chars", "catalog budget", "bytes"),
        _int("used_chars", "bytes the catalog took", "bytes"),
        _int("budget_tokens", "catalog budget", "tokens"),
        _int("used_tokens", "tokens the catalog took", "tokens"),
        _text("skill_id", "`id` of the card"),
        _text("name", "name of the skill"),
        _text("source", "layer the skill came from"),
        _text("description", "short text of the card"),
        _text("when_to_use", "when the skill applies"),
        _flag("disable_model_invocation", "never offered to the model"),
        _flag("selected", "whether the card was shown"),
        _text("omitted_reason", "why it was not"),
        _int("char_estimate", "size of the card", "bytes"),
        _int("token_estimate", "size of the card", "tokens"),
        _text("lifecycle", "shown, omitted, loaded or used"),
        _float("matched_score", "match score"),
        _text("matched_reason", "why it matched"),
        EXTRA,
    ),
)

SKILL_EVENTS = FrameSchema(
    name="skill_events",
    row="one skill event of a run record's transcript or an agent event log",
    key=("source_path", "source_line", "source_offset"),
    columns=(
        *SOURCE,
        Column("seq", Line, "order within the run, from 0", nullable=False),
        _text("event_id", "`id` of the transcript event"),
        _text("stage_id", "stage whose transcript holds it"),
        _text("kind", "skill_matched, skill_activated, skill_deactivated, skill.loaded, …"),
        _text("skill", "skill it names"),
        _int("iteration", "agent-loop turn"),
        _float("score", "match score"),
        _text("reason", "why"),
        Column("allowed_tools", Texts, "tools the skill allows"),
        _json("candidates", "candidates of a match"),
        _flag("signed", "whether the skill is signed"),
        _flag("trusted", "whether the signer is trusted"),
        _text("session_id", "agent session"),
        _at("timestamp", "when, where the source says"),
        _json("metadata", "everything the event recorded"),
    ),
)

AUTONOMY_CHECKS = FrameSchema(
    name="autonomy_checks",
    row="one autonomy decision, admitted or denied",
    key=("source_path", "source_line"),
    columns=(
        *SOURCE,
        _at("at", "when the decision was taken"),
        _text("producer", "agent_loop or trigger_dispatcher"),
        _text("agent_key", "agent or trigger whose quota was asked"),
        _text("session_id", "agent session"),
        _text("trace_id", "trace across agents"),
        _text("event_id", "trigger event"),
        _text("binding_key", "trigger binding"),
        _text("decision", "admitted or denied"),
        _text("reason", "which cap would have been broken"),
        _text("request_id", "approval request the denial made"),
        Column("reviewers", Texts, "who may approve"),
        _text("from_tier", "tier before"),
        _text("requested_tier", "tier asked for"),
        _int("per_hour", "quota per UTC hour"),
        _int("per_day", "quota per UTC day"),
        _int("autonomous_decisions_hour", "decisions counted in the hour"),
        _int("autonomous_decisions_today", "decisions counted in the day"),
        _text("evidence", "lifecycle, trust_record, approval or attempt: what the row was read from"),
        _text("approval_status", "pending, approved, denied or timeout"),
        EXTRA,
    ),
)

APPROVALS = FrameSchema(
    name="approvals",
    row="one approval request with its answer",
    key=("request_id",),
    columns=(
        *SOURCE,
        _text("request_id", "id of the request"),
        _text("kind", "approval, question, dual_control or escalation"),
        _text("agent", "agent that asked"),
        _text("action", "what it asked for"),
        _text("principal", "on whose behalf"),
        _text("trace_id", "trace across agents"),
        _at("requested_at", "when it was asked"),
        _at("deadline", "when it lapses"),
        _int("deadline_ms", "time it was given", "ms"),
        _int("approvers_required", "approvals it needs"),
        _int("quorum", "approvals it needs, as the request says"),
        Column("reviewers", Texts, "who may answer"),
        _json("detail", "facts given with the request"),
        _text(
            "status",
            "pending, approved, denied or timeout; answered for a question, accepted for an escalation",
        ),
        _at("answered_at", "when it was answered"),
        _text("reviewer", "who answered"),
        _text("answer_reason", "why"),
        _json("answer", "the answer"),
        Column("answer_line", Line, "line of the answer"),
        EXTRA,
    ),
)

TRUST_RECORDS = FrameSchema(
    name="trust_records",
    row="one trust record, with what verification of its chain found",
    key=("record_id",),
    columns=(
        *SOURCE,
        _text("record_id", "UUIDv7 of the record"),
        _text("agent", "agent it is about"),
        _text("action", "what was done"),
        _text("approver", "who approved"),
        _text("outcome", "success, failure, denied or timeout"),
        _text("trace_id", "trace across agents"),
        _text("autonomy_tier", "tier after the decision"),
        _at("timestamp", "when it was written"),
        _float("cost_usd", "cost it reports", "USD"),
        _int("chain_index", "place in the chain, from 1"),
        _text("previous_hash", "hash of the record before"),
        _text("entry_hash", "hash of this record"),
        _json("metadata", "free metadata"),
        _json("payload", "the record as written, which its hash is taken over"),
        Column("topics", Texts, "topics the same record stands in"),
        _flag("verified", "whether index, previous hash and hash are right; null until `hl.trust.verified`"),
        _text("broken_field", "first field that is not; null until `hl.trust.verified`"),
        _text("broken_because", "what was found and what was expected; null until `hl.trust.verified`"),
        EXTRA,
    ),
)

STATE_ENTRIES = FrameSchema(
    name="state_entries",
    row="one key of one session's durable state with its writer",
    key=("root", "session_id", "key"),
    columns=(
        *SOURCE,
        _text("root", "state folder"),
        _text("session_id", "session the key belongs to"),
        _text("key", "key, with forward slashes"),
        _text("state", "value, link, orphan_metadata or crash_leftover"),
        _int("content_bytes", "size of the value", "bytes"),
        _text("writer_id", "last writer"),
        _text("writer_stage_id", "stage of the last writer"),
        _text("writer_session_id", "session of the last writer"),
        _text("writer_worker_id", "worker of the last writer"),
        _at("updated_at", "when the metadata says it was written"),
        _at("modified_at", "when this file was changed; a copy of a folder has the time of the copy"),
        EXTRA,
    ),
)

HANDOFFS = FrameSchema(
    name="handoffs",
    row="one handoff envelope",
    key=("root", "session_id"),
    columns=(
        *SOURCE,
        _text("root", "state folder"),
        _text("session_id", "session handed over"),
        _int("version", "version of the envelope"),
        _json("summary", "what was handed over"),
        _text("writer_id", "who handed over"),
        _text("writer_stage_id", "stage of the writer"),
        _text("writer_session_id", "session of the writer"),
        _text("writer_worker_id", "worker of the writer"),
        _at("written_at", "when"),
        EXTRA,
    ),
)

PROBLEMS = FrameSchema(
    name="problems",
    row="one thing that could not be read as it should",
    key=("source_path", "source_line", "kind", "field"),
    columns=(
        Column("run_id", Text, "run the file belongs to, where known"),
        *SOURCE[1:],
        Column(
            "kind", Text, "torn, bad, blank, drift, duplicate_key, unsupported or unreadable", nullable=False
        ),
        _text("field", "member concerned"),
        Column("reason", Text, "what was found and what was expected", nullable=False),
    ),
)

ALL_FRAMES: Final = (
    RUNS,
    EVENTS,
    CALLS,
    DISPATCHES,
    MESSAGES,
    TOOL_CALLS,
    ROUTING_DECISIONS,
    STEP_DEFINITIONS,
    STEPS,
    STEP_CALLS,
    SPANS,
    STAGES,
    RECEIPTS,
    SKILL_CARDS,
    SKILL_EVENTS,
    AUTONOMY_CHECKS,
    APPROVALS,
    TRUST_RECORDS,
    STATE_ENTRIES,
    HANDOFFS,
    PROBLEMS,
)

#: Every schema by name.
SCHEMAS: Final[Mapping[str, FrameSchema]] = MappingProxyType({frame.name: frame for frame in ALL_FRAMES})


def schema(name: str) -> FrameSchema:
    """Schema of the frame called ``name``.

    Raises
    ------
    UnknownName
        When there is no such frame; the message lists those there are.
    """
    try:
        return SCHEMAS[name]
    except KeyError:
        raise UnknownName(f"no frame {name!r}", expected=f"one of {', '.join(SCHEMAS)}") from None
