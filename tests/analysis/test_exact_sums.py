from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.money import column_sum, sum_parts, take_sums, usd_text

#: Costs of every size with every digit a float can have.
COSTS = st.builds(
    lambda digits, power: float(f"{digits}e{power}"), st.integers(0, 10**17), st.integers(-40, -8)
)


@given(st.lists(COSTS))
@example([1.2345678901234567e-8] * 3)
@example([0.1] * 10)
@example([1e6, 1e-7, 1e16, 5e-324])
def test_a_column_is_summed_to_the_last_digit(costs):
    rows = pl.DataFrame({"cost_usd": pl.Series(costs, dtype=pl.Float64)})
    assert Fraction(column_sum(rows, "cost_usd")) == sum(Fraction(repr(cost)) for cost in costs)


def test_groups_are_summed_apart():
    rows = pl.DataFrame({"step": ["a", "b", "a", "b"], "cost_usd": [0.1, 1e-9, 0.2, None]})
    groups, sums = take_sums(rows.group_by("step", maintain_order=True).agg(sum_parts("cost_usd")))
    assert groups.to_dict(as_series=False) == {"step": ["a", "b"]}
    assert sums == [Decimal("0.3"), Decimal("1e-9")]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00 USD"),
        ("0.3", "0.30 USD"),
        ("1234.5", "1,234.50 USD"),
        ("0.752520", "0.75252 USD"),
        ("0.00000049", "≈0.00 USD"),
        ("1.0000016", "≈1.000002 USD"),
    ],
)
def test_an_amount_says_when_digits_are_left_out(amount, text):
    assert usd_text(Decimal(amount)) == text
