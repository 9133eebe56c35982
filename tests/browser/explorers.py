"""Explorers in a real JupyterLab: one notebook for all, and what a reader does in it."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from browser import jupyter
from widgets.logs import written_log

# a machine that many share is slow, not wrong
expect.set_options(timeout=30_000)

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
#: Set by any text of a log that managed to run.
SOMETHING_RAN = "() => window.harnlabWasHere ?? null"
FOCUSED = """() => {
    const here = document.activeElement;
    return here.getAttribute('aria-label') ?? here.dataset.press ?? here.tagName;
}"""
SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
#: How often the journeys are made, each time in a notebook and a kernel of their own.
ROUNDS = range(int(os.environ.get("HARNLAB_BROWSER_ROUNDS", "1")))
#: Contrast of an element's ink with the ground below it, as WCAG 2 has it.
CONTRAST = """node => {
    const channel = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(c => channel(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let ground = node;
    while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    const pair = [getComputedStyle(node).color, getComputedStyle(ground).backgroundColor].map(light);
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


@dataclass(frozen=True, slots=True)
class Explorer:
    """One explorer on the page, in the output of its cell."""

    page: Any
    cell: Any

    @property
    def raw(self):
        """The raw log line."""
        return self.cell.locator(".hl-raw")

    @property
    def answers(self):
        """The table that answers a question."""
        return self.cell.locator(".hl-answers")

    @property
    def focused(self):
        """What has the keyboard: its label, the name of its press, or its tag."""
        return self.page.evaluate(FOCUSED)

    def grid(self, label):
        """Grid with this label."""
        return self.cell.locator(f".hl-grid[aria-label='{label}']")

    def press(self, name):
        """Element that tells the kernel ``name``."""
        return self.cell.locator(f"[data-press='{name}']")

    def button(self, name):
        """Button whose label begins or ends so."""
        return self.cell.get_by_role("button", name=name)

    def keys(self, *names):
        """Press keys one after the other."""
        for name in names:
            self.page.keyboard.press(name)


@contextlib.contextmanager
def opened(chromium, lab, name, *cells):
    """Page of a notebook whose cells have run, without the side bar, and the list of what went wrong on it."""
    lab.write(f"{name}.ipynb", "import harnlab as hl", *cells)
    with jupyter.watched_page(chromium, lab, height=1600) as (page, problems):
        jupyter.open_notebook(page, lab, f"{name}.ipynb")
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        jupyter.run_all_cells(page)
        page.locator(".hl-grid").last.wait_for(timeout=60_000)
        yield page, problems
        page.evaluate(SHUT_DOWN)  # or its kernel, and the frames in it, would stay until the last test


def row(table, place):
    """Row of a grid by its place in sight."""
    return table.locator("tbody tr").nth(place)


def rows_told(table):
    """What stands below a grid on the number of its rows."""
    return table.locator("xpath=following-sibling::*[@role='status']")


def hostile_log(folder, texts, padding):
    """Transcripts whose every text came from somebody who means harm; the first has a very long one too."""
    for number, text in enumerate(texts):
        written_log(folder / f"log-{number}", model=text, padding=text if number else padding)
