"""From registry entries to catalog cards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.skills import SkillCard, SkillMatch, catalog_cards, render_block
from harnlab.core.values import Duration

names = st.text(alphabet="ab/é", max_size=3)
entries = st.dictionaries(
    st.sampled_from(["name", "namespace", "short", "description", "when_to_use"]), names, max_size=5
).flatmap(
    lambda entry: st.fixed_dictionaries(
        {}, optional={"disable_model_invocation": st.booleans(), "disable-model-invocation": st.booleans()}
    ).map(lambda flags: entry | flags)
)
registries = st.lists(entries | st.none() | st.text(max_size=1), max_size=8)


def only(entry, **options):
    (card,) = catalog_cards([entry], **options)
    return card


@pytest.mark.parametrize(
    ("description", "when_to_use", "block"),
    [
        ("does it", "when so", "- `x`: does it\n  when: when so"),
        ("does it", "", "- `x`: does it"),
        ("", "when so", "- `x`\n  when: when so"),
        ("", "", "- `x`"),
    ],
)
def test_a_block_has_a_line_for_the_id_and_one_for_its_use(description, when_to_use, block):
    assert render_block("x", description, when_to_use) == block


def test_every_member_of_an_entry_comes_to_its_place():
    entry = {
        "name": "lint",
        "namespace": "team",
        "source": "project",
        "description": "lints",
        "when_to_use": "before a commit",
        "score": 1.5,
        "reason": "prompt mentions lint",
    }
    assert only(entry) == SkillCard(
        id="team/lint",
        name="lint",
        source="project",
        description="lints",
        when_to_use="before a commit",
        disable_model_invocation=False,
        block="- `team/lint`: lints\n  when: before a commit",
        in_catalog=True,
        matched=SkillMatch(score=1.5, reason="prompt mentions lint"),
    )


def test_an_entry_with_only_a_name_is_a_bare_card():
    card = only({"name": "lint"})
    assert card == SkillCard(id="lint", name="lint", block="- `lint`")


def test_the_short_description_is_preferred_unless_empty():
    assert only({"name": "a", "short": "s", "description": "long"}).description == "s"
    assert only({"name": "a", "short": "", "description": "long"}).description == "long"
    assert only({"name": "a"}).description == ""


def test_an_empty_namespace_source_or_name_counts_as_missing():
    card = only({"name": "a", "namespace": "", "source": ""})
    assert (card.id, card.source) == ("a", None)
    assert (only({"namespace": "n"}).id, only({"namespace": "n"}).name) == ("n/", "n/")


def test_entries_without_an_id_or_that_are_no_dict_are_skipped():
    assert catalog_cards([None, "a", 1, [], Duration(1), {}, {"name": ""}, {"description": "d"}]) == []


def test_members_of_other_types_count_by_their_display_form():
    card = only({"name": 7, "description": None, "when_to_use": [1.0], "source": True})
    assert (card.id, card.description, card.when_to_use, card.source) == ("7", "nil", "[1.0]", "true")


@pytest.mark.parametrize("key", ["disable_model_invocation", "disable-model-invocation"])
def test_true_under_either_spelling_keeps_a_card_from_the_model(key):
    card = only({"name": "a", key: True})
    assert (card.disable_model_invocation, card.in_catalog) == (True, False)
    other = {"disable_model_invocation", "disable-model-invocation"} - {key}
    assert only({"name": "a", key: True, other.pop(): False}).disable_model_invocation


@pytest.mark.parametrize("value", [False, None, "true", 1, 1.0])
def test_anything_but_true_itself_does_not_disable(value):
    card = only({"name": "a", "disable_model_invocation": value, "disable-model-invocation": value})
    assert (card.disable_model_invocation, card.in_catalog) == (False, True)


@pytest.mark.parametrize(
    ("members", "matched"),
    [
        ({}, None),
        ({"score": "high"}, None),
        ({"score": True}, None),
        ({"score": 2}, SkillMatch(score=2.0, reason="")),
        ({"score": 0}, SkillMatch(score=0.0, reason="")),
        ({"reason": "r"}, SkillMatch(score=0.0, reason="r")),
        ({"trigger": "t"}, SkillMatch(score=0.0, reason="t")),
        ({"reason": "r", "trigger": "t"}, SkillMatch(score=0.0, reason="r")),
        ({"reason": "", "trigger": "t"}, None),
    ],
)
def test_a_match_needs_a_score_or_a_reason(members, matched):
    card = only({"name": "a"} | members)
    assert card.matched == matched
    assert card.matched is None or type(card.matched.score) is float


def test_the_sign_of_a_zero_score_is_kept():
    assert str(only({"name": "a", "score": -0.0}).matched.score) == "-0.0"


def test_cards_stand_in_code_point_order_of_their_ids():
    cards = catalog_cards([{"name": name} for name in ("é", "b", "B", "a", "😀", "\uffee")])
    assert [card.id for card in cards] == ["B", "a", "b", "é", "\uffee", "😀"]


def test_equal_ids_keep_the_registrys_order():
    cards = catalog_cards([{"name": "a", "source": "user"}, {"name": "a", "source": "host"}])
    assert [card.source for card in cards] == ["user", "host"]


def test_the_limit_counts_only_cards_the_model_may_invoke():
    registry = [{"name": "a", "disable_model_invocation": True}, {"name": "b"}, {"name": "c"}]
    assert [card.in_catalog for card in catalog_cards(registry, limit=1)] == [False, True, False]
    assert [card.in_catalog for card in catalog_cards(registry)] == [False, True, True]


def test_an_id_within_the_limit_lets_its_namesakes_in():
    cards = catalog_cards([{"name": "a"}, {"name": "a"}, {"name": "b"}], limit=1)
    assert [card.in_catalog for card in cards] == [True, True, False]


def test_a_disabled_namesake_stays_out_of_the_catalog():
    cards = catalog_cards([{"name": "a"}, {"name": "a", "disable_model_invocation": True}])
    assert [card.in_catalog for card in cards] == [True, False]


@given(registries, st.none() | st.integers(1, 9))
def test_no_card_is_lost_and_the_catalog_is_a_prefix_of_the_invocable_ids(registry, limit):
    cards = catalog_cards(registry, limit=limit)
    named = [e for e in registry if isinstance(e, dict) and (e.get("name") or e.get("namespace"))]
    assert len(cards) == len(named)
    assert [card.id for card in cards] == sorted(card.id for card in cards)
    invocable = [card for card in cards if not card.disable_model_invocation]
    within = {card.id for card in invocable[:limit]}
    assert all(card.in_catalog == (card.id in within) for card in invocable)
    assert not any(card.in_catalog for card in cards if card.disable_model_invocation)
    assert all(card.block == render_block(card.id, card.description, card.when_to_use) for card in cards)
