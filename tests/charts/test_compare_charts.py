import polars as pl
import pytest

import harnlab as hl
from harnlab.charts import compare as charts
from harnlab.charts.renderer import describe, to_svg
from harnlab.errors import InvalidArgument, UnknownName


@pytest.fixture(scope="module")
def differences():
    one, other = (hl.load(f"sample_transcripts/regression/{side}") for side in ("baseline", "candidate"))
    return hl.compare(one, other).differences


def panels(chart):
    told = chart.to_dict()

    def rows(panel):  # Altair moves data up that all parts share
        named = panel.get("data") or panel["layer"][0].get("data") or told["data"]
        return told["datasets"][named["name"]]

    return {panel["title"]["text"]: rows(panel) for panel in told["vconcat"]}


def test_each_kind_has_a_panel_from_a_to_b_with_the_change_in_words(differences):
    drawn = panels(charts.differences(differences))
    assert [title.partition(",")[0] for title in drawn] == [
        "Cost", "Routes", "Outcomes", "Decisions", "Words of one side alone",
    ]  # fmt: skip
    served = next(row for row in drawn["Outcomes, % of dispatches"] if row["what"] == "served")
    assert (served["a"], served["note"]) == (100.0, "36 → 33 rows")
    costs = {row["what"]: row for row in drawn["Cost, USD"]}
    assert costs["(total)"]["note"].startswith("+0.003")
    assert costs["step read"]["note"].startswith("same sum")


def test_what_does_not_fit_is_counted_in_the_title(differences):
    titles = list(panels(charts.differences(differences, top=2)))
    assert "Cost, USD (2 more not drawn)" in titles
    assert all(len(rows) <= 2 for rows in panels(charts.differences(differences, top=2)).values())


def test_names_cut_to_the_same_text_stay_two_lines(differences):
    long = differences.head(1).with_columns(what=pl.lit("a" * 40 + "1" + "b" * 40))
    other = differences.head(1).with_columns(what=pl.lit("a" * 40 + "2" + "b" * 40))
    (rows,) = panels(charts.differences(pl.concat([long, other]))).values()
    assert len({row["what"] for row in rows}) == 2
    assert [len(row["full"]) for row in rows] == [81, 81]


def test_a_price_that_is_not_known_is_said_and_not_drawn_as_zero(differences):
    unknown = differences.head(1).with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name) for name in ("a_cost_usd", "b_cost_usd", "change_usd")
    )
    (rows,) = panels(charts.differences(unknown)).values()
    assert (rows[0]["a"], rows[0]["b"], rows[0]["note"]) == (None, None, "price unknown")


def test_another_frame_and_no_line_at_all_are_refused(differences):
    with pytest.raises(UnknownName, match=r"a frame of hl\.compare"):
        charts.differences(differences.drop("because"))
    with pytest.raises(InvalidArgument, match="top=0"):
        charts.differences(differences, top=0)


def test_the_chart_is_drawn_and_named(differences):
    chart = charts.differences(differences)
    assert describe(chart.to_dict()) == "<chart: What changed from a to b>"
    assert to_svg(chart, theme="harnlab-dark").startswith("<svg")
