"""Whatever was clicked, dialled and sorted, and in which order: ``.code`` builds the same rows again, sorted so."""

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.widgets.dial import Dial
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.grid import Grid
from widgets.pages import presses

SAMPLES = {
    "inherited-route": hl.RouteExplorer,
    "cost-overrun": hl.BudgetExplorer,
    "skill-catalog": hl.SkillExplorer,
    "autonomy-pressure": hl.AutonomyExplorer,
    "two-writers": hl.StateTimeline,
}
#: What a hand did: which of the explorer's parts, which of its places, and where else a number is asked for.
HANDS = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 999), st.none() | st.floats(0, 1)), min_size=1, max_size=6
)


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request):
    return SAMPLES[request.param], hl.load(f"sample_transcripts/{request.param}", progress=False)


@cache
def fleet():
    return hl.load("sample_transcripts/inherited-route", progress=False)


def parts(widget):
    """Everything in an explorer that a hand can reach."""
    found = [widget] if isinstance(widget, Grid | Dial | Drawing) or hasattr(widget, "options") else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts(child)]


def moved(part, place, share):
    """Do to a part what the page would tell the kernel: pick or sort, dial, choose, press."""
    if isinstance(part, Grid) and share is not None and share > 0.7:
        part.sort = [part.shown_columns[place % len(part.shown_columns)].name, share > 0.85]
    elif isinstance(part, Grid) and part.total:
        part.active = place % part.total
        part._heard(part, {"toggle": part.active}, [])
    elif isinstance(part, Dial):
        value = None if share is None else part.least + share * (part.most - part.least)
        part.value = round(value) if part.whole and value is not None else value
    elif isinstance(part, Drawing):
        offered = [press for element in part.tree for press in presses(element)]
        if offered:
            part._heard(part, {"press": offered[place % len(offered)]}, [])
    elif hasattr(part, "options"):
        part.index = place % len(part.options)


def same(explorer, again):
    assert again.selected.equals(explorer.selected), explorer.code
    assert again.summary() == explorer.summary()
    for one, other in zip(parts(explorer), parts(again), strict=False):
        if isinstance(one, Grid):
            assert other.sort == one.sort, explorer.code
            assert other.rows.equals(one.rows), explorer.code
            assert sorted(other.selected) == sorted(one.selected)
        elif isinstance(one, Dial):
            assert other.value == one.value


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hands=HANDS)
def test_what_hands_did_is_done_again_by_the_cell(sample, hands):
    kind, runs = sample
    explorer = kind(runs)
    for which, place, share in hands:
        reach = parts(explorer)
        moved(reach[which % len(reach)], place, share)
    same(explorer, eval(explorer.code, {"hl": hl, "runs": runs}))


@settings(deadline=None, max_examples=8)
@given(toggled=st.lists(st.integers(0, 11), max_size=5), hands=HANDS)
def test_runs_picked_and_an_explorer_that_follows_are_built_again(toggled, hands):
    runs = fleet()
    picker = hl.RunPicker(runs)
    explorer = hl.RouteExplorer(picker)
    for place in toggled:
        picker.grid._heard(picker.grid, {"toggle": place}, [])
    for which, place, share in hands:
        reach = parts(explorer)
        moved(reach[which % len(reach)], place, share)
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    same(explorer, again)
    same(picker, again.source)
