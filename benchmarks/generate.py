"""Transcripts of any size with the members of FORMATS 1, made from a seed: ``generate.py FILE MEGABYTES``.

Two model calls in five write a routing decision, one in fifty fails and is tried again; bulk is in answers, their
interpretations and messages, as in real ones. Members stand in the runtime's order: ``type`` near the end.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

MEGABYTE: Final = 1_000_000

Record = dict[str, Any]

_ROUTES: Final = (
    ("anthropic", "claude-sonnet-4-6", "anthropic_native", "api.anthropic.com"),
    ("openrouter", "qwen/qwen3.6-27b", "openai_compat", "openrouter.ai"),
    ("ollama", "qwen3:14b", "ollama", "localhost:11434"),
)
_TOOLS: Final = ("read_file", "apply_edit", "run_tests", "search", "shell")
_PROSE: Final = (
    'the step reads its budget and writes \n \n- a list of what is left \tthen it calls `verify` with "quotes" '
    'C:\\paths\\too, naïve prices in € and 日本語 names; fn main() {\n    println!("{}", total);\n} run again '
    "because one assertion failed at line 42 of tests/ledger.rs and nothing else was changed since "
)
_PROVENANCE: Final = ("operator_pin", "catalog_default", "inherited_from_primary", "pipeline_input")


class Session:
    """One agent session: its calls, one after another, each as the lines the runtime writes."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._prose = " ".join(self._chance.choices(_PROSE.split(" "), k=40_000))
        self._session = f"session_019e{seed:04x}"
        self._millis = 1_777_629_600_000 + seed * 7_000_000
        self._count = self._messages = self._spans = 0

    def lines(self) -> Iterator[str]:
        """Lines without end."""
        yield self._line("system_prompt", content=self._text(3000), hash=self._chance.getrandbits(64))
        yield self._line("tool_schemas", schemas=self._schemas(), hash=self._chance.getrandbits(64))
        while True:
            yield from self._turn()

    def _turn(self) -> Iterator[str]:
        chance = self._chance
        self._count += 1
        self._spans += 1
        yield self._message("user", self._text(700))
        identity = self._identity()
        route = chance.choice(_ROUTES)
        if chance.random() < 0.4:
            yield self._line("routing_decision", **identity, **self._routing(route))
        yield self._request(identity, route)
        if chance.random() < 0.02:
            yield self._error(identity, route)
            identity = self._identity()
            yield self._request(identity, route)
        yield from self._answer(identity, route)

    def _answer(self, identity: Record, route: tuple[str, str, str, str]) -> Iterator[str]:
        chance = self._chance
        text, tokens = self._text(1300), chance.randint(40, 900)
        tools = [self._tool(f"toolu_{self._count}_{n}") for n in range(chance.choice((0, 1, 1, 2)))]
        yield self._line("provider_call_response", **identity, **self._usage(route, text, tools, tokens))
        yield self._line("resolved_dispatch", **identity, **self._dispatch(route, text, tokens))
        yield self._line(
            "interpreted_response",
            **identity,
            tool_format="native",
            prose=text,
            tool_calls=tools,
            tool_parse_errors=[],
        )
        yield self._message("assistant", text, tool_calls=tools)
        for tool in tools:
            named = {"session_id": self._session, "call_id": tool["id"], "tool_name": tool["name"]}
            arguments = tool["arguments"]
            yield self._line(
                "tool_call",
                schema_version=1,
                assistant_message_index=self._messages,
                **named,
                arguments=arguments,
            )
            yield self._message("tool", self._text(900), tool_call_id=tool["id"])
            yield self._line(
                "tool_result",
                schema_version=1,
                message_index=self._messages,
                **named,
                ok=True,
                tool_format="native",
            )

    def _line(self, kind: str, /, **members: Any) -> str:
        self._millis += self._chance.randint(1, 400)
        at = f"{self._millis // 1000}.{self._millis % 1000:03d}"
        record = {**members, "type": kind, "span_id": self._spans, "timestamp": at}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    def _text(self, mean: int) -> str:
        length = min(int(self._chance.expovariate(1 / mean)) + 20, 60_000)
        start = self._chance.randrange(len(self._prose) - length)
        return self._prose[start : start + length]

    def _identity(self) -> Record:
        number = self._chance.getrandbits(80)
        call = f"019e{number & 0xFFFF:04x}-{number >> 16 & 0xFFFF:04x}-7000-8000-{number >> 32:012x}"
        return {"iteration": self._count, "call_id": call}

    def _message(self, role: str, content: str, **more: Any) -> str:
        self._messages += 1
        told = {"role": role, "content": content, **more}
        place = {"session_id": self._session, "message_index": self._messages}
        return self._line("message", **place, **told, message=told)

    def _schemas(self) -> list[Record]:
        parameter = {"name": "path", "ty": {"Named": "string"}, "description": "where", "required": True}
        return [{"name": n, "description": n, "params": [parameter], "compact": False} for n in _TOOLS]

    def _tool(self, call: str) -> Record:
        arguments = {"path": f"src/{self._count}.rs", "content": self._text(500)}
        return {"id": call, "name": self._chance.choice(_TOOLS), "arguments": arguments}

    def _routing(self, route: tuple[str, str, str, str]) -> Record:
        alternatives = [
            {
                "provider": provider,
                "model": model,
                "quality_tier": "mid",
                "available": True,
                "selected": provider == route[0],
                "cost_per_1k_in": 0.003,
                "cost_per_1k_out": None,
                "latency_p50_ms": 900,
                "reason": "selected" if provider == route[0] else "costs more",
            }
            for provider, model, _, _ in _ROUTES
        ]
        return {
            "policy": "cheapest_over_quality(mid)",
            "requested_quality": "mid",
            "selected_provider": route[0],
            "selected_model": route[1],
            "fallback_chain": ["anthropic", "openrouter"],
            "alternatives": alternatives,
        }

    def _request(self, identity: Record, route: tuple[str, str, str, str]) -> str:
        segments = [{"id": name, "label": name, "tokens": 100} for name in ("system_prompt", "user_messages")]
        return self._line(
            "provider_call_request",
            **identity,
            model=route[1],
            provider=route[0],
            max_tokens=4096,
            temperature=self._chance.choice((None, 0.2)),
            thinking={"mode": "enabled", "enabled": True, "budget_tokens": 2048},
            tool_choice=self._chance.choice((None, "auto", {"type": "tool", "name": "search"})),
            tool_format="native",
            native_tool_count=5,
            message_count=self._messages,
            structural_experiment=None,
            route_policy="manual",
            fallback_chain=[],
            routing_decision=None,
            context_token_breakdown={"schema": "harn.llm.context_token_breakdown.v1", "segments": segments},
        )

    def _error(self, identity: Record, route: tuple[str, str, str, str]) -> str:
        return self._line(
            "provider_call_error",
            **identity,
            attempt=1,
            status="retrying",
            provider=route[0],
            model=route[1],
            category="overloaded",
            kind="transient",
            reason="overloaded",
            message=f"{route[0]} API error: overloaded",
            retryable=True,
        )

    def _usage(self, route: tuple[str, str, str, str], text: str, tools: list[Record], tokens: int) -> Record:
        read = self._chance.choice((0, 0, 1024))
        return {
            "provider": route[0],
            "model": route[1],
            "text": text,
            "tool_calls": tools,
            "parsed_tool_calls_ref": "tool_calls",
            "input_tokens": self._chance.randint(200, 9000),
            "output_tokens": tokens,
            "cost_usd": self._chance.choice((0.0, None, tokens * 1.5e-05)),
            "cache_read_tokens": read,
            "cache_write_tokens": 0,
            "cache_hit_ratio": 0.5 if read else 0.0,
            "cache_savings_usd": read * 2.7e-06,
            "cache_hit": read > 0,
            "thinking": self._text(300) if tokens % 3 == 0 else None,
            "thinking_summary": None,
            "stop_reason": "tool_use" if tools else "end_turn",
            "response_ms": self._chance.randint(200, 20_000),
            "structural_experiment": None,
        }

    def _dispatch(self, route: tuple[str, str, str, str], text: str, tokens: int) -> Record:
        origins = dict(
            zip(("provider", "model", "wire_format"), self._chance.choices(_PROVENANCE, k=3), strict=True)
        )
        size = len(text.encode())
        return {
            "provider": route[0],
            "model": route[1],
            "wire_format": route[2],
            "thinking": {"mode": "enabled", "enabled": True, "budget_tokens": 2048},
            "tool_format": "native",
            "base_url_host": route[3],
            "provenance": {**origins, "thinking": "unknown", "tool_format": "operator_pin"},
            "outcome": {"kind": "served", "completion_tokens": tokens, "content_len": size},
            "outcome_kind": "served",
        }


def write_transcript(path: Path, megabytes: float, *, seed: int = 1) -> int:
    """Write a transcript of about a size, whole turns only; returns its number of lines."""
    size = count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for line in Session(seed).lines():
            content = line.encode() + b"\n"
            size += file.write(content)
            count += 1
            if size >= megabytes * MEGABYTE:
                break
    return count


_TABLE: Final = """
CREATE TABLE events(topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
  headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL, PRIMARY KEY(topic, event_id));
"""


def write_event_log(path: Path, count: int, *, seed: int = 1) -> None:
    """Write a SQLite event log of so many events, one in twenty of them an entry of a transcript."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = sqlite3.connect(path)
    log.executescript(_TABLE)
    with log:
        log.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", _logged(count, seed))
    log.close()


def _logged(count: int, seed: int) -> Iterator[tuple[str, int, str, bytes, str, int]]:
    entries, last = Session(seed).lines(), {}
    for number in range(count):
        if number % 20:
            session = f"session_{number // 2000:05d}"
            topic, kind = f"observability.agent_events.{session}", "turn_started"
            payload = f'{{"session_id":"{session}","iteration":{number % 50},"note":"step {number}"}}'
        else:
            topic, payload = "agent.transcript.llm", next(entries)
            kind = json.loads(payload)["type"]
        last[topic] = last.get(topic, 0) + 1
        yield topic, last[topic], kind, payload.encode(), "{}", 1_777_629_600_000 + number


if __name__ == "__main__":
    lines = write_transcript(Path(sys.argv[1]), float(sys.argv[2]))
    print(f"{sys.argv[1]}: {lines:,} lines")
