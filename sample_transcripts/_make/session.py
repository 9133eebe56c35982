"""A session of an imitated run: messages kept, context written when it changes, calls and tools."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .files import compact
from .routes import Json, Route, Tokens
from .runtime import Made, Run
from .transcript import breakdown, dispatch_record, message_fields, request_fields, response_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A tool the model asked for, and what the tool answered."""

    name: str
    arguments: Json
    result: str
    ok: bool = True
    ms: int = 120


class Session:
    """A conversation: messages kept, context written when it changes, one call per turn."""

    def __init__(
        self, run: Run, *, system: str, tools: list[Json], task: str, loop: bool = True, sized: bool = True
    ) -> None:
        self.run = run
        self.id = f"session_{run.clock.uuid7()}"
        self._system = system
        self._tools = tools
        self._messages = 0
        self._loop = loop
        self._iteration = 0
        self._sized = sized
        self._say({"role": "user", "content": task})

    def turn(
        self,
        route: Route,
        used: Tokens,
        text: str,
        *,
        tools: tuple[ToolUse, ...] = (),
        thinking: str | None = None,
        stop: str | None = None,
        empty_retries: int = 0,
    ) -> Made:
        """One served call with the tools it asked for."""
        for attempt in range(1, empty_retries + 1):
            self._empty_attempt(route, used, attempt)
        span, made = self._request(route, used, empty_retries)
        response = self._response(route, used, made, text, tools=tools, thinking=thinking, stop=stop)
        calls = response["parsed_tool_calls"]
        line = self.run.transcript.emit("provider_call_response", span["span_id"], response)
        said = response["text"]
        outcome = outcome_of_result(said, response["tool_calls"], thinking, used.output, empty_retries)
        made = self._dispatched(route, span, made, outcome, line)
        span["metadata"] |= {"status": "ok", "input_tokens": used.input, "output_tokens": used.output}
        span["metadata"]["cost_usd"] = response["cost_usd"]
        self.run.end_span(span)
        self.run.charge(route, used, response["response_ms"])
        native_calls = {"tool_calls": calls} if response["tool_calls"] else {}
        self._say({"role": "assistant", "content": said} | native_calls)
        for tool, call in zip(tools, calls, strict=True):
            self._use_tool(tool, call, route.tool_format)
        self._iteration += self._loop
        return made

    def _response(
        self,
        route: Route,
        used: Tokens,
        made: Made,
        text: str,
        *,
        tools: tuple[ToolUse, ...],
        thinking: str | None,
        stop: str | None,
    ) -> Json:
        """The answer, after the time it took; tools in the text when the route's tool format says so."""
        clock = self.run.clock
        ms = 380 + used.input // 40 + used.output * 14 + clock.draw(240)
        clock.advance(ms)
        calls = self._tool_calls(tools, route)
        native = route.wire_format == "anthropic_native"
        in_text = route.tool_format == "text"
        if in_text:
            text = "\n\n".join((text, *(f"<tool_call>\n{compact(call)}\n</tool_call>" for call in calls)))
        asked, answered = ("tool_use", "end_turn") if native else ("tool_calls", "stop")
        return response_fields(
            route,
            used,
            iteration=self._iteration,
            call_id=made.call_id,
            text=text,
            tool_calls=[] if in_text else calls,
            parsed_tool_calls=calls,
            thinking=thinking,
            stop_reason=stop or (asked if calls and not in_text else answered),
            response_ms=ms,
            request_id=self._request_id(native=native),
        )

    def failed_attempt(
        self, route: Route, used: Tokens, *, category: str, message: str, ms: int, attempt: int = 1
    ) -> Made:
        """An attempt the runtime will retry: no dispatch record."""
        span, made = self._request(route, used, attempt - 1)
        self.run.clock.advance(ms)
        error = {"category": category, "message": message, "attempt": attempt}
        self._error(route, span, made, status="retrying", **error)
        self.run.made.append(made)
        self.run.clock.advance(1000 * 2 ** (attempt - 1))
        return made

    def failed(
        self,
        route: Route,
        used: Tokens,
        *,
        category: str,
        message: str,
        ms: int,
        outcome: Json,
        attempt: int = 1,
        status: str = "error",
    ) -> Made:
        """A terminal failure: the error, then one dispatch record."""
        span, made = self._request(route, used, attempt - 1)
        self.run.clock.advance(ms)
        error = {"category": category, "message": message, "attempt": attempt}
        self._error(route, span, made, status=status, ended=False, **error)
        made = self._dispatched(route, span, made, outcome, 0)
        self.run.end_span(span)
        return made

    def _request(self, route: Route, used: Tokens, retries: int) -> tuple[Json, Made]:
        run = self.run
        call_id = run.clock.uuid7()
        metadata: Json = {"call_id": call_id, "model": route.model, "provider": route.provider}
        metadata |= {"prompt_chars": used.input * 4 - run.clock.draw(40), "route_policy": route.policy}
        metadata |= {"fallback_chain": list(route.fallback_chain), "iteration": self._iteration}
        span = run.start_span("llm_call", "llm_call", **metadata, llm_attempt=retries + 1)
        run.transcript.show_context(span["span_id"], self._system, self._tools)
        decision = route.routing_decision()
        if decision:
            fields = {"iteration": self._iteration, "call_id": call_id, **decision}
            run.transcript.emit("routing_decision", span["span_id"], fields)
        fields = request_fields(
            route,
            iteration=self._iteration,
            call_id=call_id,
            tools=len(self._tools),
            messages=self._messages,
        )
        if self._sized:
            sizes = breakdown(
                used, system=self._system, tools=self._tools, messages=self._messages, budget=route.max_tokens
            )
            fields["context_token_breakdown"] = sizes
        line = run.transcript.emit("provider_call_request", span["span_id"], fields)
        return span, Made(call_id=call_id, request_line=line)

    def _dispatched(self, route: Route, span: Json, made: Made, outcome: Json, response_line: int) -> Made:
        run = self.run
        record = dispatch_record(
            route,
            iteration=self._iteration,
            call_id=made.call_id,
            span_id=span["span_id"],
            timestamp=run.clock.stamp,
            outcome=outcome,
        )
        line = run.transcript.append(record)
        done = Made(
            call_id=made.call_id,
            request_line=made.request_line,
            dispatch_line=line,
            response_line=response_line,
        )
        run.made.append(done)
        run.clock.advance(3)
        return done

    def _empty_attempt(self, route: Route, used: Tokens, attempt: int) -> None:
        span, made = self._request(route, used, attempt - 1)
        self.run.clock.advance(900 + self.run.clock.draw(600))
        dialect = {"anthropic_native": "anthropic-native", "openai_compat": "openai-compatible"}
        error = (
            f"{dialect[route.wire_format]} model {route.provider}:{route.model} reported "
            "completion_tokens=8 but delivered no content, reasoning, or tool calls"
        )
        fields = {"iteration": self._iteration, "attempt": attempt, "provider": route.provider}
        fields |= {"model": route.model, "error": error}
        self.run.transcript.emit("empty_completion_retry", span["span_id"], fields)
        span["metadata"] |= {"status": "retrying", "error": error, "retryable": True, "attempt": attempt}
        self.run.end_span(span)
        self.run.made.append(made)
        self.run.clock.advance(250 * attempt)

    def _error(
        self,
        route: Route,
        span: Json,
        made: Made,
        *,
        status: str,
        category: str,
        message: str,
        attempt: int,
        ended: bool = True,
    ) -> None:
        retryable = status == "retrying"
        fields: Json = {"iteration": self._iteration, "call_id": made.call_id, "attempt": attempt}
        fields |= {"status": status, "provider": route.provider, "model": route.model, "category": category}
        fields |= {"kind": "transient" if retryable else "terminal", "reason": category}
        fields |= {"message": message, "retryable": retryable}
        self.run.transcript.emit("provider_call_error", span["span_id"], fields)
        span["metadata"] |= {"status": status, "error": message, "retryable": retryable, "attempt": attempt}
        if ended:
            self.run.end_span(span)

    def _request_id(self, *, native: bool) -> str:
        text = f"{self.run.clock.draw(1 << 62):016x}"
        return f"req_{text}" if native else f"gen-{text}"

    def _tool_calls(self, tools: tuple[ToolUse, ...], route: Route) -> list[Json]:
        prefix = "toolu_" if route.wire_format == "anthropic_native" else "call_"
        ids = [prefix + f"{self.run.clock.draw(1 << 62):016x}" for _ in tools]
        return [
            {"id": id_, "name": tool.name, "arguments": tool.arguments}
            for id_, tool in zip(ids, tools, strict=True)
        ]

    def _say(self, message: Json) -> int:
        index = self._messages
        # A message is written outside the call that made it, so under the enclosing span.
        fields = message_fields(self.id, index, message)
        self.run.transcript.emit("message", self.run.open_span_id, fields)
        self._messages += 1
        return index

    def _use_tool(self, tool: ToolUse, call: Json, tool_format: str) -> None:
        run = self.run
        asked = {"schema_version": 1, "session_id": self.id, "assistant_message_index": self._messages - 1}
        asked |= {"call_id": call["id"], "tool_name": tool.name, "arguments": tool.arguments}
        with run.span("tool_call", tool.name, call_id=call["id"]) as span:
            run.transcript.emit("tool_call", span["span_id"], asked)
            run.clock.advance(tool.ms)
            span["metadata"]["status"] = "ok" if tool.ok else "error"
        index = self._say(
            {"role": "tool", "content": tool.result, "tool_call_id": call["id"], "name": tool.name}
        )
        answered = {"schema_version": 1, "session_id": self.id, "message_index": index}
        answered |= {"call_id": call["id"], "tool_name": tool.name, "ok": tool.ok, "tool_format": tool_format}
        run.transcript.emit("tool_result", span["span_id"], answered)
        digest = hashlib.sha256(compact(tool.arguments).encode()).hexdigest()[:16]
        recording: Json = {"tool_name": tool.name, "tool_use_id": call["id"], "args_hash": digest}
        recording |= {"result": tool.result, "is_rejected": False, "duration_ms": tool.ms}
        recording |= {"iteration": self._iteration, "timestamp": run.clock.seconds}
        run.tool_recordings.append(recording)


def outcome_of_result(
    text: str, tool_calls: list[Json], thinking: str | None, output_tokens: int, empty_retries: int
) -> Json:
    """What the runtime says came back (0.9.8)."""
    if not text and not tool_calls and not thinking and output_tokens > 0:
        return {"kind": "empty_completion_terminal", "completion_tokens": output_tokens, "content_len": 0}
    served = {"completion_tokens": output_tokens, "content_len": len(text.encode())}
    if empty_retries:
        kind = "empty_completion_transient_recovered"
        return {"kind": kind, **served, "empty_retries": empty_retries}
    return {"kind": "served", **served}
