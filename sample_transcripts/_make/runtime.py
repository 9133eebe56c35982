"""One imitated run: spans that nest, steps that are charged, a run record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .routes import Json, Route, Tokens, cached_usd, uncached_usd
from .steps import ActiveStep, Step, StepBudgetExhausted
from .transcript import Transcript


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
    error: str | None = None
    spans: list[Json] = field(default_factory=list)
    completed: list[Json] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    tool_recordings: list[Json] = field(default_factory=list)
    metadata: Json = field(default_factory=dict)
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
        span: Json = {"span_id": self._next_span, "parent_id": self.open_span_id, "kind": kind, "name": name}
        span |= {"start_ms": self.clock.ms - self.clock.started_ms, "duration_ms": 0, "metadata": metadata}
        self._next_span += 1
        self._open_spans.append(span)
        return span

    @property
    def open_span_id(self) -> int | None:
        return self._open_spans[-1]["span_id"] if self._open_spans else None

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
        attempt = {"attempt": 1, "status": self.status, "outcome": outcome, "error": self.error, **times}
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
