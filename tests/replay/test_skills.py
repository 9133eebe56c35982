import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn
from harnlab.core.skills import activation_evidence, catalog_cards
from harnlab.replay import skills

TEXT = st.text("aé語 ", max_size=40)
entries = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "ç", "d", "e", "語"]), "short": TEXT, "when_to_use": TEXT},
        optional={"disable_model_invocation": st.just(value=True)},
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda entry: entry["name"],
)


def recorded(made, *, limit=None, budget=400, loaded=(), used=()):
    """Rows of ``skill_cards`` as the runtime writes them."""
    told = activation_evidence(
        catalog_cards(made, limit=limit), budget=budget, loaded=loaded, used=used
    ).to_json()
    turn = {name: told[name] for name in ("schema_version", "budget_chars", "used_chars")}
    turn |= {name: told[name] for name in ("budget_tokens", "used_tokens")}
    rows = []
    for position, card in enumerate(told["cards"]):
        named = {name: value for name, value in card.items() if name not in {"id", "matched"}}
        rows.append({**turn, "turn": 0, "position": position, "skill_id": card["id"], **named})
    return rows


SOME = [{"name": name, "short": "does " + 20 * name, "when_to_use": "always"} for name in "abcdef"]


def replay(rows):
    return skills(StandIn(skill_cards=rows)).to_dicts()


def wrong(rows):
    return [
        (row["position"], row["verdict"], row["field"]) for row in replay(rows) if row["verdict"] != "match"
    ]


@given(entries, st.one_of(st.none(), st.integers(0, 7)), st.integers(0, 900), st.sets(st.sampled_from("abç")))
def test_evidence_that_the_core_wrote_always_matches(made, limit, budget, used):
    assert wrong(recorded(made, limit=limit, budget=budget, used=used)) == []


@given(entries, st.integers(0, 900))
def test_lengths_alone_decide_the_same(made, budget):
    rows = [row | {"description": None} for row in recorded(made, budget=budget)]
    assert wrong(rows) == []


@pytest.mark.parametrize(
    ("position", "field", "value"),
    [
        (0, "char_estimate", 5),
        (0, "token_estimate", 5),
        (1, "selected", False),
        (5, "omitted_reason", None),
        (1, "lifecycle", "omitted"),
        (0, "used_chars", 5),
        (0, "used_tokens", 5),
        (0, "budget_tokens", 5),
    ],
)
def test_every_field_is_compared(position, field, value):
    rows = recorded(SOME)
    rows[position][field] = value
    assert wrong(rows) == [(position, "mismatch", field)]


def test_totals_of_a_turn_are_told_on_its_first_card_only():
    rows = [row | {"used_chars": 1} for row in recorded(SOME)]
    assert wrong(rows) == [(0, "mismatch", "used_chars")]


def test_a_catalog_limit_leaves_out_the_last_cards_and_no_other():
    rows = recorded(SOME, limit=2, budget=2000)
    assert wrong(rows) == []
    rows[1]["omitted_reason"], rows[2]["omitted_reason"] = "catalog_limit", None
    assert wrong(rows) == [(1, "mismatch", "omitted_reason"), (2, "mismatch", "omitted_reason")]


def test_a_skill_that_was_used_stays_used():
    assert wrong(recorded(SOME, used=["f"], loaded=["e"])) == []


def test_words_of_a_newer_runtime_are_not_decided():
    rows = recorded(SOME)
    rows[0]["lifecycle"] = "eligible"
    assert wrong(rows) == [(0, "insufficient", "lifecycle")]
    rows[5]["omitted_reason"] = "quarantined"
    assert {verdict for _, verdict, _ in wrong(rows)} == {"insufficient"}
    assert len(wrong(rows)) == 6


@pytest.mark.parametrize("lost", [{"schema_version": 2}, {"budget_chars": None}, {"skill_id": None}])
def test_a_turn_without_its_inputs_is_not_decided(lost):
    rows = [row | lost for row in recorded(SOME)]
    assert {verdict for _, verdict, _ in wrong(rows)} == {"insufficient"}


def test_a_length_from_a_log_that_no_card_has_is_not_built():
    rows = [row | {"description": None, "char_estimate": 2**62} for row in recorded(SOME)]
    assert {verdict for _, verdict, _ in wrong(rows)} == {"insufficient"}


def test_rows_keep_their_order_over_turns():
    rows = [row | {"turn": turn} for turn in (1, 0) for row in recorded(SOME)]
    told = skills(StandIn(skill_cards=rows))
    assert told["turn"].to_list() == [1] * 6 + [0] * 6
    assert skills(StandIn()).schema["recorded_used_chars"] == pl.Int64
