from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["inherited-route"], indirect=True)

INHERITED = "inherited_from_primary"


def _transcripts(incident: Incident) -> dict[str, list[dict[str, Any]]]:
    paths = [f"transcripts/{row['run_id']}/llm_transcript.jsonl" for row in incident.expected["per_run"]]
    return {path: incident.lines(path) for path in paths}


def test_eighteen_calls_inherit_their_provider_from_run_eight_on(incident: Incident) -> None:
    expected = incident.expected["inherited"]
    places = [
        (path, number, line)
        for path, lines in _transcripts(incident).items()
        for number, line in enumerate(lines, start=1)
        if line["type"] == "resolved_dispatch" and line["provenance"]["provider"] == INHERITED
    ]
    assert len(places) == expected["dispatches"] == 18
    path, number, line = min(places, key=lambda place: place[2]["timestamp"])
    assert (path, number) == (expected["first"]["file"], expected["first"]["line"])
    assert line["call_id"] == expected["first"]["call_id"]
    assert {x["provenance"]["wire_format"] for _, _, x in places} == {INHERITED}
    assert Counter(x["outcome_kind"] for _, _, x in places) == expected["outcomes"]
    assert {x["base_url_host"] for _, _, x in places} == {"openrouter.ai"}


def test_inherited_calls_cost_what_the_scenario_says(incident: Incident) -> None:
    by_provider: defaultdict[str, Decimal] = defaultdict(Decimal)
    total = Decimal(0)
    for lines in _transcripts(incident).values():
        origin = {
            x["call_id"]: x["provenance"]["provider"] for x in lines if x["type"] == "resolved_dispatch"
        }
        for line in lines:
            if line["type"] == "provider_call_response":
                cost = Decimal(repr(line["cost_usd"]))
                by_provider[origin[line["call_id"]]] += cost
                total += cost
    assert by_provider[INHERITED] == Decimal(incident.expected["inherited"]["cost_usd"]) == Decimal("0.75252")
    assert total == Decimal(incident.expected["cost_usd"])


def test_counts_of_lines_attempts_and_outcomes_agree(incident: Incident) -> None:
    every = [line for lines in _transcripts(incident).values() for line in lines]
    kinds = Counter(line["type"] for line in every)
    assert kinds["provider_call_request"] == incident.expected["attempts"] == 215
    assert kinds["resolved_dispatch"] == incident.expected["dispatches"] == 210
    assert kinds["empty_completion_retry"] == incident.expected["empty_completion_retries"]
    assert kinds["provider_call_response"] == incident.expected["responses"]
    assert len(every) == sum(row["lines"] for row in incident.expected["per_run"])
    outcomes = Counter(x["outcome_kind"] for x in every if x["type"] == "resolved_dispatch")
    assert outcomes == incident.expected["outcomes"]


def test_each_mark_stands_on_its_line(incident: Incident) -> None:
    transcripts = _transcripts(incident)
    for outcome, mark in incident.expected["marks"].items():
        line = transcripts[mark["file"]][mark["line"] - 1]
        assert (line["outcome_kind"], line["call_id"]) == (outcome, mark["call_id"])
