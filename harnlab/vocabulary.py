"""Harn's words as they stand on the wire.

Known words are enumerated so that code can name them; a word from a newer runtime is still text in every
frame and never an error. Each list gives the section of FORMATS it follows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ProvenanceOrigin(StrEnum):
    """Where one field of a dispatch came from (FORMATS 1.7)."""

    OPERATOR_PIN = "operator_pin"
    PIPELINE_INPUT = "pipeline_input"
    ESCALATION_OVERRIDE = "escalation_override"
    CATALOG_DEFAULT = "catalog_default"
    INHERITED_FROM_PRIMARY = "inherited_from_primary"
    UNKNOWN = "unknown"


#: The five fields of a dispatch that carry an origin, in the order the runtime writes them.
PROVENANCE_FIELDS: Final = ("provider", "model", "wire_format", "thinking", "tool_format")


class OutcomeKind(StrEnum):
    """What came back from a dispatched call (FORMATS 1.7)."""

    SERVED = "served"
    EMPTY_COMPLETION_TRANSIENT_RECOVERED = "empty_completion_transient_recovered"
    EMPTY_COMPLETION_TERMINAL = "empty_completion_terminal"
    USAGE_LIMIT = "usage_limit"
    PROVIDER_ERROR = "provider_error"


class WireFormat(StrEnum):
    """Request dialect a call went out in (FORMATS 7)."""

    ANTHROPIC_NATIVE = "anthropic_native"
    OPENAI_COMPAT = "openai_compat"
    OLLAMA = "ollama"
    GEMINI = "gemini"


class StepStatus(StrEnum):
    """How a step finished (FORMATS 4.1); there is no ``continued``."""

    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ESCALATED = "escalated"


class ErrorBoundary(StrEnum):
    """What a step does with a budget error (FORMATS 4.2); any other word means ``fail``."""

    FAIL = "fail"
    CONTINUE = "continue"
    ESCALATE = "escalate"


class StepLimit(StrEnum):
    """The ceiling of a step that tripped (FORMATS 4.2)."""

    MAX_TOKENS = "max_tokens"
    MAX_USD = "max_usd"


class SkillLifecycle(StrEnum):
    """Where a skill stands in a turn (FORMATS 6)."""

    ELIGIBLE = "eligible"
    SHOWN = "shown"
    OMITTED = "omitted"
    LOADED = "loaded"
    USED = "used"


class OmittedReason(StrEnum):
    """Why a skill's card was not shown (FORMATS 6)."""

    BUDGET = "budget"
    CATALOG_LIMIT = "catalog_limit"
    DISABLE_MODEL_INVOCATION = "disable_model_invocation"


class AutonomyTier(StrEnum):
    """How far an agent may act alone (FORMATS 3.1)."""

    SHADOW = "shadow"
    SUGGEST = "suggest"
    ACT_WITH_APPROVAL = "act_with_approval"
    ACT_AUTO = "act_auto"


class AutonomyReason(StrEnum):
    """Which autonomy cap a decision would have broken (FORMATS 2.7)."""

    HOURLY = "hourly_autonomy_budget_exceeded"
    DAILY = "daily_autonomy_budget_exceeded"


class TrustOutcome(StrEnum):
    """Outcome of a trust record (FORMATS 3.1)."""

    SUCCESS = "success"
    FAILURE = "failure"
    DENIED = "denied"
    TIMEOUT = "timeout"


class ConflictPolicy(StrEnum):
    """What durable state does when two writers meet (FORMATS 5)."""

    IGNORE = "ignore"
    WARN = "warn"
    ERROR = "error"


class ProblemKind(StrEnum):
    """What was wrong with something that could not be read as it should (DESIGN 4).

    ``torn``, ``bad`` and ``blank`` lines are in ``problems`` instead of ``events``; the other kinds annotate a
    record that is in its frames all the same.
    """

    TORN = "torn"
    BAD = "bad"
    BLANK = "blank"
    DRIFT = "drift"
    DUPLICATE_KEY = "duplicate_key"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"


#: Kinds of problem that stand for a line which is in no other frame.
LOST_LINE_KINDS: Final = (ProblemKind.TORN, ProblemKind.BAD, ProblemKind.BLANK)


class TranscriptType(StrEnum):
    """Event types of ``llm_transcript.jsonl`` that harnlab gives a frame (FORMATS 1)."""

    SYSTEM_PROMPT = "system_prompt"
    TOOL_SCHEMAS = "tool_schemas"
    CONTEXT_MANIFEST = "context_manifest"
    MESSAGE = "message"
    ROUTING_DECISION = "routing_decision"
    PROVIDER_CALL_REQUEST = "provider_call_request"
    PROVIDER_CALL_RESPONSE = "provider_call_response"
    PROVIDER_CALL_ERROR = "provider_call_error"
    INTERPRETED_RESPONSE = "interpreted_response"
    RESOLVED_DISPATCH = "resolved_dispatch"
    EMPTY_COMPLETION_RETRY = "empty_completion_retry"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    PROVIDER_RAW_CAPTURE = "provider_raw_capture"
    PROVIDER_THROTTLE = "provider_throttle"
    GOVERNOR_STATE = "governor_state"
    RATE_LIMIT_QUEUE = "rate_limit_queue"
    ROUTE_QUARANTINED = "route_quarantined"
    FEEDBACK_INJECTED = "feedback_injected"
    DAEMON_EVENT = "daemon_event"
    TEMPLATE_RENDER = "template.render"
    SERVED_MESSAGE = "served_message"


class SpanKind(StrEnum):
    """Kinds of trace span (FORMATS 4.5)."""

    PIPELINE = "pipeline"
    FN_CALL = "fn_call"
    LLM_CALL = "llm_call"
    TOOL_CALL = "tool_call"
    IMPORT = "import"
    PARALLEL = "parallel"
    SPAWN = "spawn"
    STEP = "step"
