"""Pictures of every explorer in JupyterLab, at first and after a reader's clicks, light and dark, wide and narrow.

    python tests/browser/widget_gallery.py -o out/widgets [--width 1100 700] [NAME …]

``NAME`` is the beginning of names in ``poses.py``; without one all are made. One PNG a pose, theme and width, there
to be looked at; what a program can see is printed: a page that scrolls sideways, text cut without a tooltip.
"""

import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import command_line, jupyter
from browser.explorers import Explorer
from browser.poses import POSES, SET_UP

TALLEST_PX = 3000
#: What sticks out of a cell, and what is cut and does not say the rest when pointed at.
FLAWS = """cell => {
    const found = [];
    const area = cell.querySelector('.jp-OutputArea');
    if (!area) return ['no output'];
    const edge = area.getBoundingClientRect().right + 1;
    const scrolls = node => /auto|scroll/.test(getComputedStyle(node).overflowX);
    for (const node of area.querySelectorAll('*')) {
        const box = node.getBoundingClientRect();
        if (!box.width) continue;
        let above = node.parentElement;
        while (above !== area && !scrolls(above)) above = above.parentElement;
        const name = `${node.tagName} ${node.className?.baseVal ?? node.className}`;
        if (above === area && box.right > edge) found.push(`sticks out: ${name}`);
        // headings and badges must be whole: their column is ours to widen
        const whole = node.matches('.hl-title, .hl-badge') && node.scrollWidth > node.clientWidth + 1;
        if (whole) found.push(`cut: ${node.innerText}`);
        const cut = node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflow === 'hidden';
        if (cut && node.innerText && !node.closest('[title]')) found.push(`cut: ${node.innerText.slice(0, 60)}`);
    }
    return [...new Set(found)];
}"""


def posed(page, names):
    """Cells of the poses, each after its clicks; a pose that cannot be taken says so."""
    cells = {}
    for number, name in enumerate(names, start=1):
        cells[name] = page.locator(".jp-CodeCell").nth(number)
        POSES[name].clicks(Explorer(page, cells[name]))
    page.wait_for_timeout(1000)
    return cells


def photographed(page, cells, folder, widths):
    """Pictures of the cells in each theme and width; yields the files written, and flaws."""
    for theme in jupyter.THEMES:
        jupyter.switch_theme(page, theme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": TALLEST_PX})
            page.wait_for_timeout(1200)  # grids and charts take the new width one after the other
            for name, cell in cells.items():
                file = folder / f"{name}-{theme}-{width}.png"
                cell.locator(".jp-OutputArea").screenshot(path=file, animations="disabled")
                yield file, cell.evaluate(FLAWS)


def main():
    wanted = command_line.asked(__doc__, "beginnings of names; default: all", "out/widgets")
    names = [name for name in POSES if name.startswith(tuple(wanted.names or [""]))]
    with (
        tempfile.TemporaryDirectory(prefix="harnlab-widgets-") as home,
        jupyter.running_lab(Path(home)) as lab,
        jupyter.running_chromium(scroll_bars=True) as browser,
        jupyter.watched_page(browser, lab, height=TALLEST_PX) as (page, problems),
    ):
        lab.write("widgets.ipynb", SET_UP, *(POSES[name].cell for name in names))
        jupyter.open_notebook(page, lab, "widgets.ipynb")
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        jupyter.run_all_cells(page)
        page.wait_for_timeout(2000)
        for file, flaws in photographed(page, posed(page, names), wanted.output, wanted.width):
            print(file, *(f"\n    {flaw}" for flaw in flaws), sep="")
        for problem in problems:
            print(problem, file=sys.stderr)


if __name__ == "__main__":
    main()
