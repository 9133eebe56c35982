import polars as pl
import pytest

from harnlab.charts import whatif as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName

CATALOG = pl.DataFrame(
    {
        "asked_budget": [300, 300, 600, 600, 900, 900],
        "asked_limit": pl.Series([None] * 6, dtype=pl.Int64),
        "recorded_shown": [5, 2] * 3,
        "whatif_shown": [1, 1, 4, 2, 4, 2],
        "whatif_in_catalog": [7, 3] * 3,
        "decidability": ["exact", "exact", "exact", "insufficient", "exact", "exact"],
    }
)
AUTONOMY = pl.DataFrame(
    {
        "asked_per_hour": [1, 1, 1, 5, 5, 5],
        "asked_per_day": pl.Series([None] * 6, dtype=pl.Int64),
        "recorded_decision": ["admitted", "admitted", "denied"] * 2,
        "whatif_decision": ["admitted", "denied", "denied", "admitted", "admitted", "admitted"],
        "decidability": ["exact", "exact", "exact", "exact", "exact", "bound"],
    }
)


def data(chart):
    (rows,) = chart.to_dict()["datasets"].values()
    return rows


def test_cards_shown_are_counted_over_all_turns_with_the_weakest_word():
    rows = data(charts.catalog_sweep(CATALOG))
    assert [(row["asked"], row["shown"], row["recorded"], row["most"]) for row in rows] == [
        (300, 2, 7, 10),
        (600, 6, 7, 10),
        (900, 6, 7, 10),
    ]
    assert [row["note"] for row in rows] == ["2", "6 (insufficient)", "6"]


def test_denials_are_counted_and_what_is_not_exact_is_said_in_words():
    rows = data(charts.autonomy_sweep(AUTONOMY))
    assert [(row["asked"], row["denied"], row["recorded"], row["note"]) for row in rows] == [
        (1, 2, 1, "2"),
        (5, 0, 1, "0 (bound)"),
    ]


def test_a_value_that_repeats_is_told_once():
    rows = data(charts.catalog_sweep(CATALOG.with_columns(decidability=pl.lit("exact"))))
    assert [row["note"] for row in rows] == ["2", "6", ""]


@pytest.mark.parametrize(
    ("draw", "answers", "other", "said"),
    [
        (charts.catalog_sweep, CATALOG, "asked_limit", "catalog limit asked, cards"),
        (charts.autonomy_sweep, AUTONOMY, "asked_per_day", "quota asked, decisions a day"),
    ],
)
def test_the_axis_is_what_was_swept_and_two_sweeps_at_once_are_refused(draw, answers, other, said):
    first = answers.columns[0]
    turned = answers.with_columns(pl.col(first).alias(other), pl.lit(None, dtype=pl.Int64).alias(first))
    assert draw(turned).to_dict()["layer"][0]["encoding"]["x"]["title"] == said
    with pytest.raises(InvalidArgument, match="a sweep of one"):
        draw(answers.with_columns(pl.col(first).alias(other)))
    with pytest.raises(UnknownName, match="no column decidability"):
        draw(answers.drop("decidability"))
    assert to_svg(draw(answers)).startswith("<svg")


def test_more_values_than_a_chart_holds_are_refused():
    many = pl.concat([CATALOG.head(1).with_columns(asked_budget=pl.lit(n)) for n in range(5_001)])
    with pytest.raises(InvalidArgument, match="5,001 values"):
        charts.catalog_sweep(many)
