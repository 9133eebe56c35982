import json
import math
import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.core.rust_semantics import (
    I64_MAX,
    I64_MIN,
    U32_MAX,
    U64_MAX,
    byte_len,
    div_ceil,
    float_to_i64,
    float_to_u64,
    json_number,
    positional,
    saturating_add,
    trim,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, U64_MAX)


def bits(value):
    return struct.pack("<d", value)


def digits_of(text):
    return Decimal(text).normalize().as_tuple().digits


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("abc", 3), ("é", 2), ("日本", 6), ("🙂", 4), ("\ud800", 3)]
)
def test_a_length_is_a_count_of_utf8_bytes(text, length):
    assert byte_len(text) == length


@given(st.text(), st.text())
def test_lengths_add_up(left, right):
    assert byte_len(left + right) == byte_len(left) + byte_len(right) >= len(left) + len(right)


@pytest.mark.parametrize(
    ("left", "right", "ceiling", "total"),
    [
        (1, 2, U64_MAX, 3),
        (U64_MAX, 0, U64_MAX, U64_MAX),
        (U64_MAX - 1, 1, U64_MAX, U64_MAX),
        (U64_MAX, U64_MAX, U64_MAX, U64_MAX),
        (U32_MAX, 1, U32_MAX, U32_MAX),
    ],
)
def test_a_counter_stops_at_its_ceiling(left, right, ceiling, total):
    assert saturating_add(left, right, ceiling) == total


def test_a_counter_has_64_bits_unless_said_otherwise():
    assert saturating_add(2**64 - 1, 5) == 18446744073709551615
    assert (U32_MAX, I64_MIN, I64_MAX) == (4294967295, -9223372036854775808, 9223372036854775807)


@given(COUNTS, COUNTS, COUNTS)
def test_saturating_sums_do_not_depend_on_order(one, two, three):
    assert saturating_add(saturating_add(one, two), three) == saturating_add(one, saturating_add(two, three))


@pytest.mark.parametrize(
    ("value", "signed", "unsigned"),
    [
        (0.0, 0, 0),
        (-0.0, 0, 0),
        (0.999, 0, 0),
        (-0.999, 0, 0),
        (-1.5, -1, 0),
        (99.99, 99, 99),
        (5e-324, 0, 0),
        (9.3e18, I64_MAX, 9300000000000000000),
        (1e20, I64_MAX, U64_MAX),
        (-1e20, I64_MIN, 0),
        (2.0**63, I64_MAX, 2**63),
        (-(2.0**63), I64_MIN, 0),
        (2.0**64, I64_MAX, U64_MAX),
        (1.7976931348623157e308, I64_MAX, U64_MAX),
        (math.inf, I64_MAX, U64_MAX),
        (-math.inf, I64_MIN, 0),
        (math.nan, 0, 0),
    ],
)
def test_a_float_is_cast_toward_zero_and_held_at_the_bounds(value, signed, unsigned):
    assert (float_to_i64(value), float_to_u64(value)) == (signed, unsigned)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_float_is_cast_to_itself(whole):
    assert float_to_i64(float(whole)) == whole
    assert float_to_u64(float(whole)) == max(whole, 0)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_a_quotient_is_rounded_up(dividend, divisor):
    assert div_ceil(dividend, divisor) == math.ceil(Fraction(dividend, divisor))


@pytest.mark.parametrize("character", [chr(code) for code in range(0x3100) if chr(code).isspace()], ids=ascii)
def test_only_unicode_white_space_is_trimmed(character):
    trimmed = trim(f"{character}a{character}")
    assert trimmed == (f"{character}a{character}" if "\x1c" <= character <= "\x1f" else "a")


def test_a_zero_width_space_is_not_trimmed():
    assert trim("\u200b a \ufeff") == "\u200b a \ufeff"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.0, "-1.0"),
        (0.1, "0.1"),
        (100.0, "100.0"),
        (123456.789, "123456.789"),
        (1e15, "1000000000000000.0"),
        (9999999999999998.0, "9999999999999998.0"),
        (1e16, "1e16"),
        (-1e16, "-1e16"),
        (1.5e16, "1.5e16"),
        (1234567890123456.8, "1234567890123456.8"),
        (12345678901234567.0, "1.2345678901234568e16"),
        (1e300, "1e300"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (0.00001, "0.00001"),
        (0.000012345, "0.000012345"),
        (0.0000099, "9.9e-6"),
        (1e-6, "1e-6"),
        (1e-7, "1e-7"),
        (2.2250738585072014e-308, "2.2250738585072014e-308"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
    ],
)
def test_a_float_is_written_into_json_as_ryu_writes_it(value, text):
    assert json_number(value) == text


@given(FLOATS)
@example(5e-324)
@example(-0.0)
def test_a_json_number_reads_back_to_the_same_bits_as_a_float(value):
    text = json_number(value)
    assert bits(json.loads(text)) == bits(value)
    assert isinstance(json.loads(text), float)


@given(FLOATS.filter(bool))
def test_a_json_number_has_an_exponent_exactly_outside_1e_minus_5_to_1e16(value):
    assert ("e" in json_number(value)) is not (1e-5 <= abs(value) < 1e16)


@given(FLOATS)
def test_a_json_number_has_the_fewest_digits(value):
    assert digits_of(json_number(value)) == digits_of(repr(value))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_has_no_json_number(value):
    with pytest.raises(ValueError, match="has no JSON number"):
        json_number(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (100.0, "100"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e20, "100000000000000000000"),
        (1.5e16, "15000000000000000"),
        (1e-7, "0.0000001"),
        (5e-324, "0." + "0" * 323 + "5"),
        (1.7976931348623157e308, "17976931348623157" + "0" * 292),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        # as near to …4.2 as to …4.3: Rust prints the larger, Python the even one
        (1801514316094494.25, "1801514316094494.3"),
        (-673136162761606.25, "-673136162761606.3"),
        (1801514316094494.75, "1801514316094494.8"),
    ],
)
def test_a_float_is_printed_without_an_exponent_as_rust_prints_it(value, text):
    assert positional(value) == text


@given(FLOATS)
def test_a_printed_float_reads_back_to_the_same_bits(value):
    text = positional(value)
    assert bits(float(text)) == bits(value)
    assert set(text) <= set("-.0123456789")
    assert not text.endswith(".0")


@given(st.integers(2**49, 2**50 - 1), st.sampled_from([0.25, 0.75]), st.sampled_from([1, -1]))
def test_a_tie_between_two_shortest_texts_goes_away_from_zero(whole, quarter, sign):
    tenths = {0.25: ".3", 0.75: ".8"}[quarter]
    assert positional(sign * (whole + quarter)) == f"{'-' * (sign < 0)}{whole}{tenths}"
