import polars as pl
import pytest

from analysis.frame_stand_in import StandIn, at, call, dispatch
from harnlab.analysis import routes as analysis
from harnlab.charts import routes as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName

DEAD = "empty_completion_terminal"
RUNS = StandIn(
    dispatches=[
        dispatch("a", 0),
        dispatch("b", 7, origins="iocuo", kind=DEAD),
        dispatch("c", 8, origins="iiccc"),
    ],
    calls=[call("a", 0.1), call("b", 0.2), call("c", None)],
)


def spec(chart):
    """The spec, after a round trip through JSON that must not change it."""
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    return told


def data(told):
    (rows,) = told["datasets"].values()
    return rows


class TestProvenanceMatrix:
    def test_every_cell_has_its_count_as_text(self):
        told = spec(charts.provenance_matrix(analysis.matrix(RUNS)))
        cells = {(row["field"], row["origin"]): row["count"] for row in data(told)}
        assert len(cells) == 30
        assert cells["provider", "inherited_from_primary"] == "2"
        assert cells["provider", "operator_pin"] == "1"
        assert cells["model", "unknown"] == "·"
        assert told["layer"][2]["mark"]["type"] == "text"

    def test_origins_have_glyphs_and_inherited_cells_a_frame(self):
        told = spec(charts.provenance_matrix(analysis.matrix(RUNS)))
        assert "↓ inherited from primary" in told["layer"][0]["encoding"]["y"]["sort"]
        assert told["layer"][1]["transform"] == [{"filter": "datum.inherited"}]
        assert sum(row["inherited"] for row in data(told)) == 2

    def test_a_newer_origin_gets_a_line(self):
        frame = analysis.matrix(StandIn(dispatches=[dispatch("a", provenance_model="oracle")]))
        assert "? oracle" in spec(charts.provenance_matrix(frame))["layer"][0]["encoding"]["y"]["sort"]

    def test_a_frame_of_another_kind_is_refused(self):
        with pytest.raises(UnknownName, match=r"expected a frame of hl.routes.matrix"):
            charts.provenance_matrix(pl.DataFrame({"field": []}))


class TestInheritedShare:
    def test_the_share_is_drawn_in_percent_with_its_interval_and_the_first_call(self):
        told = spec(charts.inherited_share(analysis.trend(RUNS, every="5m")))
        assert told["layer"][1]["encoding"]["y"]["title"] == "inherited, % of dispatches"
        assert told["layer"][0]["encoding"]["y2"]["field"] == "high_pct"
        assert told["layer"][2]["encoding"]["x"]["field"] == "first_inherited_at"
        assert [(row["share_pct"], row["first_text"]) for row in data(told)] == [
            (0, None),
            (100, "first at 2026-05-01 10:07:00 UTC"),
        ]

    def test_too_many_windows_say_what_to_do(self):
        runs = StandIn(dispatches=[dispatch(str(n), n) for n in range(5_001)])
        with pytest.raises(InvalidArgument, match="wider windows"):
            charts.inherited_share(analysis.trend(runs, every="1m"))


class TestOutcomeMix:
    def test_groups_are_panels_with_shares_intervals_and_counts(self):
        told = spec(charts.outcome_mix(analysis.outcomes(RUNS, by="origin")))
        assert told["title"] == "Outcomes by origin, 95 % intervals"
        assert told["facet"]["row"]["sort"] == ["inherited_from_primary", "pinned"]
        assert [(row["group"], row["label"], row["note"]) for row in data(told)] == [
            ("inherited_from_primary", "∅ empty, terminal", "1 of 2"),
            ("inherited_from_primary", "✓ served", "1 of 2"),
            ("pinned", "✓ served", "1 of 1"),
        ]

    def test_only_the_largest_groups_are_drawn(self):
        told = spec(charts.outcome_mix(analysis.outcomes(RUNS, by="origin"), top=1))
        assert told["facet"]["row"]["sort"] == ["inherited_from_primary"]
        with pytest.raises(InvalidArgument, match="1 or more"):
            charts.outcome_mix(analysis.outcomes(RUNS), top=0)


@pytest.mark.parametrize(
    "runs", [RUNS, StandIn(), StandIn(dispatches=[dispatch("a", timestamp=None, kind=None)])]
)
def test_every_chart_is_drawn_whatever_was_recorded(runs):
    assert to_svg(charts.provenance_matrix(analysis.matrix(runs))).startswith("<svg")
    assert to_svg(charts.inherited_share(analysis.trend(runs))).startswith("<svg")
    assert to_svg(charts.outcome_mix(analysis.outcomes(runs, by=["model", "origin"]))).startswith("<svg")


def test_text_from_a_log_is_never_markup():
    runs = StandIn(dispatches=[dispatch("a", at(0).minute, model="<script>x</script>")])
    svg = to_svg(charts.outcome_mix(analysis.outcomes(runs, by="model")))
    assert "<script" not in svg
    assert "&lt;script" in svg
