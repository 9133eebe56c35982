from __future__ import annotations

from collections import Counter

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["skill-catalog"], indirect=True)


def _turns(incident: Incident) -> list[dict]:
    return incident.lines(f"transcripts/{incident.expected['run_id']}/skill_evidence.jsonl")


def test_every_turn_shows_what_the_closed_form_says(incident: Incident) -> None:
    turns = _turns(incident)
    assert len(turns) == incident.expected["turns"] == 14
    for turn, expected in zip(turns, incident.expected["per_turn"], strict=True):
        assert (turn["turn"], turn["shown"]) == (expected["turn"], expected["shown"])
        assert turn["used_chars"] == expected["used_chars"]
        reasons = Counter(card["omitted_reason"] for card in turn["cards"] if card["omitted_reason"])
        assert reasons == expected["omitted"]


def test_cards_are_measured_in_bytes(incident: Incident) -> None:
    for turn in _turns(incident):
        for card in turn["cards"]:
            when = f"\n  when: {card['when_to_use']}" if card["when_to_use"] else ""
            text = f"- `{card['id']}`: {card['description']}{when}"
            assert card["char_estimate"] == len(text.encode()) == incident.expected["card_bytes"][card["id"]]
    assert incident.expected["card_bytes"]["release-notes-ja"] == 115


def test_a_budget_too_small_for_one_card_still_pays_header_and_suffix(incident: Incident) -> None:
    turn = _turns(incident)[7]
    assert (turn["budget_chars"], turn["used_chars"], turn["shown"]) == (180, 203, [])


def test_run_record_holds_the_skill_events(incident: Incident) -> None:
    [run] = incident.json(".harn-runs/*.json")
    events = run["transcript"]["events"]
    assert Counter(event["kind"] for event in events) == incident.expected["skill_events"]
    loaded = [event["metadata"]["skill_id"] for event in events if event["kind"] == "skill.loaded"]
    assert sorted(loaded) == incident.expected["loaded"]
    assert run["stages"][0]["transcript"]["events"] == events
