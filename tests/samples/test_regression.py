from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["regression"], indirect=True)

SIDES = ("baseline", "candidate")


def _lines(incident: Incident, side: str) -> list[dict[str, Any]]:
    runs = incident.expected["sides"][side]["runs"]
    paths = [f"{side}/transcripts/{run['run_id']}/llm_transcript.jsonl" for run in runs]
    return [line for path in paths for line in incident.lines(path)]


@pytest.mark.parametrize("side", SIDES)
def test_each_side_adds_up(incident: Incident, side: str) -> None:
    expected, lines = incident.expected["sides"][side], _lines(incident, side)
    kinds = Counter(line["type"] for line in lines)
    assert len(lines) == sum(run["lines"] for run in expected["runs"])
    assert kinds["provider_call_request"] == expected["attempts"]
    assert kinds["resolved_dispatch"] == expected["dispatches"]
    costs = [Decimal(repr(x["cost_usd"])) for x in lines if x["type"] == "provider_call_response"]
    assert (len(costs), sum(costs)) == (expected["responses"], Decimal(expected["cost_usd"]))


@pytest.mark.parametrize("side", SIDES)
def test_step_spans_hold_the_cost_of_each_step(incident: Incident, side: str) -> None:
    expected = incident.expected["sides"][side]
    spans = [
        span
        for run in incident.json(f"{side}/.harn-runs/*.json")
        for span in run["trace_spans"]
        if span["kind"] == "step"
    ]
    assert len(spans) == expected["steps"]
    for name, cost in expected["cost_by_step"].items():
        spent = sum(span["metadata"]["cost_usd"] for span in spans if span["name"] == name)
        assert spent == pytest.approx(float(cost), abs=1e-12)


def test_the_candidate_inherits_dies_and_says_a_new_word(incident: Incident) -> None:
    dispatches = {
        side: [x for x in _lines(incident, side) if x["type"] == "resolved_dispatch"] for side in SIDES
    }
    inherited = {
        side: sum(x["provenance"]["provider"] == "inherited_from_primary" for x in rows)
        for side, rows in dispatches.items()
    }
    assert inherited == {"baseline": 0, "candidate": 6}
    assert {x["outcome_kind"] for x in dispatches["baseline"]} == {"served"}
    odd = Counter(x["outcome_kind"] for x in dispatches["candidate"] if x["outcome_kind"] != "served")
    assert odd == {"empty_completion_terminal": 1, "lane_quarantined": 1}


def test_the_candidate_omits_one_skill_in_every_run(incident: Incident) -> None:
    omitted = {
        side: [
            skills["omitted"]
            for run in incident.expected["sides"][side]["runs"]
            for skills in incident.lines(f"{side}/transcripts/{run['run_id']}/skill_evidence.jsonl")
        ]
        for side in SIDES
    }
    assert omitted == {"baseline": [[]] * 4, "candidate": [["test-writer"]] * 4}
