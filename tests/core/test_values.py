import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.core.values import Duration, display, is_int, type_name

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.builds(Duration, st.integers()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "nil"),
        (True, "bool"),
        (1, "int"),
        (1.0, "float"),
        ("", "string"),
        ([], "list"),
        ({}, "dict"),
        (Duration(5), "duration"),
    ],
)
def test_every_value_has_its_runtime_type_name(value, name):
    assert type_name(value) == name


@pytest.mark.parametrize(
    ("value", "answer"), [(0, True), (-(2**63), True), (True, False), (1.0, False), ("1", False)]
)
def test_a_bool_is_no_runtime_int(value, answer):
    assert is_int(value) is answer


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("é\n", "é\n"),
        (None, "nil"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (100.0, "100.0"),
        (-0.0, "-0.0"),
        (0.0, "0.0"),
        (2.5, "2.5"),
        (999999999999999.0, "999999999999999.0"),
        (1e15, "1000000000000000"),
        (-1e15, "-1000000000000000"),
        (1e20, "100000000000000000000"),
        (1e-7, "0.0000001"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ([], "[]"),
        ([1, "a", [2.0, None]], "[1, a, [2.0, nil]]"),
        ({}, "{}"),
        ({"b": 1, "a": {"c": "x, y"}, "Z": True}, "{Z: true, a: {c: x, y}, b: 1}"),
        ({"\uffff": 1, "\U00010000": 2, "é": 3}, "{é: 3, \uffff: 1, \U00010000: 2}"),
    ],
)
def test_a_value_is_displayed_as_the_runtime_displays_it(value, text):
    assert display(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0ms"),
        (1, "1ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1500, "1500ms"),
        (59_000, "59s"),
        (60_000, "1m"),
        (90_000, "90s"),
        (300_000, "5m"),
        (3_600_000, "1h"),
        (5_400_000, "90m"),
        (7_200_000, "2h"),
        (86_400_000, "24h"),
        (3_600_001, "3600001ms"),
        (-1, "-1ms"),
        (-1000, "-1000ms"),
        (-60_000, "-60000ms"),
        (-3_600_000, "-3600000ms"),
    ],
)
def test_a_duration_is_displayed_in_its_largest_whole_unit_and_a_negative_one_in_milliseconds(
    milliseconds, text
):
    assert display(Duration(milliseconds)) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_displayed_duration_loses_nothing(milliseconds):
    text = display(Duration(milliseconds))
    number = text.rstrip("hms")
    sizes = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    assert int(number) * sizes[text.removeprefix(number)] == milliseconds


@given(st.integers())
def test_a_duration_is_never_equal_to_its_milliseconds(milliseconds):
    assert Duration(milliseconds) != milliseconds
    assert Duration(milliseconds) == Duration(milliseconds)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e15)
@example(math.nextafter(1e15, 0))
def test_a_displayed_float_reads_back_and_shows_a_point_only_where_the_runtime_does(value):
    text = display(value)
    assert float(text) == value
    assert text.endswith(".0") is (value.is_integer() and abs(value) < 1e15)


@given(st.dictionaries(st.text(alphabet="abé\uffff\U00010000", min_size=1), st.integers(), max_size=5))
def test_members_are_displayed_in_the_order_of_their_utf8_bytes(mapping):
    ordered = sorted(mapping, key=lambda key: key.encode())
    assert display(mapping) == "{" + ", ".join(f"{key}: {mapping[key]}" for key in ordered) + "}"


@given(VALUES)
def test_every_value_has_a_name_and_a_text(value):
    assert type_name(value)
    assert isinstance(display(value), str)
