"""Every explorer at first and after the clicks a reader makes: a cell each, and what is done in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from browser.explorers import SAMPLES, row

#: Runs the cells speak of; ``nothing`` has frames without rows.
SET_UP = f"""
import json, pathlib
import polars as pl
import harnlab as hl
def sample(name):
    return hl.load({str(SAMPLES)!r} + "/" + name, progress=False)
routes, costs, catalog = sample("inherited-route"), sample("cost-overrun"), sample("skill-catalog")
autonomy, writers, damaged = sample("autonomy-pressure"), sample("two-writers"), sample("damaged")
nothing = routes.filter(pl.col("run_id") == "no such run")
"""


@dataclass(frozen=True, slots=True)
class Pose:
    """A cell, and the clicks made in what it shows."""

    cell: str
    clicks: Callable[[Any], None] = lambda _explorer: None


def picked(table, place, then=lambda _explorer: None):
    """Clicks on a row of a grid, and more behind it."""

    def clicks(explorer):
        row(explorer.grid(table), place).click()
        explorer.page.wait_for_timeout(700)
        then(explorer)

    return clicks


def pressed(*names):
    """Clicks on what tells the kernel these names."""

    def clicks(explorer):
        for name in names:
            explorer.press(name).first.click()
            explorer.page.wait_for_timeout(400)

    return clicks


def written(box, number, then=lambda _explorer: None):
    """A number in one of the boxes beside a slider."""

    def clicks(explorer):
        explorer.cell.get_by_role("spinbutton", name=box).fill(str(number))
        explorer.page.wait_for_timeout(700)
        then(explorer)

    return clicks


def _sorted_and_focused(explorer):
    explorer.grid("dispatches").get_by_role("columnheader", name="cost, USD").locator("button").click()
    explorer.page.wait_for_timeout(500)
    explorer.grid("dispatches").focus()
    explorer.keys("Home")


def _marked(number):
    def clicks(explorer):
        marks = explorer.cell.locator(".hl-live-mark[role=button]")
        marks.first.wait_for()
        marks.nth(number).click()

    return clicks


def _waited_for(explorer):
    explorer.cell.locator(".hl-live-mark[role=button]").first.wait_for()


_LIVE = """matrix = hl.routes.matrix(routes)
hl.LiveChart(hl.charts.routes.provenance_matrix(matrix), matrix)"""
_LIVE_COSTS = """by = hl.costs.by(costs, "step", "model")
hl.LiveChart(hl.charts.costs.by_dimension(by), by)"""
_TAIL = "hl.TailView({!r}, status={!r})".format(str(SAMPLES / "cost-overrun/llm_transcript.jsonl"), "{}")
_LOOKED = f"view = {_TAIL.format('paused')}\nview.look()\nview"

POSES = {
    "routes-first": Pose("hl.RouteExplorer(routes)"),
    "routes-row": Pose("hl.RouteExplorer(routes)", picked("dispatches", 3)),
    "routes-filter": Pose(
        "hl.RouteExplorer(routes)",
        lambda e: pressed("wire_format:inherited_from_primary")(e) or picked("dispatches", 2)(e),
    ),
    "routes-sorted": Pose("hl.RouteExplorer(routes)", _sorted_and_focused),
    "routes-none-left": Pose(
        "hl.RouteExplorer(routes, filters={'origin': 'inherited_from_primary', 'model': 'claude-sonnet-4-6', "
        "'outcome_kind': 'provider_error'})"
    ),
    "routes-damaged": Pose("hl.RouteExplorer(damaged)"),
    "routes-nothing": Pose("hl.RouteExplorer(nothing)"),
    "skills-first": Pose("hl.SkillExplorer(catalog)"),
    "skills-turn": Pose("hl.SkillExplorer(catalog)", pressed("turn:2")),
    "skills-card": Pose(
        "hl.SkillExplorer(catalog)",
        lambda e: e.cell.get_by_label("übersetzung, turn 5: omitted").click(),
    ),
    "skills-budget": Pose("hl.SkillExplorer(catalog, turn=5)", written("budget, bytes", 1224)),
    "skills-stricter": Pose("hl.SkillExplorer(catalog, turn=5)", written("budget, bytes", 500)),
    "skills-nothing": Pose("hl.SkillExplorer(nothing)"),
    "budgets-first": Pose("hl.BudgetExplorer(costs)"),
    "budgets-step": Pose("hl.BudgetExplorer(costs)", picked("steps", 2)),
    "budgets-call": Pose(
        "hl.BudgetExplorer(costs)",
        picked("steps", 2, lambda e: e.cell.locator(".hl-trip").first.click()),
    ),
    "budgets-tokens": Pose("hl.BudgetExplorer(costs)", picked("steps", 6)),
    "budgets-stricter": Pose("hl.BudgetExplorer(costs)", picked("steps", 2, written("max_usd", 0.1))),
    "budgets-looser": Pose("hl.BudgetExplorer(costs)", picked("steps", 2, written("max_usd", 0.4))),
    "budgets-every-step": Pose("hl.BudgetExplorer(costs)", written("max_tokens", 15000)),
    "budgets-compared": Pose(
        "hl.BudgetExplorer(costs)",
        picked("steps", 2, lambda e: pressed("sweep:max_usd")(e) or _marked(1)(e)),
    ),
    "budgets-nothing": Pose("hl.BudgetExplorer(nothing)"),
    "autonomy-first": Pose("hl.AutonomyExplorer(autonomy)"),
    "autonomy-agent": Pose("hl.AutonomyExplorer(autonomy)", picked("agents", 0)),
    "autonomy-decision": Pose(
        "hl.AutonomyExplorer(autonomy)", picked("agents", 0, picked("decisions", 3))
    ),
    "autonomy-stricter": Pose(
        "hl.AutonomyExplorer(autonomy)", picked("agents", 0, written("per_hour", 2))
    ),
    "autonomy-looser": Pose("hl.AutonomyExplorer(autonomy)", written("per_hour", 8)),
    "autonomy-nothing": Pose("hl.AutonomyExplorer(nothing)"),
    "state-first": Pose("hl.StateTimeline(writers)"),
    "state-event": Pose("hl.StateTimeline(writers)", picked("state events", 4)),
    "state-earlier": Pose("hl.StateTimeline(writers)", written("as of event", 3)),
    "state-nothing": Pose("hl.StateTimeline(nothing)"),
    "picker-first": Pose("hl.RunPicker(routes)"),
    "picker-two": Pose("hl.RunPicker(routes)", picked("runs", 2, picked("runs", 4))),
    "picker-nothing": Pose("hl.RunPicker(nothing)"),
    "tail-first": Pose(_TAIL.format("paused")),
    "tail-read": Pose(_LOOKED),
    "tail-event": Pose(_LOOKED, picked("events as they come", 3)),
    "tail-stopped": Pose(_LOOKED, lambda e: e.button("Stop").click()),
    "live-first": Pose(_LIVE, _waited_for),
    "live-picked": Pose(_LIVE, _marked(7)),
    "live-bars": Pose(_LIVE_COSTS, _marked(1)),
}  # fmt: skip
