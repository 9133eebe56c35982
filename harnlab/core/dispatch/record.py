"""The one self-contained record of a dispatched call (``resolved_dispatch`` 0.9.8, FORMATS 1.7)."""

from __future__ import annotations

from typing import Any

from harnlab.core.dispatch.host import base_url_host
from harnlab.core.dispatch.outcome import DispatchOutcome
from harnlab.core.dispatch.provenance import DispatchProvenance
from harnlab.core.dispatch.thinking import Thinking, thinking_json
from harnlab.vocabulary import TranscriptType


def dispatch_record(
    *,
    iteration: int,
    call_id: str,
    span_id: int | None,
    timestamp: str,
    provider: str,
    model: str,
    wire_format: str,
    thinking: Thinking,
    tool_format: str,
    base_url: str,
    provenance: DispatchProvenance | None,
    outcome: DispatchOutcome,
) -> dict[str, Any]:
    """Build the ``resolved_dispatch`` transcript entry of one call.

    Parameters
    ----------
    iteration : int
        Turn of the agent loop; 0 outside a loop too.
    call_id : str
        Identity of the attempt that answered or failed for good.
    span_id : int or None
        Tracing span, ``None`` when tracing is off.
    timestamp : str
        Unix seconds as the runtime spells them; written as given.
    provider, model : str
        What was dispatched.
    wire_format : str
        See :func:`~harnlab.core.dispatch.wire_format_for`.
    thinking : Thinking
        What was asked for.
    tool_format : str
        The format in effect: ``native``, ``text`` or ``json``.
    base_url : str
        Base URL of the provider; only its host is recorded.
    provenance : DispatchProvenance or None
        ``None`` when no resolver annotated the call: five times ``"unknown"``.
    outcome : DispatchOutcome
        What came back.
    """
    return {
        "type": TranscriptType.RESOLVED_DISPATCH.value,
        "iteration": iteration,
        "call_id": call_id,
        "span_id": span_id,
        "timestamp": timestamp,
        "provider": provider,
        "model": model,
        "wire_format": str(wire_format),
        "thinking": thinking_json(thinking),
        "tool_format": tool_format,
        "base_url_host": base_url_host(base_url),
        "provenance": (provenance or DispatchProvenance()).to_json(),
        "outcome": outcome.to_json(),
        "outcome_kind": outcome.kind.value,
    }
