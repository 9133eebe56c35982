"""No explorer or widget of ours takes over a name ipywidgets, anywidget or traitlets use for themselves."""

import anywidget
import ipywidgets
import pytest

from harnlab.widgets import (
    autonomy_explorer,
    budget_explorer,
    dial,
    drawing,
    explorer,
    grid,
    limit_sweep,
    live_chart,
    route_explorer,
    run_picker,
    skill_explorer,
    state_timeline,
    tail_view,
)

OURS = [
    (explorer.Explorer, ipywidgets.VBox),
    (route_explorer.RouteExplorer, ipywidgets.VBox),
    (budget_explorer.BudgetExplorer, ipywidgets.VBox),
    (skill_explorer.SkillExplorer, ipywidgets.VBox),
    (autonomy_explorer.AutonomyExplorer, ipywidgets.VBox),
    (state_timeline.StateTimeline, ipywidgets.VBox),
    (run_picker.RunPicker, ipywidgets.VBox),
    (grid.Grid, anywidget.AnyWidget),
    (drawing.Drawing, anywidget.AnyWidget),
    (dial.Dial, anywidget.AnyWidget),
    (live_chart.LiveChart, anywidget.AnyWidget),
    (live_chart.Runtime, anywidget.AnyWidget),
    (limit_sweep.LimitSweep, ipywidgets.VBox),
    (tail_view.TailView, ipywidgets.VBox),
]
#: Meant to be taken over.
MEANT = {"_esm", "_css", "_repr_mimebundle_", "close"}


@pytest.mark.parametrize(("ours", "theirs"), OURS)
def test_names_do_not_collide(ours, theirs):
    own = {name for cls in ours.__mro__ if cls.__module__.startswith("harnlab") for name in vars(cls)}
    own = {name for name in own if not name.startswith("__")} - MEANT
    empty = type("Empty", (theirs,), {})
    taken = {*dir(theirs), *vars(theirs()), *theirs().keys} - vars(empty).keys()
    assert own & taken == set()
    assert not [name for name in own if name.startswith(("_send", "_view", "_model", "_dom"))]
