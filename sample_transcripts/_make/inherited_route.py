"""``inherited-route``: the smart model keeps the cheap model's provider, and so its wire format."""

from __future__ import annotations

from typing import Final

from .clock import Clock
from .files import Project
from .inherited_facts import facts
from .inherited_issues import COMMIT_SYSTEM, ISSUES, SYSTEM, TITLE_SYSTEM, TOOLS
from .inherited_plan import ROUTES, Planned, plan
from .routes import Json
from .runtime import Made, Run
from .session import Session, ToolUse

TIMEOUT: Final = "request to https://openrouter.ai/api/v1/chat/completions timed out after 120s"
LIMITED: Final = "openrouter: 429 Too Many Requests: usage limit of 1000000 tokens per minute reached"


def make(project: Project) -> None:
    runs = []
    for number in range(1, len(ISSUES) + 1):
        run = _run(number)
        made = _play(run, plan(number))
        path = f"transcripts/{run.id}/llm_transcript.jsonl"
        project.write(path, run.transcript.text)
        project.write_json(f".harn-runs/{run.id}.json", run.record(transcript_path=path, stage="fix_issue"))
        runs.append((number, run, made))
    project.write_json("expected.json", facts(runs))


def _run(number: int) -> Run:
    issue = ISSUES[number - 1]
    run = Run(
        clock=Clock(issue.start, f"inherited-route-{number}"),
        workflow="fix_issue",
        task=f"#{issue.number} {issue.title}",
    )
    environment: Json = {"host": "burin", "repo": "harbor/web", "branch": f"fix/{issue.number}"}
    # Only the runs that pin the smart provider carry the variable: this is the change.
    if any(call.route == "pinned" for call in plan(number)):
        environment["env"] = {"BURIN_EVAL_SMART_PROVIDER": "anthropic"}
    run.metadata |= environment
    return run


def _play(run: Run, calls: list[Planned]) -> list[tuple[Planned, Made]]:
    made: list[tuple[Planned, Made]] = []
    with run.span("pipeline", "fix_issue"):
        made += _phase(run, calls, ("title",), TITLE_SYSTEM)
        with run.span("fn_call", "agent_loop"):
            made += _phase(run, calls, ("cheap", "smart", "finish"), SYSTEM)
        made += _phase(run, calls, ("commit",), COMMIT_SYSTEM)
    run.status = "failed" if calls[-1].mishap == "dead" else "completed"
    return made


def _phase(
    run: Run, calls: list[Planned], phases: tuple[str, ...], system: str
) -> list[tuple[Planned, Made]]:
    mine = [call for call in calls if call.phase in phases]
    if not mine:
        return []
    loop = len(phases) > 1
    tools = TOOLS if loop else []
    session = Session(run, system=system, tools=tools, task=run.task, loop=loop, sized=False)
    return [(call, _make(session, call)) for call in mine]


def _make(session: Session, call: Planned) -> Made:
    route = ROUTES[call.route]
    if call.mishap == "timeout":
        outcome = {"kind": "provider_error", "class": "timeout"}
        error = {"category": "timeout", "message": TIMEOUT}
        return session.failed(route, call.used, **error, ms=120_000, outcome=outcome)
    if call.mishap == "usage_limit":
        error = {"category": "rate_limit", "message": LIMITED}
        session.failed_attempt(route, call.used, **error, ms=310)
        return session.failed(
            route,
            call.used,
            **error,
            ms=290,
            outcome={"kind": "usage_limit"},
            attempt=2,
            status="retries_exhausted",
        )
    tools = (ToolUse(name=call.tool, arguments=call.arguments, result=call.answer),) if call.tool else ()
    retries = 2 if call.mishap in {"dead", "recovered"} else 0
    return session.turn(route, call.used, call.say, tools=tools, empty_retries=retries)
