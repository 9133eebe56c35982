"""Catalogs fitted again under other budgets and limits."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn
from harnlab.core.skills import SkillCard, activation_evidence, fit_lengths
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.replay import whatif
from harnlab.replay.whatif.catalog_lengths import HEADER_BYTES, fits

EXPECTED = json.loads(Path("sample_transcripts/skill-catalog/expected.json").read_text())


def turn(*lengths, budget, limit=None, disabled=(), number=0):
    """Rows of one turn as the core writes them."""
    invocable = [n for n in range(len(lengths)) if n not in disabled]
    inside = invocable[:limit]
    cards = [
        SkillCard(
            id=f"s{n:02}",
            name=f"s{n:02}",
            block="x" * size,
            disable_model_invocation=n in disabled,
            in_catalog=n in inside,
        )
        for n, size in enumerate(lengths)
    ]
    told = activation_evidence(cards, budget=budget).to_json()
    shared = {"turn": number, "schema_version": 1, "budget_chars": budget, "used_chars": told["used_chars"]}
    names = ("disable_model_invocation", "selected", "omitted_reason", "char_estimate", "lifecycle")
    return [
        shared | {"position": n, "skill_id": card["id"]} | {name: card[name] for name in names}
        for n, card in enumerate(told["cards"])
    ]


def runs(*lengths, **more):
    return StandIn(skill_cards=turn(*lengths, **more))


def ask(frames, **question):
    frame = whatif.catalog(frames, **question)
    assert frame.height == 1
    row = frame.row(0, named=True)
    assert (row["behaviour"], bool(row["because"])) == ("insufficient", True)
    return row


def shown(row, *names):
    return tuple(row[name] for name in names)


#: Three cards: 151 header + 40 + 1 + 37 + 1 + 40 = 270 for all; with the suffix 243 for one, 281 for two.
THREE = (40, 37, 40)


def test_a_stricter_budget_is_exact_and_names_the_cards_that_leave():
    row = ask(runs(*THREE, budget=2000), budget=260)
    assert shown(row, "decidability", "recorded_shown", "whatif_shown", "whatif_used_chars") == (
        "exact",
        3,
        1,
        243,
    )
    assert shown(row, "entered", "left", "whatif_omitted_by_budget") == ([], ["s01", "s02"], 2)


def test_a_looser_budget_is_exact_and_names_the_cards_that_enter():
    row = ask(runs(*THREE, budget=260), budget=270)
    assert shown(row, "decidability", "recorded_shown", "whatif_shown", "whatif_used_chars") == (
        "exact",
        1,
        3,
        270,
    )
    assert shown(row, "entered", "left") == (["s01", "s02"], [])


def test_a_stricter_limit_leaves_a_card_out_without_a_suffix():
    row = ask(runs(*THREE, budget=2000), limit=1)
    assert shown(row, "decidability", "whatif_shown", "whatif_used_chars", "whatif_in_catalog") == (
        "exact",
        1,
        191,
        1,
    )
    assert shown(row, "whatif_omitted_by_limit", "whatif_omitted_by_budget") == (2, 0)


def test_a_looser_limit_lets_cards_in_whose_lengths_are_recorded():
    row = ask(runs(*THREE, budget=2000, limit=1), limit=5)
    assert shown(row, "decidability", "whatif_shown", "entered") == ("exact", 3, ["s01", "s02"])


def test_a_disabled_skill_is_in_no_catalog():
    row = ask(runs(*THREE, budget=180, disabled={0}), budget=2000)
    assert shown(row, "whatif_in_catalog", "entered") == (2, ["s01", "s02"])


def test_the_sentence_says_what_fits():
    assert ask(runs(*THREE, budget=2000), budget=260)["because"] == (
        "the first 1 of 3 cards and what goes with them take 243 bytes of 260; what the model would have done with "
        "them is not recorded"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"char_estimate": None}, "length of a card"),
        ({"position": 7}, "missing"),
        ({"budget_chars": None}, "budget of the turn"),
        ({"schema_version": 2}, "schema version 2"),
        ({"selected": False}, "hl.parity"),
        ({"used_chars": 1}, "hl.parity"),
    ],
)
def test_a_turn_not_recorded_as_the_rules_say_decides_nothing(change, why):
    rows = turn(*THREE, budget=2000)
    rows[0] |= change
    row = ask(StandIn(skill_cards=rows), budget=300)
    assert shown(row, "decidability", "whatif_shown", "entered") == ("insufficient", None, None)
    assert why in row["because"]


@pytest.mark.parametrize("question", [{}, {"budget": -1}, {"limit": True}, {"budget": []}, {"budget": 2**63}])
def test_a_question_that_is_none_is_refused(question):
    with pytest.raises(InvalidArgument, match="catalog"):
        whatif.catalog(runs(*THREE, budget=1), **question)


def test_no_evidence_gives_no_rows():
    assert whatif.catalog(StandIn(), budget=1).height == 0
    assert whatif.smallest_budget(StandIn()).height == 0


def test_the_smallest_budget_of_each_card_is_the_first_that_shows_it():
    told = whatif.smallest_budget(runs(*THREE, budget=260))
    assert told["smallest_budget"].to_list() == [243, 270, 270]
    assert told["missing_chars"].to_list() == [0, 10, 10]
    assert told["recorded_shown"].to_list() == [True, False, False]
    assert set(told["decidability"]) == {"exact"}


def test_no_budget_shows_a_card_beyond_the_limit():
    row = whatif.smallest_budget(runs(*THREE, budget=260, limit=1), skill="s02").row(0, named=True)
    assert shown(row, "smallest_budget", "decidability") == (None, "exact")
    assert "limit of 1" in row["because"]


def test_a_card_smaller_than_the_suffix_fits_any_budget():
    assert whatif.smallest_budget(runs(52, budget=0))["smallest_budget"].to_list() == [0]


def test_a_skill_nobody_saw_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match=r"no skill 's9'.*s00, s01, s02"):
        whatif.smallest_budget(runs(*THREE, budget=1), skill="s9")


LENGTHS = st.lists(st.integers(0, 90), max_size=14)


@given(LENGTHS)
@settings(max_examples=40, deadline=None)
def test_a_sweep_over_every_budget_agrees_with_the_core(lengths):
    budgets = range(HEADER_BYTES + sum(lengths) + len(lengths) + 80)
    told = [fit_lengths(HEADER_BYTES, lengths, budget) for budget in budgets]
    shown, used = fits(lengths, budgets)
    assert shown.tolist() == [fit.shown for fit in told]
    assert used.tolist() == [fit.used for fit in told]


@given(LENGTHS.filter(bool), st.integers(0, 900), st.none() | st.integers(0, 15))
@settings(max_examples=40, deadline=None)
def test_the_smallest_budget_shows_a_card_and_one_byte_less_does_not(lengths, budget, limit):
    frames = runs(*lengths, budget=budget, limit=limit)
    for row in whatif.smallest_budget(frames).iter_rows(named=True):
        position, least = int(row["skill_id"][1:]), row["smallest_budget"]
        inside = lengths[:limit]
        if least is None:
            assert position >= len(inside)
            continue
        assert fit_lengths(HEADER_BYTES, inside, least).shown > position
        assert least == 0 or fit_lengths(HEADER_BYTES, inside, least - 1).shown <= position


@given(LENGTHS, st.integers(0, 900), st.none() | st.integers(0, 15))
@settings(max_examples=40, deadline=None)
def test_the_recorded_budget_gives_the_record(lengths, budget, limit):
    for question in ({"budget": budget}, {"limit": len(lengths[:limit])}):
        for row in whatif.catalog(runs(*lengths, budget=budget, limit=limit), **question).iter_rows(
            named=True
        ):
            assert shown(row, "decidability", "entered", "left") == ("exact", [], [])
            assert row["whatif_used_chars"] == row["recorded_used_chars"]
            assert row["whatif_shown"] == row["recorded_shown"]


@given(
    LENGTHS,
    st.lists(st.integers(0, 900), min_size=1, max_size=4),
    st.lists(st.integers(0, 15), min_size=1, max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_a_sweep_equals_the_single_answers(lengths, budgets, limits):
    frames = runs(*lengths, budget=400)
    single = [whatif.catalog(frames, budget=b, limit=most) for most in limits for b in budgets]
    assert whatif.catalog(frames, budget=budgets, limit=limits).equals(pl.concat(single))


@pytest.fixture(scope="module")
def sample():
    return hl.load("sample_transcripts/skill-catalog", progress=False)


def test_the_sample_at_2000_bytes_shows_the_skill_that_knew_the_answer(sample):
    told = whatif.catalog(sample, budget=2000)
    hidden = told.filter(pl.col("entered").list.contains("webhook-replay"))
    assert hidden["turn"].to_list() == [5, 6, 7, 8, 9, 12]
    limited = whatif.catalog(sample, budget=2000, limit=20)
    back = limited.filter(pl.col("entered").list.contains("webhook-replay"))
    assert back["turn"].to_list() == EXPECTED["webhook_replay_omitted_in_turns"]


def test_turn_5_needs_960_bytes_for_webhook_replay(sample):
    row = whatif.smallest_budget(sample, skill="webhook-replay").filter(turn=5).row(0, named=True)
    sizes = EXPECTED["card_bytes"]
    cards = [
        "api-review",
        "changelog",
        "deploy/rollback",
        "postgres-tuning",
        "release-notes-ja",
        "security-scan",
    ]
    some = 151 + sum(sizes[name] for name in [*cards, "webhook-replay"]) + 6 + 52
    everything = some - 52 + 1 + sizes["übersetzung"]
    assert (some, everything) == (960, 1040)
    assert shown(row, "smallest_budget", "missing_chars", "recorded_shown") == (960, 260, False)


def test_every_turn_of_the_sample_is_decided(sample):
    told = whatif.catalog(sample, budget=[0, 180, 420, 700, 2000])
    assert (told.height, set(told["decidability"])) == (14 * 5, {"exact"})
