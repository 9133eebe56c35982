import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.analysis.intervals import wilson
from harnlab.errors import InvalidArgument


def test_wilson_gives_the_published_interval():
    # Newcombe 1998, table I: 81 of 263, 15 of 148 and 0 of 20, 95 %
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_more_confidence_is_a_wider_interval():
    narrow, wide = wilson(3, 14, confidence=0.8), wilson(3, 14, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_no_trials_say_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("some", "of"), [(2, 1), (-1, 3)])
def test_impossible_counts_are_refused(some, of):
    with pytest.raises(InvalidArgument, match="0 <= successes <= trials"):
        wilson(some, of)


def test_a_confidence_outside_its_range_is_refused():
    with pytest.raises(InvalidArgument, match="between 0 and 1"):
        wilson(1, 2, confidence=95)


@given(st.integers(1, 10**9).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_interval_always_holds_the_share_and_stays_in_bounds(counts):
    some, of = counts
    low, high = wilson(some, of)
    assert 0 <= low <= some / of <= high <= 1
    assert (low == 0) == (some == 0)
    assert (high == 1) == (some == of)


@given(st.integers(1, 10**6).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_interval_of_the_rest_is_the_mirror(counts):
    some, of = counts
    low, high = wilson(some, of)
    assert wilson(of - some, of) == pytest.approx((1 - high, 1 - low), abs=1e-12)
