"""Skills over turns."""

import json
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl
from analysis.frame_stand_in import StandIn
from harnlab.analysis import skills
from harnlab.core.skills import SkillCard, activation_evidence
from harnlab.errors import InvalidArgument, UnknownName

EXPECTED = json.loads(Path("sample_transcripts/skill-catalog/expected.json").read_text())


def turn(number, sizes, *, budget, limit=None, disabled=(), **inside):
    """Rows of a turn of skills ``a``, ``b``, … as the core writes them."""
    ids = [chr(ord("a") + n) for n in range(len(sizes))]
    allowed = [name for name in ids if name not in disabled][:limit]
    cards = [
        SkillCard(
            id=name,
            name=name,
            block="x" * size,
            disable_model_invocation=name in disabled,
            in_catalog=name in allowed,
        )
        for name, size in zip(ids, sizes, strict=True)
    ]
    told = activation_evidence(cards, budget=budget, **inside).to_json()
    shared = {"turn": number, "schema_version": 1, "budget_chars": budget, "used_chars": told["used_chars"]}
    names = (
        "disable_model_invocation",
        "selected",
        "omitted_reason",
        "char_estimate",
        "token_estimate",
        "lifecycle",
    )
    return [
        shared | {"position": n, "skill_id": card["id"]} | {name: card[name] for name in names}
        for n, card in enumerate(told["cards"])
    ]


#: b is loaded in turn 0, out of sight in turn 1 (one card and the suffix fit), and used in turn 2.
RUNS = StandIn(
    skill_cards=turn(0, (40, 37, 40), budget=2000, loaded=["b"])
    + turn(1, (40, 37, 40), budget=260, loaded=["b"])
    + turn(2, (40, 37, 40), budget=2000, limit=2, used=["b"])
)


@pytest.fixture(scope="module")
def sample():
    return hl.load("sample_transcripts/skill-catalog", progress=False)


def test_lifecycle_follows_a_skill_from_turn_to_turn():
    told = skills.lifecycle(RUNS, skill="b")
    named = ("turn", "lifecycle", "previous", "changed", "selected", "out_of_sight")
    assert told.select(named).rows() == [
        (0, "loaded", None, False, True, False),
        (1, "loaded", "loaded", False, False, True),
        (2, "used", "loaded", True, True, False),
    ]
    assert told["source_line"].to_list() == [2, 5, 8]


def test_lifecycle_of_all_skills_is_in_order_of_turns_and_cards():
    told = skills.lifecycle(RUNS)
    assert told["skill_id"].to_list() == ["a", "b", "c"] * 3
    assert told["turn"].is_sorted()


def test_an_unknown_skill_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match="one of a, b, c"):
        skills.lifecycle(RUNS, skill="d")


def test_omitted_tells_the_reason_the_turns_and_the_budget_that_would_do():
    told = skills.omitted(RUNS)
    named = (
        "skill_id",
        "omitted_reason",
        "turns",
        "omitted_turns",
        "turns_recorded",
        "in_use_turns",
        "budget_needed",
    )
    assert told.select(named).rows() == [
        ("b", "budget", [1], 1, 3, 1, 270),
        ("c", "budget", [1], 1, 3, 0, 270),
        ("c", "catalog_limit", [2], 1, 3, 0, None),
    ]


def test_fit_lays_cards_end_to_end_against_the_budget():
    told = skills.fit(RUNS, turn=1)
    assert told.select("part", "skill_id", "from_byte", "to_byte", "bytes", "shown").rows() == [
        ("header", None, 0, 151, 151, True),
        ("card", "a", 151, 191, 40, True),
        ("card", "b", 192, 229, 37, False),
        ("card", "c", 230, 270, 40, False),
        ("suffix", None, 191, 243, 52, True),
    ]
    assert set(told["effective_budget"]) == {260}
    assert told["because"].to_list()[2] == "left out: it needs a budget of 270 bytes"


def test_fit_of_a_budget_below_the_floor_counts_with_203_bytes():
    runs = StandIn(skill_cards=turn(0, (60,), budget=10))
    told = skills.fit(runs, turn=0)
    assert set(told["effective_budget"]) == {203}
    assert told["shown"].to_list() == [True, False, True]


def test_the_suffix_of_ten_omitted_cards_does_not_fit_the_floor():
    told = skills.fit(StandIn(skill_cards=turn(0, (60,) * 10, budget=0)), turn=0)
    assert told.row(-1, named=True)["shown"] is False


def test_fit_needs_one_turn():
    with pytest.raises(UnknownName, match="no turn 9; expected 0 to 2"):
        skills.fit(RUNS, turn=9)
    with pytest.raises(UnknownName, match="no evidence"):
        skills.fit(StandIn(), turn=0)
    rows = turn(0, (40,), budget=300)
    two = StandIn(skill_cards=[*rows, *(row | {"run_id": "run-2"} for row in rows)])
    with pytest.raises(InvalidArgument, match="run_id= one of run-1, run-2"):
        skills.fit(two, turn=0)
    assert skills.fit(two, turn=0, run_id="run-2").height == 2
    torn = StandIn(skill_cards=[row | {"char_estimate": None} for row in rows])
    with pytest.raises(InvalidArgument, match="all lengths"):
        skills.fit(torn, turn=0)


def test_economy_says_what_a_card_took_and_what_came_of_it():
    told = skills.economy(RUNS)
    named = (
        "skill_id",
        "turns",
        "shown_turns",
        "loaded_turns",
        "used_turns",
        "out_of_sight_turns",
        "shown_bytes",
        "idle_bytes",
    )
    assert told.select(named).rows() == [
        ("a", 3, 3, 0, 0, 0, 120, 120),
        ("b", 3, 2, 2, 1, 1, 74, 0),
        ("c", 3, 1, 0, 0, 0, 40, 40),
    ]
    assert told["share_pct"].sum() == pytest.approx(100)


def test_turns_stand_in_one_row_each():
    told = skills.turns(RUNS)
    named = (
        "turn",
        "budget_chars",
        "used_chars",
        "cards",
        "shown",
        "omitted_budget",
        "omitted_catalog_limit",
        "out_of_sight",
    )
    assert told.select(named).rows() == [
        (0, 2000, 270, 3, 3, 0, 0, 0),
        (1, 260, 243, 3, 1, 2, 0, 1),
        (2, 2000, 229, 3, 2, 0, 1, 0),
    ]


@pytest.mark.parametrize("analysis", [skills.lifecycle, skills.omitted, skills.economy, skills.turns])
def test_no_evidence_gives_no_rows(analysis):
    assert analysis(StandIn()).height == 0


def test_the_sample_lost_sight_of_the_skill_that_knew_the_answer(sample):
    told = skills.lifecycle(sample, skill="webhook-replay")
    gone = told.filter("out_of_sight")["turn"].to_list()
    assert gone == EXPECTED["webhook_replay_omitted_in_turns"]
    worst = (
        skills.omitted(sample).filter(skill_id="webhook-replay", omitted_reason="budget").row(0, named=True)
    )
    assert (worst["first_turn"], worst["last_turn"], worst["in_use_turns"]) == (5, 12, worst["omitted_turns"])


def test_every_turn_of_the_sample_is_as_it_was_made(sample):
    told = skills.turns(sample)
    for row, true in zip(told.iter_rows(named=True), EXPECTED["per_turn"], strict=True):
        counts = true["omitted"]
        assert (row["budget_chars"], row["used_chars"], row["cards"], row["shown"]) == (
            true["budget_chars"],
            true["used_chars"],
            true["cards"],
            len(true["shown"]),
        )
        assert row["omitted_budget"] == counts.get("budget", 0)
        assert row["omitted_catalog_limit"] == counts.get("catalog_limit", 0)
        assert row["omitted_disabled"] == counts.get("disable_model_invocation", 0)


def test_turn_7_of_the_sample_has_room_for_no_card(sample):
    told = skills.fit(sample, turn=7)
    assert told.filter("shown")["part"].to_list() == ["header", "suffix"]
    assert told.filter(pl.col("part") == "suffix")["to_byte"].to_list() == [203]
