"""The transcript writer: ``llm_transcript.jsonl`` with the runtime's key sets and write order."""

from __future__ import annotations

import hashlib
from typing import Any

from .blake3 import blake3_hex
from .clock import Clock
from .files import compact
from .routes import Json, Route, Tokens, cached_usd, saved_usd


def content_hash(content: str) -> str:
    return "blake3:" + blake3_hex(content.encode())


def process_hash(content: str) -> int:
    """Stand-in for the runtime's per-process 64-bit hash; often above 2**63."""
    return int.from_bytes(hashlib.sha256(b"process" + content.encode()).digest()[:8], "big")


class Transcript:
    """Lines in order; ``emit`` returns the 1-based line number it wrote."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: list[str] = []
        self._shown: dict[str, str] = {}

    def emit(self, kind: str, span_id: int | None, fields: Json) -> int:
        # The runtime adds these three after the event's own fields.
        entry = {**fields, "type": kind, "span_id": span_id, "timestamp": self._clock.stamp}
        return self.append(entry)

    def append(self, entry: Json) -> int:
        self.lines.append(compact(entry))
        return len(self.lines)

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    def show_context(self, span_id: int | None, system: str, tools: list[Json]) -> None:
        """Write the prompt and the tools when they differ from the last ones written."""
        if self._shown.get("system") != system:
            self._shown["system"] = system
            hashes = {"hash": process_hash(system), "content_hash": content_hash(system)}
            self.emit("system_prompt", span_id, {"content": system, **hashes})
        text = compact(tools)
        if tools and self._shown.get("tools") != text:
            self._shown["tools"] = text
            hashes = {"hash": process_hash(text), "content_hash": content_hash(text)}
            self.emit("tool_schemas", span_id, {"schemas": tools, **hashes})


def request_fields(route: Route, *, iteration: int, call_id: str, tools: int, messages: int) -> Json:
    return {
        "iteration": iteration,
        "call_id": call_id,
        "model": route.model,
        "provider": route.provider,
        "max_tokens": route.max_tokens,
        "temperature": route.temperature,
        "thinking": route.request_thinking(),
        "tool_choice": None,
        "tool_format": route.tool_format,
        "native_tool_count": tools if route.tool_format == "native" else 0,
        "message_count": messages,
        "structural_experiment": None,
        "route_policy": route.policy,
        "fallback_chain": list(route.fallback_chain),
        "routing_decision": route.routing_decision(),
    }


def response_fields(
    route: Route,
    used: Tokens,
    *,
    iteration: int,
    call_id: str,
    text: str,
    tool_calls: list[Json],
    parsed_tool_calls: list[Json],
    thinking: str | None,
    stop_reason: str,
    response_ms: int,
    request_id: str,
) -> Json:
    price = route.price
    return {
        "iteration": iteration,
        "call_id": call_id,
        "provider": route.provider,
        "model": route.model,
        "text": text,
        "tool_calls": tool_calls,
        "parsed_tool_calls": parsed_tool_calls,
        "loop_state": None,
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cost_usd": None if price is None else float(cached_usd(price, used)),
        "cache_read_tokens": used.read,
        "cache_write_tokens": used.write,
        "cache_hit_ratio": used.read / used.input if used.input else 0.0,
        "cache_savings_usd": 0.0 if price is None else float(saved_usd(price, used)),
        "cache_hit": used.read > 0,
        "thinking": thinking,
        "thinking_summary": None,
        "stop_reason": stop_reason,
        "response_ms": response_ms,
        "provider_telemetry": {"request_id": request_id, "served_model": route.model},
        "structural_experiment": None,
    }


def dispatch_record(
    route: Route, *, iteration: int, call_id: str, span_id: int | None, timestamp: str, outcome: Json
) -> Json:
    return {
        "type": "resolved_dispatch",
        "iteration": iteration,
        "call_id": call_id,
        "span_id": span_id,
        "timestamp": timestamp,
        "provider": route.provider,
        "model": route.model,
        "wire_format": route.wire_format,
        "thinking": route.dispatch_thinking(),
        "tool_format": route.tool_format,
        "base_url_host": route.host,
        "provenance": route.origins.as_json(),
        "outcome": outcome,
        "outcome_kind": outcome["kind"],
    }


def breakdown(used: Tokens, *, system: str, tools: list[Json], messages: int, budget: int) -> Json:
    """Context by segment; the estimates are the runtime's ceil(bytes / 4)."""
    prompt = -(-len(system.encode()) // 4)
    schemas = -(-len(compact(tools).encode()) // 4) if tools else 0
    rest = max(used.input - prompt - schemas, 0)
    results = rest * 6 // 10 if messages > 2 else 0
    replies = rest * 15 // 100 if messages > 2 else 0
    sizes = (
        ("system_prompt", "System prompt", prompt),
        ("user_messages", "User messages", rest - results - replies),
        ("assistant_messages", "Assistant messages", replies),
        ("tool_results", "Tool results", results),
        ("other_messages", "Other messages", 0),
        ("native_tool_schemas", "Native tool schemas", schemas),
        ("provider_tools", "Provider tools", 0),
        ("output_budget", "Output budget", budget),
    )
    total = sum(tokens for _, _, tokens in sizes[:-1])
    return {
        "schema": "harn.llm.context_token_breakdown.v1",
        "segments": [{"id": id_, "label": label, "tokens": tokens} for id_, label, tokens in sizes],
        "input_tokens": total,
        "output_budget_tokens": budget,
        "context_tokens": total + budget,
        "message_count": messages,
        "native_tool_count": len(tools),
        "provider_tool_count": 0,
    }


def message_fields(session_id: str, index: int, message: Json) -> Json:
    return {
        "session_id": session_id,
        "message_index": index,
        "role": message["role"],
        "content": message["content"],
        "message": message,
    }


def tool_schema(name: str, description: str, /, **params: str) -> Json:
    listed: list[Any] = [
        {
            "name": key,
            "ty": {"kind": "primitive", "name": "string"},
            "description": about,
            "required": True,
            "default": None,
            "examples": [],
        }
        for key, about in params.items()
    ]
    return {"name": name, "description": description, "params": listed, "compact": False}
