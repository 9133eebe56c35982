"""The explorers' main journeys in JupyterLab, by mouse and by keyboard, from the table to the raw log line.

Every page fails its test on any error and on any request that leaves the machine.
"""

import re

import pytest
from playwright.sync_api import expect

from browser import jupyter
from browser.explorers import (
    CONTRAST,
    ROUNDS,
    SAMPLES,
    SOMETHING_RAN,
    Explorer,
    hostile_log,
    opened,
    row,
    rows_told,
)
from widgets.logs import HOSTILE


def sample(name):
    return f"runs = hl.load({str(SAMPLES / name)!r}, progress=False)"


#: Name -> cell; one kernel and one page for all of them, as starting these takes longest.
CELLS = {
    "routes": f"{sample('inherited-route')}\nhl.RouteExplorer(runs)",
    "budgets": f"{sample('cost-overrun')}\nhl.BudgetExplorer(runs)",
    "skills": f"{sample('skill-catalog')}\nhl.SkillExplorer(runs)",
    "autonomy": f"{sample('autonomy-pressure')}\nhl.AutonomyExplorer(runs)",
    "state": f"{sample('two-writers')}\nhl.StateTimeline(runs)",
    "picker": f"{sample('inherited-route')}\npicker = hl.RunPicker(runs)\npicker",
    "followers": "hl.RouteExplorer(picker)",
    "hostile": "runs = hl.load('hostile', progress=False)\nhl.RouteExplorer(runs)",
    "million": """
import polars as pl
from harnlab.frames import SCHEMAS, DISPATCHES
from harnlab.runs import Runs
n = pl.int_range(1_000_000, eager=True).to_frame("n")
word = pl.lit(pl.Series(["gpt-4o", "qwen3", "glm-5"])).gather(pl.col("n") * 7 % 3)
rows = n.select(run_id=pl.lit("r"), source_path=pl.lit("r.jsonl"), source_line=pl.col("n") + 1,
    call_id=pl.format("c{}", "n"), model=word, outcome_completion_tokens=pl.col("n") * 7919 % 1_000_000)
frames = {name: schema.empty() for name, schema in SCHEMAS.items()} | {"dispatches": DISPATCHES.conform(rows)}
hl.RouteExplorer(Runs(frames, ()))""",
}
INHERITED = "wire_format:inherited_from_primary"


@pytest.fixture(scope="module")
def logs(lab):
    hostile_log(lab.folder / "hostile", HOSTILE, padding="y" * 1_000_000)


@pytest.fixture(scope="module", params=ROUNDS)
def notebook(chromium, lab, logs, request):
    with opened(chromium, lab, f"explorers-{request.param}", *CELLS.values()) as page_and_problems:
        yield page_and_problems


@pytest.fixture
def explorer(notebook, request):
    """Output of the cell named by the test's ``explorer`` parameter; fails the test that broke the page."""
    page, problems = notebook
    yield Explorer(page, page.locator(".jp-CodeCell").nth(1 + list(CELLS).index(request.param)))
    assert problems == []


def on(name):
    """Run a test on one explorer."""
    return pytest.mark.parametrize("explorer", [name], indirect=True)


@on("routes")
def test_an_inherited_route_is_found_by_mouse_down_to_its_log_line(explorer):
    explorer.press(INHERITED).click()
    table = explorer.grid("dispatches")
    expect(rows_told(table)).to_have_text("18 of 210 rows")
    row(table, 2).click()
    expect(row(table, 2)).to_have_attribute("aria-selected", "true")
    expect(explorer.raw).to_contain_text('"wire_format":"inherited_from_primary"')
    explorer.button("after ▶").click()
    expect(row(table, 3)).to_have_attribute("aria-selected", "true")
    explorer.button("Clear filters").click()
    expect(rows_told(table)).to_have_text("210 rows")


@on("routes")
def test_the_same_log_line_is_reached_by_keyboard(explorer):
    table = explorer.grid("dispatches")
    explorer.press("provider:operator_pin").focus()
    explorer.keys("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight")
    assert explorer.focused.startswith("wire_format: inherited from primary")
    explorer.keys("Enter")
    expect(rows_told(table)).to_have_text("18 of 210 rows")
    assert explorer.focused.startswith("wire_format: inherited from primary")
    table.focus()
    explorer.keys("Home", "ArrowDown", "ArrowDown")
    expect(row(table, 2)).to_have_attribute("aria-selected", "true")
    expect(explorer.raw).to_contain_text('"wire_format":"inherited_from_primary"')
    explorer.keys("Enter")
    expect(explorer.raw).to_be_focused()


@on("routes")
def test_a_header_sorts_by_key_and_says_so(explorer):
    table = explorer.grid("dispatches")
    header = table.get_by_role("columnheader", name="cost, USD")
    expect(header).to_have_attribute("aria-sort", "none")
    header.locator("button").focus()
    explorer.keys("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(header.locator("button")).to_be_focused()
    explorer.keys("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    table.focus()
    explorer.keys("End")
    last = table.get_attribute("aria-rowcount")
    expect(table.locator("tr[aria-selected=true]")).to_have_attribute("aria-rowindex", last)


@on("budgets")
def test_the_tripping_call_is_found_by_mouse_down_to_its_log_line(explorer):
    steps = explorer.grid("steps")
    row(steps, 2).click()
    explorer.cell.locator(".hl-trip").click()
    expect(explorer.raw).to_contain_text('"call_id":"019e3b32-b20f-708f-b1b4-1fb0d84ba6a3"')
    expect(row(steps, 2)).to_contain_text("0.08642 USD (35 %) at call 7")


@on("budgets")
def test_the_tripping_call_is_found_by_keyboard_and_another_limit_asked(explorer):
    steps, calls = explorer.grid("steps"), explorer.grid("calls of the step")
    steps.focus()
    explorer.keys("Home", *["ArrowDown"] * 6)
    expect(row(steps, 6)).to_have_attribute("aria-selected", "true")
    expect(row(calls, 2)).to_contain_text("▲ here")
    explorer.keys("Enter")
    expect(calls).to_be_focused()
    expect(row(calls, 2)).to_have_attribute("aria-selected", "true")
    explorer.keys("Enter")
    expect(explorer.raw).to_be_focused()
    expect(explorer.raw).to_contain_text("provider_call_response")
    expect(explorer.answers).to_have_count(0)
    explorer.cell.get_by_role("slider", name="max_tokens").focus()
    explorer.keys("ArrowLeft", "ArrowLeft", "ArrowLeft")
    box = explorer.cell.get_by_role("spinbutton", name="max_tokens")
    expect(box).to_have_value("29700")
    expect(explorer.answers.locator(".hl-badge").first).to_contain_text("exact")
    box.fill("15000")
    expect(explorer.answers).to_contain_text("over max_tokens of 15,000 tokens")
    explorer.button("Back to the declared limits").press("Enter")
    expect(explorer.answers).to_have_count(0)


@on("budgets")
def test_limits_are_compared_in_a_chart_and_one_is_clicked(explorer):
    row(explorer.grid("steps"), 2).click()
    explorer.press("sweep:max_usd").click()
    points = explorer.cell.locator(".hl-live-mark[role=button]")
    points.nth(1).click()
    box = explorer.cell.get_by_role("spinbutton", name="max_usd")
    expect(box).to_have_value("0.168")
    expect(explorer.answers).to_contain_text("over max_usd of 0.168 USD")
    points.nth(1).focus()
    explorer.keys("ArrowRight", "Enter")
    expect(box).to_have_value("0.252")
    explorer.button("Back to the declared limits").click()
    expect(explorer.answers).to_have_count(0)


#: What becomes of a table until it is drawn again: it is dragged to a height, or leaves the page for a while.
DRAWN = (
    "await new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done))));"
)
DRAGGED = f"async (table, height) => {{ table.style.height = `${{height}}px`; {DRAWN} }}"
TAKEN_AWAY = f"""async table => {{
    const output = table.closest('.jp-OutputArea'), cell = output.parentElement;
    output.remove(); {DRAWN}
    cell.append(output); {DRAWN}
}}"""


@on("budgets")
def test_the_call_that_broke_the_limit_stays_in_sight_whatever_becomes_of_its_table(explorer):
    row(explorer.grid("steps"), 6).click()
    row(explorer.grid("steps"), 2).click()
    calls = explorer.grid("calls of the step")
    tripping = calls.locator("tr", has_text="▲ here")  # rows out of sight are not on the page
    expect(tripping).to_have_attribute("aria-rowindex", "8")
    for height in (300, 186, 120, 186):
        calls.evaluate(DRAGGED, height)
        assert tripping.count() == 1, height
    for theme in jupyter.THEMES:
        jupyter.switch_theme(explorer.page, theme)
        assert tripping.count() == 1, theme
    calls.evaluate(TAKEN_AWAY)
    assert tripping.count() == 1


@on("skills")
def test_a_skill_that_was_left_out_is_found_by_mouse_and_a_budget_that_shows_it(explorer):
    explorer.cell.get_by_label("übersetzung, turn 5: omitted").click()
    expect(explorer.cell).to_contain_text("a budget of 1,224 bytes would have shown it in all of them")
    expect(explorer.raw).to_contain_text('"budget_chars":700')
    explorer.cell.get_by_role("spinbutton", name="budget, bytes").fill("1224")
    expect(explorer.answers.locator("tr", has_text="übersetzung")).to_contain_text("+ enters")
    explorer.button("Back to the recorded budget").click()


@on("skills")
def test_a_skill_is_found_by_keyboard_and_its_budget_dialled(explorer):
    explorer.press("turn:0").focus()
    explorer.keys("Enter")
    expect(explorer.cell.get_by_role("heading", name="Turn 0")).to_be_visible()
    expect(explorer.raw).not_to_contain_text('"budget_chars":700')
    explorer.keys(*["ArrowDown"] * 8, *["ArrowRight"] * 5)
    assert explorer.focused.startswith("übersetzung, turn 5: omitted")
    explorer.keys("Enter")
    expect(explorer.raw).to_contain_text('"budget_chars":700')
    dial = explorer.cell.get_by_role("slider", name="budget, bytes")
    dial.focus()
    explorer.keys("End")
    expect(explorer.answers.locator("tr", has_text="übersetzung")).to_contain_text("+ enters")
    expect(dial).to_be_focused()
    for _ in range(20):
        if explorer.focused != "log line":
            explorer.keys("Tab")
    expect(explorer.raw).to_be_focused()
    expect(explorer.raw).to_contain_text('"budget_chars":700')


@on("autonomy")
def test_a_denial_is_found_by_mouse_down_to_its_log_line(explorer):
    row(explorer.grid("agents"), 0).click()
    decisions = explorer.grid("decisions")
    expect(rows_told(decisions)).to_have_text("17 rows")
    row(decisions, 3).click()
    expect(explorer.raw).to_contain_text("autonomy.budget_exceeded")


@on("autonomy")
def test_a_denial_is_found_by_keyboard_and_another_quota_asked(explorer):
    agents, decisions = explorer.grid("agents"), explorer.grid("decisions")
    agents.focus()
    explorer.keys("Home", "Enter")
    expect(rows_told(decisions)).to_have_text("17 rows")
    expect(decisions).to_be_focused()
    explorer.keys("Home")
    expect(row(decisions, 0)).to_have_attribute("aria-selected", "true")
    expect(explorer.raw).not_to_contain_text("autonomy.budget_exceeded")
    explorer.keys("ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    expect(explorer.raw).to_be_focused()
    expect(explorer.raw).to_contain_text("autonomy.budget_exceeded")
    explorer.cell.get_by_role("spinbutton", name="per_hour").fill("2")
    expect(explorer.cell).to_contain_text("Admitted before, now denied: 3.")


@on("state")
def test_a_refused_write_is_found_by_mouse_and_by_keyboard(explorer):
    explorer.press("event:4").locator("circle").last.click()
    expect(explorer.raw).to_contain_text("was previously written by 'planner'")
    table = explorer.grid("state events")
    table.focus()
    explorer.keys("Home")
    expect(explorer.raw).not_to_contain_text("was previously")
    explorer.keys(*["ArrowDown"] * 4, "Enter")
    expect(explorer.raw).to_contain_text("was previously written by 'planner'")
    expect(explorer.raw).to_be_focused()
    slider = explorer.cell.get_by_role("slider", name="as of event")
    slider.focus()
    explorer.keys("Home", "ArrowRight", "ArrowRight")
    expect(rows_told(table)).to_have_text(re.compile("[123] of 11 rows"))


def followers_of(picker):
    """The explorer below that follows what is picked."""
    return Explorer(picker.page, picker.page.locator(".jp-CodeCell").nth(1 + list(CELLS).index("followers")))


@on("picker")
def test_a_run_is_picked_by_mouse_and_its_log_line_reached_in_an_explorer_that_follows(explorer):
    runs, followers = explorer.grid("runs"), followers_of(explorer)
    dispatches = followers.grid("dispatches")
    row(runs, 7).click()
    expect(row(runs, 7)).to_contain_text("☑")
    expect(rows_told(dispatches)).not_to_have_text("210 rows")
    row(dispatches, 1).click()
    picked = row(runs, 7).locator("td").nth(1).inner_text()
    expect(followers.cell.locator(".hl-place")).to_contain_text(picked)
    expect(followers.raw).to_contain_text('"type":"resolved_dispatch"')
    explorer.button("Pick none").click()
    expect(rows_told(dispatches)).to_have_text("210 rows")
    expect(followers.raw).to_have_count(0)


@on("picker")
def test_a_run_is_picked_by_space_bar_and_its_log_line_reached_by_keyboard(explorer):
    runs, followers = explorer.grid("runs"), followers_of(explorer)
    dispatches = followers.grid("dispatches")
    runs.focus()
    explorer.keys("Home", *["ArrowDown"] * 8, " ")
    expect(row(runs, 8)).to_contain_text("☑")
    expect(rows_told(dispatches)).not_to_have_text("210 rows")
    picked = row(runs, 8).locator("td").nth(1).inner_text()
    dispatches.focus()
    explorer.keys("Home", "ArrowDown", "Enter")
    expect(followers.raw).to_be_focused()
    expect(followers.cell.locator(".hl-place")).to_contain_text(picked)
    expect(followers.raw).to_contain_text('"type":"resolved_dispatch"')
    explorer.button("Pick none").press("Enter")
    expect(rows_told(dispatches)).to_have_text("210 rows")


@on("hostile")
def test_nothing_in_a_hostile_log_runs_or_hides(explorer):
    table = explorer.grid("dispatches")
    table.focus()
    for place in range(3 * len(HOSTILE)):
        explorer.keys("ArrowDown")
        expect(table.locator("tr[aria-selected=true]")).to_have_attribute("aria-rowindex", str(place + 2))
    explorer.keys("Home")
    expect(row(table, 0)).to_contain_text("<script>")
    expect(explorer.raw).to_contain_text("<script>")
    expect(explorer.cell.get_by_text(re.compile(r"first 20,000 of 1,000,\d+ characters"))).to_be_visible()
    shown = explorer.cell.locator(".jp-OutputArea").inner_text()
    assert not re.search("[\u202e\u200b\u2060\ufeff]", shown)
    assert "\\u202e" in shown
    assert explorer.page.evaluate(SOMETHING_RAN) is None
    assert explorer.cell.locator(".jp-OutputArea script, .jp-OutputArea img").count() == 0


@on("million")
def test_a_million_dispatches_scroll_and_sort(explorer):
    table = explorer.grid("dispatches")
    table.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2 }")
    expect(row(table, 0)).to_have_attribute("aria-rowindex", re.compile(r"^(4999|5000)\d\d$"))
    expect(row(table, 0)).not_to_contain_text("…")
    table.get_by_role("columnheader", name="tokens out").locator("button").click()
    expect(row(table, 0)).to_contain_text("999,999")
    table.focus()
    explorer.keys("End")
    expect(table.locator("tr[aria-selected=true]")).to_have_attribute("aria-rowindex", "1000001")
    assert table.locator("tbody tr").count() < 20


@on("million")
def test_a_table_stays_where_it_was_scrolled_to(explorer):
    table = explorer.grid("dispatches")
    table.evaluate("table => { table.scrollTop = table.scrollHeight / 3 }")
    first = row(table, 0)
    expect(first).to_have_attribute("aria-rowindex", re.compile(r"^333\d\d\d$"))
    scrolled_to = first.get_attribute("aria-rowindex")
    table.evaluate(TAKEN_AWAY)
    assert first.get_attribute("aria-rowindex") == scrolled_to
    table.evaluate(DRAGGED, 100)
    assert first.get_attribute("aria-rowindex") == scrolled_to


@on("autonomy")
def test_a_shade_beside_the_scroll_bar_says_that_columns_go_on(explorer):
    before = explorer.page.viewport_size
    explorer.page.set_viewport_size({**before, "width": 700})
    table = explorer.grid("decisions")
    # this browser hides scroll bars: the wider edge takes as much of the table's room as one
    table.evaluate("table => { table.style.borderRightWidth = '16px' }")
    try:
        expect(table).to_have_class(re.compile("hl-more"))
        expect(table).to_have_css("box-shadow", re.compile(r" -29px 0px 10px"))  # 14 beside the 15 of the bar
        table.evaluate("table => { table.scrollLeft = table.scrollWidth }")
        expect(table).not_to_have_class(re.compile("hl-more"))
    finally:
        table.evaluate("table => { table.style.borderRightWidth = '' }")
        explorer.page.set_viewport_size(before)


@on("routes")
def test_rows_stand_out_from_their_ground_in_both_themes(explorer):
    row(explorer.grid("dispatches"), 0).click()
    for theme in jupyter.THEMES:
        jupyter.switch_theme(explorer.page, theme)
        for selector in ("tr[aria-selected=true] td", "tr[aria-selected=false] td", "th button"):
            cell = explorer.cell.locator(f".hl-grid {selector}").first
            assert cell.evaluate(CONTRAST) >= 4.5, (theme, selector)
