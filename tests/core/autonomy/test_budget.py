import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.autonomy import AutonomyBudget, read_budget
from harnlab.core.values import Duration
from harnlab.errors import HarnRuntimeError


def read(budget, *, default_key="session-1", label="agent_loop"):
    return read_budget({"autonomy_budget": budget}, default_key=default_key, label=label)


def refusal(budget, **where):
    with pytest.raises(HarnRuntimeError) as refused:
        read(budget, **where)
    return refused.value.message


@pytest.mark.ported_from("autonomy_budget.rs::missing_caps_returns_none")
def test_a_budget_without_caps_is_no_budget():
    assert read({}) is None


@pytest.mark.parametrize(
    "options", [None, {}, {"other": 1}, [], 5, "autonomy_budget", {"autonomy_budget": None}]
)
def test_options_without_a_budget_are_no_budget(options):
    assert read_budget(options, default_key="k", label="x") is None


def test_a_budget_keeps_every_field_it_names():
    named = {"per_hour": 3, "per_day": 9, "key": " triage ", "reviewer": "ada"}
    assert read(named) == AutonomyBudget(key=" triage ", per_hour=3, per_day=9, reviewer="ada")


def test_what_a_budget_does_not_name_comes_from_its_surroundings():
    assert read({"per_day": 1, "key": None, "reviewer": None}) == AutonomyBudget(
        key="session-1", per_hour=None, per_day=1, reviewer="operator"
    )


@pytest.mark.parametrize("budget", [True, 5, 1.5, "per_hour", [1], Duration(1000)])
def test_a_budget_that_is_no_dict_is_refused(budget):
    expected = "sub_agent: autonomy_budget must be a dict {per_hour, per_day, key?, reviewer?}"
    assert refusal(budget, label="sub_agent") == expected


@pytest.mark.parametrize("cap", ["per_hour", "per_day"])
@pytest.mark.parametrize("value", [-1, 1.0, True, False, "3", [], {}, Duration(1), float("nan")])
def test_a_cap_that_is_no_count_is_refused(cap, value):
    assert refusal({cap: value}) == f"agent_loop: autonomy_budget.{cap} must be a non-negative int"


@pytest.mark.parametrize("cap", ["per_hour", "per_day"])
def test_a_cap_of_zero_is_refused(cap):
    assert refusal({cap: 0}) == f"agent_loop: autonomy_budget.{cap} must be >= 1 (use nil to disable)"


def test_a_cap_that_is_no_count_is_named_before_a_cap_of_zero():
    assert refusal({"per_hour": 0, "per_day": -1}).endswith("per_day must be a non-negative int")
    assert refusal({"per_hour": 0, "per_day": 0}).endswith("per_hour must be >= 1 (use nil to disable)")


@pytest.mark.parametrize("field", ["key", "reviewer"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "string"),
        (" \u3000", "string"),
        (0, "int"),
        (0.5, "float"),
        (False, "bool"),
        ([], "list"),
        ({}, "dict"),
    ],
)
def test_a_name_that_is_no_text_is_refused_with_its_type(field, value, kind):
    expected = f"agent_loop: autonomy_budget.{field} must be a non-empty string, got {kind}"
    assert refusal({"per_hour": 1, field: value}) == expected


def test_names_are_not_looked_at_without_a_cap():
    assert read({"key": 5, "reviewer": ""}) is None


def test_a_budget_needs_a_key_from_somewhere():
    expected = "agent_loop: autonomy_budget requires a non-empty `key` or session_id"
    assert refusal({"per_hour": 1, "reviewer": 5}, default_key=" \t") == expected


def test_a_key_is_asked_for_before_a_reviewer():
    assert "autonomy_budget.key" in refusal({"per_hour": 1, "key": 1, "reviewer": 1})


@given(st.integers(1, 2**63 - 1), st.none() | st.integers(1, 2**63 - 1))
def test_every_positive_cap_is_kept(per_hour, per_day):
    budget = read({"per_hour": per_hour, "per_day": per_day})
    assert (budget.per_hour, budget.per_day) == (per_hour, per_day)
