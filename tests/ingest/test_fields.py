from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.frames import Instant
from harnlab.ingest.fields import instant, shown, typed

DTYPES = [
    pl.String(),
    pl.Boolean(),
    pl.Float64(),
    pl.Int64(),
    pl.UInt32(),
    pl.UInt64(),
    pl.List(pl.String()),
    Instant,
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(value=json_values, dtype=st.sampled_from(DTYPES))
def test_any_value_becomes_one_its_column_can_hold_and_a_change_is_named(value, dtype):
    converted = typed(value, dtype)
    held = pl.Series([converted.value], dtype=dtype)[0]
    if converted.value is None:
        assert held is None
    if value is not None and converted.value is None:
        assert converted.oddity


@given(millis=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_epoch_text_with_three_decimals_is_exact(millis):
    sign, rest = ("-", -millis) if millis < 0 else ("", millis)
    text = f"{sign}{rest // 1000}.{rest % 1000:03}"
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    assert instant(text).value == expected
    assert Decimal(text) == Decimal(millis) / 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1777629600", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("2026-05-01T10:00:00.25Z", datetime(2026, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-05-01T12:00:00+02:00", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        (1777629600, datetime(2026, 5, 1, 10, tzinfo=UTC)),
    ],
)
def test_the_times_the_runtime_writes_are_read(text, expected):
    assert instant(text) == (expected, None)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "", "99999999999999", "1e400", "-62135596801", -62135596801, "\ud800", [], True, 1e300],
)
def test_a_time_that_is_none_is_named(text):
    value, oddity = instant(text)
    assert value is None
    assert oddity.startswith("expected a time")


def test_a_time_without_a_zone_is_read_as_utc_and_named():
    assert instant("2026-05-01T10:00:00").oddity == 'no time zone in "2026-05-01T10:00:00"; read as UTC'


def test_a_long_raw_value_is_cut_in_a_report():
    assert shown("x" * 5000) == f'"{"x" * 119}… (5002 characters)'
