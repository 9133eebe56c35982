"""Charts that are clicked and a log that grows, in JupyterLab; and nothing a log says runs in any of them.

Every page fails its test on any error and on any request that leaves the machine.
"""

import json
import re

import pytest
from playwright.sync_api import expect

from browser.explorers import ROUNDS, SAMPLES, SOMETHING_RAN, Explorer, hostile_log, opened, row, rows_told
from widgets.logs import HOSTILE

CELLS = {
    "matrix": f"""%load_ext harnlab.notebook
runs = hl.load({str(SAMPLES / "inherited-route")!r}, progress=False)
matrix = hl.routes.matrix(runs)
live = hl.LiveChart(hl.charts.routes.provenance_matrix(matrix), matrix)
live""",
    "picked": """from ipywidgets import HTML
from IPython.display import display
told = HTML()
live.observe(lambda change: told.set_trait("value", f"{live.selected['calls'].sum()} calls"), "picked")
told""",
    "costs": """by = hl.costs.by(runs, "model")
hl.LiveChart(hl.charts.costs.by_dimension(by), by)""",
    "hostile": """bad = hl.load('hostile-live', progress=False)
import altair as alt, polars as pl
names = bad.dispatches["model"].unique(maintain_order=True).to_list()
names += [f"{{expr: {name}}}" for name in names] + [bad.text(bad.dispatches.row(0, named=True))]
frame = pl.DataFrame({"model": names, "calls": range(1, len(names) + 1)})
bars = alt.Chart(frame, title=names[:6]).mark_bar().encode(y="model", x="calls", tooltip=["model", "calls"])
hl.LiveChart(bars, frame)""",
    "static": "outcomes = hl.routes.outcomes(bad, by='model')\nhl.charts.routes.outcome_mix(outcomes)",
    "tail": "view = hl.TailView('growing/llm_transcript.jsonl', interval_s=0.1)\nview",
}


def event(number, **members):
    """Line of a call that was answered."""
    told = {"iteration": number, "call_id": f"c{number}", "type": "provider_call_response"}
    return json.dumps(told | {"timestamp": f"{1_778_578_027 + number}.5"} | members) + "\n"


@pytest.fixture(scope="module")
def growing(lab):
    hostile_log(lab.folder / "hostile-live", HOSTILE, padding="y" * 1_000_000)
    log = lab.folder / "growing" / "llm_transcript.jsonl"
    log.parent.mkdir()
    return log


@pytest.fixture(scope="module", params=ROUNDS)
def notebook(chromium, lab, growing, request):
    growing.write_text("".join(event(n, cost_usd=0.1, text=HOSTILE[0]) for n in range(3)))
    with opened(chromium, lab, f"live-{request.param}", *CELLS.values()) as (page, problems):
        page.locator(".hl-live-mark[role=button]").first.wait_for(timeout=30_000)
        yield page, problems


@pytest.fixture
def widget(notebook, request):
    page, problems = notebook
    yield cell_of(page, request.param)
    assert problems == []


def cell_of(page, name):
    return Explorer(page, page.locator(".jp-CodeCell").nth(1 + list(CELLS).index(name)))


def on(name):
    """Run a test on one widget."""
    return pytest.mark.parametrize("widget", [name], indirect=True)


def mark(widget, label):
    """Mark of a live chart by what screen readers are told of it."""
    return widget.cell.locator(f".hl-live-mark[role=button][aria-label*='{label}']")


def told(widget):
    return widget.cell.locator(".hl-live-told")


@on("matrix")
def test_a_click_on_a_cell_of_the_matrix_reaches_python(widget):
    mark(widget, "field: wire_format").and_(mark(widget, "origin: inherited_from_primary")).click()
    expect(told(widget)).to_have_text("Picked field: wire_format; origin: inherited_from_primary")
    expect(cell_of(widget.page, "picked").cell).to_contain_text("18 calls")
    expect(widget.cell.locator(".hl-lit[role=button]")).to_have_count(1)
    widget.button("Pick none").click()
    expect(told(widget)).to_contain_text("Nothing picked")


@on("matrix")
def test_the_same_cell_is_reached_by_keyboard(widget):
    first = widget.cell.locator(".hl-live-mark[tabindex='0']")
    first.focus()
    widget.keys("ArrowRight", "ArrowRight", *["ArrowDown"] * 4)
    assert "field: wire_format" in widget.focused
    widget.keys("Enter")
    expect(told(widget)).to_have_text("Picked field: wire_format; origin: inherited_from_primary")
    assert "field: wire_format" in widget.focused
    widget.keys("Escape")
    expect(told(widget)).to_contain_text("Nothing picked")


@on("costs")
def test_a_bar_is_picked_and_its_tooltip_is_text(widget):
    bar = widget.cell.locator(".hl-live-mark[role=button]").first
    bar.click()
    expect(told(widget)).to_have_text("Picked group: claude-sonnet-4-6")
    expect(bar).to_have_attribute("aria-pressed", "true")
    expect(widget.page.locator(".hl-live-tooltip:visible")).to_contain_text("cost")


@on("hostile")
def test_nothing_of_a_hostile_log_runs_in_a_live_chart_or_its_tooltips(widget):
    marks = widget.cell.locator(".hl-live-mark[role=button]")
    expect(marks).to_have_count(2 * len(HOSTILE) + 1)
    for number in range(marks.count()):
        marks.nth(number).hover()
        expect(widget.page.locator(".hl-live-tooltip:visible")).to_contain_text(f"calls: {number + 1}")
        marks.nth(number).click()
        expect(marks.nth(number)).to_have_attribute("aria-pressed", "true")
    shown = widget.cell.locator(".jp-OutputArea").inner_text()
    assert not re.search("[\u202e\u200b\u2060\ufeff]", shown)
    nothing_ran(widget)


@on("static")
def test_nothing_of_a_hostile_log_runs_in_a_chart_or_its_tooltips(widget):
    points = widget.cell.locator("svg .mark-symbol path")
    expect(points.first).to_be_visible()
    points.first.hover(force=True)
    expect(widget.page.locator("#vg-tooltip-element.visible")).not_to_be_empty()
    nothing_ran(widget)


def nothing_ran(widget):
    assert widget.page.evaluate(SOMETHING_RAN) is None
    planted = "script, img, iframe, object, a[href^='javascript']"
    assert widget.cell.locator(f".jp-OutputArea :is({planted})").count() == 0
    assert widget.page.locator(f":is(.hl-live-tooltip, #vg-tooltip-element) :is({planted})").count() == 0


@on("tail")
def test_a_growing_log_is_seen_to_grow_and_its_lines_are_read_by_keyboard(widget, growing):
    events = widget.grid("events as they come")
    expect(rows_told(events)).to_have_text("3 rows")
    expect(widget.cell).to_contain_text("0.30 USD")
    events.focus()
    widget.keys("Home", "Enter")
    expect(widget.raw).to_be_focused()
    expect(widget.raw).to_contain_text("<script>")
    for number in range(3, 13):
        with growing.open("a") as log:
            log.write(event(number, cost_usd=0.1))
        expect(rows_told(events)).to_have_text(f"{number + 1} rows")
    expect(widget.cell).to_contain_text("1.30 USD")
    expect(row(events, 0)).to_have_attribute("aria-selected", "true")
    expect(widget.raw).to_contain_text('"call_id": "c0"')
    nothing_ran(widget)
    widget.button("Pause").press("Enter")
    expect(widget.button("Go on")).to_be_visible()
    with growing.open("a") as log:
        log.write(event(13, cost_usd=0.1))
    widget.button("Go on").click()
    expect(rows_told(events)).to_have_text("14 rows")
    widget.button("Stop").click()
    expect(widget.button("Stop")).to_be_disabled()
