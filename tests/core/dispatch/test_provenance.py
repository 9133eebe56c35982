"""Where a dispatch's fields came from."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.dispatch import DispatchProvenance
from harnlab.core.values import Duration, display
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.builds(Duration, st.integers(0, 2**40))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
annotations = st.dictionaries(st.sampled_from([*PROVENANCE_FIELDS, "tool", "Provider", ""]), values)


@pytest.mark.ported_from("resolved_dispatch.rs::provenance_inherited_marker_is_stable")
def test_the_inherited_marker_is_stable_and_missing_fields_say_unknown():
    assert ProvenanceOrigin.INHERITED_FROM_PRIMARY == "inherited_from_primary"
    emitted = DispatchProvenance(provider="inherited_from_primary").to_json()
    assert emitted["provider"] == "inherited_from_primary"
    assert emitted["model"] == "unknown"


def test_the_fields_are_the_five_of_the_vocabulary_in_its_order():
    assert tuple(field.name for field in fields(DispatchProvenance)) == PROVENANCE_FIELDS


def test_each_field_is_read_from_its_own_member():
    origins = {field: f"origin of {field}" for field in PROVENANCE_FIELDS}
    assert DispatchProvenance.from_value(origins).to_json() == origins


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "operator_pin", ["provider"], Duration(5)])
def test_a_value_that_is_no_dict_annotates_nothing(value):
    assert DispatchProvenance.from_value(value) is None


def test_an_empty_dict_is_an_annotation_without_origins():
    assert DispatchProvenance.from_value({}) == DispatchProvenance()


def test_an_empty_text_is_dropped_but_a_blank_is_an_origin():
    read = DispatchProvenance.from_value({"provider": "", "model": " "})
    assert (read.provider, read.model) == (None, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nil"),
        (False, "false"),
        (0, "0"),
        (9_223_372_036_854_775_807, "9223372036854775807"),
        (-0.0, "-0.0"),
        (1e20, "100000000000000000000"),
        (float("nan"), "NaN"),
        ([], "[]"),
        ({"b": None, "a": ["x", 1.0]}, "{a: [x, 1.0], b: nil}"),
        (Duration(90_000), "90s"),
    ],
)
def test_an_origin_of_another_type_counts_by_its_display_form(value, text):
    assert DispatchProvenance.from_value({"thinking": value}).thinking == text


@given(annotations)
def test_every_annotation_emits_five_texts_that_are_never_empty(annotation):
    emitted = DispatchProvenance.from_value(annotation).to_json()
    assert tuple(emitted) == PROVENANCE_FIELDS
    for field in PROVENANCE_FIELDS:
        assert emitted[field] == (display(annotation[field]) if field in annotation else "") or "unknown"
        assert type(emitted[field]) is str
        assert emitted[field]


@given(annotations)
def test_reading_what_was_emitted_emits_it_again(annotation):
    emitted = DispatchProvenance.from_value(annotation).to_json()
    assert DispatchProvenance.from_value(emitted).to_json() == emitted
