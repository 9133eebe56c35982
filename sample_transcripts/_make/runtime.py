"""One imitated run: spans that nest, sessions that call models, steps that are charged, a run record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .files import compact
from .routes import Json, Route, Tokens, cached_usd, uncached_usd
from .steps import ActiveStep, Step, StepBudgetExhausted
from .transcript import (
    Transcript,
    breakdown,
    dispatch_record,
    message_fields,
    request_fields,
    response_fields,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A tool the model asked for, and what the tool answered."""

    name: str
    arguments: Json
    result: str
    ok: bool = True
    ms: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a call left in the transcript: its id and the lines it stands on."""

    call_id: str
    request_line: int
    dispatch_line: int = 0
    response_line: int = 0


@dataclass(kw_only=True)
class Run:
    """One process of the imitated runtime."""

    clock: Clock
    workflow: str
    task: str
    persona: str | None = None
    status: str = "running"
    spans: list[Json] = field(default_factory=list)
    completed: list[Json] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    tool_recordings: list[Json] = field(default_factory=list)
    metadata: Json = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    _open_spans: list[Json] = field(default_factory=list)
    _steps: list[ActiveStep] = field(default_factory=list)
    _usage: Json = field(
        default_factory=lambda: {"in": 0, "out": 0, "ms": 0, "n": 0, "usd": 0.0, "models": []}
    )

    def __post_init__(self) -> None:
        self.id = f"run_{self.clock.uuid7()}"
        self.transcript = Transcript(self.clock)
        self._next_span = 1

    @contextmanager
    def span(self, kind: str, name: str, **metadata: Any) -> Iterator[Json]:
        span = self.start_span(kind, name, **metadata)
        try:
            yield span
        finally:
            self.end_span(span)

    def start_span(self, kind: str, name: str, **metadata: Any) -> Json:
        parent = self._open_spans[-1]["span_id"] if self._open_spans else None
        span: Json = {"span_id": self._next_span, "parent_id": parent, "kind": kind, "name": name}
        span |= {"start_ms": self.clock.ms - self.clock.started_ms, "duration_ms": 0, "metadata": metadata}
        self._next_span += 1
        self._open_spans.append(span)
        return span

    def end_span(self, span: Json) -> None:
        span["duration_ms"] = self.clock.ms - self.clock.started_ms - span["start_ms"]
        self._open_spans.remove(span)
        self.spans.append(span)

    @contextmanager
    def step(self, step: Step) -> Iterator[ActiveStep]:
        """Run one ``@step``: its boundary decides whether a budget error leaves it."""
        metadata = {"persona": self.persona} if self.persona else {}
        metadata |= {"model": step.model} if step.model else {}
        span = self.start_span("step", step.name, **metadata)
        active = ActiveStep(step=step, span=span)
        self._steps.append(active)
        try:
            yield active
        except StepBudgetExhausted as exhausted:
            status = {"continue": "skipped", "escalate": "escalated"}.get(step.boundary or "fail", "failed")
            self._finish(active, status, exhausted.error["message"])
            if status == "skipped":
                return
            if status == "escalated":
                exhausted.error |= {"escalated": True, "category": "handoff_escalation"}
            raise
        else:
            self._finish(active, "completed", None)

    def _finish(self, active: ActiveStep, status: str, error: str | None) -> None:
        self._steps.remove(active)
        summary = active.completed(status, error)
        kept = ("status", "llm_calls", "input_tokens", "output_tokens", "cost_usd")
        active.span["metadata"] |= {key: summary[key] for key in kept}
        self.clock.advance(2)
        self.end_span(active.span)
        self.completed.append(summary)

    def charge(self, route: Route, used: Tokens, response_ms: int) -> None:
        """Count a served call for the run and for the innermost step."""
        price = route.price
        usage = self._usage
        usage["in"] += used.input
        usage["out"] += used.output
        usage["ms"] += response_ms
        usage["n"] += 1
        usage["usd"] += 0.0 if price is None else float(cached_usd(price, used))
        if route.model not in usage["models"]:
            usage["models"].append(route.model)
        if self._steps:
            self._steps[-1].charge(
                route.model, used, 0.0 if price is None else float(uncached_usd(price, used))
            )

    def record(self, *, transcript_path: str, stage: str, transcript: Json | None = None) -> Json:
        """The run record as ``.harn-runs/<id>.json`` holds it."""
        usage = self._usage
        total: Json = {"input_tokens": usage["in"], "output_tokens": usage["out"]}
        total |= {"total_duration_ms": usage["ms"], "call_count": usage["n"]}
        total |= {"total_cost": usage["usd"], "models": usage["models"]}
        started, finished = str(self.clock.started_ms // 1000), self.clock.seconds
        outcome = "success" if self.status == "completed" else "error"
        times = {"started_at": started, "finished_at": finished}
        stage_record: Json = {"id": f"stage_{self.id[4:]}", "node_id": stage, "kind": "stage"}
        stage_record |= {"status": self.status, "outcome": outcome, "branch": None, **times}
        stage_record |= {"visible_text": None, "private_reasoning": None, "transcript": transcript}
        stage_record |= {"verification": None, "usage": total, "artifacts": [], "consumed_artifact_ids": []}
        attempt = {"attempt": 1, "status": self.status, "outcome": outcome, "error": None, **times}
        stage_record |= {"produced_artifact_ids": [], "attempts": [attempt], "metadata": {}}
        pointer: Json = {"id": "llm_transcript", "label": "LLM transcript", "kind": "llm_jsonl"}
        pointer |= {"path": transcript_path, "location": "run.metadata", "available": True}
        lists = ("transitions", "checkpoints", "pending_nodes")
        record: Json = {"_type": "run_record", "id": self.id, "workflow_id": self.workflow}
        record |= {"workflow_name": self.workflow, "task": self.task, "status": self.status, **times}
        record |= {"parent_run_id": None, "root_run_id": self.id, "stages": [stage_record]}
        record |= {name: [] for name in lists} | {"completed_nodes": [stage]}
        record |= {"child_runs": [], "artifacts": [], "handoffs": [], "policy": {}, "execution": None}
        record |= {"transcript": transcript, "usage": total, "replay_fixture": None}
        watched = ("planner_rounds", "action_graph_nodes", "action_graph_edges", "worker_lineage")
        watched += ("verification_outcomes", "compaction_events", "daemon_events")
        seen: Json = {"schema_version": 4, "research_fact_count": 0, "transcript_pointers": [pointer]}
        record["observability"] = seen | {name: [] for name in watched}
        record |= {"trace_spans": self.spans, "tool_recordings": self.tool_recordings}
        record |= {"hitl_questions": [], "metadata": self.metadata}
        return record | {"persisted_path": f".harn-runs/{self.id}.json"}


class Session:
    """A conversation: messages kept, context written when it changes, one call per turn."""

    def __init__(self, run: Run, *, system: str, tools: list[Json], task: str, loop: bool = True) -> None:
        self.run = run
        self.id = f"session_{run.clock.uuid7()}"
        self._system = system
        self._tools = tools
        self._messages = 0
        self._loop = loop
        self._iteration = 0
        self._context = 0
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
        run, clock = self.run, self.run.clock
        span, made = self._request(route, used, empty_retries)
        ms = 380 + used.input // 40 + used.output * 14 + clock.draw(240)
        clock.advance(ms)
        native = route.wire_format == "anthropic_native"
        calls = [self._tool_call(tool, native=native) for tool in tools]
        in_text = route.tool_format == "text"
        if in_text:
            text = "\n\n".join((text, *(f"<tool_call>\n{compact(call)}\n</tool_call>" for call in calls)))
        asked = tools and not in_text
        words = ("tool_use", "end_turn") if native else ("tool_calls", "stop")
        response = response_fields(
            route,
            used,
            iteration=self._iteration,
            call_id=made.call_id,
            text=text,
            tool_calls=[] if in_text else calls,
            parsed_tool_calls=calls,
            thinking=thinking,
            stop_reason=stop or words[0 if asked else 1],
            response_ms=ms,
            request_id=self._request_id(native=native),
        )
        response_line = run.transcript.emit("provider_call_response", span["span_id"], response)
        outcome = outcome_of_result(text, response["tool_calls"], thinking, used.output, empty_retries)
        made = self._dispatched(route, span, made, outcome, response_line)
        span["metadata"] |= {"status": "ok", "input_tokens": used.input, "output_tokens": used.output}
        span["metadata"]["cost_usd"] = response["cost_usd"]
        run.end_span(span)
        run.charge(route, used, ms)
        self._say({"role": "assistant", "content": text} | ({"tool_calls": calls} if asked else {}))
        for tool, call in zip(tools, calls, strict=True):
            self._use_tool(tool, call, route.tool_format)
        self._iteration += self._loop
        return made

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
        sizes = breakdown(
            used, system=self._system, tools=self._tools, messages=self._messages, budget=route.max_tokens
        )
        fields = request_fields(
            route,
            iteration=self._iteration,
            call_id=call_id,
            tools=len(self._tools),
            messages=self._messages,
            breakdown=sizes,
        )
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

    def _tool_call(self, tool: ToolUse, *, native: bool) -> Json:
        prefix = "toolu_" if native else "call_"
        call_id = prefix + f"{self.run.clock.draw(1 << 62):016x}"
        return {"id": call_id, "name": tool.name, "arguments": tool.arguments}

    def _say(self, message: Json) -> int:
        index = self._messages
        # A message is written outside the call that made it, so under the enclosing span.
        span = self.run._open_spans[-1]["span_id"] if self.run._open_spans else None  # noqa: SLF001
        self.run.transcript.emit("message", span, message_fields(self.id, index, message))
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
