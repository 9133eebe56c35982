import altair as alt
import polars as pl
import pytest

from analysis.frame_stand_in import StandIn, at, call, inside
from harnlab.analysis import costs as analysis
from harnlab.charts import costs as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName

RUNS = StandIn(
    step_definitions=[{"function": "verify", "name": "verify", "max_usd": 0.25, "error_boundary": "fail"}],
    calls=[
        call("a", 0.2, model="sonnet", answered_at=at(0)),
        call("b", 0.1, model="sonnet", answered_at=at(10)),
        call("c", 0.05, model="haiku", answered_at=at(20)),
        call("d", None, model="glm"),
    ],
    step_calls=[
        inside("a", "verify", 2, 0, 0.2, input_tokens=7),
        inside("b", "verify", 2, 1, 0.1, input_tokens=7),
        inside("c", "tidy", 3, 0, 0.05, input_tokens=7),
    ],
)


def spec(chart):
    """The spec, after a round trip through JSON that must not change it."""
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    return told


def data(told):
    """Rows of a chart that has one data set."""
    (rows,) = told["datasets"].values()
    return rows


@pytest.fixture
def by_model():
    return analysis.by(RUNS, "model")


class TestByDimension:
    def test_bars_stand_in_usd_dearest_first_with_their_amounts_in_words(self, by_model):
        told = spec(charts.by_dimension(by_model))
        assert told["title"] == "Cost by model"
        assert told["layer"][0]["encoding"]["x"]["title"] == "known cost, USD"
        assert told["layer"][0]["encoding"]["y"]["sort"] is None
        assert [(row["group"], row["note"]) for row in data(told)] == [
            ("sonnet", "0.300000 USD · 85.7 %"),
            ("haiku", "0.050000 USD · 14.3 %"),
            ("glm", "price unknown · 1 unpriced"),
        ]

    def test_what_does_not_fit_is_one_bar_that_says_so(self, by_model):
        rows = data(spec(charts.by_dimension(by_model, top=1)))
        assert [(row["group"], row["cost_usd"], row["unpriced_calls"]) for row in rows] == [
            ("sonnet", pytest.approx(0.3), 0),
            ("(2 others)", 0.05, 1),
        ]

    def test_the_total_alone_is_a_bar(self):
        assert [row["group"] for row in data(spec(charts.by_dimension(analysis.by(RUNS))))] == ["all"]

    def test_a_frame_of_another_kind_is_refused(self, by_model):
        with pytest.raises(UnknownName, match=r"no column cost_usd; expected a frame of hl.costs.by"):
            charts.by_dimension(by_model.drop("cost_usd"))
        with pytest.raises(InvalidArgument, match="top=0"):
            charts.by_dimension(by_model, top=0)


class TestOverTime:
    def test_each_value_has_a_row_of_bars_in_utc(self):
        told = spec(charts.over_time(analysis.trend(RUNS, every="10m")))
        assert told["encoding"]["row"]["sort"] == ["sonnet · 0.3 USD", "haiku · 0.05 USD"]
        assert told["encoding"]["x"]["scale"] == {"type": "utc"}
        assert told["title"] == {
            "text": "Cost over time by model",
            "subtitle": "not drawn, for want of a time: 1 call (0 USD)",
        }
        assert [(row["group"], row["cost_usd"]) for row in data(told)] == [
            ("sonnet", 0.2),
            ("sonnet", 0.1),
            ("haiku", 0.05),
        ]

    def test_small_values_share_a_row(self):
        told = spec(charts.over_time(analysis.trend(RUNS, every="10m"), top=1))
        assert told["encoding"]["row"]["sort"] == ["sonnet · 0.3 USD", "(2 others) · 0.05 USD"]

    def test_more_windows_than_fit_are_drawn_wider_and_lose_nothing(self):
        runs = StandIn(calls=[call(str(n), 0.01, answered_at=at(n / 4)) for n in range(6_000)])
        rows = data(spec(charts.over_time(analysis.trend(runs, every="15s", by=None))))
        assert len(rows) < charts.MOST_ROWS
        assert sum(row["cost_usd"] for row in rows) == pytest.approx(60)


class TestRunningTotal:
    def test_the_line_meets_its_limit_and_the_tripping_call_is_marked_in_words(self):
        told = spec(charts.running_total(analysis.running(RUNS)))
        assert told["title"] == "Running total, USD, call by call"
        assert [layer["mark"]["type"] for layer in told["spec"]["layer"]] == [
            "line",
            "rule",
            "text",
            "point",
            "text",
        ]
        assert told["spec"]["layer"][3]["transform"] == [{"filter": "datum.tripping"}]
        tripping = [row for row in data(told) if row["tripping"]]
        assert [(row["call"], row["trip_text"]) for row in tripping] == [(2, "call 2: 0.3 USD, over by 0.05")]
        assert [row["limit_text"] for row in data(told)] == ["limit 0.25 USD", None, None]

    def test_steps_that_tripped_come_first(self):
        told = spec(charts.running_total(analysis.running(RUNS).reverse()))
        assert told["facet"]["row"]["sort"] == ["verify · span 2", "tidy · span 3"]

    def test_tokens_are_drawn_where_only_they_are_limited(self):
        running = analysis.running(RUNS).with_columns(
            max_tokens=pl.lit(10), max_usd=pl.lit(None, dtype=pl.Float64)
        )
        told = spec(charts.running_total(running))
        assert told["spec"]["layer"][0]["encoding"]["y"]["title"] == "tokens"
        assert spec(charts.running_total(running, unit="USD"))["title"].startswith("Running total, USD")

    def test_amounts_of_tokens_have_their_thousands_apart(self):
        runs = StandIn(
            step_definitions=[{"function": "risk", "name": "risk", "max_tokens": 30_000}],
            step_calls=[inside(str(n), "risk", 2, n, 0.1, input_tokens=16_205) for n in range(2)],
        )
        rows = data(spec(charts.running_total(analysis.running(runs))))
        assert rows[0]["limit_text"] == "limit 30,000 tokens"
        assert rows[1]["trip_text"] == "call 2: 32,410 tokens, over by 2,410"

    def test_an_unknown_unit_is_refused(self):
        with pytest.raises(UnknownName, match="no unit 'EUR'; expected one of USD, tokens"):
            charts.running_total(analysis.running(RUNS), unit="EUR")

    def test_a_long_step_is_thinned_but_keeps_its_tripping_call(self):
        runs = StandIn(
            step_definitions=[{"function": "verify", "max_usd": 12.345, "persona": "captain"}],
            step_calls=[inside(str(n), "verify", 2, n, 0.01) for n in range(12_000)],
        )
        rows = data(spec(charts.running_total(analysis.running(runs))))
        assert len(rows) <= charts.MOST_ROWS
        assert [row["call"] for row in rows if row["tripping"]] == [1235]
        assert rows[-1]["call"] == 12_000


class TestIcicle:
    def test_each_level_splits_the_one_above(self):
        rows = data(spec(charts.icicle(analysis.by(RUNS, "step", "model"))))
        spans = {(row["level"], row["path"]): (round(row["start"], 9), round(row["end"], 9)) for row in rows}
        assert spans == {
            ("step", "verify"): (0, 0.3),
            ("step", "tidy"): (0.3, 0.35),
            ("model", "verify · sonnet"): (0, 0.3),
            ("model", "tidy · haiku"): (0.3, 0.35),
        }

    def test_no_dimension_is_nothing_to_nest(self):
        with pytest.raises(InvalidArgument, match="0 dimensions"):
            charts.icicle(analysis.by(RUNS))


@pytest.mark.parametrize(
    "chart",
    [
        charts.by_dimension(analysis.by(RUNS, "step")),
        charts.over_time(analysis.trend(RUNS)),
        charts.running_total(analysis.running(RUNS)),
        charts.icicle(analysis.by(RUNS, "persona", "step", "model")),
    ],
    ids=["by_dimension", "over_time", "running_total", "icicle"],
)
def test_every_chart_is_drawn(chart):
    assert isinstance(chart, alt.TopLevelMixin)
    assert to_svg(chart).startswith("<svg")
