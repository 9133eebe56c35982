import pytest

from analysis.frame_stand_in import StandIn
from analysis.test_autonomy import RUNS, check
from harnlab.analysis import autonomy as analysis
from harnlab.charts import autonomy as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName


def data(chart):
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    (rows,) = told["datasets"].values()
    return told, rows


class TestHours:
    def test_admitted_and_denied_stand_on_each_other_with_the_quota_as_a_rule(self):
        told, rows = data(charts.hours(analysis.usage(RUNS)))
        noon = [
            (row["decision"], row["start"], row["to"], row["note"]) for row in rows if "T12:" in row["hour"]
        ]
        assert noon == [("admitted", 0, 2, ""), ("denied", 2, 3, "✗ 1")]
        assert {row["per_hour"] for row in rows} == {2}
        assert told["spec"]["layer"][1]["mark"]["type"] == "rule"
        assert told["spec"]["layer"][1]["encoding"]["y"]["field"] == "per_hour"

    def test_hours_are_drawn_in_utc_and_one_hour_wide(self):
        told, rows = data(charts.hours(analysis.usage(RUNS)))
        assert told["spec"]["layer"][0]["encoding"]["x"]["scale"] == {"type": "utc"}
        assert rows[0]["until"] > rows[0]["hour"]

    def test_logs_are_panels_of_their_own_and_the_busiest_come_first(self):
        rows = [check(1, source_path="x/europe/log.jsonl"), check(2, source_path="x/america/log.jsonl")]
        rows += [check(3, "denied", source_path="x/america/log.jsonl", reason="hourly")]
        usage = analysis.usage(StandIn(autonomy_checks=rows))
        told, drawn = data(charts.hours(usage))
        assert told["facet"]["row"]["sort"] == ["a · america", "a · europe"]
        told, drawn = data(charts.hours(usage, top=1))
        assert {row["group"] for row in drawn} == {"a · america"}

    def test_it_draws_and_refuses_what_it_cannot_draw(self):
        assert "<svg" in to_svg(charts.hours(analysis.usage(RUNS)))
        with pytest.raises(UnknownName, match=r"hl.autonomy.usage"):
            charts.hours(analysis.denials(RUNS))
        with pytest.raises(InvalidArgument, match="top=0"):
            charts.hours(analysis.usage(RUNS), top=0)
