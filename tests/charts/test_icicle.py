import polars as pl
import pytest

from analysis.frame_stand_in import StandIn, call, inside
from harnlab.analysis import costs as analysis
from harnlab.charts import costs as charts
from harnlab.errors import InvalidArgument, UnknownName

RUNS = StandIn(
    step_definitions=[{"function": "verify", "name": "verify", "max_usd": 0.12}],
    calls=[
        call("a", 0.2, model="sonnet", input_tokens=10, output_tokens=5, response_ms=1500),
        call("b", 0.1, model="sonnet", input_tokens=20, output_tokens=5, response_ms=500),
        call("c", 0.05, model="haiku", input_tokens=30, output_tokens=5),
        call("d", None, model="glm", input_tokens=40, output_tokens=5, response_ms=250),
    ],
    step_calls=[
        inside("a", "verify", 2, 0, 0.2, input_tokens=10),
        inside("b", "verify", 7, 0, 0.1, input_tokens=20),
        inside("c", "tidy", 3, 0, 0.05, input_tokens=30),
        inside("d", "tidy", 3, 1, None, input_tokens=40),
    ],
)


def rows_of(told, column):
    return next(rows for rows in told["datasets"].values() if rows and column in rows[0])


def bars(chart, level):
    rows = rows_of(chart.to_dict(), "path")
    return {row["name"]: row for row in rows if row["level"] == level}


@pytest.fixture
def nested():
    return analysis.nested(RUNS, "step", "model", "call_id")


def test_nested_costs_go_down_to_the_call_with_times_and_limits(nested):
    rows = {row["call_id"]: row for row in nested.iter_rows(named=True)}
    assert rows["a"]["response_ms"] == 1500
    assert rows["c"]["response_ms"] is None
    assert [(rows[one]["step_visits"], rows[one]["step_visits_over"]) for one in "ac"] == [(2, 1), (1, 0)]
    assert rows["b"]["step_max_usd"] == pytest.approx(0.24)
    assert rows["c"]["step_max_usd"] is None
    assert nested["cost_usd"].sum() == pytest.approx(analysis.total(RUNS)["cost_usd"][0])


def test_nested_costs_without_a_dimension_named_are_persona_step_route_call():
    assert analysis.nested(RUNS).columns[:4] == ["persona", "step", "route", "call_id"]


@pytest.mark.parametrize(
    ("unit", "widths", "title"),
    [
        ("usd", {"▲ verify": 0.3, "tidy": 0.05}, "known cost, USD"),
        ("tokens", {"▲ verify": 40, "tidy": 80}, "tokens, input and output"),
        ("time", {"▲ verify": 2.0, "tidy": 0.25}, "time to answer, seconds"),
    ],
)
def test_a_bar_is_as_wide_as_what_its_calls_used(nested, unit, widths, title):
    chart = charts.icicle(nested, unit=unit)
    drawn = bars(chart, "step")
    assert {name: pytest.approx(row["end"] - row["start"]) for name, row in drawn.items()} == widths
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["title"] == title


def test_a_bar_with_calls_that_are_not_known_is_hatched_and_the_subtitle_says_so(nested):
    told = charts.icicle(nested).to_dict()
    assert [bars(charts.icicle(nested), "step")[name]["partial"] for name in ("▲ verify", "tidy")] == [
        False,
        True,
    ]
    assert "hatched" in told["title"]["subtitle"][0]
    slants = rows_of(told, "x2")
    tidy = bars(charts.icicle(nested), "step")["tidy"]
    assert slants
    assert all(tidy["start"] - 1e-9 <= line[x] <= tidy["end"] + 1e-9 for line in slants for x in ("x", "x2"))
    known = charts.icicle(nested.filter(pl.col("unpriced_calls") == 0)).to_dict()
    assert "hatched" not in known["title"]["subtitle"]


def test_a_step_that_used_more_than_all_its_limits_has_a_line_at_them(nested):
    verify = bars(charts.icicle(nested), "step")["▲ verify"]
    assert verify["limit"] == pytest.approx(verify["start"] + 0.24)
    assert bars(charts.icicle(nested), "step")["tidy"]["limit"] is None


def test_a_budget_of_ones_own_is_a_line_in_words_that_stays_in_sight(nested):
    told = charts.icicle(nested, budget=2).to_dict()
    assert rows_of(told, "budget") == [{"budget": 2.0, "text": "budget 2 USD"}]
    assert told["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 2]


def test_bars_too_narrow_to_see_are_one_bar_that_counts_them():
    calls = [call(f"c{n}", 0.0001, model="m") for n in range(9_000)] + [call("big", 10.0, model="m")]
    chart = charts.icicle(analysis.nested(StandIn(calls=calls), "model", "call_id"))
    told = chart.to_dict()
    assert sum(map(len, told["datasets"].values())) <= charts.MOST_ROWS
    assert set(bars(chart, "call_id")) == {"big", "(9,000 smaller)"}
    assert bars(chart, "model")["m"]["end"] == pytest.approx(10.9)


def test_an_unknown_unit_or_a_frame_without_times_is_refused(nested):
    with pytest.raises(UnknownName, match="no unit 'eur'; expected one of usd, tokens, time"):
        charts.icicle(nested, unit="eur")
    with pytest.raises(UnknownName, match="no column response_ms"):
        charts.icicle(analysis.by(RUNS, "step"), unit="time")
    with pytest.raises(InvalidArgument, match="0 dimensions"):
        charts.icicle(analysis.by(RUNS))


def test_a_name_from_a_log_is_never_an_expression():
    runs = StandIn(calls=[call("a", 0.2, model="'] + window.alert(1) + ['")])
    told = charts.icicle(analysis.by(runs, "model")).to_dict()
    axis = told["layer"][0]["encoding"]["y"]["axis"]
    assert axis["labelExpr"] == "['model'][floor(datum.value)]"
