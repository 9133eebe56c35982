"""Whatever a log calls things, each widget only ever sends visible texts of a bounded length to the page."""

import json

import pytest

import harnlab as hl
from widgets.hostile import TERMINAL, UNSEEN, hostile_sample

#: Characters that everything an explorer shows may come to.
MOST = 400_000
EXPLORERS = {
    "cost-overrun": hl.BudgetExplorer,
    "inherited-route": hl.RouteExplorer,
    "skill-catalog": hl.SkillExplorer,
    "autonomy-pressure": hl.AutonomyExplorer,
    "two-writers": hl.StateTimeline,
}


@pytest.fixture(scope="module", params=EXPLORERS)
def sample(request, tmp_path_factory):
    folder = hostile_sample(tmp_path_factory.mktemp("hostile"), request.param)
    return request.param, hl.load(folder, progress=False)


def sent(widget):
    """Every text a widget and those in it hold for the page."""
    state = {name: value for name, value in widget.get_state().items() if name not in {"_esm", "_css"}}
    own = json.dumps(state, default=str, ensure_ascii=False)
    return own + "".join(sent(child) for child in getattr(widget, "children", ()))


def harmless(text):
    return not set(UNSEEN).intersection(text) and len(text) < MOST


def picked(explorer):
    """Pick one thing after the other, and give the explorer each time."""
    if isinstance(explorer, hl.SkillExplorer):
        for skill in explorer._skills:
            explorer.turn, explorer.skill = 13, skill
            yield
        return
    grids = [child for child in explorer.children if hasattr(child, "order")]
    for grid in grids:
        for place in range(min(12, len(grid.order))):
            grid.active = place
            yield


def test_what_an_explorer_of_a_hostile_log_sends_hides_nothing_and_stays_short(sample):
    name, runs = sample
    explorer = EXPLORERS[name](runs)
    assert harmless(sent(explorer))
    for _ in picked(explorer):
        assert harmless(sent(explorer))
        stored = explorer._repr_mimebundle_()
        assert harmless(stored["text/plain"])
        assert len(json.dumps(stored)) < MOST
    assert "harnlabWasHere" in sent(explorer)


def test_runs_to_pick_from_hide_nothing_and_stay_short(sample):
    picker = hl.RunPicker(sample[1])
    picker.run_ids = sample[1].run_ids[:1]
    assert harmless(sent(picker))
    assert harmless(repr(picker))


def test_the_cell_of_a_hostile_log_builds_it_again(sample):
    name, runs = sample
    explorer = EXPLORERS[name](runs)
    for _ in picked(explorer):
        assert harmless(explorer.code.replace("y" * 1_000, ""))
        again = eval(explorer.code, {"hl": hl, "runs": runs})
        assert again.selected.equals(explorer.selected)


def test_a_growing_log_hides_nothing(tmp_path):
    folder = hostile_sample(tmp_path, "cost-overrun")
    view = hl.TailView(folder / "llm_transcript.jsonl", status="paused")
    view.look()
    for place in range(0, len(view.events.order), 20):
        view.events.active = place
        assert harmless(sent(view))
    assert harmless(repr(view))
    assert TERMINAL not in sent(view)
