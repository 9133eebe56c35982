import pytest

from analysis.frame_stand_in import StandIn
from analysis.test_skills import RUNS, turn
from harnlab.analysis import skills as analysis
from harnlab.charts import skills as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName


def data(chart):
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    (rows,) = told["datasets"].values()
    return told, rows


class TestLifecycleMatrix:
    def test_every_cell_has_a_glyph_and_what_is_out_of_sight_a_frame(self):
        told, rows = data(charts.lifecycle_matrix(analysis.lifecycle(RUNS)))
        cells = {(row["turn"], row["skill_id"]): row["glyph"] for row in rows}
        assert (cells[0, "a"], cells[0, "b"], cells[1, "c"], cells[2, "b"]) == ("○", "◐", "×", "●")
        assert told["layer"][1]["transform"] == [{"filter": "datum.out_of_sight"}]
        assert [(row["turn"], row["skill_id"]) for row in rows if row["out_of_sight"]] == [(1, "b")]
        assert told["layer"][2]["encoding"]["text"]["field"] == "glyph"

    def test_the_glyphs_are_told_in_words(self):
        told, _ = data(charts.lifecycle_matrix(analysis.lifecycle(RUNS)))
        assert "○ shown" in told["title"]["subtitle"]

    def test_a_word_of_a_newer_runtime_is_a_question_mark(self):
        rows = [row | {"lifecycle": "dreaming"} for row in turn(0, (40,), budget=300)]
        _, cells = data(charts.lifecycle_matrix(analysis.lifecycle(StandIn(skill_cards=rows))))
        assert cells[0]["glyph"] == "?"

    def test_several_runs_and_too_many_cells_are_refused(self):
        rows = turn(0, (40,), budget=300)
        two = StandIn(skill_cards=[*rows, *(row | {"run_id": "run-2"} for row in rows)])
        with pytest.raises(InvalidArgument, match="2 runs"):
            charts.lifecycle_matrix(analysis.lifecycle(two))
        many = StandIn(skill_cards=[rows[0] | {"turn": n} for n in range(5001)])
        with pytest.raises(InvalidArgument, match="5,001 cells"):
            charts.lifecycle_matrix(analysis.lifecycle(many))

    def test_it_draws_and_refuses_other_frames(self):
        assert "<svg" in to_svg(charts.lifecycle_matrix(analysis.lifecycle(RUNS)))
        with pytest.raises(UnknownName, match=r"hl.skills.lifecycle"):
            charts.lifecycle_matrix(analysis.turns(RUNS))


class TestCatalogFit:
    def test_parts_stand_from_byte_to_byte_with_a_rule_at_the_budget(self):
        told, rows = data(charts.catalog_fit(analysis.fit(RUNS, turn=1)))
        assert [(row["label"], row["from_byte"], row["to_byte"], row["glyph"]) for row in rows] == [
            ("header", 0, 151, "○"),
            ("a", 151, 191, "○"),
            ("b", 192, 229, "×"),
            ("c", 230, 270, "×"),
            ("suffix", 191, 243, "○"),
        ]
        assert told["layer"][-1]["mark"]["type"] == "rule"
        assert "budget 260 bytes;" in told["title"]

    def test_a_budget_below_the_floor_says_what_it_counts_as(self):
        told, _ = data(
            charts.catalog_fit(analysis.fit(StandIn(skill_cards=turn(0, (60,), budget=10)), turn=0))
        )
        assert "budget 10 bytes, counted as 203" in told["title"]

    def test_it_draws_and_refuses_other_frames(self):
        assert "<svg" in to_svg(charts.catalog_fit(analysis.fit(RUNS, turn=1)))
        with pytest.raises(UnknownName, match=r"hl.skills.fit"):
            charts.catalog_fit(analysis.turns(RUNS))
