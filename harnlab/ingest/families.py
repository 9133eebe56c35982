"""Which member of which event becomes which column: FORMATS 1, as data.

A family is one event type that gets typed columns. Columns not named here read the member of the same name.
Members named in ``kept_in_file`` are known and deliberately in no column: they are bulk, or said elsewhere on
the same line; ``Runs.record`` fetches them. A member that is in neither list goes into ``extra``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import polars as pl

from harnlab.frames import (
    CALLS,
    DISPATCHES,
    EVENTS,
    MESSAGES,
    ROUTING_DECISIONS,
    TOOL_CALLS,
    FrameSchema,
    Instant,
)
from harnlab.ingest.heads import HEAD_DTYPES
from harnlab.vocabulary import TranscriptType


@dataclass(frozen=True, slots=True)
class Member:
    """A typed member; ``path`` is dotted for nested ones."""

    path: str


@dataclass(frozen=True, slots=True)
class RawJson:
    """A member of any type, kept as its JSON text."""

    path: str


@dataclass(frozen=True, slots=True)
class TextSize:
    """UTF-8 size of a text member; ``null`` stays null, anything that is no text is measured as JSON."""

    path: str


@dataclass(frozen=True, slots=True)
class ItemCount:
    """Number of elements of an array member."""

    path: str


Reading = Member | RawJson | TextSize | ItemCount


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """One event type and its columns (all columns of ``schema`` that ``columns`` lists, in order).

    ``inside`` is a member that may repeat the event; ``columns_inside`` are read there where the event itself has
    no value for them.
    """

    type: str
    schema: FrameSchema
    columns: Mapping[str, Reading]
    kept_in_file: frozenset[str] = field(default_factory=frozenset)
    inside: str | None = None
    columns_inside: frozenset[str] = field(default_factory=frozenset)

    def dtype(self, column: str) -> pl.DataType:
        """Type of a column; times are read as text first."""
        return self.schema.dtypes[column]


_COMMON: Final = frozenset({"type", "schema", "schema_version", "receipt_kind"})


def _family(
    kind: TranscriptType,
    schema: FrameSchema,
    same: str,
    *,
    kept_in_file: str = "",
    inside: str | None = None,
    columns_inside: str = "",
    **renamed: Reading | str,
) -> Family:
    """Family whose ``same`` columns read the member of their own name."""
    columns: dict[str, Reading] = {name: Member(name) for name in same.split()}
    columns |= {name: Member(path) if isinstance(path, str) else path for name, path in renamed.items()}
    return Family(
        type=kind.value,
        schema=schema,
        columns=columns,
        kept_in_file=_COMMON | frozenset(kept_in_file.split()),
        inside=inside,
        columns_inside=frozenset(columns_inside.split()),
    )


_LEDGER: Final = (
    "reported_total_tokens known_cost_usd provider_call_count unpriced_calls usage_unknown_calls unpriced_tokens "
    "unpriced_reason projected_cost_usd cache_supported cache_visibility served_fast accounting_status"
)
_TOKENS: Final = (
    "input_tokens output_tokens cost_usd cache_read_tokens cache_write_tokens cache_hit_ratio cache_savings_usd "
    "cache_hit"
)

REQUEST: Final = _family(
    TranscriptType.PROVIDER_CALL_REQUEST,
    CALLS,
    "call_id iteration span_id max_tokens temperature tool_format native_tool_count message_count route_policy "
    "fallback_chain",
    requested_at="timestamp",
    requested_provider="provider",
    requested_model="model",
    thinking_mode="thinking.mode",
    thinking_enabled="thinking.enabled",
    thinking_budget_tokens="thinking.budget_tokens",
    thinking_level="thinking.level",
    tool_choice=RawJson("tool_choice"),
    structural_experiment=RawJson("structural_experiment"),
    call_role=RawJson("call_role"),
    actor_chain=RawJson("actor_chain"),
    context_token_breakdown=RawJson("context_token_breakdown"),
    served_context=RawJson("served_context"),
    kept_in_file="routing_decision request_snapshot session_id trace_id",
)

RESPONSE: Final = _family(
    TranscriptType.PROVIDER_CALL_RESPONSE,
    CALLS,
    f"call_id iteration span_id provider model {_TOKENS} response_ms stop_reason {_LEDGER}",
    answered_at="timestamp",
    text_bytes=TextSize("text"),
    thinking_bytes=TextSize("thinking"),
    tool_call_count=ItemCount("tool_calls"),
    structural_experiment=RawJson("structural_experiment"),
    kept_in_file="parsed_tool_calls parsed_tool_calls_ref raw_tool_calls loop_state thinking_summary "
    "provider_telemetry cache_creation_input_tokens session_id trace_id",
)

ERROR: Final = _family(
    TranscriptType.PROVIDER_CALL_ERROR,
    CALLS,
    f"call_id iteration span_id provider model {_TOKENS} response_ms {_LEDGER}",
    answered_at="timestamp",
    error_status="status",
    error_category="category",
    error_kind="kind",
    error_reason="reason",
    error_message="message",
    error_retryable="retryable",
    error_attempt="attempt",
    error_attempt_count="attempt_count",
    error_failover_eligible="failover_eligible",
    error_stage="stage",
    kept_in_file="source phase deadline partial schema_failure session_id trace_id",
)

DISPATCH: Final = _family(
    TranscriptType.RESOLVED_DISPATCH,
    DISPATCHES,
    "timestamp call_id iteration span_id provider model wire_format tool_format base_url_host stop outcome_kind",
    thinking_mode="thinking.mode",
    thinking_enabled="thinking.enabled",
    thinking_budget_tokens="thinking.budget_tokens",
    thinking_level="thinking.level",
    provenance_provider="provenance.provider",
    provenance_model="provenance.model",
    provenance_wire_format="provenance.wire_format",
    provenance_thinking="provenance.thinking",
    provenance_tool_format="provenance.tool_format",
    outcome_completion_tokens="outcome.completion_tokens",
    outcome_content_len="outcome.content_len",
    outcome_empty_retries="outcome.empty_retries",
    outcome_class="outcome.class",
    kept_in_file="outcome.kind session_id trace_id",
)

MESSAGE: Final = _family(
    TranscriptType.MESSAGE,
    MESSAGES,
    "timestamp session_id iteration message_index role name tool_call_id",
    content_bytes=TextSize("content"),
    tool_call_count=ItemCount("tool_calls"),
    kept_in_file="message span_id",
    # 0.8 and later write the whole message inside, and lift role and content only where it has them
    inside="message",
    columns_inside="role name tool_call_id content_bytes tool_call_count",
)

TOOL_CALL: Final = _family(
    TranscriptType.TOOL_CALL,
    TOOL_CALLS,
    "call_id session_id tool_name assistant_message_index",
    called_at="timestamp",
    arguments_bytes=TextSize("arguments"),
    kept_in_file="span_id iteration",
)

TOOL_RESULT: Final = _family(
    TranscriptType.TOOL_RESULT,
    TOOL_CALLS,
    "call_id session_id tool_name ok tool_format",
    finished_at="timestamp",
    result_message_index="message_index",
    kept_in_file="span_id iteration",
)

ROUTING: Final = _family(
    TranscriptType.ROUTING_DECISION,
    ROUTING_DECISIONS,
    "timestamp call_id iteration span_id policy requested_quality selected_provider selected_model fallback_chain",
    alternatives=RawJson("alternatives"),
)


@lru_cache(maxsize=256)
def no_family(kind: str) -> Family:
    """A type of which only the members that any line may carry are read."""
    return Family(
        type=kind,
        schema=EVENTS,
        columns={"timestamp": Member("timestamp")},
        kept_in_file=frozenset(HEAD_DTYPES),
    )


FAMILIES: Final = (REQUEST, RESPONSE, ERROR, DISPATCH, MESSAGE, TOOL_CALL, TOOL_RESULT, ROUTING)

#: Columns that hold an instant but are written as text by the runtime.
INSTANT: Final = Instant
