"""The vectors' spelling of dispatches, answered by ``harnlab.core.dispatch``."""

from dataclasses import asdict

from golden.codec import decode
from harnlab.core.dispatch import (
    DispatchProvenance,
    Thinking,
    ThinkingMode,
    base_url_host,
    dispatch_record,
    outcome_of_error,
    outcome_of_result,
    thinking_json,
    wire_format_of,
)


def outcome_of(spelled):
    if "error_message" in spelled:
        return outcome_of_error(spelled["error_message"])
    return outcome_of_result(**spelled)


def outcome_output(outcome):
    return {"outcome": outcome.to_json(), "outcome_kind": outcome.kind.value}


def thinking_of(spelled):
    return Thinking(
        mode=ThinkingMode(spelled["kind"]),
        budget_tokens=spelled.get("budget_tokens"),
        level=spelled.get("level"),
    )


def provenance_output(spelled):
    parsed = DispatchProvenance.from_value(decode(spelled["value"]))
    return {"parsed": parsed and asdict(parsed), "json": parsed and parsed.to_json()}


def record_of(spelled):
    given = ("iteration", "call_id", "span_id", "timestamp", "provider", "model", "tool_format", "base_url")
    return dispatch_record(
        **{name: spelled[name] for name in given},
        wire_format=wire_format_of(spelled["message_wire_format"]),
        thinking=thinking_of(spelled["thinking"]),
        provenance=DispatchProvenance.from_value(decode(spelled["dispatch_provenance"])),
        outcome=outcome_of(spelled["outcome_input"]),
    )


OPS = {
    "dispatch_outcome_from_result": lambda given, room: outcome_output(outcome_of(given)),
    "dispatch_outcome_from_error": lambda given, room: outcome_output(outcome_of_error(given["message"])),
    "provenance": lambda given, room: provenance_output(given),
    "thinking_json": lambda given, room: {"json": thinking_json(thinking_of(given["thinking"]))},
    "wire_format": lambda given, room: {"wire_format": wire_format_of(given["message_wire_format"]).value},
    "base_url_host": lambda given, room: {"host": base_url_host(given["base_url"])},
    "dispatch_record": lambda given, room: {"record": record_of(given)},
}
