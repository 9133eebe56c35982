import re
import shutil
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
ALL = (
    "autonomy-pressure",
    "cost-overrun",
    "damaged",
    "inherited-route",
    "regression/baseline",
    "regression/candidate",
    "skill-catalog",
    "two-writers",
)


def parity(folder):
    return hl.parity(hl.load(folder, progress=False))


@pytest.mark.parametrize("sample", ALL)
def test_no_sample_holds_a_decision_that_differs_when_decided_again(sample):
    told = parity(SAMPLES / sample)
    assert told.height > 0
    assert told.filter(pl.col("verdict") == "mismatch").rows() == []


@pytest.mark.parametrize(
    ("sample", "undecided"),
    [
        ("autonomy-pressure", []),
        ("cost-overrun", [("steps", "release_captain review", "cost_usd")]),
        ("inherited-route", []),
        ("regression/baseline", []),
        ("regression/candidate", [("dispatch", "019f1d1f-fac2-700d-a948-81fd7c432576", "outcome_kind")]),
        ("skill-catalog", []),
        ("two-writers", [("state", "release-4.14 todo.txt entry", "writer_id")]),
    ],
)
def test_what_a_sample_does_not_decide_is_named(sample, undecided):
    told = parity(SAMPLES / sample).filter(pl.col("verdict") == "insufficient")
    assert told.select("core", "subject", "field").rows() == undecided


def test_a_word_of_a_newer_runtime_is_not_decided_and_shows_what_the_rules_of_today_would_say():
    told = hl.replay.dispatch(hl.load(SAMPLES / "regression/candidate", progress=False))
    row = told.filter(pl.col("recorded_outcome_kind") == "lane_quarantined").row(0, named=True)
    assert (row["verdict"], row["replayed_outcome_kind"]) == ("insufficient", "provider_error")
    assert "`lane_quarantined` is a word of another runtime" in row["because"]


def test_every_core_is_counted():
    told = pl.concat(parity(SAMPLES / sample) for sample in ALL)
    counted = hl.replay.counts(told)
    assert counted["core"].to_list() == ["autonomy", "dispatch", "trust", "steps", "skills", "state"] or set(
        counted["core"]
    ) == {"dispatch", "steps", "skills", "autonomy", "state", "trust"}
    assert counted["decisions"].sum() == told.height
    assert (
        counted.select(pl.sum_horizontal("match", "mismatch", "insufficient"))["match"].sum() == told.height
    )
    assert hl.replay.counts(told.drop("core")).row(0)[0] == told.height


TRANSCRIPT = "transcripts/*/llm_transcript.jsonl"
CARDS = "transcripts/*/skill_evidence.jsonl"
DENIALS = "europe/.harn/events/topics/triggers.lifecycle.jsonl"
HANDOFF = "state/release-4.13/__handoff.json"


@pytest.mark.parametrize(
    ("sample", "change", "core", "field"),
    [
        (
            "inherited-route",
            (TRANSCRIPT, '"resolved_dispatch"', '"wire_format":"openai_compat"', '"wire_format":"gemini"'),
            "dispatch",
            "wire_format",
        ),
        (
            "inherited-route",
            (
                TRANSCRIPT,
                '"resolved_dispatch"',
                '"base_url_host":"openrouter.ai"',
                '"base_url_host":"evil.example"',
            ),
            "dispatch",
            "base_url_host",
        ),
        (
            "inherited-route",
            (
                TRANSCRIPT,
                '"resolved_dispatch".*"served"',
                '"outcome_kind":"served"',
                '"outcome_kind":"usage_limit"',
            ),
            "dispatch",
            "outcome_kind",
        ),
        (
            "inherited-route",
            (TRANSCRIPT, '"empty_completion_transient_recovered"', '"empty_retries":2', '"empty_retries":1'),
            "dispatch",
            "outcome_empty_retries",
        ),
        (
            "inherited-route",
            (TRANSCRIPT, '"resolved_dispatch"', '"completion_tokens":(\\d+)', '"completion_tokens":1\\1'),
            "dispatch",
            "outcome_completion_tokens",
        ),
        (
            "inherited-route",
            (TRANSCRIPT, '"resolved_dispatch"', '"content_len":(\\d+)', '"content_len":1\\1'),
            "dispatch",
            "outcome_content_len",
        ),
        (
            "inherited-route",
            (TRANSCRIPT, '"class":"timeout"', '"class":"timeout"', '"class":"auth"'),
            "dispatch",
            "outcome_class",
        ),
        (
            "inherited-route",
            (
                TRANSCRIPT,
                '"resolved_dispatch"',
                '"thinking":\\{"mode":"off","enabled":false\\}',
                '"thinking":{"mode":"adaptive","enabled":true}',
            ),
            "dispatch",
            "thinking_mode",
        ),
        (
            "inherited-route",
            (
                TRANSCRIPT,
                '"resolved_dispatch"',
                '"tool_format":"(text|native)","base',
                '"tool_format":"json","base',
            ),
            "dispatch",
            "tool_format",
        ),
        (
            "inherited-route",
            (TRANSCRIPT, '"resolved_dispatch"', '"model":"[^"]*","wire', '"model":"qwen/qwen4","wire'),
            "dispatch",
            "model",
        ),
        ("cost-overrun", (".harn-runs/*.json", '"llm_calls": 6', "6", "5"), "steps", "llm_calls"),
        (
            "cost-overrun",
            (".harn-runs/*.json", '"cost_usd": 0.15708$', "0.15708", "0.15709"),
            "steps",
            "cost_usd",
        ),
        (
            "cost-overrun",
            (".harn-runs/*.json", '"status": "skipped"', "skipped", "completed"),
            "steps",
            "status",
        ),
        (
            "cost-overrun",
            ("completed_steps.jsonl", '"collect"', '"cost_usd":0.04255', '"cost_usd":0.05255'),
            "steps",
            "cost_usd",
        ),
        (
            "cost-overrun",
            ("completed_steps.jsonl", '"announce"', '"completed"', '"skipped"'),
            "steps",
            "status",
        ),
        ("cost-overrun", ("completed_steps.jsonl", '"risk"', "32410", "32411"), "steps", "error"),
        (
            "cost-overrun",
            ("receipts/*.json", '"input_tokens": 39810', "39810", "39811"),
            "steps",
            "input_tokens",
        ),
        ("skill-catalog", (CARDS, "700", '"used_chars":601', '"used_chars":600'), "skills", "used_chars"),
        ("skill-catalog", (CARDS, "700", '"selected":true', '"selected":false'), "skills", "selected"),
        (
            "skill-catalog",
            (CARDS, "700", '"char_estimate":113', '"char_estimate":112'),
            "skills",
            "char_estimate",
        ),
        (
            "skill-catalog",
            (CARDS, '"budget_chars":700', '"omitted_reason":"budget"', '"omitted_reason":null'),
            "skills",
            "omitted_reason",
        ),
        (
            "skill-catalog",
            (CARDS, '"budget_chars":700', '"lifecycle":"shown"', '"lifecycle":"omitted"'),
            "skills",
            "lifecycle",
        ),
        (
            "autonomy-pressure",
            (DENIALS, "hourly", '"reason":"hourly', '"reason":"daily'),
            "autonomy",
            "reason",
        ),
        (
            "autonomy-pressure",
            (DENIALS, "agent_loop", '"autonomous_decisions_hour":3', '"autonomous_decisions_hour":2'),
            "autonomy",
            "decision",
        ),
        (
            "autonomy-pressure",
            (DENIALS, "agent_loop", '"autonomous_decisions_hour":3', '"autonomous_decisions_hour":4'),
            "autonomy",
            "approval_autonomous_decisions_hour",
        ),
        (
            "autonomy-pressure",
            (DENIALS, "agent_loop", '"per_hour":3', '"per_hour":2'),
            "autonomy",
            "approval_per_hour",
        ),
        (
            "autonomy-pressure",
            (DENIALS, "agent_loop", '"requested_tier":"act_with_approval"', '"requested_tier":"suggest"'),
            "autonomy",
            "requested_tier",
        ),
        ("two-writers", (HANDOFF, '"written_at"', "1782117060", "1782117061"), "state", "written_at"),
        ("two-writers", (HANDOFF, '"worker_id"', "worker-1", "worker-2"), "state", "writer_worker_id"),
        (
            "autonomy-pressure",
            (
                "europe/.harn/events/topics/trust_graph.jsonl",
                "issue.label",
                '"outcome":"success"',
                '"outcome":"failure"',
            ),
            "trust",
            "entry_hash",
        ),
    ],
)
def test_one_changed_value_is_found_and_named_with_its_line(tmp_path, sample, change, core, field):
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLES / sample, folder)
    path, number = planted(folder, *change)
    told = parity(folder).filter(pl.col("verdict") == "mismatch")
    named = told.filter(pl.col("core") == core, pl.col("field") == field)
    assert named.height >= 1, told.rows()
    assert {Path(found) for found in named["source_path"]} == {path}
    assert all(0 <= number - found < 25 for found in named["source_line"])  # a record may span lines
    assert set(told["core"]) == {core}
    assert f"`{field}`" in named["because"][0] or core == "trust"


def planted(folder, file, line, was, now):
    """Change one value on the first line that fits; gives its file and line."""
    for path in sorted(folder.glob(file)):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        for number, text in enumerate(lines):
            if re.search(line, text) and re.search(was, text):
                lines[number] = re.sub(was, now, text, count=1)
                assert lines[number] != text
                path.write_text("".join(lines), "utf-8")
                return path, number + 1
    pytest.fail(f"nothing to change in {file}")
