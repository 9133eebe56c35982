import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.steps import (
    PersonaDefinition,
    StepDefinition,
    persona_from_args,
    read_step_definition,
    step_from_args,
)
from harnlab.core.values import Duration
from harnlab.errors import HarnThrownError
from harnlab.vocabulary import ErrorBoundary

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "name": ANYTHING,
        "model": ANYTHING,
        "error_boundary": ANYTHING,
        "budget": ANYTHING
        | st.fixed_dictionaries({}, optional={"max_tokens": ANYTHING, "max_usd": ANYTHING}),
    },
)


def test_a_full_declaration_is_read_member_by_member():
    metadata = {
        "name": "plan",
        "model": "claude-haiku-4-5",
        "error_boundary": "continue",
        "budget": {"max_tokens": 100, "max_usd": 0.05},
        "unknown": 1,
    }
    assert read_step_definition("plan_step", metadata) == StepDefinition(
        name="plan",
        function="plan_step",
        model="claude-haiku-4-5",
        max_tokens=100,
        max_usd=0.05,
        error_boundary="continue",
    )


def test_an_empty_declaration_is_named_after_its_function_and_unlimited():
    assert read_step_definition("f", {}) == StepDefinition(name="f", function="f")


@pytest.mark.parametrize(
    ("declared", "read"),
    [
        (1, 1),
        (2**63 - 1, 2**63 - 1),
        (2**64, 2**63 - 1),
        (0, None),
        (-1, None),
        (0.5, 0),
        (99.99, 99),
        (5e-324, 0),
        (0.0, None),
        (-0.0, None),
        (-0.5, None),
        (1e20, 2**64 - 1),
        (math.inf, None),
        (math.nan, None),
        (True, None),
        ("100", None),
        (None, None),
        ([1], None),
        (Duration(5), None),
    ],
)
def test_max_tokens_is_a_positive_number_cut_to_a_whole_one(declared, read):
    definition = read_step_definition("f", {"budget": {"max_tokens": declared}})
    assert definition.max_tokens == read
    assert type(definition.max_tokens) is type(read)


@pytest.mark.parametrize(
    ("declared", "read"),
    [
        (0.05, 0.05),
        (1, 1.0),
        (0, 0.0),
        (0.0, 0.0),
        (1e308, 1e308),
        (10**400, float(2**63)),
        (-1, None),
        (-0.01, None),
        (math.inf, None),
        (-math.inf, None),
        (math.nan, None),
        (False, None),
        ("1", None),
        (None, None),
    ],
)
def test_max_usd_is_a_number_from_zero_up(declared, read):
    definition = read_step_definition("f", {"budget": {"max_usd": declared}})
    assert definition.max_usd == read
    assert type(definition.max_usd) is type(read)


def test_a_negative_zero_of_usd_stays_a_ceiling():
    assert math.copysign(1, read_step_definition("f", {"budget": {"max_usd": -0.0}}).max_usd) == -1


@pytest.mark.parametrize("budget", [None, 5, "x", [], True, Duration(1)])
def test_a_budget_that_is_no_dict_limits_nothing(budget):
    assert read_step_definition("f", {"budget": budget}) == StepDefinition(name="f", function="f")


@pytest.mark.parametrize(("declared", "read"), [("", None), (" ", " "), (None, None), (5, None), ("m", "m")])
def test_an_empty_model_counts_as_none(declared, read):
    assert read_step_definition("f", {"model": declared}).model == read


@pytest.mark.parametrize(("declared", "read"), [("", ""), ("n", "n"), (None, "f"), (7, "f")])
def test_an_empty_name_is_a_name(declared, read):
    assert read_step_definition("f", {"name": declared}).name == read


@pytest.mark.parametrize(
    ("declared", "kept", "boundary"),
    [
        ("fail", "fail", ErrorBoundary.FAIL),
        ("continue", "continue", ErrorBoundary.CONTINUE),
        ("escalate", "escalate", ErrorBoundary.ESCALATE),
        ("Continue", "Continue", ErrorBoundary.FAIL),
        ("", "", ErrorBoundary.FAIL),
        ("odd", "odd", ErrorBoundary.FAIL),
        (None, None, ErrorBoundary.FAIL),
        (3, None, ErrorBoundary.FAIL),
    ],
)
def test_an_unknown_boundary_is_kept_as_text_and_means_fail(declared, kept, boundary):
    definition = read_step_definition("f", {"error_boundary": declared})
    assert definition.error_boundary == kept
    assert definition.boundary is boundary


@given(st.text(max_size=3), METADATA)
def test_any_metadata_gives_a_definition_within_bounds(function, metadata):
    definition = read_step_definition(function, metadata)
    assert definition.function == function
    assert definition.max_tokens is None or 0 <= definition.max_tokens < 2**64
    assert definition.max_usd is None or (math.isfinite(definition.max_usd) and definition.max_usd >= 0)
    assert definition.model != ""


@pytest.mark.parametrize(
    ("builtin", "read"), [("__register_step", step_from_args), ("__register_persona", persona_from_args)]
)
@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ([], "expected (function_name, metadata_dict)"),
        ([None, {}], "expected (function_name, metadata_dict)"),
        ([1, {}], "expected (function_name, metadata_dict)"),
        (["f"], "metadata argument must be a dict"),
        (["f", None], "metadata argument must be a dict"),
        (["f", "x"], "metadata argument must be a dict"),
        (["f", Duration(1)], "metadata argument must be a dict"),
    ],
)
def test_wrong_arguments_are_refused_in_the_words_of_the_runtime(builtin, read, args, complaint):
    with pytest.raises(HarnThrownError) as caught:
        read(args)
    assert caught.value.value == f"{builtin}: {complaint}"


def test_arguments_after_the_second_are_ignored():
    assert step_from_args(["f", {}, 1]) == StepDefinition(name="f", function="f")


@pytest.mark.parametrize(
    ("metadata", "name"), [({"name": "captain"}, "captain"), ({}, "p"), ({"name": 5}, "p")]
)
def test_a_persona_is_named_after_its_function_unless_declared(metadata, name):
    assert persona_from_args(["p", metadata]) == ("p", PersonaDefinition(name=name))
