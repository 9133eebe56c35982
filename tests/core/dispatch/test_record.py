"""The whole record of a dispatched call."""

import json

from harnlab.core.dispatch import (
    DispatchProvenance,
    Thinking,
    ThinkingMode,
    dispatch_record,
    outcome_of_error,
    outcome_of_result,
)
from harnlab.vocabulary import WireFormat

CALL = {
    "iteration": 3,
    "call_id": "019e1111-0000-7000-8000-00000000000a",
    "span_id": 12,
    "timestamp": "1777629600.481",
    "provider": "openrouter",
    "model": "qwen/qwen3.6-27b",
    "wire_format": WireFormat.OPENAI_COMPAT,
    "thinking": Thinking(mode=ThinkingMode.EFFORT, level="low"),
    "tool_format": "text",
    "base_url": "https://openrouter.ai/api/v1",
    "provenance": DispatchProvenance(
        provider="inherited_from_primary",
        model="inherited_from_primary",
        wire_format="catalog_default",
        tool_format="operator_pin",
    ),
    "outcome": outcome_of_result(text="", tool_calls=[], thinking=None, output_tokens=8),
}


def test_a_dead_lane_on_an_inherited_route_is_told_in_one_record():
    assert dispatch_record(**CALL) == {
        "type": "resolved_dispatch",
        "iteration": 3,
        "call_id": "019e1111-0000-7000-8000-00000000000a",
        "span_id": 12,
        "timestamp": "1777629600.481",
        "provider": "openrouter",
        "model": "qwen/qwen3.6-27b",
        "wire_format": "openai_compat",
        "thinking": {"mode": "effort", "level": "low", "enabled": True},
        "tool_format": "text",
        "base_url_host": "openrouter.ai",
        "provenance": {
            "provider": "inherited_from_primary",
            "model": "inherited_from_primary",
            "wire_format": "catalog_default",
            "thinking": "unknown",
            "tool_format": "operator_pin",
        },
        "outcome": {"kind": "empty_completion_terminal", "completion_tokens": 8, "content_len": 0},
        "outcome_kind": "empty_completion_terminal",
    }


def test_a_call_nobody_annotated_has_five_unknown_origins():
    record = dispatch_record(**{**CALL, "provenance": None, "span_id": None})
    assert set(record["provenance"].values()) == {"unknown"}
    assert len(record["provenance"]) == 5
    assert record["span_id"] is None


def test_a_record_is_made_of_plain_json_values():
    for outcome in (CALL["outcome"], outcome_of_error("quota"), outcome_of_error("boom")):
        record = dispatch_record(**{**CALL, "outcome": outcome})
        assert json.loads(json.dumps(record)) == record
        words = (record["type"], record["wire_format"], record["outcome_kind"], record["outcome"]["kind"])
        assert {type(word) for word in words} == {str}
