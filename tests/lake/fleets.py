"""Folders as a fleet leaves them, small and adverse: runs, projects and logs that share ids, times and names."""

import json

from ingest.log_events import event, write_files
from ingest.transcript_lines import line, request, response

PROJECTS = ("p", "p/inner", "q")
RUNS = ("run_a", "run_b", "run_c", "run_d")
IDS = ("1", "2", "3")
TIMES = ("1777629600.001", "1777629660.000", "1777633200.500")


def write_fleet(root, rng):
    """Write some files under a folder, each choice taken from ``rng``."""
    for project in PROJECTS[: rng.randint(1, 3)]:
        for _ in range(rng.randint(1, 6)):
            rng.choice(
                (
                    _transcript,
                    _transcript,
                    _record,
                    _record,
                    _log,
                    _receipt,
                    _steps,
                    _evidence,
                    _state,
                    _persona,
                )
            )(root / project, rng)


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _entries(rng):
    found = []
    for _ in range(rng.randint(1, 4)):
        call, at = f"call_{rng.choice(IDS)}", rng.choice(TIMES)
        found += [request(call, timestamp=at), response(call, timestamp=at)][: rng.randint(1, 2)]
        message = {"type": "message", "timestamp": at, "role": "user", "content": rng.choice(IDS)}
        found.append(message | {"session_id": f"session_{rng.choice(IDS)}"})
    return found


def _transcript(root, rng):
    run = rng.choice(RUNS)
    place = rng.choice((root / run, root / ".harn-runs" / f"{run}", root / "logs" / run, root))
    content = b"".join(line(**one) + b"\n" for one in _entries(rng))
    _write(place / "llm_transcript.jsonl", content + rng.choice((b"", b'{"type": "to', b"\n[1]\n")))


def _record(root, rng):
    name = rng.choice(RUNS)
    spans = [
        {
            "span_id": n,
            "parent_id": None,
            "kind": "llm_call",
            "name": "llm_call",
            "start_ms": n,
            "duration_ms": 5,
        }
        | {"metadata": {"call_id": f"call_{rng.choice(IDS)}"}}
        for n in range(1, rng.randint(1, 3))
    ]
    told = {
        "_type": "run_record",
        "id": name if rng.random() < 0.8 else rng.choice(RUNS),
        "trace_spans": spans,
    }
    told |= {"metadata": {"session_id": f"session_{rng.choice(IDS)}"}, "status": "completed"}
    if rng.random() < 0.5:
        told |= {"started_at": "2026-05-01T10:00:00Z", "finished_at": "2026-05-01T10:30:00Z"}
    content = json.dumps(told).encode()
    _write(root / ".harn-runs" / f"{name}.json", content[: rng.choice((len(content), len(content), 30))])


def _log(root, rng):
    events = [event("agent.transcript.llm", one["type"], one) for one in _entries(rng)]
    request_id, run = f"hitl_approval_{rng.choice(IDS)}", rng.choice(RUNS)
    asked = {
        "request_id": request_id,
        "kind": "approval",
        "agent": "a",
        "trace_id": f"trace_{rng.choice(IDS)}",
    }
    events.append(event("hitl.approvals", "hitl.approval_requested", asked | {"run_id": run}))
    events.append(event("hitl.approvals", "hitl.approval_approved", {"request_id": request_id, "record": {}}))
    exceeded = {"trigger_id": "t", "event_id": f"evt_{rng.choice(IDS)}", "request_id": request_id}
    events.append(event("triggers.lifecycle", "autonomy.budget_exceeded", exceeded))
    attempt = {"trigger_id": "t", "event_id": f"evt_{rng.choice(IDS)}", "attempt": 1}
    events.append(event("trigger.attempts", "attempt_recorded", attempt))
    write_files(root / ".harn" / "events", rng.sample(events, rng.randint(1, len(events))))


def _receipt(root, rng):
    name = rng.choice(IDS)
    told = {"schema": "harn.receipt.v1", "id": f"receipt_{name}", "trace_id": f"trace_{rng.choice(IDS)}"}
    told |= {"model_calls": [{"step": "plan", "model": "m"}]}
    told |= {"parent_run_id": rng.choice(RUNS)} if rng.random() < 0.5 else {}
    _write(
        rng.choice((root, root / rng.choice(RUNS))) / "receipts" / f"{name}.json", json.dumps(told).encode()
    )


def _steps(root, rng):
    step = {"function": "plan", "status": "completed", "llm_calls": 1, "name": "plan", "model": "m"}
    _write(root / rng.choice(RUNS) / "completed_steps.jsonl", json.dumps(step).encode() + b"\n")


def _evidence(root, rng):
    cards = [{"id": "s", "name": "s", "description": "d", "selected": True}]
    told = {"_type": "skill_activation_evidence", "budget_chars": 100, "skills": cards, "cards": cards}
    _write(root / rng.choice((*RUNS, ".")) / "skill_evidence.json", json.dumps(told).encode())


def _state(root, rng):
    session = root / "state" / f"session_{rng.choice(IDS)}"
    _write(session / "key.json", b'{"a": 1}')
    _write(session / ".agent_state_meta" / "key.json.json", b"{}")
    _write(session / "__handoff.json", b"{}")


def _persona(root, rng):
    place = rng.choice((root, root / rng.choice(RUNS)))
    _write(
        place / "persona.json",
        json.dumps({"name": "p", "steps": [{"name": "plan", "function": "plan"}]}).encode(),
    )
