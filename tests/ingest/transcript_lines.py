"""Lines as the runtime writes them, and a transcript file of them."""

import json

from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.transcripts import read_transcripts

CALL_ID = "019e1111-0000-7000-8000-000000000001"


def line(**members):
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def request(call_id=CALL_ID, **members):
    return {
        "type": "provider_call_request",
        "iteration": 1,
        "call_id": call_id,
        "span_id": 7,
        "timestamp": "1777629600.001",
        "model": "claude-sonnet-4-6",
        "provider": "anthropic",
        "max_tokens": 4096,
        "temperature": None,
        "thinking": {"mode": "disabled", "enabled": False, "budget_tokens": None},
        "tool_choice": None,
        "tool_format": "native",
        "native_tool_count": 3,
        "message_count": 5,
        "structural_experiment": None,
        "route_policy": "manual",
        "fallback_chain": [],
        "routing_decision": None,
    } | members


def response(call_id=CALL_ID, **members):
    return {
        "type": "provider_call_response",
        "iteration": 1,
        "call_id": call_id,
        "span_id": 7,
        "timestamp": "1777629602.350",
        "provider": "anthropic",
        "model": "claude-sonnet-4-6",
        "text": "done",
        "tool_calls": [],
        "input_tokens": 1200,
        "output_tokens": 80,
        "cost_usd": 0.0048,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cache_hit_ratio": 0.0,
        "cache_savings_usd": 0.0,
        "cache_hit": False,
        "thinking": None,
        "thinking_summary": None,
        "stop_reason": "end_turn",
        "response_ms": 2349,
        "structural_experiment": None,
    } | members


def dispatch(call_id=CALL_ID, **members):
    return {
        "type": "resolved_dispatch",
        "iteration": 3,
        "call_id": call_id,
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
    } | members


def source(path, run_id="run-1"):
    return Source(
        path=path, shown=path.name, kind=SourceKind.TRANSCRIPT, run_id=run_id, project=str(path.parent)
    )


def read(path, *lines, ending=b"\n"):
    """Frames of a transcript made of some lines (bytes as they are, mappings as compact JSON)."""
    content = b"\n".join(one if isinstance(one, bytes) else line(**one) for one in lines)
    path.write_bytes(content + ending)
    return read_transcripts([source(path)])
