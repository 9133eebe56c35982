"""Picking runs, and explorers that follow."""

import pytest

import harnlab as hl
from harnlab.errors import UnknownName


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/inherited-route", progress=False)


@pytest.fixture
def picker(runs):
    return hl.RunPicker(runs)


def test_nothing_picked_means_all(picker, runs):
    assert picker.runs is runs
    assert picker.selected.equals(runs.summary)


def test_a_click_picks_a_run_and_another_lets_go(picker, from_page, runs):
    from_page.message(picker.grid, toggle=3)
    from_page.message(picker.grid, toggle=1)
    assert picker.run_ids == [runs.run_ids[3], runs.run_ids[1]]
    assert [row[0] for row in picker.grid.page["rows"]][:5] == ["☐", "☑", "☐", "☑", "☐"]
    from_page.message(picker.grid, toggle=3)
    assert picker.runs.run_ids == [runs.run_ids[1]]
    from_page.message(picker._told_below, press="none")
    assert picker.run_ids == []
    assert picker.grid.selected == []


def test_other_explorers_follow_and_their_cell_says_so(picker, runs):
    routes, budgets = hl.RouteExplorer(picker), hl.BudgetExplorer(picker)
    skills, autonomy, state = hl.SkillExplorer(picker), hl.AutonomyExplorer(picker), hl.StateTimeline(picker)
    routes.filters = {"origin": "inherited_from_primary"}
    picker.run_ids = runs.run_ids[7:9]
    assert set(routes.selected["run_id"]) == set(runs.run_ids[7:9])
    assert routes.filters == {}
    assert budgets.runs.run_ids == runs.run_ids[7:9]
    routes.filters = {"outcome_kind": "served"}
    for explorer in (routes, budgets, skills, autonomy, state):
        again = eval(explorer.code, {"hl": hl, "runs": runs})
        assert again.selected.equals(explorer.selected)
        assert again.summary() == explorer.summary()


def test_the_cell_builds_it_again(picker, runs):
    picker.run_ids = runs.run_ids[:2]
    again = eval(picker.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(picker.selected)
    assert again.grid.selected == [0, 1]


def test_a_run_that_is_not_there_is_refused(runs):
    with pytest.raises(UnknownName, match="no run 'r9'"):
        hl.RunPicker(runs, run_ids=["r9"])


def test_a_notebook_stores_what_was_picked(picker, runs):
    picker.run_ids = runs.run_ids[:1]
    bundle = picker._repr_mimebundle_()
    assert bundle["text/plain"] == "<RunPicker: 1 of 12 runs>"
    assert bundle["application/vnd.harnlab.run-picker+json"] == {"run_ids": runs.run_ids[:1], "runs": 12}
