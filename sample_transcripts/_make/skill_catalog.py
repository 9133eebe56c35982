# ruff: noqa: E501 - one skill or turn a row reads best unbroken
"""``skill-catalog``: fourteen turns in which the skill that mattered was left out of the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from .clock import Clock
from .files import Project
from .routes import Json, Origins, Route, Tokens
from .runtime import Run
from .session import Session, ToolUse
from .skills import HEADER, Skill, evidence, session_event, session_transcript, size, suffix
from .transcript import tool_schema

SKILLS: Final = (
    Skill(name="api-review", short="Review an HTTP API change against the house rules.", when="a route, schema or status code changes"),
    Skill(name="changelog", short="Write the changelog entry of a change.", when="a change is ready to merge"),
    Skill(name="rollback", namespace="deploy", short="Roll a service back to its last good release.", when="an alert follows a deploy", source="package"),
    Skill(name="rotate-keys", namespace="ops", short="Rotate signing keys. For people only.", disabled=True, source="host"),
    Skill(name="postgres-tuning", short="Read a query plan and say which index is missing.", when="a query is slow"),
    Skill(name="release-notes-ja", short="リリースノートを日本語で書く。", when="日本の顧客に影響がある変更", source="user"),
    Skill(name="security-scan", short="Look for secrets and unsafe calls in a diff.", when="before a pull request is opened"),
    Skill(name="übersetzung", short="Übersetzt Oberflächentexte ins Deutsche – knapp und per „Sie“.", when="Texte der Oberfläche ändern sich", source="user"),
)  # fmt: skip
#: Installed while the session runs.
WEBHOOKS: Final = Skill(name="webhook-replay", short="Replay webhook deliveries against a fixture 🔁 and compare the effects.", when="deliveries are lost, late or doubled", source="package")  # fmt: skip
LATER: Final = (
    Skill(
        name="a11y-check",
        short="Check a page with a screen reader's eyes.",
        when="markup or focus order changes",
    ),
    Skill(name="db-migration", short="Write a migration that can be rolled back.", when="the schema changes"),
)
ROUTE: Final = Route(
    provider="anthropic",
    model="claude-sonnet-4-6",
    origins=Origins(provider="operator_pin", model="operator_pin", wire_format="catalog_default"),
)
TOOLS: Final = [
    tool_schema("load_skill", "Load the full body of a skill.", name="skill id"),
    tool_schema("read_file", "Read a file of the checkout.", path="path from the root"),
    tool_schema("run_tests", "Run one test package.", package="package path"),
]
SYSTEM: Final = "You fix incidents in harbor-webhooks. Load a skill when one fits.\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn: the catalog it was offered under, what the model did."""

    say: str
    budget: int = 2000
    limit: int | None = None
    skills: tuple[Skill, ...] = (*SKILLS, WEBHOOKS)
    loads: str = ""
    uses: str = ""
    matched: dict[str, tuple[float, str]] = field(default_factory=dict)
    tool: tuple[str, Json, str] | None = None


_MATCH: Final = {
    "webhook-replay": (2.5, "prompt mentions “deliveries”"),
    "api-review": (0.5, "file internal/api"),
}
_ALL: Final = (*SKILLS, WEBHOOKS, *LATER)
TURNS: Final = (
    Turn(say="Customers report doubled webhook deliveries since this morning. Reading the log.", skills=SKILLS, tool=("read_file", {"path": "log/deliveries.txt"}, "2,431 deliveries, 212 doubled")),
    Turn(say="The doubles follow a retry. Is a key missing?", skills=SKILLS, tool=("read_file", {"path": "internal/retry.go"}, "func Retry(…) { … }")),
    Turn(say="A skill for replaying deliveries was just installed; loading it.", matched=_MATCH, loads="webhook-replay"),
    Turn(say="Replaying the 212 doubles against the fixture as the skill says.", matched=_MATCH, uses="webhook-replay", tool=("run_tests", {"package": "./internal/replay"}, "212 replayed, 212 doubled effects")),
    Turn(say="Every replay doubles: the idempotency key is empty on retries.", matched=_MATCH),
    Turn(say="The context is being cut: the catalog gets 700 bytes now.", budget=700, matched=_MATCH),
    Turn(say="Fewer tokens still: 420 bytes.", budget=420),
    Turn(say="Almost nothing left for skills.", budget=180, tool=("read_file", {"path": "internal/key.go"}, "key := req.Key // empty on retry")),
    Turn(say="Patching key.go; the replay skill is no longer in sight, so I check by hand.", budget=420, tool=("run_tests", {"package": "./internal/..."}, "FAIL internal/replay")),
    Turn(say="The test still fails; someone loaded changelog for me.", budget=420, loads="changelog"),
    Turn(say="The catalog is limited to four entries.", limit=4, uses="changelog"),
    Turn(say="Four entries and 420 bytes.", limit=4, budget=420),
    Turn(say="Two more skills installed, 1,000 bytes.", skills=_ALL, budget=1000, matched={"webhook-replay": (2.5, "prompt mentions “deliveries”")}, uses="ops/rotate-keys"),
    Turn(say="Everything fits again. Fixed: retries keep their idempotency key.", skills=_ALL, uses="webhook-replay"),
)  # fmt: skip


def make(project: Project) -> None:
    run = Run(
        clock=Clock("2026-06-15T07:58:40.125Z", "skill-catalog"),
        workflow="fix_incident",
        task="Webhook deliveries are doubled",
    )
    payloads, events = _play(run)
    run.status = "completed"
    path = f"transcripts/{run.id}/llm_transcript.jsonl"
    transcript = session_transcript(f"transcript_{run.clock.uuid7()}", events)
    project.write(path, run.transcript.text)
    project.write_lines(f"transcripts/{run.id}/skill_evidence.jsonl", payloads)
    record = run.record(transcript_path=path, stage="fix_incident", transcript=transcript)
    project.write_json(f".harn-runs/{run.id}.json", record)
    project.write_json("expected.json", _facts(run, events))


def _play(run: Run) -> tuple[list[Json], list[Json]]:
    payloads: list[Json] = []
    events: list[Json] = []
    loaded: set[str] = set()
    used: set[str] = set()
    with run.span("pipeline", "fix_incident"), run.span("fn_call", "agent_loop"):
        session = Session(run, system=SYSTEM, tools=TOOLS, task=run.task, sized=False)
        for number, turn in enumerate(TURNS):
            loaded |= {turn.loads} - {""}
            used |= {turn.uses} - {""}
            payload = evidence(
                list(turn.skills),
                budget=turn.budget,
                limit=turn.limit,
                loaded=loaded,
                used=used,
                matched=turn.matched,
            )
            payloads.append({**payload, "turn": number, "session_id": session.id})
            events += _events(run, turn, number)
            session.turn(
                ROUTE,
                Tokens(input=2600 + 310 * number, output=90 + 12 * number),
                turn.say,
                tools=_tools(turn),
            )
    return payloads, events


def _tools(turn: Turn) -> tuple[ToolUse, ...]:
    if turn.loads:
        return (ToolUse(name="load_skill", arguments={"name": turn.loads}, result=f"# {turn.loads}\n…"),)
    if turn.tool:
        name, arguments, result = turn.tool
        return (ToolUse(name=name, arguments=arguments, result=result),)
    return ()


def _events(run: Run, turn: Turn, number: int) -> list[Json]:
    by_id = {skill.id: skill for skill in turn.skills}
    made: list[Json] = []

    def note(kind: str, skill: str, **metadata: object) -> None:
        made.append(session_event(f"event_{run.clock.uuid7()}", kind, skill, dict(metadata)))

    if turn.matched:
        candidates = [
            {"name": name, "score": score, "reason": reason}
            for name, (score, reason) in sorted(turn.matched.items(), key=lambda item: -item[1][0])
        ]
        matching = {"strategy": "metadata", "iteration": number, "reassess": number > 2}
        note(
            "skill_matched",
            candidates[0]["name"],
            **matching,
            candidates=candidates,
            working_files=["internal/retry.go"],
        )
    if turn.loads:
        skill = by_id[turn.loads]
        note("skill.loaded", skill.id, skill_id=skill.id, signed=skill.source == "package", trusted=True)
        score, reason = turn.matched.get(skill.id, (1.0, "asked for by name"))
        activated = {"name": skill.id, "description": skill.short, "iteration": number}
        note(
            "skill_activated", skill.id, **activated, score=score, reason=reason, allowed_tools=["run_tests"]
        )
        note("skill_scope_tools", skill.id, name=skill.id, allowed_tools=["run_tests"])
    if number == 10:
        note("skill_deactivated", "webhook-replay", name="webhook-replay", iteration=number)
    return made


def _facts(run: Run, events: list[Json]) -> Json:
    kinds = [event["kind"] for event in events]
    return {
        "runs": 1,
        "run_id": run.id,
        "turns": len(TURNS),
        "header_bytes": 151,
        "suffix_bytes_one_digit": 52,
        "smallest_budget": 203,
        "card_bytes": {skill.id: size(skill.card) for skill in sorted(_ALL, key=lambda skill: skill.id)},
        "per_turn": [_turn_facts(number, turn) for number, turn in enumerate(TURNS)],
        "skill_events": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "loaded": ["changelog", "webhook-replay"],
        "disabled": "ops/rotate-keys",
        "used_though_never_shown": {"skill": "ops/rotate-keys", "turns": [12, 13]},
        "webhook_replay_omitted_in_turns": [5, 6, 7, 8, 9, 10, 11, 12],
        "problems": {},
    }


def _turn_facts(number: int, turn: Turn) -> Json:
    """Worked out in closed form: the largest prefix that fits with the suffix it would need."""
    ids = sorted(skill.id for skill in turn.skills if not skill.disabled)
    cards = {skill.id: size(skill.card) for skill in turn.skills}
    catalog = ids[: turn.limit]
    budget = max(turn.budget, 203)
    lengths = [cards[id_] for id_ in catalog]
    totals = [151, *(151 + total + position for position, total in enumerate(accumulate(lengths)))]
    whole = len(catalog)
    used = {
        shown: totals[shown] + (size(suffix(whole - shown)) if shown < whole else 0)
        for shown in range(whole + 1)
    }
    shown = max((count for count, length in used.items() if length <= budget), default=0)
    reasons = {
        "budget": whole - shown,
        "catalog_limit": len(ids) - whole,
        "disable_model_invocation": len(turn.skills) - len(ids),
    }
    return {
        "turn": number,
        "budget_chars": turn.budget,
        "catalog_limit": turn.limit,
        "cards": len(turn.skills),
        "shown": catalog[:shown],
        "used_chars": used[shown],
        "omitted": {reason: count for reason, count in reasons.items() if count},
    }


assert size(HEADER) == 151
