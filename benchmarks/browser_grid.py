"""A million dispatches in the route explorer, in a real JupyterLab.

    python benchmarks/browser_grid.py [rows] [turns]

Prints how long building took in the kernel, how long until a sort and a filter are seen on the page, and the page's
memory while the table is scrolled from end to end and back: used heap after a collection, and nodes of the page.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from playwright.sync_api import expect

from browser import jupyter
from browser.explorers import Explorer, opened, row, rows_told

ROUNDS = 3
SAMPLES = 10
CELL = """
import time
import polars as pl
from harnlab.frames import CALLS, DISPATCHES, SCHEMAS
from harnlab.runs import Runs
from harnlab.vocabulary import PROVENANCE_FIELDS

n = pl.int_range({rows}, eager=True).to_frame("n")
def some(words, factor):
    return pl.lit(pl.Series(words)).gather(pl.col("n") * factor % len(words))
key = {{"run_id": pl.format("run-{{}}", pl.col("n") // 1000),
    "source_path": pl.format("run-{{}}.jsonl", pl.col("n") // 1000),
    "source_line": pl.col("n") % 1000 + 1, "call_id": pl.format("019e3b32-b20f-708f-b1b4-{{}}", "n")}}
origins = ["operator_pin", "pipeline_input", "catalog_default", "inherited_from_primary", None]
dispatches = n.select(**key, model=some(["gpt-4o", "qwen3", "glm-5"], 7), provider=pl.lit("openai"),
    wire_format=pl.lit("openai_compat"), outcome_kind=some(["served"] * 16 + ["provider_error"], 1),
    outcome_completion_tokens=pl.col("n") * 7919 % 1_000_000,
    **{{f"provenance_{{field}}": some(origins, k + 1) for k, field in enumerate(PROVENANCE_FIELDS)}})
calls = n.select(**key, cost_usd=(pl.col("n") * 7919 % 1_000_003) / 1e6, input_tokens="n")
frames = {{name: schema.empty() for name, schema in SCHEMAS.items()}}
frames |= {{"dispatches": DISPATCHES.conform(dispatches), "calls": CALLS.conform(calls)}}
runs = Runs(frames, ())
hl.RouteExplorer
taken = []
for _ in range({rounds}):
    start = time.perf_counter()
    explorer = hl.RouteExplorer(runs)
    taken.append(time.perf_counter() - start)
print(f"{{min(taken):.3f}}")
explorer
"""


def seconds(act, seen):
    start = time.perf_counter()
    act()
    seen()
    return time.perf_counter() - start


def looked_at(explorer, rows):
    """Seconds until each change is seen."""
    table = explorer.grid("dispatches")
    first = row(table, 0)

    def header(name):
        return table.get_by_role("columnheader", name=name).locator("button")

    yield (
        "sort by tokens",
        seconds(
            header("tokens out").click,
            lambda: expect(table.locator("[aria-sort=descending]")).to_contain_text("tokens out"),
        ),
    )
    yield (
        "sort by cost, which is joined on",
        seconds(header("cost, USD").click, lambda: expect(first).to_contain_text("1.00000")),
    )
    yield (
        "filter by inherited",
        seconds(
            explorer.press("provider:inherited_from_primary").click,
            lambda: expect(rows_told(table)).to_have_text(f"{rows // 5:,} of {rows:,} rows"),
        ),
    )
    yield (
        "clear the filter",
        seconds(
            explorer.button("Clear filters").click,
            lambda: expect(rows_told(table)).to_have_text(f"{rows:,} rows"),
        ),
    )


def memory(session):
    session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return told["JSHeapUsedSize"] / 1e6, int(told["Nodes"])


def scrolled(explorer, turns):
    """Memory after each tenth of the turns, every turn another place of the table."""
    table = explorer.grid("dispatches")
    session = explorer.page.context.new_cdp_session(explorer.page)
    session.send("Performance.enable")
    yield 0, *memory(session)
    every = max(1, turns // SAMPLES)
    for turn in range(1, turns + 1):
        share = abs((turn * 2 / turns) % 2 - 1)
        table.evaluate("(grid, share) => { grid.scrollTop = grid.scrollHeight * share }", share)
        expect(row(table, 0)).not_to_contain_text("…")
        if turn % every == 0:
            yield turn, *memory(session)


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    with (
        tempfile.TemporaryDirectory() as home,
        jupyter.running_chromium() as chromium,
        jupyter.running_lab(Path(home)) as lab,
        opened(chromium, lab, "grid", CELL.format(rows=rows, rounds=ROUNDS)) as (page, problems),
    ):
        explorer = Explorer(page, page.locator(".jp-CodeCell").nth(1))
        built = explorer.cell.locator(".jp-OutputArea-output").first.inner_text().strip()
        print(f"{rows:,} dispatches: built in {built} s (best of {ROUNDS})")
        for what, taken in looked_at(explorer, rows):
            print(f"  {what}: seen after {taken:.2f} s")
        print(f"  {'turn':>6} {'heap, MB':>9} {'nodes':>7}")
        for turn, heap, nodes in scrolled(explorer, turns):
            print(f"  {turn:>6} {heap:>9.1f} {nodes:>7}", flush=True)
        print(f"  page errors and requests off the machine: {len(problems)}")


if __name__ == "__main__":
    main()
