"""Samples in which everything is named by somebody who means harm: each is looked through, and nothing runs or hides.

Every page fails its test on any error and on any request that leaves the machine.
"""

import pytest
from playwright.sync_api import expect

from browser.explorers import ROUNDS, SOMETHING_RAN, Explorer, opened, row
from widgets.hostile import NAMES, UNSEEN, hostile_runs, hostile_sample

PLANTED = "script, img, iframe, object, embed, a[href^='javascript'], [onerror], [onload]"
#: Part of a hostile name that would have run; where it is only read, it is there to be read.
HARM = "window.harnlab"
SHOWN = ".jp-OutputArea, .hl-live-tooltip, #vg-tooltip-element"
CELLS = {
    "loaded": f"""%load_ext harnlab.notebook
from pathlib import Path
bad = {{name: hl.load(f"hostile-samples/{{name}}", progress=False) for name in {list(NAMES)}}}""",
    "budgets": "hl.BudgetExplorer(bad['cost-overrun'])",
    "routes": "hl.RouteExplorer(bad['inherited-route'])",
    "skills": "hl.SkillExplorer(bad['skill-catalog'])",
    "autonomy": "hl.AutonomyExplorer(bad['autonomy-pressure'])",
    "state": "hl.StateTimeline(bad['two-writers'])",
    "picker": "hl.RunPicker(hl.load('hostile-runs', progress=False))",
    "tail": """view = hl.TailView(next(Path('hostile-runs').glob('*/*.jsonl')), status='paused')
view.look()
view""",
    "icicle": """nested = hl.costs.nested(bad['cost-overrun'])
hl.LiveChart(hl.charts.costs.icicle(nested), nested)""",
    "costs": "hl.charts.costs.by_dimension(hl.costs.by(bad['cost-overrun'], 'step', 'model'))",
    "running": "hl.charts.costs.running_total(hl.costs.running(bad['cost-overrun']))",
    "lifecycle": "hl.charts.skills.lifecycle_matrix(hl.skills.lifecycle(bad['skill-catalog']))",
    "hours": "hl.charts.autonomy.hours(hl.autonomy.usage(bad['autonomy-pressure']))",
    "lanes": "hl.charts.state.writer_lanes(hl.state.entries(bad['two-writers']))",
    "polars": "bad['cost-overrun'].steps",
    "pandas": "bad['cost-overrun'].to_pandas('steps')",
    "records": "bad['cost-overrun'].calls.head(3).harn.records(bad['cost-overrun'])",
    "rows": """rows = bad['cost-overrun'].calls.head(3).to_pandas()
rows[["provider"]].assign(place=rows.harn.places())""",
    "told": "print(*hl.costs.overruns(bad['cost-overrun'])['because'])\nbad['cost-overrun']",
}
#: What harnlab draws itself; a frame's table is that of its library, and letters in it are as they are.
OURS = ("budgets", "routes", "skills", "autonomy", "state", "picker", "tail", "icicle")
CHARTS = ("costs", "running", "lifecycle", "hours", "lanes")


@pytest.fixture(scope="module")
def logs(lab):
    for name in NAMES:
        hostile_sample(lab.folder / "hostile-samples", name)
    hostile_runs(lab.folder / "hostile-runs")


@pytest.fixture(scope="module", params=ROUNDS)
def notebook(chromium, lab, logs, request):
    with opened(chromium, lab, f"hostile-{request.param}", *CELLS.values()) as page_and_problems:
        yield page_and_problems


@pytest.fixture
def look(notebook):
    """One cell's output by its name; when done nothing may have run, been planted, or broken the page."""
    page, problems = notebook
    yield lambda name: Explorer(page, page.locator(".jp-CodeCell").nth(1 + list(CELLS).index(name)))
    assert page.evaluate(SOMETHING_RAN) is None
    assert page.locator(f":is({SHOWN}) :is({PLANTED})").count() == 0
    assert problems == []


def seen(explorer):
    """Everything an output shows and tells, in its texts, titles and labels."""
    output = explorer.cell.locator(".jp-OutputArea")
    attributes = (
        "all => all.flatMap(one => [one.title ?? '', one.getAttribute('aria-label') ?? '']).join(' ')"
    )
    return output.inner_text() + output.locator("[title], [aria-label]").evaluate_all(attributes)


def harmless(explorer):
    told = seen(explorer)
    assert HARM in told
    assert not set(UNSEEN).intersection(told)
    assert len(told) < 400_000


@pytest.mark.parametrize("name", ["budgets", "routes", "autonomy", "state", "picker", "tail"])
def test_rows_of_hostile_names_are_walked_through_and_only_read(look, name):
    explorer = look(name)
    for table in explorer.cell.locator(".hl-grid").all():
        table.focus()
        explorer.keys("Home")
        for place in range(min(8, int(table.get_attribute("aria-rowcount")) - 1)):
            expect(table.locator(f"tr[aria-rowindex='{place + 2}'].hl-active")).to_be_visible()
            explorer.keys(" ", "ArrowDown")
        row(table, 0).click()
    harmless(explorer)


def test_cards_of_hostile_skills_are_opened_and_only_read(look):
    explorer = look("skills")
    for cell in explorer.cell.get_by_role("button", name="turn 13").all():
        cell.click()
        expect(cell).to_have_attribute("aria-pressed", "true")
    explorer.cell.get_by_role("spinbutton", name="budget, bytes").fill("900")
    expect(explorer.answers.locator("tr").nth(1)).to_be_visible()
    harmless(explorer)


def test_bars_of_hostile_names_are_told_and_only_read(look):
    explorer = look("icicle")
    bars = explorer.cell.locator(".hl-live-mark[role=button]")
    expect(bars.first).to_be_visible()
    bars.first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        explorer.keys(key, "Enter")
        expect(explorer.cell.locator(".hl-live-told")).to_contain_text("Picked level")
    for number in range(3):
        bars.nth(number).hover(force=True)
        expect(explorer.page.locator(".hl-live-tooltip:visible")).to_contain_text("path:")
    harmless(explorer)


@pytest.mark.parametrize("name", CHARTS)
def test_axes_and_tooltips_of_hostile_names_are_only_read(look, name):
    chart = look(name)
    drawn = chart.cell.locator("svg.marks")
    expect(drawn.first).to_be_visible()
    marks = drawn.first.locator(":is(.mark-rect, .mark-symbol) path[aria-roledescription]")
    marks.first.hover(force=True)
    tooltip = chart.page.locator("#vg-tooltip-element.visible")
    expect(tooltip).not_to_be_empty()
    told = tooltip.inner_text() + "".join(one.evaluate("svg => svg.outerHTML") for one in drawn.all())
    assert HARM in told
    assert not set(UNSEEN).intersection(told)


@pytest.mark.parametrize("name", ["polars", "pandas", "records", "rows", "told"])
def test_frames_and_texts_of_hostile_logs_are_only_read(look, name):
    expect(look(name).cell.locator(".jp-OutputArea-output").first).to_contain_text(HARM)
