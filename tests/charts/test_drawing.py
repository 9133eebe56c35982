"""Numbers of charts as they are read: in words and in tooltips."""

import polars as pl
import pytest

from harnlab.charts.drawing import number, told, tooltip


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (32_410, "32,410"),
        (32_410.0, "32,410"),
        (100, "100"),
        (0.25, "0.25"),
        (0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1e-6, "0.000001"),
    ],
)
def test_a_number_has_its_thousands_apart_and_no_digits_that_say_nothing(amount, text):
    assert number(amount) == text
    assert pl.select(told(pl.lit(amount))).item() == text


def test_a_tooltip_writes_numbers_as_a_chart_does_and_percent_to_a_hundredth():
    name, tokens, share = (field.to_dict() for field in tooltip("step:N", "used:Q", "share_pct:Q"))
    assert "format" not in name
    assert (tokens["format"], share["format"]) == (",.6~f", ",.2~f")
