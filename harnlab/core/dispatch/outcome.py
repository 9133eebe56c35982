"""What came back from a dispatched call, told from the result or from the error text.

Source: ``resolved_dispatch`` 0.9.8, FORMATS 1.7.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Final

from harnlab.core.rust_semantics import byte_len
from harnlab.vocabulary import OutcomeKind

# The first needle found in the lower-cased text names the class; the order is the runtime's.
_ERROR_CLASSES: Final = (
    ("api error", "api_error"),
    ("timed out", "timeout"),
    ("timeout", "timeout"),
    ("connection", "connection"),
    ("missing content array", "malformed_response"),
    ("authentication", "auth"),
    ("unauthorized", "auth"),
    ("401", "auth"),
    ("not found", "not_found"),
    ("404", "not_found"),
    ("overloaded", "overloaded"),
    ("500", "server_error"),
    ("502", "server_error"),
    ("503", "server_error"),
)
_USAGE_LIMITS: Final = ("rate limit", "quota", "usage limit", "429")


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOutcome:
    """One outcome; which members are set depends on the kind.

    ========================================  =====================================================
    kind                                      members
    ========================================  =====================================================
    ``served``                                ``completion_tokens``, ``content_len``
    ``empty_completion_transient_recovered``  the same and ``empty_retries``
    ``empty_completion_terminal``             ``completion_tokens``, ``content_len`` (always 0)
    ``usage_limit``                           none
    ``provider_error``                        ``error_class``
    ========================================  =====================================================

    ``content_len`` counts UTF-8 bytes.
    """

    kind: OutcomeKind
    completion_tokens: int | None = None
    content_len: int | None = None
    empty_retries: int | None = None
    error_class: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The ``outcome`` member of a record: the kind and the members that belong to it."""
        members = {
            "completion_tokens": self.completion_tokens,
            "content_len": self.content_len,
            "empty_retries": self.empty_retries,
            "class": self.error_class,
        }
        return {"kind": self.kind.value} | {name: one for name, one in members.items() if one is not None}


def outcome_of_result(
    *, text: str, tool_calls: Sized, thinking: str | None, output_tokens: int, empty_retries: int = 0
) -> DispatchOutcome:
    """Classify a result that the call returned.

    A result with billed tokens and nothing in it is a dead lane, however often it was retried; empty
    retries before a result that served were only a flake. Empty means exactly empty: one blank is content.

    Parameters
    ----------
    text : str
        Committed text.
    tool_calls : sized
        Tool calls; only their number matters.
    thinking : str or None
        Reasoning text.
    output_tokens : int
        Billed output tokens (64-bit signed, so it may be negative).
    empty_retries : int
        Empty completions that were retried before this result.
    """
    empty = not text and not len(tool_calls) and not thinking
    if empty and output_tokens > 0:
        return _terminal(output_tokens)
    if empty_retries > 0:
        return DispatchOutcome(
            kind=OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED,
            completion_tokens=output_tokens,
            content_len=byte_len(text),
            empty_retries=empty_retries,
        )
    return DispatchOutcome(
        kind=OutcomeKind.SERVED, completion_tokens=output_tokens, content_len=byte_len(text)
    )


def outcome_of_error(message: str) -> DispatchOutcome:
    """Classify the error that ended a call for good, by the texts the runtime's own retry rules know.

    Numbers match anywhere, as in the runtime: ``"id 14290"`` holds ``429`` and counts as a usage limit. A
    terminal empty completion carries 0 tokens here; the text has the number, the runtime does not read it.
    """
    lower = message.lower()
    if _is_empty_completion(lower):
        return _terminal(0)
    if any(needle in lower for needle in _USAGE_LIMITS):
        return DispatchOutcome(kind=OutcomeKind.USAGE_LIMIT)
    error_class = next((name for needle, name in _ERROR_CLASSES if needle in lower), "unknown")
    return DispatchOutcome(kind=OutcomeKind.PROVIDER_ERROR, error_class=error_class)


def _is_empty_completion(lower: str) -> bool:
    if "completion_tokens=" not in lower:
        return False
    return "delivered no content" in lower or (
        "no dispatchable tool call or answer" in lower and "upstream contract violation" in lower
    )


def _terminal(completion_tokens: int) -> DispatchOutcome:
    return DispatchOutcome(
        kind=OutcomeKind.EMPTY_COMPLETION_TERMINAL, completion_tokens=completion_tokens, content_len=0
    )
