import pytest

from analysis.frame_stand_in import StandIn, inside
from harnlab.charts import whatif as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.replay import whatif


def spec(chart):
    """The spec, after a round trip through JSON that must not change it."""
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    return told


def data(told):
    (rows,) = told["datasets"].values()
    return rows


def runs(*, status="skipped", rows=True):
    """A step cut at 1.5 USD by a limit of 1.25, after calls of 0.5 and 1."""
    step = {
        "step": "v",
        "span_id": 2,
        "status": status,
        "cost_usd": 1.5,
        "input_tokens": 20,
        "output_tokens": 0,
    }
    limits = {"function": "v", "name": "v", "max_usd": 1.25, "error_boundary": "continue"}
    called = [
        inside(str(n), "v", 2, n, cost, input_tokens=10, output_tokens=0, persona=None)
        for n, cost in enumerate((0.5, 1.0))
    ]
    return StandIn(
        steps=[step | {"llm_calls": 2}], step_definitions=[limits], step_calls=called if rows else []
    )


class TestStepSweep:
    def test_an_exact_answer_is_a_point_a_censored_one_has_no_end(self):
        told = spec(charts.step_sweep(whatif.step_budget(runs(), max_usd=[0.25, 1.25, 9])))
        rows = {row["asked"]: row for row in data(told)}
        assert [rows[limit]["decidability"] for limit in (0.25, 1.25, 9)] == ["exact", "exact", "censored"]
        assert (rows[0.25]["least_usd"], rows[0.25]["most_usd"], rows[0.25]["recorded_usd"]) == (
            0.5,
            0.5,
            1.5,
        )
        assert (rows[9]["least_usd"], rows[9]["most_usd"], rows[9]["note"]) == (1.5, None, "↑ 1 cut")
        ends = next(layer for layer in told["layer"] if layer["mark"].get("strokeDash") == [3, 3])
        assert ends["transform"] == [{"filter": "datum.censored > 0"}]
        assert ends["encoding"]["y2"] == {"value": 0}

    def test_a_bound_is_a_bar_from_least_to_most(self):
        told = spec(charts.step_sweep(whatif.step_budget(runs(rows=False), max_usd=[0.25])))
        (row,) = data(told)
        assert (row["decidability"], row["least_usd"], row["most_usd"]) == ("bound", 0.25, 1.5)

    def test_what_is_unknown_is_counted_and_not_drawn_as_spend(self):
        step = {"step": "w", "span_id": 3}
        unknown = StandIn(steps=[step, runs().frame("steps").row(0, named=True) | {"seq": 1}])
        told = spec(charts.step_sweep(whatif.step_budget(unknown, max_usd=[9])))
        (row,) = data(told)
        assert (row["decidability"], row["left_out"]) == ("insufficient", 1)
        assert "1 unknown" in row["note"]

    def test_decidability_is_said_by_shape_and_words_too(self):
        told = spec(charts.step_sweep(whatif.step_budget(runs(), max_usd=[0.25, 9])))
        points = next(layer for layer in told["layer"] if layer["mark"]["type"] == "point")
        shape = points["encoding"]["shape"]
        assert (shape["field"], shape["scale"]["domain"]) == ("decidability", ["exact", "censored"])
        assert any(layer["mark"]["type"] == "text" for layer in told["layer"])

    def test_tokens_are_swept_as_well_and_two_limits_at_once_are_refused(self):
        told = spec(charts.step_sweep(whatif.step_budget(runs(), max_tokens=[5, 15])))
        assert told["layer"][0]["encoding"]["x"]["title"] == "max_tokens asked, tokens"
        with pytest.raises(InvalidArgument, match="two limits"):
            charts.step_sweep(whatif.step_budget(runs(), max_tokens=5, max_usd=1))

    def test_it_is_drawn_and_refuses_other_frames(self):
        assert "<svg" in to_svg(charts.step_sweep(whatif.step_budget(runs(), max_usd=[0.25, 9])))
        with pytest.raises(UnknownName, match=r"hl.whatif.step_budget"):
            charts.step_sweep(runs().frame("steps"))
