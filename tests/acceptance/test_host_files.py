"""What hosts store where they like: receipts, completed steps, personas, evidence, state folders."""

import json

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong
from acceptance.test_run_records import full
from acceptance.written import T0, jsonl


def receipt(receipt_id="receipt_1", **more):
    entry = {
        "step": "verify",
        "function": "verify",
        "model": "claude-sonnet-4-20250514",
        "input_tokens": 100,
        "output_tokens": 10,
        "llm_calls": 2,
        "status": "completed",
        "cost_usd": 0.0009,
    }
    stopped = {k: v for k, v in entry.items() if k not in ("model", "cost_usd")} | {
        "step": "plan",
        "function": "plan",
        "status": "failed",
        "error": "step `plan` exceeded max_usd budget (110 > 0)",
    }
    return {
        "schema": "harn.receipt.v1",
        "id": receipt_id,
        "persona": "fixer",
        "trace_id": "trace-1",
        "started_at": "2026-05-01T10:00:00Z",
        "completed_at": "2026-05-01T10:01:00Z",
        "status": "success",
        "model_calls": [stopped, entry],
        "tool_calls": [],
        "cost_usd": 0.0009,
        "approvals": [],
        "handoffs": [],
        "side_effects": [],
        "redaction_class": "internal",
        "metadata": {},
        **more,
    }


def completed(name, status="completed", cost_usd=0.001, **more):
    return {
        "name": name,
        "function": name,
        "model": None,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": cost_usd,
        "llm_calls": 1,
        "status": status,
        "error": None,
        **more,
    }


def persona(**more):
    return {
        "name": "fixer",
        "description": "fixes",
        "entry_workflow": "fix",
        "autonomy_tier": "act_auto",
        "receipt_policy": "required",
        "model_policy": {"default_model": "m", "fallback_models": []},
        "budget": {"run_usd": 1.0},
        "steps": [
            {"name": "plan", "function": "plan", "budget": {"max_tokens": 100, "max_usd": 0.0005}, "line": 3},
            {
                "name": "verify",
                "function": "verify",
                "error_boundary": "continue",
                "budget": {"max_usd": 0.001},
            },
            {"name": "report", "function": "report"},
        ],
        **more,
    }


@pytest.mark.parametrize(
    "path", [".harn/receipts/r.json", "out/evidence/2026/05/receipt-1.json", "receipt.json", "a b/r.json"]
)
def test_a_receipt_is_found_wherever_a_host_put_it(tmp_path, path):
    Project(tmp_path).json(path, receipt(parent_run_id="r1"))
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert column(runs.steps, "step") == ["plan", "verify"]
    assert column(runs.steps, "cost_usd") == [None, 0.0009]
    assert cost(runs) == 0.0009
    assert hl.costs.by(runs)["unpriced_calls"].to_list() == [2]


@pytest.mark.parametrize(("name", "write"), [("receipts.jsonl", jsonl), ("all.json", json.dumps)])
def test_several_receipts_in_one_file(tmp_path, name, write):
    several = [receipt(f"receipt_{n}", parent_run_id=f"r{n}") for n in (1, 2)]
    Project(tmp_path).file(f"out/{name}", write(several))
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1", "r2"]
    assert cost(runs) == 0.0018


def test_a_receipt_with_all_its_optional_members(tmp_path):
    whole = receipt(
        parent_run_id="r1",
        step="verify",
        inputs_digest="sha256:a",
        outputs_digest="sha256:b",
        error={"message": "boom"},
        side_effects=[{"kind": "file"}],
        tool_calls=[{"name": "grep"}],
        weather="sunny",
    )
    Project(tmp_path).json("r.json", whole)
    runs = nothing_wrong(load(tmp_path))
    (row,) = runs.receipts.to_dicts()
    assert (row["step"], row["tool_call_count"], json.loads(row["error"])) == (
        "verify",
        1,
        {"message": "boom"},
    )
    assert json.loads(row["extra"])["weather"] == "sunny"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("completed_steps.jsonl", jsonl),
        ("verify-steps.ndjson", jsonl),
        ("steps.json", json.dumps),
        ("run-7/step_log.json", lambda steps: json.dumps(steps, indent=1)),
    ],
)
def test_completed_steps_are_read_in_the_order_they_finished(tmp_path, name, write):
    steps = [
        completed("inner"),
        completed("outer", "escalated", error="boom"),
        completed("odd", cost_usd=None),
    ]
    Project(tmp_path).file(name, write(steps))
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.steps, "step") == ["inner", "outer", "odd"]
    assert column(runs.steps, "seq") == [0, 1, 2]
    assert len(runs) == 1
    assert cost(runs) == 0.002
    assert runs.summary.select("steps", "steps_stopped").rows() == [(3, 1)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("persona.json", json.dumps(persona(), indent=2)),
        ("personas.json", json.dumps([{"name": "idle", "description": "no steps", "steps": []}, persona()])),
        ("list.json", json.dumps({"personas": [persona()]})),
        ("personas.jsonl", jsonl([persona()])),
        (
            "harn.toml",
            """
[package]
name = "demo"

[[personas]]
name = "fixer"
autonomy_tier = "act_auto"
budget = { run_usd = 1.0 }

[[personas.steps]]
name = "plan"
function = "plan"
budget = { max_tokens = 100, max_usd = 0.0005 }

[[personas.steps]]
name = "verify"
function = "verify"
error_boundary = "continue"
[personas.steps.budget]
max_usd = 0.001

[[personas.steps]]
name = "report"
function = "report"
""",
        ),
    ],
)
def test_step_limits_are_declared_in_any_of_these_files(tmp_path, name, content):
    Project(tmp_path).file(name, content)
    runs = nothing_wrong(load(tmp_path))
    assert runs.step_definitions.select(
        "persona", "name", "max_tokens", "max_usd", "error_boundary"
    ).rows() == [
        ("fixer", "plan", 100, 0.0005, None),
        ("fixer", "verify", None, 0.001, "continue"),
        ("fixer", "report", None, None, None),
    ]
    assert len(runs) == 0


def test_a_persona_whose_first_neighbour_lists_no_steps_is_found(tmp_path):
    Project(tmp_path).json("personas.json", [{"name": "idle", "entry_workflow": "x"}, persona()])
    assert nothing_wrong(load(tmp_path)).step_definitions.height == 3


def test_the_table_of_a_step_in_a_manifest_is_its_record(tmp_path):
    manifest = """[[personas]]
name = "fixer"
[[personas.steps]]
name = "plan"
function = "plan"
[personas.steps.budget]
max_usd = 1.5
"""
    Project(tmp_path).file("harn.toml", manifest)
    runs = nothing_wrong(load(tmp_path))
    step = {"name": "plan", "function": "plan", "budget": {"max_usd": 1.5}}
    assert runs.record(runs.step_definitions.row(0, named=True)) == step
    assert runs.record(runs.events.row(0, named=True)) == {"personas": [{"name": "fixer", "steps": [step]}]}


def test_a_row_of_an_analysis_leads_to_the_part_of_a_document_it_is_about(tmp_path):
    project = Project(tmp_path)
    project.json("personas.json", persona())
    project.run_record("r1", **full("r1"))
    runs = nothing_wrong(load(tmp_path))
    rows = hl.costs.overruns(runs)
    assert [runs.record(row)["name"] for row in rows.iter_rows(named=True)] == rows["step"].to_list()


@pytest.mark.parametrize("many", [3, 2_000])
@pytest.mark.parametrize("torn", [False, True])
def test_an_array_of_steps_is_known_however_long_it_is_and_when_it_is_torn(tmp_path, many, torn):
    content = json.dumps([completed(f"s{n}") for n in range(many)], indent=1)
    Project(tmp_path).file("steps.json", content[: -40 if torn else None])
    runs = load(tmp_path)
    assert runs.steps["step"].to_list()[:2] == ["s0", "s1"]
    assert runs.steps.height >= many - torn
    assert runs.problems.height == torn


def test_a_mapping_of_functions_declares_steps(tmp_path):
    limits = {
        "verify": {"name": "verify", "model": None, "error_boundary": "fail", "budget": {"max_usd": 0.001}}
    }
    Project(tmp_path).json("limits.json", limits)
    assert column(nothing_wrong(load(tmp_path)).step_definitions, "max_usd") == [0.001]


def test_declared_limits_and_recorded_steps_give_the_overrun(tmp_path):
    project = Project(tmp_path)
    project.json("personas.json", persona())
    stopped = {"status": "failed", "error": "step `plan` exceeded max_tokens budget (110 > 100)"}
    project.file("completed_steps.jsonl", jsonl([completed("plan", **stopped), completed("verify")]))
    runs = nothing_wrong(load(tmp_path))
    (row,) = hl.costs.overruns(runs).to_dicts()
    assert (row["step"], row["limit"], row["observed"], row["overshoot"]) == (
        "plan",
        "max_tokens",
        110.0,
        10.0,
    )
    # `verify` stands at its limit exactly
    assert row["cost_usd"] == 0.001


def test_the_same_steps_in_spans_a_receipt_and_a_log_are_counted_once(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    entries = [
        {
            "step": s,
            "function": s,
            "model": "claude-sonnet-4-20250514",
            "input_tokens": 100,
            "output_tokens": 10,
        }
        | {"llm_calls": 1, "status": status, "cost_usd": 0.00045}
        for s, status in (("verify", "skipped"), ("plan", "completed"))
    ]
    project.json("receipts/x.json", receipt(parent_run_id="r1", model_calls=entries))
    project.file(
        "completed_steps.jsonl",
        jsonl(completed(e["step"], e["status"], e["cost_usd"], model=e["model"]) for e in entries),
    )
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["r1"]
    assert cost(runs) == 0.0009
    assert runs.steps.height == 2
    assert runs.summary["steps"].to_list() == [2]


CARD = {
    "id": "alpha",
    "name": "alpha",
    "source": "project",
    "description": "does alpha",
    "when_to_use": "when alpha",
    "disable_model_invocation": False,
    "selected": True,
    "omitted_reason": None,
    "char_estimate": 40,
    "token_estimate": 10,
    "lifecycle": "used",
    "matched": {"score": 1.5, "reason": "prompt mentions alpha"},
}


def evidence(**more):
    beta = CARD | {"id": "beta", "name": "beta", "selected": False, "omitted_reason": "budget"}
    return {
        "_type": "skill_activation_evidence",
        "schema_version": 1,
        "budget_chars": 260,
        "used_chars": 243,
        "budget_tokens": 65,
        "used_tokens": 61,
        "shown": ["alpha"],
        "omitted": ["beta"],
        "cards": [CARD, beta | {"lifecycle": "omitted", "matched": None, "source": None}],
        **more,
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evidence.json", json.dumps(evidence(), indent=2)),
        ("turns/1.json", json.dumps([evidence(), evidence(budget_chars=300)])),
        ("evidence.jsonl", jsonl([evidence()])),
        ("host-report.json", json.dumps({"report": {"turns": [{"n": 1, "skills": evidence()}]}})),
    ],
)
def test_evidence_is_found_by_its_type_in_anything(tmp_path, name, content):
    Project(tmp_path).file(name, content)
    runs = nothing_wrong(load(tmp_path))
    turns = runs.skill_cards["turn"].n_unique()
    assert column(runs.skill_cards, "skill_id") == ["alpha", "beta"] * turns
    assert column(runs.skill_cards, "matched_score")[:2] == [1.5, None]


def test_a_state_folder_is_read_with_its_writers_and_handoff(tmp_path):
    project = Project(tmp_path)
    writer = {"writer": {"writer_id": "alice", "stage_id": "st-1"}, "updated_at": T0}
    handoff = {
        "_type": "agent_state_handoff",
        "version": 1,
        "session_id": "s-1",
        "root": "state",
        "key": "__handoff.json",
        "summary": {"next": "verify"},
        "writer": {"writer_id": "alice", "stage_id": None, "session_id": None, "worker_id": None},
        "written_at": T0,
    }
    project.file("state/s-1/plan.md", "# Plan ü")
    project.file("state/s-1/notes/a.txt", "")
    project.json("state/s-1/.agent_state_meta/plan.md.json", writer)
    project.json("state/s-1/__handoff.json", handoff)
    project.json("state/s-1/.agent_state_meta/__handoff.json.json", writer)
    runs = nothing_wrong(load(tmp_path))
    assert column(runs.state_entries, "key") == ["__handoff.json", "notes/a.txt", "plan.md"]
    assert column(runs.state_entries, "writer_id") == ["alice", None, "alice"]
    assert column(runs.state_entries, "content_bytes")[1:] == [0, len("# Plan ü".encode())]
    assert column(runs.state_entries, "updated_at")[2].timestamp() == T0
    assert json.loads(column(runs.handoffs, "summary")[0]) == {"next": "verify"}
