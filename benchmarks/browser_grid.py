"""A million dispatches in the route explorer, in a real JupyterLab.

    python benchmarks/browser_grid.py [rows] [turns]

Prints how long building took in the kernel; how long from each click until its rows stand on the page, for every
header both ways and every kind of filter; the page's memory while the table is scrolled from end to end and back
(used heap after a collection, and nodes of the page); and whether each aim is met.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import polars as pl
from dispatches import made
from measure import aim, publish
from playwright.sync_api import expect

from browser import jupyter
from browser.explorers import Explorer, opened, row, rows_told
from harnlab.analysis.dimensions import route_columns

ROUNDS = 3
SAMPLES = 10
BUILT_S, SEEN_S, GROWN = 0.5, 1.0, 1.05
CELL = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from dispatches import made
runs = made({{rows}})
hl.RouteExplorer
for _ in range({ROUNDS}):
    start = time.perf_counter()
    explorer = hl.RouteExplorer(runs)
    print(f"{{{{time.perf_counter() - start:.3f}}}}")
    time.sleep(1)  # nobody builds two at once
explorer
"""
#: Heading -> column, in the order clicked.
HEADINGS = {
    "time, UTC": "timestamp",
    "cost, USD": "cost_usd",
    "model": "model",
    "origin": "origin",
    "outcome": "outcome_kind",
    "tokens out": "outcome_completion_tokens",
    "provider": "provider",
    "wire format": "wire_format",
    "run": "run_id",
    "line": "source_line",
}
#: Headings that sort the smallest first.
_TEXTS = {"time, UTC", "model", "provider", "wire format", "run"}
FIRST_ROW_IS = """([grid, cells]) => {
    const row = grid.querySelector('tbody tr');
    return row && cells.every(([place, text]) => row.cells[place].textContent === text);
}"""
#: Every list of the explorer stands on its first entry, and nothing is left to clear.
IS_CLEAR = """output => [...output.querySelectorAll('select')].every(list => list.selectedIndex === 0)
    && output.querySelector("[data-press='clear']").disabled"""
STATUS_IS = "([status, text]) => status.textContent === text"


def until(page, seen, argument):
    """Wait for what is seen, looking at every frame the page draws."""
    page.wait_for_function(seen, arg=argument, polling="raf", timeout=60_000)


def seconds(act, seen):
    start = time.perf_counter()
    act()
    seen()
    return time.perf_counter() - start


def first_rows(runs):
    """Run and line of the row that must stand first, by heading and direction."""
    costs = runs.calls.select("run_id", "call_id", "cost_usd")
    rows = runs.dispatches.with_columns(route_columns())
    rows = rows.join(costs, on=["run_id", "call_id"], how="left", maintain_order="left")
    found = {}
    for heading, column in HEADINGS.items():
        known = rows.drop_nulls(column)
        for descending in (False, True):
            value = known[column].max() if descending else known[column].min()
            first = known.filter(pl.col(column) == value).row(0, named=True)
            found[heading, descending] = first["run_id"], first["source_line"]
    return found


def sorted_by_each(explorer, expected, when):
    """Seconds from a click on each header, both ways, until the right row stands first."""
    table = explorer.grid("dispatches")
    grid = table.element_handle()
    places = [list(HEADINGS).index(name) for name in ("run", "line")]
    for heading in HEADINGS:
        button = table.get_by_role("columnheader", name=heading, exact=False).locator(
            "button", has_text=re.compile(rf"^{heading} ?[▲▼]?$")
        )
        first = heading not in _TEXTS
        for descending in (first, not first):
            run, line = expected[heading, descending]
            cells = list(zip(places, (run, f"{line:,}"), strict=True))
            shown = [row(table, 0).locator("td").nth(place).inner_text() for place in places]
            assert shown != [text for _, text in cells], (
                f"{heading}: the same row stands first before the click"
            )
            taken = seconds(
                button.click, lambda cells=cells: until(explorer.page, FIRST_ROW_IS, [grid, cells])
            )
            yield f"sort by {heading}, {'largest' if descending else 'smallest'} first, {when}", taken


def filtered_by_each(explorer, rows, when):
    """Seconds from each filter, and from clearing it, until the number of rows left is told."""
    table = explorer.grid("dispatches")
    status = rows_told(table).element_handle()
    output = explorer.cell.locator(".jp-OutputArea").element_handle()

    def told(left):
        shown = f"{rows:,} rows" if left == rows else f"{left:,} of {rows:,} rows"
        until(explorer.page, STATUS_IS, [status, shown])

    def both(name, act, undo, left):
        yield f"filter by {name}, {when}", seconds(act, lambda: told(left))
        yield f"clear the filter by {name}, {when}", seconds(undo, lambda: told(rows))
        until(explorer.page, IS_CLEAR, output)

    clear = explorer.button("Clear filters").click
    for chooser in explorer.cell.locator("select").all():
        name = chooser.locator("xpath=ancestor::*[contains(@class, 'widget-dropdown')]//label").inner_text()
        label = chooser.locator("option").last.inner_text()
        left = int(re.search(r"\(([\d,]+)\)$", label)[1].replace(",", ""))
        yield from both(
            f"{name} {label}", lambda c=chooser, label=label: c.select_option(label=label), clear, left
        )
    for field in ("provider", "tool_format"):
        cell = explorer.press(f"{field}:inherited_from_primary")
        left = int(cell.inner_text().replace(",", ""))
        yield from both(f"the origin of {field}", cell.click, clear, left)


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


def told_as_it_comes(steps):
    """The slowest of some steps and its seconds; each is printed."""
    slowest = ("", 0.0)
    for what, taken in steps:
        print(f"  {what}: seen after {taken:.2f} s", flush=True)
        slowest = max(slowest, (what, taken), key=lambda step: step[1])
    return slowest


def looked_at(explorer, rows):
    """Every sort when it is first asked for and once more, and every filter, in no order and sorted by cost."""
    expected = first_rows(made(rows))
    yield from sorted_by_each(explorer, expected, "the first time")
    yield from sorted_by_each(explorer, expected, "again")
    yield from filtered_by_each(explorer, rows, "sorted by line")
    explorer.grid("dispatches").get_by_role("columnheader", name="cost, USD").locator("button").click()
    yield from filtered_by_each(explorer, rows, "sorted by cost")


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    with (
        tempfile.TemporaryDirectory() as home,
        jupyter.running_chromium() as chromium,
        jupyter.running_lab(Path(home)) as lab,
        opened(chromium, lab, "grid", CELL.format(rows=rows)) as (page, problems),
    ):
        explorer = Explorer(page, page.locator(".jp-CodeCell").nth(1))
        built = max(map(float, explorer.cell.locator(".jp-OutputArea-output").first.inner_text().split()))
        print(f"{rows:,} dispatches: built in {built} s (slowest of {ROUNDS})")
        what, slowest = told_as_it_comes(looked_at(explorer, rows))
        print(f"  {'turn':>6} {'heap, MB':>9} {'nodes':>7}")
        memories = []
        for turn, heap, nodes in scrolled(explorer, turns):
            memories.append((heap, nodes))
            print(f"  {turn:>6} {heap:>9.1f} {nodes:>7}", flush=True)
        grown = max(heap for heap, _ in memories) / memories[0][0]
    aims = [
        aim(f"built under {BUILT_S} s, {built:.2f} s", met=built < BUILT_S),
        aim(f"every sort and filter seen under {SEEN_S} s, {slowest:.2f} s ({what})", met=slowest < SEEN_S),
        aim(f"memory flat while scrolling, heap at most times {grown:.3f}", met=grown < GROWN),
        aim(f"no page error, no request off the machine, {len(problems)}", met=not problems),
    ]
    told = (
        f"{rows:,} dispatches in `RouteExplorer`, in JupyterLab: every column sorted both ways, every kind of filter "
        f"set and cleared, then {turns} turns of scrolling; each timed until it is seen on the page.\n\n"
    )
    publish("A million dispatches on the page", told + "\n\n".join(aims))


if __name__ == "__main__":
    main()
