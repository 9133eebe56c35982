"""``two-writers``: a planner and a reviewer meet in the same durable state."""

from __future__ import annotations

from typing import Final

from .clock import Clock
from .files import Project, pretty
from .routes import Json, Origins, Route, Tokens
from .runtime import Run
from .session import Session, ToolUse
from .transcript import tool_schema

HAIKU: Final = Route(
    provider="anthropic",
    model="claude-haiku-4-5",
    origins=Origins(provider="operator_pin", model="operator_pin", wire_format="catalog_default"),
)
TOOLS: Final = [tool_schema("state_write", "Write one key of the durable state.", key="key", content="text")]
#: Absolute, as the runtime writes it: the root on the machine where the runs were made.
ROOT: Final = "/srv/harbor/state"
PLANNER: Final = {"writer_id": "planner", "stage_id": "plan", "worker_id": "worker-1"}
REVIEWER: Final = {"writer_id": "reviewer", "stage_id": "review", "worker_id": "worker-2"}
CONFLICT: Final = (
    "agent_state.write: key 'plan.md' was previously written by 'planner' "
    "and is now being written by 'reviewer'"
)


class State:
    """One session of the filesystem backend: values, writer metadata, leftovers."""

    def __init__(self, project: Project, session: str) -> None:
        self._project = project
        self.session = session
        self.keys: dict[str, Json] = {}

    def write(self, key: str, content: str, writer: Json | None, at_s: int) -> None:
        self._project.write(f"state/{self.session}/{key}", content)
        self.keys[key] = {
            "key": key,
            "bytes": len(content.encode()),
            "writer_id": (writer or {}).get("writer_id"),
        }
        self.keys[key]["updated_at"] = at_s if writer else None
        if writer is None:
            return
        identity = {"writer_id": writer["writer_id"], "stage_id": writer["stage_id"]}
        identity |= {"session_id": self.session, "worker_id": writer["worker_id"]}
        meta = {"writer": identity, "updated_at": at_s}
        self._project.write(f"state/{self.session}/.agent_state_meta/{key}.json", pretty(meta))

    def crash(self, key: str, half: str, uuid: str) -> str:
        """Leave behind what a process that died inside a write leaves."""
        folder, _, name = key.rpartition("/")
        path = f"{folder}/.{name}..agent_state_tmp.{uuid}".lstrip("/")
        self._project.write(f"state/{self.session}/{path}", half)
        return f"state/{self.session}/{path}"

    def hand_off(self, summary: Json, writer: Json, at_s: int) -> None:
        identity = {**writer, "session_id": self.session}
        envelope = {"_type": "agent_state_handoff", "key": "__handoff.json", "root": ROOT}
        envelope |= {"session_id": self.session, "summary": summary, "version": 1}
        envelope |= {"writer": dict(sorted(identity.items())), "written_at": at_s}
        self.write("__handoff.json", pretty(envelope), writer, at_s)


def make(project: Project) -> None:
    planner, reviewer = _planner(), _reviewer()
    warned, strict = State(project, "release-4.13"), State(project, "release-4.14")
    start = planner.clock.started_ms // 1000
    later = reviewer.clock.started_ms // 1000
    warned.write("notes/risks.md", "# Risks\n- webhook retries hold a row lock\n", PLANNER, start + 41)
    warned.write("checks/ledger.json", '{"sum_to_zero":true,"currencies":14}', PLANNER, start + 55)
    summary = {"done": ["plan.md", "notes/risks.md", "checks/ledger.json"], "next": "review plan.md"}
    warned.hand_off(summary, PLANNER, start + 60)
    warned.write(
        "plan.md", "# Plan 4.13\n1. Retry outside the transaction\n2. Ship dark\n", REVIEWER, later + 12
    )
    warned.write("notes/übergabe.md", "Übergabe: Prüfung läuft – bitte nicht ändern.\n", REVIEWER, later + 20)
    strict.write("plan.md", "# Plan 4.14\n1. Settlement report\n", PLANNER, start + 95)
    strict.write("todo.txt", "ask finance about the report\n", None, start + 96)
    temps = [
        warned.crash("plan.md", "# Plan 4.13\n1. Retry out", planner.clock.uuid7()),
        strict.crash("notes/risks.md", "", reviewer.clock.uuid7()),
    ]
    project.write("stderr.log", f"[harn] warning: {CONFLICT}\n")
    for run, stage in ((planner, "plan"), (reviewer, "review")):
        path = f"transcripts/{run.id}/llm_transcript.jsonl"
        project.write(path, run.transcript.text)
        project.write_json(f".harn-runs/{run.id}.json", run.record(transcript_path=path, stage=stage))
    project.write_json("expected.json", _facts([warned, strict], temps, planner, reviewer, start))


def _write(key: str, content: str, result: str = "ok", *, ok: bool = True) -> tuple[ToolUse, ...]:
    return (ToolUse(name="state_write", arguments={"key": key, "content": content}, result=result, ok=ok),)


def _planner() -> Run:
    run = Run(
        clock=Clock("2026-06-22T08:30:00Z", "two-writers-planner"), workflow="plan", task="Plan 4.13 and 4.14"
    )
    with run.span("pipeline", "plan"):
        session = Session(run, system="You plan releases.", tools=TOOLS, task=run.task, sized=False)
        turns = (
            ("Plan for 4.13.", "plan.md", "# Plan 4.13\n1. Ship\n"),
            (
                "The risk I see: webhook retries.",
                "notes/risks.md",
                "# Risks\n- webhook retries hold a row lock\n",
            ),
            ("Plan for 4.14.", "plan.md", "# Plan 4.14\n1. Settlement report\n"),
        )
        for number, (say, key, content) in enumerate(turns):
            session.turn(HAIKU, Tokens(input=700 + 90 * number, output=60), say, tools=_write(key, content))
        session.turn(HAIKU, Tokens(input=1010, output=30), "Handing off to the reviewer.")
    run.status = "completed"
    return run


def _reviewer() -> Run:
    clock = Clock("2026-06-22T08:32:10Z", "two-writers-reviewer")
    run = Run(clock=clock, workflow="review", task="Review the plans of 4.13 and 4.14")
    with run.span("pipeline", "review"):
        session = Session(run, system="You review release plans.", tools=TOOLS, task=run.task, sized=False)
        changed = "# Plan 4.13\n1. Retry outside the transaction\n2. Ship dark\n"
        session.turn(
            HAIKU, Tokens(input=820, output=70), "Changing the order.", tools=_write("plan.md", changed)
        )
        refused = _write("plan.md", "# Plan 4.14\n1. Settlement report, dark\n", CONFLICT, ok=False)
        session.turn(HAIKU, Tokens(input=930, output=55), "The same for 4.14.", tools=refused)
    run.status, run.error = "failed", CONFLICT
    return run


def _facts(states: list[State], temps: list[str], planner: Run, reviewer: Run, start: int) -> Json:
    return {
        "runs": {"planner": planner.id, "reviewer": reviewer.id},
        "root": ROOT,
        "sessions": {state.session: [state.keys[key] for key in sorted(state.keys)] for state in states},
        "entries": sum(len(state.keys) for state in states),
        "without_metadata": [{"session": "release-4.14", "key": "todo.txt"}],
        "handoffs": [
            {
                "session": "release-4.13",
                "writer_id": "planner",
                "written_at": start + 60,
                "summary_keys": ["done", "next"],
            }
        ],
        "written_after_handoff_by_another": [
            {
                "session": "release-4.13",
                "key": "plan.md",
                "named_in_handoff_of": "planner",
                "writer": "reviewer",
            }
        ],
        "temp_files": temps,
        "conflicts": {
            "warned": {"session": "release-4.13", "message": CONFLICT, "only_in": "stderr.log"},
            "refused": {
                "session": "release-4.14",
                "message": CONFLICT,
                "run_id": reviewer.id,
                "kept": "planner",
            },
        },
        "problems": {},
    }
