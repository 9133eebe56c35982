"""What each version of the runtime writes, member by member as FORMATS describes it; nothing of harnlab is used.

``of_0_7(call)`` … ``of_0_10(call)`` give the entries of one call that was answered, in the order of writing.
"""

import json

T0 = 1777629600  # 2026-05-01T10:00:00Z


def at(seconds):
    """Timestamp of a transcript entry: epoch seconds as text with three decimals."""
    return f"{T0 + seconds:.3f}"


def call_id(number):
    return f"019e1111-0000-7000-8000-{number:012x}"


def jsonl(entries):
    return b"".join(
        json.dumps(e, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for e in entries
    )


def _common(kind, number, *, iteration=1, span_id=None, second=0.0):
    return {
        "type": kind,
        "iteration": iteration,
        "call_id": call_id(number),
        "span_id": span_id,
        "timestamp": at(second),
    }


def request_0_7(number, *, provider="anthropic", model="claude-sonnet-4-20250514", **of):
    return {
        **_common("provider_call_request", number, **of),
        "model": model,
        "provider": provider,
        "max_tokens": 4096,
        "temperature": 0.2,
        "thinking": {"mode": "disabled", "enabled": False, "budget_tokens": None},
        "tool_choice": None,
        "tool_format": "text",
        "native_tool_count": 0,
        "message_count": 2,
        "structural_experiment": None,
        "route_policy": "manual",
        "fallback_chain": [],
        "routing_decision": None,
    }


def response_0_7(
    number, *, provider="anthropic", model="claude-sonnet-4-20250514", usage=(100, 10), cost_usd=0.00045, **of
):
    return {
        **_common("provider_call_response", number, **of),
        "provider": provider,
        "model": model,
        "text": "fertig – été ✓",
        "tool_calls": [],
        "input_tokens": usage[0],
        "output_tokens": usage[1],
        "cost_usd": cost_usd,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_hit_ratio": 0.0,
        "cache_savings_usd": 0.0,
        "cache_hit": False,
        "thinking": None,
        "thinking_summary": None,
        "response_ms": 812,
        "structural_experiment": None,
    }


def without(entry, *members):
    return {name: value for name, value in entry.items() if name not in members}


def request_0_8(number, **of):
    return request_0_7(number, **of) | {
        "request_snapshot": {"system": "s", "messages": [], "tool_schemas": [], "native_tools": None}
    }


def request_0_9(number, **of):
    return request_0_7(number, **of) | {
        "thinking": {"mode": "effort", "level": "none", "enabled": False, "budget_tokens": None},
        "served_context": {
            "schema": "harn.llm.served_context.v1",
            "system_prompt_content_hash": "blake3:" + "0" * 64,
            "message_count": 2,
            "system_prompt_bytes": 11,
            "tool_schema_count": 1,
        },
        "context_token_breakdown": {
            "schema": "harn.llm.context_token_breakdown.v1",
            "segments": [{"id": "system_prompt", "label": "System prompt", "tokens": 3}],
            "input_tokens": 100,
            "output_budget_tokens": 4096,
            "context_tokens": 4196,
            "message_count": 2,
            "native_tool_count": 0,
            "provider_tool_count": 0,
        },
        "call_role": "agent",
        "actor_chain": ["root", "agent"],
    }


def response_0_9(number, *, cost_usd=0.00045, **of):
    return without(response_0_7(number, cost_usd=cost_usd, **of), "cache_creation_input_tokens") | {
        "parsed_tool_calls": [],
        "loop_state": {"done": True, "left": 2},
        "stop_reason": "end_turn",
        "provider_telemetry": {"request_id": "req_1"},
    }


def ledger(known, *, calls=1, unpriced=0, status="reported"):
    return {
        "reported_total_tokens": None,
        "known_cost_usd": known,
        "provider_call_count": calls,
        "unpriced_calls": unpriced,
        "usage_unknown_calls": 0,
        "unpriced_tokens": 0,
        "unpriced_reason": "pricing_unknown" if unpriced else None,
        "projected_cost_usd": None,
        "cache_supported": True,
        "cache_visibility": None,
        "served_fast": False,
        "accounting_status": status,
    }


def request_0_10(number, **of):
    request = request_0_9(number, **of)
    request["served_context"]["served_tool_names"] = ["read_file", "grep"]
    return request


def response_0_10(number, *, cost_usd=0.00045, known=None, **of):
    known = (cost_usd or 0.0) if known is None else known
    response = without(response_0_9(number, cost_usd=cost_usd, **of), "parsed_tool_calls")
    return (
        response
        | {"parsed_tool_calls_ref": "tool_calls", "cache_hit_ratio": None}
        | ledger(known, unpriced=0 if cost_usd is not None else 1)
    )


PINNED = {
    "provider": "operator_pin",
    "model": "pipeline_input",
    "wire_format": "catalog_default",
    "thinking": "catalog_default",
    "tool_format": "catalog_default",
}
INHERITED = {
    "provider": "inherited_from_primary",
    "model": "escalation_override",
    "wire_format": "inherited_from_primary",
    "thinking": "unknown",
    "tool_format": "operator_pin",
}
UNKNOWN = dict.fromkeys(PINNED, "unknown")


def served(tokens=10, length=16):
    return {"kind": "served", "completion_tokens": tokens, "content_len": length}


def dispatch(
    number, *, provider="anthropic", model="claude-sonnet-4-20250514", provenance=None, outcome=None, **of
):
    outcome = outcome or served()
    return {
        **_common("resolved_dispatch", number, **of),
        "provider": provider,
        "model": model,
        "wire_format": "anthropic_native" if provider == "anthropic" else "openai_compat",
        "thinking": {"mode": "off", "enabled": False},
        "tool_format": "text",
        "base_url_host": "api.anthropic.com" if provider == "anthropic" else f"{provider}.ai",
        "provenance": provenance or UNKNOWN,
        "outcome": outcome,
        "outcome_kind": outcome["kind"],
    }


def error_0_9(
    number, *, status="retrying", attempt=1, provider="anthropic", model="claude-sonnet-4-20250514", **of
):
    return {
        **_common("provider_call_error", number, **of),
        "attempt": attempt,
        "status": status,
        "provider": provider,
        "model": model,
        "category": "overloaded",
        "kind": "transient",
        "reason": "overloaded",
        "message": "anthropic API error: Overloaded (529)",
        "retryable": status == "retrying",
    }


def error_0_10(number, **of):
    return (
        error_0_9(number, **of)
        | {"failover_eligible": True, "attempt_count": 3, "stage": "stream", "source": "provider_stream"}
        | {"phase": "first_byte", "deadline": None, "partial": False}
        | {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "cost_usd": None,
        }
        | ledger(0.0, status="unknown")
        | {"unpriced_reason": "no_response"}
    )


def system_prompt(content, **more):
    # a 64-bit hash beyond 2^63, as the runtime's hasher gives
    return {
        "type": "system_prompt",
        "content": content,
        "hash": 18446744073709551557,
        "span_id": None,
        "timestamp": at(0),
        **more,
    }


def tool_schemas(**more):
    params = [
        {
            "name": "path",
            "ty": {"kind": "string"},
            "description": "file",
            "required": True,
            "default": None,
            "examples": [],
        }
    ]
    schemas = [{"name": "read_file", "description": "Read", "params": params, "compact": False}]
    return {
        "type": "tool_schemas",
        "schemas": schemas,
        "hash": 9223372036854775808,
        "span_id": None,
        "timestamp": at(0),
        **more,
    }


def message_0_7(role, content, *, iteration=1, second=0.0):
    return {
        "type": "message",
        "iteration": iteration,
        "role": role,
        "content": content,
        "tool_calls": None,
        "tool_call_id": None,
        "name": None,
        "span_id": None,
        "timestamp": at(second),
    }


def message_0_8(session, index, message, *, second=0.0, lifted=True):
    top = {name: message[name] for name in ("role", "content") if lifted and name in message}
    return {
        "type": "message",
        "session_id": session,
        "message_index": index,
        **top,
        "message": message,
        "span_id": None,
        "timestamp": at(second),
    }


def routing_decision(number, **of):
    choice = {
        "provider": "anthropic",
        "model": "claude-haiku-4",
        "quality_tier": "small",
        "available": True,
        "selected": True,
        "cost_per_1k_in": 0.0008,
        "cost_per_1k_out": None,
        "latency_p50_ms": None,
        "reason": "cheapest",
    }
    return {
        **_common("routing_decision", number, **of),
        "policy": "cheapest_over_quality(small)",
        "requested_quality": "small",
        "selected_provider": "anthropic",
        "selected_model": "claude-haiku-4",
        "fallback_chain": ["openai"],
        "alternatives": [choice],
    }
