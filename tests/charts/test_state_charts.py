import pytest

from analysis.frame_stand_in import StandIn
from analysis.test_state import RUNS, entry
from harnlab.analysis import state as analysis
from harnlab.charts import state as charts
from harnlab.charts.renderer import to_svg
from harnlab.errors import InvalidArgument, UnknownName


def data(chart):
    told = chart.to_dict()
    assert type(chart).from_json(chart.to_json()).to_dict()["$schema"] == told["$schema"]
    (rows,) = told["datasets"].values()
    return told, rows


class TestWriterLanes:
    def test_writers_are_lanes_and_handoffs_and_conflicts_have_marks_of_their_own(self):
        told, rows = data(charts.writer_lanes(analysis.entries(RUNS), analysis.handoffs(RUNS)))
        assert sorted((row["session_id"], row["writer"], row["key"], row["kind"]) for row in rows) == [
            ("other", "reviewer", "plan.md", "last write"),
            ("s", "planner", "handoff", "handoff"),
            ("s", "reviewer", "plan.md", "suspected conflict"),
        ]
        points = told["spec"]["layer"][0]["encoding"]
        assert points["y"]["field"] == "writer"
        assert points["shape"]["scale"]["range"] == ["circle", "cross", "diamond"]

    def test_keys_without_a_time_are_counted_in_the_subtitle(self):
        told, _ = data(charts.writer_lanes(analysis.entries(RUNS)))
        assert told["title"]["subtitle"].endswith("; 1 without a time not drawn")
        assert "◆ handoff" in told["title"]["subtitle"]

    def test_it_draws_and_refuses_what_it_cannot_draw(self):
        assert "<svg" in to_svg(charts.writer_lanes(analysis.entries(RUNS), analysis.handoffs(RUNS)))
        with pytest.raises(UnknownName, match=r"hl.state.entries"):
            charts.writer_lanes(analysis.conflicts(RUNS))
        with pytest.raises(UnknownName, match=r"hl.state.handoffs"):
            charts.writer_lanes(analysis.entries(RUNS), analysis.conflicts(RUNS))
        many = StandIn(state_entries=[entry(f"k{n}") for n in range(5001)])
        with pytest.raises(InvalidArgument, match="5,001 keys"):
            charts.writer_lanes(analysis.entries(many))
