"""A picture of every chart, drawn from the samples, light and dark, as wide and as narrow as readers have it.

    python tests/browser/gallery.py -o out/gallery [--width 1100 700] [NAME …]

One PNG a chart, theme and width, and of the report part by part; they are there to be looked at.
"""

import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))


import harnlab as hl
from browser import command_line, jupyter
from harnlab.charts.renderer import to_svg

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
TALLEST_PX = 1400
GROUNDS = {"light": "#ffffff", "dark": "#111111"}


def _runs(name):
    return hl.load(str(SAMPLES / name), progress=False)


def _skills(question):
    runs = _runs("skill-catalog")
    return runs[runs.frame("skill_cards")["run_id"][0]] if question == "one" else runs


CHARTS = {
    "costs-by-dimension": lambda: hl.charts.costs.by_dimension(
        hl.costs.by(_runs("cost-overrun"), "step", "model")
    ),
    "costs-over-time": lambda: hl.charts.costs.over_time(
        hl.costs.trend(_runs("inherited-route"), every="1h", by="model")
    ),
    "costs-running-total": lambda: hl.charts.costs.running_total(hl.costs.running(_runs("cost-overrun"))),
    "icicle-usd": lambda: hl.charts.costs.icicle(hl.costs.nested(_runs("cost-overrun")), budget=0.9),
    "icicle-tokens": lambda: hl.charts.costs.icicle(hl.costs.nested(_runs("cost-overrun")), unit="tokens"),
    "icicle-time": lambda: hl.charts.costs.icicle(hl.costs.nested(_runs("cost-overrun")), unit="time"),
    "routes-matrix": lambda: hl.charts.routes.provenance_matrix(hl.routes.matrix(_runs("inherited-route"))),
    "routes-share": lambda: hl.charts.routes.inherited_share(
        hl.routes.trend(_runs("inherited-route"), every="1h")
    ),
    "routes-outcomes": lambda: hl.charts.routes.outcome_mix(
        hl.routes.outcomes(_runs("inherited-route"), by=["route", "origin"])
    ),
    "skills-lifecycle": lambda: hl.charts.skills.lifecycle_matrix(hl.skills.lifecycle(_skills("one"))),
    "skills-fit": lambda: hl.charts.skills.catalog_fit(hl.skills.fit(_skills("one"), turn=6)),
    "autonomy-hours": lambda: hl.charts.autonomy.hours(hl.autonomy.usage(_runs("autonomy-pressure"))),
    "state-lanes": lambda: hl.charts.state.writer_lanes(
        hl.state.entries(_runs("two-writers")), hl.state.handoffs(_runs("two-writers"))
    ),
    "whatif-steps": lambda: hl.charts.whatif.step_sweep(
        hl.whatif.step_budget(_runs("cost-overrun"), step="verify", max_usd=[0.1, 0.2, 0.25, 0.3, 0.4, 0.5])
    ),
    "whatif-catalog": lambda: hl.charts.whatif.catalog_sweep(
        hl.whatif.catalog(_skills("all"), budget=range(200, 2001, 200))
    ),
    "whatif-autonomy": lambda: hl.charts.whatif.autonomy_sweep(
        hl.whatif.autonomy(_runs("autonomy-pressure"), per_hour=[1, 2, 3, 5, 8, 12])
    ),
    "compare": lambda: hl.charts.compare.differences(
        hl.compare(_runs("regression/baseline"), _runs("regression/candidate")).differences
    ),
    "compare-nothing": lambda: hl.charts.compare.differences(
        hl.compare(_runs("regression/baseline"), _runs("regression/baseline")).differences
    ),
    "empty": lambda: hl.charts.costs.by_dimension(hl.costs.by(_runs("cost-overrun"), "step").clear()),
}


def photographed(browser, name, folder, widths):
    """Pictures of one chart in each theme and width; yields the files written."""
    chart = CHARTS[name]()
    for theme, ground in GROUNDS.items():
        page = browser.new_page()
        style = f"body {{ margin: 16px; background: {ground} }} svg {{ max-width: 100%; height: auto }}"
        svg = to_svg(chart, theme=f"harnlab-{theme}")
        page.set_content(f"<style>{style}</style>{svg}")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 300})
            file = folder / f"{name}-{theme}-{width}.png"
            page.screenshot(path=file, full_page=True)
            yield file
        page.close()


def photographed_report(browser, folder, widths):
    """Pictures of the report of all samples, its first screen and then part by part; yields the files written."""
    with tempfile.TemporaryDirectory() as scratch:
        report = hl.report(_runs(""), Path(scratch, "report.html"))
        for theme in GROUNDS:
            page = browser.new_page(color_scheme=theme)
            page.goto(report.as_uri())
            for width in widths:
                page.set_viewport_size({"width": width, "height": 900})
                file = folder / f"report-{theme}-{width}-0-first.png"
                page.screenshot(path=file)
                yield file
                for number, part in enumerate(page.locator("section").all(), start=1):
                    name = f"report-{theme}-{width}-{number}-{part.get_attribute('id')}"
                    yield from sliced(page, part.bounding_box(), width, folder / name)
            page.close()


def sliced(page, box, width, name):
    """Pictures of a part that is taller than one can show; of the log lines, which are all alike, the first."""
    most = 1 if name.name.endswith("lines") else 9
    for number in range(min(most, int(-(-box["height"] // TALLEST_PX)))):
        top = number * TALLEST_PX
        clip = {"x": 0, "y": box["y"] + top, "width": width, "height": min(box["height"] - top, TALLEST_PX)}
        file = name.with_name(f"{name.name}-{number}.png")
        page.screenshot(path=file, full_page=True, clip=clip)
        yield file


def main():
    wanted = command_line.asked(__doc__, "charts, or `report`; default: all", "out/gallery")
    with jupyter.running_chromium() as browser:
        for name in wanted.names or [*CHARTS, "report"]:
            taken = (
                photographed_report(browser, wanted.output, wanted.width)
                if name == "report"
                else photographed(browser, name, wanted.output, wanted.width)
            )
            for file in taken:
                print(file)


if __name__ == "__main__":
    main()
