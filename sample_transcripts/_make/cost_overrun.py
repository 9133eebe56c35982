"""``cost-overrun``: a release captain whose ``verify`` step runs over USD 0.25 and is quietly skipped."""

from __future__ import annotations

from typing import Final

from . import cost_overrun_facts
from .clock import Clock, rfc3339
from .cost_overrun_turns import (
    ANNOUNCE,
    CHANGELOG,
    COLLECT,
    OPENING,
    REVIEW,
    RISK,
    SIGNOFF,
    SYSTEM,
    TOOLS,
    VERIFY,
    Turn,
)
from .files import Project
from .routes import Json, Origins, Route, Tokens
from .runtime import Run
from .session import Session, ToolUse
from .steps import Step, StepBudgetExhausted, manifest_toml, model_call_entry

CATALOG: Final = Origins(
    provider="catalog_default",
    model="pipeline_input",
    wire_format="catalog_default",
    thinking="catalog_default",
    tool_format="catalog_default",
)
HAIKU: Final = Route(provider="anthropic", model="claude-haiku-4-5", origins=CATALOG)
SONNET: Final = HAIKU.using(model="claude-sonnet-4-6", max_tokens=8192)
OPUS: Final = HAIKU.using(model="claude-opus-4-6", thinking=("effort", "medium"), max_tokens=8192)
GLM: Final = HAIKU.using(provider="openrouter", model="z-ai/glm-5")
PLAIN: Final = HAIKU.using(origins=Origins(), max_tokens=256, temperature=0.2)

STEPS: Final = {
    step.name: step
    for step in (
        Step(name="collect", function="collect_changes", model="claude-haiku-4-5", max_tokens=80000,
             max_usd=0.08, boundary="fail", line=31),
        Step(name="review", function="review_diff", model="claude-sonnet-4-6", max_usd=1.5,
             boundary="fail", line=58),
        Step(name="verify", function="verify_area", model="claude-sonnet-4-6", max_usd=0.25,
             boundary="continue", line=97),
        Step(name="changelog", function="write_changelog", model="claude-haiku-4-5", max_usd=0.02,
             boundary="fail", line=131),
        Step(name="risk", function="assess_risk", model="claude-sonnet-4-6", max_tokens=30000,
             max_usd=0.4, boundary="escalate", line=150),
        Step(name="signoff", function="sign_off", model="claude-opus-4-6", line=172),
        Step(name="announce", function="announce_release", model="claude-haiku-4-5", max_tokens=20000,
             line=190),
        Step(name="rollback", function="roll_back", model="claude-sonnet-4-6", max_usd=0.5,
             boundary="escalate", line=214),
    )
}  # fmt: skip
PERSONA: Final[Json] = {
    "name": "release_captain",
    "description": "Takes a release from tag to announcement: collects, reviews, verifies, signs off.",
    "entry_workflow": "workflows/release.harn#release",
    "autonomy_tier": "act_with_approval",
    "receipt_policy": "required",
    "model_policy": {"default_model": "claude-sonnet-4-6", "escalation_model": "claude-opus-4-6"},
    "budget": {"run_usd": 3.0, "daily_usd": 12.0, "frontier_escalations": 2},
}
ROUTES: Final = {"haiku": HAIKU, "sonnet": SONNET, "opus": OPUS, "glm": GLM}


def make(project: Project) -> None:
    run = Run(
        clock=Clock("2026-05-18T13:04:11.204Z", "cost-overrun"),
        workflow="release",
        task="Release harbor-billing 4.12.0",
        persona="release_captain",
    )
    run.metadata |= {"persona": "release_captain", "repo": "harbor/billing", "tag": "v4.12.0"}
    escalation = _play(run)
    run.status = "completed"
    record = run.record(transcript_path="llm_transcript.jsonl", stage="release_captain")
    project.write("llm_transcript.jsonl", run.transcript.text)
    project.write_json(f".harn-runs/{run.id}.json", record)
    project.write("harn.toml", manifest_toml(PERSONA, tuple(STEPS.values())))
    project.write_lines("completed_steps.jsonl", run.completed)
    receipt = _receipt(run, escalation)
    project.write_json(f"receipts/{receipt['id']}.json", receipt)
    project.write_json("expected.json", cost_overrun_facts.facts(run))


def _play(run: Run) -> Json:
    """Run the release and give back the escalation the persona caught."""
    with run.span("pipeline", "release"):
        namer = Session(run, system="Name the run in five words.", tools=[], task=run.task, loop=False)
        namer.turn(PLAIN, Tokens(input=214, output=12), "Release harbor-billing 4.12.0, captain attended")
        with run.span("fn_call", "release_captain"):
            captain = Session(run, system=SYSTEM, tools=TOOLS, task=run.task)
            _turns(captain, OPENING)
            _work(run, "collect", COLLECT)
            _review(run)
            _work(run, "changelog", CHANGELOG)
            try:
                _work(run, "risk", RISK)
            except StepBudgetExhausted as exhausted:
                escalation = exhausted.error
            _work(run, "signoff", SIGNOFF)
            _work(run, "announce", ANNOUNCE)
            closing = "4.12.0 is out. Verification of the webhooks area ended early; see the receipt."
            captain.turn(HAIKU, Tokens(input=5120, output=210), closing)
    return escalation


def _work(run: Run, name: str, turns: tuple[Turn, ...]) -> None:
    step = STEPS[name]
    with run.step(step), run.span("fn_call", step.function):
        _turns(Session(run, system=SYSTEM, tools=TOOLS, task=f"{step.function}: {run.task}"), turns)


def _review(run: Run) -> None:
    """Review, and inside it verify each area: only the innermost step is charged."""
    with run.step(STEPS["review"]), run.span("fn_call", "review_diff"):
        session = Session(run, system=SYSTEM, tools=TOOLS, task="Review v4.11.3..v4.12.0")
        _turns(session, REVIEW[:2])
        overloaded = "anthropic API error: 529 overloaded_error: Overloaded (request_id: req_5d0c1e)"
        session.failed_attempt(SONNET, REVIEW[2].used, category="overloaded", message=overloaded, ms=2140)
        _turns(session, REVIEW[2:4])
        for position, (area, turns) in enumerate(VERIFY.items()):
            step = STEPS["verify"]
            with run.step(step), run.span("fn_call", step.function, area=area):
                _turns(Session(run, system=SYSTEM, tools=TOOLS, task=f"Verify {area}"), turns)
            _turns(session, REVIEW[4 + position * 2 : 6 + position * 2])


def _turns(session: Session, turns: tuple[Turn, ...]) -> None:
    for turn in turns:
        tools = (ToolUse(name=turn.tool, arguments=turn.arguments, result=turn.result),) if turn.tool else ()
        session.turn(ROUTES[turn.route], turn.used, turn.text, tools=tools, thinking=turn.thinking)


def _receipt(run: Run, escalation: Json) -> Json:
    clock = run.clock
    cost = 0.0
    for step in run.completed:
        cost += step["cost_usd"]
    names = ("step", "function", "limit", "limit_value", "consumed_tokens", "consumed_cost_usd")
    return {
        "schema": "harn.receipt.v1",
        "id": f"receipt_{clock.uuid7()}",
        "parent_run_id": run.id,
        "persona": "release_captain",
        "step": None,
        "trace_id": f"trace_{clock.uuid7()}",
        "started_at": rfc3339(clock.started_ms),
        "completed_at": rfc3339(clock.ms),
        "status": "success",
        "inputs_digest": None,
        "outputs_digest": None,
        "model_calls": [model_call_entry(step) for step in run.completed],
        "tool_calls": [
            {"call_id": use["tool_use_id"], "tool_name": use["tool_name"]} for use in run.tool_recordings
        ],
        "cost_usd": cost,
        "approvals": [],
        "handoffs": [{name: escalation[name] for name in names} | {"to": "sign_off"}],
        "side_effects": [],
        "error": None,
        "redaction_class": "internal",
        "metadata": {"run_id": run.id, "tag": "v4.12.0"},
    }
