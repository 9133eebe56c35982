"""Five questions an analyst comes with, each answered from what the screen says, by somebody new to it.

Every page fails its test on any error and on any request that leaves the machine.
"""

import re

import pytest
from playwright.sync_api import expect

from browser.explorers import ROUNDS, SAMPLES, Explorer, opened, row, rows_told


def sample(name, kept="runs"):
    return f"{kept} = hl.load({str(SAMPLES / name)!r}, progress=False)"


CELLS = {
    "budgets": f"{sample('cost-overrun')}\nhl.BudgetExplorer(runs)",
    "money": """nested = hl.costs.nested(runs)
live = hl.LiveChart(hl.charts.costs.icicle(nested), nested)
live""",
    "spent": """from ipywidgets import HTML
spent = HTML("nothing picked")
def tell(change):
    rows = live.selected
    line = runs.text(runs.calls.filter(call_id=rows["call_id"][0])) if rows.height == 1 else ""
    spent.value = f"{rows.height} calls, {rows['cost_usd'].sum():.6f} USD {line[:60]}"
live.observe(tell, "picked")
spent""",
    "routes": f"{sample('inherited-route', 'others')}\nhl.RouteExplorer(others)",
    "skills": f"{sample('skill-catalog', 'turns')}\nhl.SkillExplorer(turns)",
}


@pytest.fixture(scope="module", params=ROUNDS)
def notebook(chromium, lab, request):
    with opened(chromium, lab, f"questions-{request.param}", *CELLS.values()) as (page, problems):
        page.locator(".hl-live-mark[role=button]").first.wait_for(timeout=60_000)
        yield page, problems


@pytest.fixture
def screen(notebook):
    """What to look at, by name; fails the test that broke the page."""
    page, problems = notebook
    yield lambda name: Explorer(page, page.locator(".jp-CodeCell").nth(1 + list(CELLS).index(name)))
    assert problems == []


def column(table, heading):
    """Texts of a column, top to bottom, of the rows in sight."""
    heads = table.locator("th").all_inner_texts()
    place = next(number for number, head in enumerate(heads, start=1) if head.startswith(heading))
    return table.locator(f"tbody td:nth-child({place})").all_inner_texts()


def head(table, heading):
    """Button that sorts by a column."""
    return table.get_by_role("columnheader", name=heading).first.get_by_role("button")


def test_which_steps_overran_by_how_much_and_at_which_call(screen):
    look = screen("budgets")
    steps = look.grid("steps")
    expect(row(steps, 2)).to_contain_text("at call 7")
    said = zip(column(steps, "step"), column(steps, "over its limit by"), strict=True)
    assert [(step, text) for step, text in said if text] == [
        ("verify", "0.08642 USD (35 %) at call 7"),
        ("risk", "2,410 tokens (8 %) at call 3"),
    ]
    row(steps, 2).click()
    expect(look.cell).to_contain_text("over its max_usd of 0.25 USD by 0.08642 USD")
    calls = look.grid("calls of the step")
    calls.locator("tr", has_text="▲ here").click()
    expect(look.raw).to_contain_text('"cost_usd":0.08643')


def test_what_a_max_usd_of_0_40_would_have_saved(screen):
    look = screen("budgets")
    row(look.grid("steps"), 2).click()
    box = look.cell.get_by_role("spinbutton", name="max_usd")
    box.fill("0.40")
    expect(look.cell.get_by_role("status").filter(has_text="proved")).to_have_text(
        "No saving is proved by the record; 1 of 3 steps cannot be decided; 0 of 3 would break it."
    )
    expect(look.answers.locator("tbody tr").first).to_contain_text(
        "what it would have used beyond is not known"
    )
    look.button("Back to the declared limits").click()
    expect(box).to_have_value("")


def test_where_the_money_went(screen):
    look = screen("budgets")
    steps = look.grid("steps")
    head(steps, "USD").click()
    expect(row(steps, 0)).to_contain_text("review")
    row(steps, 0).click()
    expect(look.cell).to_contain_text("Charged 0.794940 USD, where its calls cost 0.294075 USD")
    chart, spent = screen("money"), screen("spent").cell
    for level, name, told in [
        ("step", "release_captain · verify", "17 calls, 0.574380 USD"),
        ("step", "release_captain · review", "10 calls, 0.294075 USD"),
    ]:
        chart.cell.locator(f".hl-live-mark[role=button][aria-label*='path: {name};']").click()
        expect(chart.cell.locator(".hl-live-told")).to_have_text(f"Picked level: {level}; path: {name}")
        expect(spent).to_contain_text(told)
    chart.keys("ArrowDown", "ArrowDown", "Enter")
    expect(chart.cell.locator(".hl-live-told")).to_contain_text("Picked level: call_id")
    expect(spent).to_contain_text("1 calls, 0.0")
    expect(spent).to_contain_text('{"iteration"')
    head(steps, "step").click()
    head(steps, "step").click()
    expect(row(steps, 0)).to_contain_text("verify")


def test_whether_an_escalation_inherited_the_primarys_route(screen):
    look = screen("routes")
    table = look.grid("dispatches")
    look.cell.locator("select").first.select_option(label="inherited_from_primary (18)")
    expect(rows_told(table)).to_have_text("18 of 210 rows")
    escalated = look.cell.get_by_role("button", name="model: escalation override, 18 calls")
    escalated.click()
    expect(escalated).to_have_attribute("aria-pressed", "true")
    expect(rows_told(table)).to_have_text("18 of 210 rows")  # each of them escalated the model alone
    row(table, 0).click()
    fields = look.cell.locator(".hl-field")
    expect(fields.filter(has_text="provider")).to_contain_text("inherited from primary")
    expect(fields.filter(has_text="model").first).to_contain_text("claude-sonnet-4-6")
    expect(fields.filter(has_text="wire_format")).to_contain_text("inherited from primary")
    expect(look.raw).to_contain_text('"model":"escalation_override"')


def test_why_a_skill_was_never_used_and_which_budget_would_show_it(screen):
    look = screen("skills")
    cells = look.cell.get_by_role("button", name="security-scan, turn")
    said = cells.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert not [text for text in said if "used" in text or "loaded" in text]
    cells.filter(has_text="×").first.click()
    because = look.cell.get_by_text("security-scan was left out in")
    expect(because).to_contain_text("left out in 6 of 14 turns (budget); a budget of")
    expect(because).to_contain_text(
        "left out in 2 of 14 turns (catalog_limit); no budget would have shown it"
    )
    budget = because.inner_text().partition("a budget of ")[2].partition(" bytes")[0].replace(",", "")
    look.cell.get_by_role("spinbutton", name="budget, bytes").fill(budget)
    expect(look.answers.locator("tr", has_text="security-scan")).to_contain_text("+ enters")
    entered = look.cell.get_by_role("button", name=re.compile("^security-scan, turn .*: omitted, enters$"))
    expect(entered).to_have_count(6)
    look.button("Back to the recorded budget").click()
    expect(entered).to_have_count(0)
