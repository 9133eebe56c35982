"""The grid: what goes over the wire, and what comes back from keys and clicks."""

import json

import polars as pl
import pytest
import traitlets

from harnlab.charts.theme import OUTCOME
from harnlab.widgets.grid import PAGE_ROWS, Grid, GridColumn, bar_cell, usd_column

LETTERS = pl.DataFrame({"letter": list("dacb"), "n": [1, 2, None, 2]})
COLUMNS = (GridColumn(name="letter", title="Letter"), GridColumn(name="n", title="N", kind="number"))


@pytest.fixture
def grid():
    return Grid(LETTERS, COLUMNS)


def shown(grid):
    return [row[0] for row in grid.page["rows"]]


def test_rows_come_in_the_order_of_the_frame(grid):
    assert shown(grid) == list("dacb")
    assert grid.total == 4
    assert grid.status == "4 rows"


def test_a_header_sorts_both_ways(grid, from_page):
    from_page(grid, sort=["letter", False], first=0)
    assert shown(grid) == list("abcd")
    from_page(grid, sort=["n", True])
    assert shown(grid) == ["a", "b", "d", "c"]
    assert grid.rows["letter"].to_list() == ["a", "b", "d", "c"]


def test_a_sort_by_a_column_that_is_not_shown_is_refused(grid):
    for wrong in (["nothing", True], ["n"], ["n", "down"]):
        with pytest.raises(traitlets.TraitError):
            grid.sort = wrong
    assert grid.sort == [None, False]


def test_only_a_page_of_a_long_frame_is_sent(wire, from_page):
    grid = Grid(pl.DataFrame({"n": range(100_000)}), (GridColumn(name="n", title="N"),))
    state = next(data["state"] for kind, data in wire if kind == "comm_open" and "page" in data["state"])
    assert len(state["page"]["rows"]) == PAGE_ROWS
    assert state["total"] == 100_000
    from_page(grid, first=60_000)
    sent = [
        data["state"]["page"] for kind, data in wire if kind == "comm_msg" and "page" in data.get("state", {})
    ]
    assert sent[-1]["rows"][0] == ["60,000"]
    assert len(json.dumps(sent[-1])) < 5_000


def test_the_row_the_keyboard_stands_on_is_the_selected_one(grid, from_page):
    from_page(grid, sort=["letter", False])
    from_page(grid, active=1)
    assert grid.selected == [3]


def test_a_selected_row_is_followed_through_a_sort(grid):
    grid.select([0])
    grid.sort = ["letter", False]
    assert grid.active == 3
    assert grid.selected == [0]


def test_a_filter_keeps_the_selection_it_still_shows(grid):
    grid.select([1])
    grid.keep([pl.col("n") == 2])
    assert (shown(grid), grid.selected, grid.active, grid.status) == (["a", "b"], [1], 0, "2 of 4 rows")
    grid.keep([pl.col("letter") == "b"])
    assert (grid.selected, grid.active) == ([], -1)
    grid.keep([pl.col("letter") == "nothing"])
    assert (shown(grid), grid.total) == ([], 0)


def test_a_filter_outlives_a_sort(grid):
    grid.keep([pl.col("n") == 2])
    grid.sort = ["letter", True]
    assert shown(grid) == ["b", "a"]


def test_positions_outside_the_frame_are_refused(grid):
    with pytest.raises(traitlets.TraitError, match="from 0 to 3"):
        grid.selected = [4]


def test_enter_opens_a_row(grid, from_page):
    opened = []
    grid.on_open(opened.append)
    grid.sort = ["letter", False]
    from_page.message(grid, open=0)
    for nonsense in (99, -1, "0", None):
        from_page.message(grid, open=nonsense)
    assert opened == [1]


def test_several_rows_are_picked_one_by_one(from_page):
    grid = Grid(LETTERS, COLUMNS, multiple=True)
    for place in (0, 2, 0):
        from_page.message(grid, toggle=place)
    from_page(grid, active=3)
    assert grid.selected == [2]


def test_one_row_at_a_time_ignores_the_space_bar(grid, from_page):
    from_page(grid, active=1)
    from_page.message(grid, toggle=2)
    assert grid.selected == [1]


def test_late_columns_are_made_for_the_page_and_for_all_only_when_sorted_by():
    heights = []

    def with_square(rows):
        heights.append(rows.height)
        return rows.with_columns(square=pl.col("n") ** 2)

    columns = (GridColumn(name="n", title="N"), GridColumn(name="square", title="N²"))
    grid = Grid(pl.DataFrame({"n": range(-500, 500)}), columns, complete=with_square)
    grid.first = 500
    assert max(heights) == PAGE_ROWS
    grid.first, grid.sort = 0, ["square", False]
    assert shown(grid)[:3] == ["0", "-1", "1"]
    grid.sort = ["square", True]
    assert heights.count(1000) == 1


def test_a_row_brought_in_sight_is_not_picked_and_forgotten_with_the_order(grid):
    grid.bring_in_sight(2)
    assert (grid.sight, grid.selected, grid.active) == (2, [], -1)
    grid.sort = ["letter", False]
    assert grid.sight == -1
    grid.bring_in_sight(1)
    assert grid.sight == 0


def test_another_frame_starts_afresh(grid):
    grid.sort, grid.active = ["letter", True], 2
    grid.show(LETTERS.head(1))
    assert (shown(grid), grid.sort, grid.selected, grid.active) == (["d"], [None, False], [], -1)


def test_long_texts_are_cut_and_told_in_full_in_the_title():
    long, longer = "x" * 500, "y" * 5_000
    grid = Grid(pl.DataFrame({"t": [long, longer, "\u202eflipped"]}), (GridColumn(name="t", title="T"),))
    (first, second), (_, third), plain = (row[0] for row in grid.page["rows"])
    assert (len(first), second, len(third), plain) == (120, long, 1_000, "\\u202eflipped")


def test_a_badge_carries_glyph_colour_and_word():
    column = GridColumn(name="outcome_kind", title="outcome", kind="badge", palette=OUTCOME)
    swatch = column.wire()["swatches"]["served"]
    assert (swatch["glyph"], swatch["label"]) == ("✓", "served")
    assert swatch["color"].startswith("#")
    assert column.shown(None) is None


def test_dollars_are_shown_to_the_millionth_and_missing_ones_as_missing():
    assert usd_column().shown(0.0000015) == "0.000002"
    assert usd_column().shown(None) == "—"


def test_a_bar_has_its_limit_on_the_same_scale():
    assert bar_cell(3.0, 2.0, 4.0, "3") == {"share": 0.75, "limit": 0.5, "over": True, "text": "3"}
    assert bar_cell(1.0, None, 4.0, "1") == {"share": 0.25, "limit": None, "over": False, "text": "1"}
    assert bar_cell(None, 2.0, 4.0, "") is None


def test_rows_added_behind_keep_what_is_picked_and_take_the_page_along(wire):
    numbers = pl.DataFrame({"n": [10, 11, 12]})
    grid = Grid(numbers, [GridColumn(name="n", title="n")])
    grid.select([1])
    grid.append(pl.DataFrame({"n": [11, 12, 13]}), dropped=1)
    assert (grid.selected, grid.active, grid.total) == ([0], 0, 3)
    assert grid.page["rows"] == [["11"], ["12"], ["13"]]
    grid.append(pl.DataFrame({"n": [13, 14]}), dropped=2)
    assert (grid.selected, grid.active) == ([], -1)
    assert {"method": "custom", "content": {"end": True}} in [data for _, data in wire]


def test_a_column_that_is_joined_on_is_asked_for_alone_and_once():
    asked = []

    def column(name, rows):
        asked.append((name, rows.height))
        return pl.Series([3, 1, 2])

    shown = [GridColumn(name="n", title="n"), GridColumn(name="cost", title="cost")]
    numbers = pl.DataFrame({"n": [10, 11, 12]})
    grid = Grid(numbers, shown, complete=lambda rows: rows.with_columns(cost=pl.lit(0)), column=column)
    grid.sort = ["cost", False]
    grid.sort = ["cost", True]
    assert grid.order.to_list() == [0, 2, 1]
    assert asked == [("cost", 3)]
