"""JSON as the runtime writes it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.runtime_json import in_key_order, pretty_json
from harnlab.core.values import Duration

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


def test_a_value_is_printed_two_blanks_a_level():
    value = {"b": [1, {"x": None}], "a": {}, "c": [], "d": True}
    assert pretty_json(value) == (
        '{\n  "b": [\n    1,\n    {\n      "x": null\n    }\n  ],\n  "a": {},\n  "c": [],\n  "d": true\n}'
    )


def test_numbers_have_the_runtimes_digits():
    assert [pretty_json(number) for number in (100, 100.0, -0.0, 1e-7, 0.1, 2**63 - 1)] == [
        "100",
        "100.0",
        "-0.0",
        "1e-7",
        "0.1",
        "9223372036854775807",
    ]


def test_an_exponent_above_zero_has_its_sign():
    numbers = (9999999999999998.0, 1e16, -2.5e17, 1.8446744073709552e19, 1e-6, 5e-324)
    assert [pretty_json(number) for number in numbers] == [
        "9999999999999998.0",
        "1e+16",
        "-2.5e+17",
        "1.8446744073709552e+19",
        "1e-6",
        "5e-324",
    ]


def test_what_json_has_no_word_for_becomes_null_or_text():
    odd = [float("nan"), float("inf"), float("-inf"), Duration(90_000)]
    assert json.loads(pretty_json(odd)) == [None, None, None, "90s"]


def test_text_is_escaped_no_more_than_needed():
    assert pretty_json('é"\\/\x00\x1f\x7f\b\f\n\r\t😀') == '"é\\"\\\\/\\u0000\\u001f\x7f\\b\\f\\n\\r\\t😀"'


def test_members_are_ordered_at_every_level():
    ordered = in_key_order({"b": [{"z": 1, "é": 2, "Z": 3}], "a": 1})
    assert list(ordered) == ["a", "b"]
    assert list(ordered["b"][0]) == ["Z", "z", "é"]


@given(values)
def test_another_parser_reads_what_was_written(value):
    assert json.loads(pretty_json(value)) == value


@given(values)
def test_ordering_changes_no_value(value):
    assert in_key_order(value) == value
