"""The evidence of one turn."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.rust_semantics import U64_MAX
from harnlab.core.skills import (
    CATALOG_HEADER,
    SkillCard,
    SkillMatch,
    activation_evidence,
    catalog_cards,
    estimate_tokens,
    fit_catalog,
    render_block,
)
from harnlab.vocabulary import OmittedReason, SkillLifecycle


def card(skill_id, *, disabled=False, in_catalog=True, matched=None):
    description, when_to_use = f"does {skill_id}", f"when {skill_id}"
    return SkillCard(
        id=skill_id,
        name=skill_id,
        source="project",
        description=description,
        when_to_use=when_to_use,
        disable_model_invocation=disabled,
        block=render_block(skill_id, description, when_to_use),
        in_catalog=in_catalog and not disabled,
        matched=matched,
    )


def by_id(evidence):
    return {one.id: one for one in evidence.cards}


ids = st.text(alphabet="abé", min_size=1, max_size=3)
cards = st.lists(
    st.builds(
        SkillCard,
        id=ids,
        name=ids,
        disable_model_invocation=st.booleans(),
        in_catalog=st.booleans(),
        block=st.text(max_size=60),
    ),
    max_size=12,
)


@pytest.mark.ported_from("skill_activation_evidence.rs::shown_and_budget_omission_are_disjoint_and_ordered")
def test_shown_and_omitted_by_budget_are_disjoint_and_in_order():
    evidence = activation_evidence([card("alpha"), card("beta"), card("gamma")], budget=260)
    assert evidence.shown == ["alpha"]
    assert evidence.omitted == ["beta", "gamma"]
    alpha, beta, _ = evidence.cards
    assert (alpha.selected, alpha.lifecycle, alpha.omitted_reason) == (True, SkillLifecycle.SHOWN, None)
    assert (beta.selected, beta.lifecycle) == (False, SkillLifecycle.OMITTED)
    assert beta.omitted_reason is OmittedReason.BUDGET


@pytest.mark.ported_from("skill_activation_evidence.rs::disable_model_invocation_is_omitted_with_reason")
def test_a_skill_the_model_may_not_invoke_is_omitted_for_that_reason():
    found = by_id(activation_evidence([card("manual", disabled=True), card("auto")], budget=10_000))
    assert not found["manual"].selected
    assert found["manual"].omitted_reason is OmittedReason.DISABLE_MODEL_INVOCATION
    assert found["manual"].disable_model_invocation
    assert found["auto"].selected


@pytest.mark.ported_from("skill_activation_evidence.rs::over_limit_entries_report_limit_reason")
def test_a_card_past_the_limit_is_omitted_for_that_reason():
    found = by_id(activation_evidence([card("kept"), card("trimmed", in_catalog=False)], budget=10_000))
    assert found["trimmed"].omitted_reason is OmittedReason.CATALOG_LIMIT
    assert not found["trimmed"].disable_model_invocation


@pytest.mark.ported_from("skill_activation_evidence.rs::runtime_lifecycle_overrides_registry_state")
def test_what_became_of_the_body_overrides_shown():
    evidence = activation_evidence(
        [card("alpha"), card("beta")], budget=10_000, loaded=["alpha"], used=["beta"]
    )
    assert [one.lifecycle for one in evidence.cards] == [SkillLifecycle.LOADED, SkillLifecycle.USED]


@pytest.mark.ported_from("skill_activation_evidence.rs::token_and_char_estimates_are_populated")
def test_a_token_is_reckoned_for_every_four_bytes():
    evidence = activation_evidence([card("alpha")], budget=10_000)
    (alpha,) = evidence.cards
    assert alpha.char_estimate == 40
    assert alpha.token_estimate == 10
    assert evidence.used_chars == 151 + 40
    assert (evidence.budget_tokens, evidence.used_tokens) == (2500, 48)
    assert [estimate_tokens(count) for count in (0, 1, 4, 5, U64_MAX)] == [0, 1, 1, 2, 2**62]


@pytest.mark.ported_from("skill_activation_evidence.rs::empty_catalog_yields_header_only_fit")
def test_an_empty_catalog_costs_its_header():
    evidence = activation_evidence([card("manual", disabled=True)], budget=2000)
    assert evidence.used_chars == len(CATALOG_HEADER)
    assert evidence.shown == []
    assert activation_evidence([], budget=0).used_chars == len(CATALOG_HEADER)


def test_used_wins_over_loaded_and_both_over_omitted_without_changing_what_was_shown():
    evidence = activation_evidence(
        [card("alpha"), card("beta"), card("gamma"), card("off", disabled=True)],
        budget=260,
        loaded=["beta", "gamma", "nobody"],
        used=["gamma", "off"],
    )
    lifecycles = [one.lifecycle.value for one in evidence.cards]
    assert lifecycles == ["shown", "loaded", "used", "used"]
    assert evidence.shown == ["alpha"]
    assert evidence.omitted == ["beta", "gamma", "off"]


def test_the_default_budget_is_two_thousand_bytes():
    assert activation_evidence([]).budget_chars == 2000


def test_the_recorded_budget_is_the_one_asked_for_not_the_raised_one():
    evidence = activation_evidence([card("alpha")], budget=7)
    assert (evidence.budget_chars, evidence.budget_tokens) == (7, 2)


def test_a_disabled_card_that_is_in_the_catalog_takes_room_but_is_never_selected():
    odd = SkillCard(id="a", name="a", disable_model_invocation=True, in_catalog=True, block="x" * 10)
    evidence = activation_evidence([odd], budget=2000)
    assert evidence.used_chars == 151 + 10
    assert evidence.cards[0].omitted_reason is OmittedReason.DISABLE_MODEL_INVOCATION
    assert evidence.omitted == ["a"]


def test_the_payload_carries_every_member_in_plain_words():
    matched = SkillMatch(score=1.5, reason="prompt mentions alpha")
    payload = activation_evidence(
        [card("alpha", matched=matched), card("beta", in_catalog=False)], budget=2000, used=["alpha"]
    ).to_json()
    assert payload == {
        "schema_version": 1,
        "budget_chars": 2000,
        "used_chars": 191,
        "budget_tokens": 500,
        "used_tokens": 48,
        "shown": ["alpha"],
        "omitted": ["beta"],
        "cards": [
            {
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
            },
            {
                "id": "beta",
                "name": "beta",
                "source": "project",
                "description": "does beta",
                "when_to_use": "when beta",
                "disable_model_invocation": False,
                "selected": False,
                "omitted_reason": "catalog_limit",
                "char_estimate": 37,
                "token_estimate": 10,
                "lifecycle": "omitted",
                "matched": None,
            },
        ],
    }
    assert json.loads(json.dumps(payload)) == payload
    assert type(payload["cards"][1]["omitted_reason"]) is str
    assert type(payload["cards"][0]["lifecycle"]) is str


def test_the_worked_example_of_the_format_notes_comes_out_to_the_byte():
    registry = [
        {"name": name, "source": "project", "description": f"does {name}", "when_to_use": f"when {name}"}
        for name in ("gamma", "beta", "alpha")
    ]
    evidence = activation_evidence(catalog_cards(registry), budget=260, loaded=["gamma"], used=["alpha"])
    assert (evidence.used_chars, evidence.budget_tokens, evidence.used_tokens) == (243, 65, 61)
    assert [one.char_estimate for one in evidence.cards] == [40, 37, 40]
    assert [one.lifecycle.value for one in evidence.cards] == ["used", "omitted", "loaded"]


@given(cards, st.integers(0, 400), st.lists(ids), st.lists(ids))
def test_every_card_is_either_shown_or_omitted_with_one_reason(inputs, budget, loaded, used):
    evidence = activation_evidence(inputs, budget=budget, loaded=loaded, used=used)
    assert [one.id for one in evidence.cards] == [one.id for one in inputs]
    assert len(evidence.shown) + len(evidence.omitted) == len(inputs)
    for one in evidence.cards:
        assert one.selected == (one.omitted_reason is None)
        assert (one.lifecycle is SkillLifecycle.USED) == (one.id in used)
        assert (one.lifecycle is SkillLifecycle.LOADED) == (one.id in loaded and one.id not in used)
        assert one.lifecycle is not SkillLifecycle.ELIGIBLE
    blocks = [one.block for one in inputs if one.in_catalog]
    if blocks:
        fit = fit_catalog(CATALOG_HEADER, blocks, budget)
        assert evidence.used_chars == len(fit.rendered.encode())
        in_fit = [made for given_, made in zip(inputs, evidence.cards, strict=True) if given_.in_catalog]
        rendered = [made for made in in_fit[: fit.shown] if not made.disable_model_invocation]
        assert [made for made in evidence.cards if made.selected] == rendered
