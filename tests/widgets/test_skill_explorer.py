"""The skill explorer without a browser."""

import polars as pl
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.errors import UnknownName
from harnlab.widgets import skill_rows
from harnlab.widgets.skill_explorer import SkillExplorer
from harnlab.widgets.skill_views import TURNS_SHOWN, budget_bar
from widgets.logs import runs_of
from widgets.pages import presses, texts, told


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/skill-catalog", progress=False)


@pytest.fixture
def explorer(runs):
    return SkillExplorer(runs)


def turn_of(lengths, budget, *, shown, **more):
    """Turns of evidence with cards of these lengths."""
    row = {"run_id": "r", "source_path": "e.jsonl", "source_line": 1, "turn": 0, "budget_chars": budget}
    cards = [
        row
        | {
            "position": n,
            "skill_id": f"s{n}",
            "char_estimate": size,
            "selected": n < shown,
            "lifecycle": "shown",
        }
        for n, size in enumerate(lengths)
    ]
    return runs_of(skill_cards=[card | more for card in cards])


def test_every_skill_stands_in_every_turn_that_had_it(explorer, runs):
    cells = [
        press for element in explorer._matrix.tree for press in presses(element) if press.startswith("card:")
    ]
    assert len(cells) == runs.skill_cards.height
    assert len(explorer._turns) == 14


def test_a_cell_shows_the_turns_cards_and_its_log_line(explorer, from_page, runs):
    from_page.message(explorer._matrix, press="card:5:7")
    assert (explorer.turn, explorer.skill) == (5, "übersetzung")
    assert explorer.selected["omitted_reason"].to_list() == ["budget"]
    assert '"budget_chars":700' in told(explorer._record)
    assert "budget 700 bytes" in told(explorer._cards_drawn)
    for nonsense in ("card:99:0", "card:0:99", "card:a:b", "turn:99", "turn:x", "card"):
        from_page.message(explorer._matrix, press=nonsense)
    assert (explorer.turn, explorer.skill) == (5, "übersetzung")


def test_why_a_skill_was_left_out_and_what_would_have_shown_it_is_a_sentence(explorer):
    explorer.turn, explorer.skill = 5, "übersetzung"
    assert "left out in 6 of 14 turns (budget); a budget of 1,224 bytes would have shown it" in told(
        explorer._told_turn
    )
    explorer.skill = "a11y-check"
    assert "shown in every turn that had it" in told(explorer._told_turn)


def test_a_skill_in_use_whose_card_was_not_shown_is_marked(explorer, runs):
    marked = [text for element in explorer._matrix.tree for text in texts(element) if text == "●×"]
    out_of_sight = hl.skills.lifecycle(runs).filter("out_of_sight")
    assert len(marked) == out_of_sight.height == 10
    assert "in use, its card not shown" in told(explorer._matrix)
    assert "card not shown" not in told(SkillExplorer(turn_of([10], 900, shown=1))._matrix)


@pytest.mark.parametrize("budget", [0, 203, 700, 1_050, 1_224, 5_000])
def test_another_budget_moves_the_cards_that_the_what_if_says(explorer, runs, budget):
    explorer.budget = budget
    expected = hl.whatif.catalog(runs, budget=budget)
    for change, column in (("enters", "entered"), ("leaves", "left")):
        mine = {n: [] for n in range(14)}
        for row in explorer.changes.filter(pl.col("change") == change).iter_rows(named=True):
            mine[row["turn"]].append(row["skill_id"])
        assert list(mine.values()) == expected[column].to_list()


def test_the_dial_fits_again_at_once(explorer, from_page):
    explorer.turn = 5
    from_page(explorer._dial, value=1050)
    assert explorer.budget == 1050
    assert "+ enters" in told(explorer._cards_drawn)
    assert "8 of 14 turns change" in told(explorer._told_turn)
    from_page.message(explorer._told_turn, press="recorded")
    assert (explorer.budget, explorer._dial.value, explorer._dial.told) == (None, None, "700 recorded")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=14), st.integers(0, 3_000), st.integers(0, 3_000))
def test_cards_are_laid_out_as_the_core_fits_them(lengths, recorded, asked):
    from harnlab.core.skills import CATALOG_HEADER, fit_lengths

    header = len(CATALOG_HEADER)
    first = fit_lengths(header, lengths, recorded)
    runs = turn_of(lengths, recorded, shown=first.shown, used_chars=first.used, schema_version=1)
    turns, cards = skill_rows.turns_and_cards(runs)
    catalog = skill_rows.under(turns[0], cards.to_dicts(), asked)
    again = fit_lengths(header, lengths, asked)
    assert catalog.undecided is None
    assert (sum(card.shown for card in catalog.cards), catalog.used, catalog.suffix) == (
        again.shown,
        again.used,
        len(again.suffix),
    )
    assert {(0, c.row["skill_id"]): c.change for c in catalog.cards if c.change} == skill_rows.changes(
        turns, asked
    )


def test_a_turn_that_is_not_recorded_in_full_is_shown_as_recorded():
    explorer = SkillExplorer(turn_of([10, None], 700, shown=1, schema_version=1), turn=0, budget=900)
    assert "Not fitted again: the length of a card is not recorded" in told(explorer._cards_drawn)
    assert explorer.changes.is_empty()


def test_many_turns_are_shown_in_parts(from_page):
    rows = [
        turn_of([10], 700, shown=1, used_chars=1).skill_cards.row(0, named=True) | {"turn": n}
        for n in range(60)
    ]
    explorer = SkillExplorer(runs_of(skill_cards=rows))
    labels = [text for element in explorer._matrix.tree for text in texts(element)]
    assert str(TURNS_SHOWN) not in labels
    from_page.message(explorer._matrix, press="later")
    assert explorer._in_sight() == range(TURNS_SHOWN, 2 * TURNS_SHOWN)
    explorer.turn = 59
    assert explorer._in_sight().stop == 60


@pytest.mark.parametrize(
    "state", [{}, {"turn": 5}, {"turn": 7, "skill": "changelog", "budget": 1_050}, {"skill": "rollback"}]
)
def test_the_cell_builds_it_again(runs, state):
    if state.get("skill") == "rollback":
        state = {"skill": "deploy/rollback"}
    explorer = SkillExplorer(runs, **state)
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(explorer.selected)
    assert again.selected.height > 0
    assert again.summary() == explorer.summary()


def test_what_is_not_there_is_refused(runs):
    with pytest.raises(UnknownName, match="no turn 14"):
        SkillExplorer(runs, turn=14)
    with pytest.raises(UnknownName, match="no skill 'cooking'"):
        SkillExplorer(runs, skill="cooking")
    with pytest.raises(traitlets.TraitError):
        SkillExplorer(runs, budget=-1)


def test_a_notebook_stores_words_and_numbers_that_do_not_change(runs):
    bundle = SkillExplorer(runs, turn=13, budget=1_050)._repr_mimebundle_()
    assert bundle["text/plain"] == "<SkillExplorer: 11 skills in 14 turns; turn 13; budget=1050>"
    stored = bundle["application/vnd.harnlab.skill-explorer+json"]
    assert [13, "übersetzung", "leaves"] in stored["changes"]


def test_a_log_without_evidence_shows_nothing():
    explorer = SkillExplorer(runs_of())
    assert explorer.selected.height == 0
    explorer.budget = 100
    assert explorer.changes.height == 0


def test_the_bar_names_the_bytes_that_only_say_what_was_left_out(runs):
    turns, cards = skill_rows.turns_and_cards(runs)
    catalog = skill_rows.under(turns[5], cards.filter(pl.col("number") == 5).to_dicts(), None)
    assert "601 bytes used, 52 of them to say what was left out" in " ".join(texts(budget_bar(catalog)))
