"""``regression``: the same four reviews before and after an upgrade that made five things worse."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .clock import Clock
from .files import Project
from .inherited_plan import INHERITED, PINNED, PLAIN, PRIMARY
from .routes import Json, Origins, Route, Tokens, cached_usd
from .runtime import Run
from .session import Session, ToolUse
from .skills import Skill, evidence
from .steps import Step, manifest_toml
from .transcript import tool_schema

VERIFIER: Final = Route(
    provider="anthropic",
    model="claude-haiku-4-5",
    origins=Origins(
        provider="operator_pin",
        model="operator_pin",
        wire_format="catalog_default",
        thinking="catalog_default",
        tool_format="catalog_default",
    ),
)
STEPS: Final = (
    Step(name="read", function="read_pull_request", model="qwen/qwen3.6-27b", max_tokens=40000, line=18),
    Step(name="review", function="review_pull_request", max_usd=0.4, boundary="escalate", line=37),
    Step(
        name="verify",
        function="verify_findings",
        model="claude-haiku-4-5",
        max_usd=0.03,
        boundary="fail",
        line=61,
    ),
)
PERSONA: Final[Json] = {
    "name": "pr_reviewer",
    "description": "Reads a pull request, reviews it, verifies the findings.",
    "entry_workflow": "workflows/review.harn#review",
    "autonomy_tier": "suggest",
    "receipt_policy": "optional",
}
TASKS: Final = (
    ("#881 Cache exchange rates", "src/fx/cache.ts", "the cache never expires a rate"),
    ("#884 Retry refunds", "src/refund/retry.ts", "a refund can be sent twice"),
    ("#890 Invoice footer", "src/invoice/footer.tsx", "the tax number is cut on A5"),
    ("#893 Seats API", "src/api/seats.ts", "the route answers 200 for an unknown plan"),
)
SKILLS: Final = (
    Skill(name="api-review", short="Review an HTTP API change.", when="a route or schema changes"),
    Skill(name="changelog", short="Write a changelog entry.", when="a change is ready"),
    Skill(name="security-scan", short="Look for secrets and unsafe calls.", when="before a merge"),
    Skill(
        name="test-writer", short="Write the test that would have caught it.", when="a finding has no test"
    ),
)
TOOLS: Final = [tool_schema("read_file", "Read a file of the checkout.", path="path from the root")]
QUARANTINED: Final = "route openrouter: lane blue is quarantined until 14:30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two versions does."""

    name: str
    day: str
    verify: tuple[tuple[int, int], tuple[int, int]]
    budget: int
    inheriting: frozenset[int] = frozenset()
    dead: int | None = None
    quarantined: int | None = None

    def review_route(self, task: int) -> Route:
        return INHERITED if task in self.inheriting else PINNED

    def calls(self, task: int) -> list[tuple[str, Route, Tokens]]:
        """Step, route and use of each served call of a task, in order."""
        more = 50 * task
        rows = [("", PLAIN, Tokens(input=790 + more, output=11))]
        read = ((1500, 120), (2300, 150), (3100, 180))
        rows += [("read", PRIMARY, Tokens(input=i + more, output=o)) for i, o in read]
        review = ((6200, 420), (7400, 380), (8300, 8 if task == self.dead else 510))
        rows += [("review", self.review_route(task), Tokens(input=i + more, output=o)) for i, o in review]
        if task != self.dead:
            rows += [("verify", VERIFIER, Tokens(input=i + more, output=o)) for i, o in self.verify]
        return rows


BASELINE: Final = Side(name="baseline", day="2026-06-24", verify=((2200, 140), (2900, 160)), budget=2000)
CANDIDATE: Final = Side(
    name="candidate",
    day="2026-07-01",
    verify=((4800, 150), (6100, 170)),
    budget=450,
    inheriting=frozenset({2, 3}),
    dead=3,
    quarantined=1,
)
SIDES: Final = (BASELINE, CANDIDATE)


def make(project: Project) -> None:
    runs = {side.name: [_run(side, task) for task in range(len(TASKS))] for side in SIDES}
    for side in SIDES:
        home = Project(project.root / side.name)
        home.write("harn.toml", manifest_toml(PERSONA, STEPS))
        for run, skills in runs[side.name]:
            path = f"transcripts/{run.id}/llm_transcript.jsonl"
            home.write(path, run.transcript.text)
            home.write_lines(f"transcripts/{run.id}/skill_evidence.jsonl", [skills])
            home.write_json(f".harn-runs/{run.id}.json", run.record(transcript_path=path, stage="review"))
    project.write_json("expected.json", _facts(runs))


def _run(side: Side, task: int) -> tuple[Run, Json]:
    title = TASKS[task][0]
    clock = Clock(f"{side.day}T{9 + task:02d}:0{task}:00Z", f"regression-{side.name}-{task}")
    run = Run(clock=clock, workflow="review", task=title, persona="pr_reviewer")
    calls = side.calls(task)
    with run.span("pipeline", "review"):
        namer = Session(run, system="Answer with a title.", tools=[], task=title, loop=False, sized=False)
        namer.turn(PLAIN, calls[0][2], title)
        with run.span("fn_call", "pr_reviewer"):
            for step in STEPS:
                mine = [(route, used) for name, route, used in calls if name == step.name]
                if mine:
                    _step(run, side, task, step, mine)
    run.status = "failed" if task == side.dead else "completed"
    run.error = "review returned no content" if task == side.dead else None
    skills = evidence(list(SKILLS), budget=side.budget, limit=None, loaded=set(), used=set(), matched={})
    return run, {**skills, "turn": 0}


def _step(run: Run, side: Side, task: int, step: Step, calls: list[tuple[Route, Tokens]]) -> None:
    title, file, finding = TASKS[task]
    said = {
        "read": (f"Reading {title}.", f"The change is in {file}.", "Three callers; none in a test."),
        "review": (f"Reviewing {file}.", f"Finding: {finding}.", f"Verdict on {title}: change requested."),
        "verify": (f"Checking: {finding}.", "Confirmed with a failing test."),
    }[step.name]
    with run.step(step), run.span("fn_call", step.function):
        session = Session(run, system="You review pull requests.", tools=TOOLS, task=title, sized=False)
        for number, (route, used) in enumerate(calls):
            if step.name == "read" and (task, number) == (side.quarantined, 1):
                outcome = {"kind": "lane_quarantined", "lane": "blue"}
                session.failed(
                    route, used, category="quarantined", message=QUARANTINED, ms=12, outcome=outcome
                )
            dead = step.name == "review" and (task, number) == (side.dead, 2)
            last = number == len(calls) - 1
            tools = (
                () if last else (ToolUse(name="read_file", arguments={"path": file}, result="… 80 lines …"),)
            )
            session.turn(
                route, used, "" if dead else said[number], tools=tools, empty_retries=2 if dead else 0
            )


def _usd(calls: list[tuple[str, Route, Tokens]]) -> str:
    prices = [(route.price, used) for _, route, used in calls]
    total = sum((cached_usd(price, used) for price, used in prices if price), Decimal(0))
    return f"{total.normalize():f}"


def _facts(runs: dict[str, list[tuple[Run, Json]]]) -> Json:
    return {
        "tasks": [title for title, _, _ in TASKS],
        "sides": {side.name: _side_facts(side, runs[side.name]) for side in SIDES},
        "planted": [
            {
                "what": "cost of step verify",
                "baseline": "0.027",
                "candidate": "0.0378",
                "tasks_without": ["#893"],
            },
            {
                "what": "cost of verify per run",
                "baseline": "0.0066 to 0.0069",
                "candidate": "0.0125 to 0.0127",
            },
            {"what": "inherited dispatches", "baseline": [0, 36], "candidate": [6, 35]},
            {"what": "dead lanes", "baseline": 0, "candidate": 1, "task": TASKS[3][0]},
            {
                "what": "omitted skills",
                "baseline": 0,
                "candidate": 4,
                "skill": "test-writer",
                "reason": "budget",
            },
            {
                "what": "unknown outcome words",
                "baseline": [],
                "candidate": ["lane_quarantined"],
                "task": TASKS[1][0],
            },
        ],
        "problems": {},
    }


def _side_facts(side: Side, runs: list[tuple[Run, Json]]) -> Json:
    tasks = range(len(TASKS))
    calls = [call for task in tasks for call in side.calls(task)]
    quarantined = side.quarantined is not None
    inherited = [call for call in calls if call[1] is INHERITED]
    return {
        "runs": [
            {
                "task": run.task,
                "run_id": run.id,
                "status": run.status,
                "lines": len(run.transcript.lines),
                "cost_usd": _usd(side.calls(task)),
            }
            for task, (run, _) in enumerate(runs)
        ],
        "dispatches": len(calls) + quarantined,
        "attempts": len(calls) + quarantined + (2 if side.dead is not None else 0),
        "responses": len(calls),
        "cost_usd": _usd(calls),
        "cost_by_step": {step.name: _usd([call for call in calls if call[0] == step.name]) for step in STEPS},
        "unattributed_cost_usd": _usd([call for call in calls if not call[0]]),
        "steps": sum(task != side.dead for task in tasks) + 2 * len(TASKS),
        "inherited": {"dispatches": len(inherited), "cost_usd": _usd(inherited)},
        "dead_lanes": int(side.dead is not None),
        "omitted_cards": sum(len(skills["omitted"]) for _, skills in runs),
        "unknown_outcomes": {"lane_quarantined": 1} if quarantined else {},
    }
