"""The state timeline without a browser."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harnlab as hl
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.widgets import state_views
from widgets.logs import runs_of
from widgets.pages import presses, told


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/two-writers", progress=False)


@pytest.fixture
def timeline(runs):
    return hl.StateTimeline(runs)


def test_writes_handoffs_and_conflicts_stand_in_order_of_time(timeline, runs):
    dated = timeline.events["at"].drop_nulls()
    assert dated.is_sorted()
    kinds = timeline.events["event"].to_list()
    assert kinds.count("handoff") == hl.state.handoffs(runs).height
    assert kinds.count("refused") + kinds.count("suspected") == hl.state.conflicts(runs).height
    assert kinds[-2:] != ["written", "written"]


def test_a_conflict_crosses_from_one_writer_to_the_other(timeline):
    crossings = str(timeline._lanes.tree).count("hl-crossing")
    assert crossings == 2
    assert {"planner", "reviewer"} <= set(told(timeline._lanes).split())


def test_events_of_the_same_second_stand_beside_each_other_in_their_order(timeline):
    met = [number for number, event in enumerate(timeline.events["event"]) if event == "suspected"]
    written, suspected = met[0] - 1, met[0]
    assert timeline.events["at"][written] == timeline.events["at"][suspected]
    places = {event: float(mark["cx"]) for event, mark in marks(timeline)}
    assert 18 <= places[f"event:{suspected}"] - places[f"event:{written}"] < 30


def marks(timeline):
    """Each event's name and the mark it is clicked at."""
    for tag, attributes, children in timeline._lanes.tree[0][2]:
        if tag == "g":
            circles = [told for kind, told, _ in children if kind == "circle"]
            yield attributes["data-press"], next(mark for mark in circles if float(mark["r"]) == 9)


@given(places=st.lists(st.floats(134, 806), max_size=400).map(sorted))
def test_marks_of_a_lane_keep_their_order_and_stay_in_it(places):
    moved = state_views.apart(places)
    assert len(moved) == len(places)
    assert all(134 <= x <= 806 for x in moved)
    gap = min(20, 336 / max(1, len(places)))
    assert all(after - before > gap - 0.11 for before, after in pairwise(moved))
    if all(after - before >= 20 for before, after in pairwise(places)):
        assert moved == pytest.approx(places, abs=0.06)


def test_an_event_pressed_in_its_lane_shows_its_record(timeline, from_page, runs):
    refused = timeline.events["event"].to_list().index("refused")
    assert f"event:{refused}" in presses(timeline._lanes.tree[0])
    from_page.message(timeline._lanes, press=f"event:{refused}")
    assert timeline.selected["key"].to_list() == ["plan.md"]
    assert "was previously written by 'planner'" in told(timeline._record)
    for nonsense in ("event:99", "event:x", "99", ""):
        from_page.message(timeline._lanes, press=nonsense)
    assert timeline.event == refused


def test_going_back_in_time_leaves_out_what_came_later(timeline, from_page):
    from_page(timeline._dial, value=3)
    assert timeline.selected["event"].to_list() == ["written", "written", "handoff"]
    assert presses(timeline._lanes.tree[0]) == ["event:0", "event:1", "event:2"]
    from_page(timeline._dial, value=None)
    assert timeline.selected.height == timeline.events.height


def test_the_dial_goes_back_from_a_number_that_no_event_has(timeline, from_page):
    for asked, stands in ((0, 1), (0, 1), (99, timeline.events["at"].count())):
        from_page(timeline._dial, value=asked)
        assert timeline._dial.value == stands


def test_a_moment_between_events_stays_as_it_was_written(timeline):
    timeline.as_of = "2026-06-22T08:32:00"
    assert timeline.as_of == "2026-06-22T08:32:00"
    assert timeline._dial.value == 4
    timeline.as_of = "2026-06-22T08:32:00+00:00"
    assert timeline.selected.height == 4


@pytest.mark.parametrize(
    "state", [{}, {"event": 4}, {"as_of": "2026-06-22T08:31:30"}, {"as_of": "2027-01-01", "event": 2}]
)
def test_the_cell_builds_it_again(runs, state):
    timeline = hl.StateTimeline(runs, **state)
    again = eval(timeline.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(timeline.selected)
    assert again.summary() == timeline.summary()


def test_a_table_sorted_by_a_header_is_the_same_frame(timeline, runs, from_page):
    from_page(timeline.grid, sort=["key", True])
    assert timeline.grid.rows["key"][0] != timeline.events["key"][0]
    again = eval(timeline.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(timeline.selected)
    assert again.grid.rows.equals(timeline.grid.rows)


def test_what_is_not_there_is_refused(runs):
    with pytest.raises(UnknownName, match="no event 99"):
        hl.StateTimeline(runs, event=99)
    with pytest.raises(InvalidArgument, match="as_of: 'yesterday'"):
        hl.StateTimeline(runs, as_of="yesterday")


def test_a_log_without_state_shows_nothing(from_page):
    timeline = hl.StateTimeline(runs_of())
    from_page(timeline._dial, value=1)
    assert timeline.selected.height == 0
    assert repr(timeline) == "<StateTimeline: 0 of 0 events>"
