"""What a call dispatched, where each field came from, what came back (``resolved_dispatch`` 0.9.8)."""

from __future__ import annotations

from harnlab.core.dispatch.capabilities import BUILTIN_CAPABILITIES, CapabilityTable, ModelRule
from harnlab.core.dispatch.host import base_url_host
from harnlab.core.dispatch.outcome import DispatchOutcome, outcome_of_error, outcome_of_result
from harnlab.core.dispatch.provenance import DispatchProvenance
from harnlab.core.dispatch.record import dispatch_record
from harnlab.core.dispatch.thinking import Thinking, ThinkingMode, thinking_json, thinking_of_request
from harnlab.core.dispatch.wire_format import wire_format_for, wire_format_of

__all__ = [
    "BUILTIN_CAPABILITIES",
    "CapabilityTable",
    "DispatchOutcome",
    "DispatchProvenance",
    "ModelRule",
    "Thinking",
    "ThinkingMode",
    "base_url_host",
    "dispatch_record",
    "outcome_of_error",
    "outcome_of_result",
    "thinking_json",
    "thinking_of_request",
    "wire_format_for",
    "wire_format_of",
]
