"""Charts of harnlab's renderer are drawn by JupyterLab itself, with no network."""

import re

import pytest

from browser import jupyter

CELLS = (
    "%load_ext harnlab.notebook",
    """
import altair as alt
from harnlab.charts import theme

rows = [{"step": "verify", "cost": 0.25, "origin": "inherited_from_primary"},
        {"step": "plan", "cost": 0.5, "origin": "operator_pin"}]
base = alt.Chart(alt.Data(values=rows), title="Cost by step").encode(
    x=alt.X("cost:Q", title="cost (USD)"), y="step:N")
bars = base.mark_bar().encode(color=alt.Color("origin:N", scale=theme.PROVENANCE.scale()))
bars + base.mark_text(dx=16).encode(text="cost:Q")
""",
)


def brightness_of_text(page, text):
    element = page.locator(".jp-OutputArea-output svg.marks").get_by_text(text, exact=True).first
    fill = element.evaluate("element => getComputedStyle(element).fill")
    return sum(map(float, re.findall(r"[\d.]+", fill)[:3])) / 3


def test_a_chart_is_drawn_in_the_pages_own_ink_and_follows_its_theme(notebook_page):
    page = notebook_page(*CELLS)
    drawing = page.locator(".jp-OutputArea-output svg.marks")
    drawing.wait_for(timeout=20_000)
    assert drawing.locator("path[aria-roledescription=bar]").count() == 2
    texts = ("Cost by step", "cost (USD)", "verify", "0.25", "operator_pin")
    assert max(brightness_of_text(page, text) for text in texts) < 60
    jupyter.switch_theme(page, "dark")
    assert min(brightness_of_text(page, text) for text in texts) > 200


def test_no_toast_covers_the_page(notebook_page):
    page = notebook_page("1 + 1", theme="dark")
    page.wait_for_timeout(500)
    assert page.locator(".Toastify__toast").count() == 0
    assert page.locator(".jp-OutputArea-output").inner_text() == "2"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (
            "fetch('https://cdn.example.org/vega.js').catch(() => 0)",
            "off-machine request: https://cdn.example.org",
        ),
        ("setTimeout(() => { throw new Error('broken chart') })", "page error: broken chart"),
        ("try { new WebSocket('wss://example.org/') } catch {}", "off-machine socket: wss://example.org"),
    ],
)
def test_a_page_that_breaks_or_leaves_the_machine_is_noticed(chromium, lab, script, problem):
    with jupyter.watched_page(chromium, lab) as (page, problems):
        page.evaluate(f"() => {{ {script} }}")
        for _ in range(200):
            if any(found.startswith(problem) for found in problems):
                return
            page.wait_for_timeout(50)  # lets the page's events come in
        pytest.fail(f"not noticed: {problems}")
