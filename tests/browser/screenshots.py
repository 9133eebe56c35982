"""Full-height pictures of notebooks as JupyterLab shows them, in its light and its dark theme.

    python tests/browser/screenshots.py notebooks/*.ipynb -o out/screenshots [--width 1100] [--slice 1400] [--run]

By default the committed outputs are shown; ``--run`` runs every cell first, which live widgets need. ``--slice``
cuts a tall notebook into pictures of that many pixels.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import jupyter

PROJECT = Path(__file__).parents[2]
CHROME_AND_MARGINS_PX = 140
TALLEST_PX = 16_000  # beyond it Chromium repeats tiles instead of drawing


def photograph(browser, lab, notebook, folder, *, width, slice_px, run):
    """Take the pictures of one notebook in each theme; yields the files written."""
    shutil.copy(notebook, lab.folder / "notebooks")
    with jupyter.watched_page(browser, lab, width=width) as (page, problems):
        jupyter.open_notebook(page, lab, f"notebooks/{notebook.name}")
        if run:
            jupyter.run_all_cells(page)
        for theme in jupyter.THEMES:
            jupyter.switch_theme(page, theme)
            page.wait_for_timeout(1500)  # charts draw one after the other and give no sign
            height = page.locator(".jp-WindowedPanel-outer").evaluate("outer => outer.scrollHeight")
            height = min(height + CHROME_AND_MARGINS_PX, TALLEST_PX)
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(500)
            for number, top in enumerate(range(0, height, slice_px or height), start=1):
                file = folder / f"{notebook.stem}-{theme}{f'-{number}' if slice_px else ''}.png"
                clip = {"x": 0, "y": top, "width": width, "height": min(slice_px or height, height - top)}
                page.screenshot(path=file, clip=clip)
                yield file
    for problem in problems:
        print(f"{notebook.name}: {problem}", file=sys.stderr)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/screenshots"))
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--slice", type=int, default=0, metavar="PX", help="height of one picture; 0: whole")
    parser.add_argument("--run", action="store_true", help="run every cell first")
    asked = parser.parse_args(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="harnlab-screenshots-") as home,
        jupyter.running_lab(Path(home)) as lab,
        jupyter.running_chromium() as browser,
    ):
        (lab.folder / "notebooks").mkdir()
        (lab.folder / "sample_transcripts").symlink_to(PROJECT / "sample_transcripts")
        for notebook in asked.notebooks:
            options = {"width": asked.width, "slice_px": asked.slice, "run": asked.run}
            for file in photograph(browser, lab, notebook, asked.output, **options):
                print(file)


if __name__ == "__main__":
    main()
