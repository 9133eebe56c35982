"""The route explorer without a browser."""

import polars as pl
import pytest
import traitlets

import harnlab as hl
from harnlab.analysis.routes.inherited import dispatched
from harnlab.errors import UnknownName
from harnlab.widgets import dispatch_rows
from harnlab.widgets.route_explorer import RouteExplorer
from widgets.logs import HOSTILE, dispatch, runs_of, written_log
from widgets.pages import texts, told

SAMPLE = "sample_transcripts/inherited-route"


@pytest.fixture(scope="module")
def runs():
    return hl.load(SAMPLE, progress=False)


@pytest.fixture
def explorer(runs):
    return RouteExplorer(runs)


def same_rows(explorer, again):
    return explorer.selected.equals(again.selected) and explorer.grid.rows.equals(again.grid.rows)


def test_the_sample_shows_all_dispatches_and_no_record(explorer, runs):
    assert explorer.selected.height == runs.dispatches.height
    assert explorer.place is None


def test_costs_are_those_of_the_analysis(runs):
    mine = dispatch_rows.with_call_cost(runs.dispatches, runs.calls)
    theirs = dispatched(runs)
    columns = ["call_id", "route", "origin", "cost_usd", *dispatch_rows.PROVENANCE_COLUMNS]
    assert mine.select(columns).equals(theirs.select(columns))


def test_the_matrix_counts_as_the_analysis_does(runs):
    counts = dispatch_rows.origin_counts(dispatch_rows.combinations(runs.dispatches), {})
    expected = {
        (row["field"], row["origin"]): row["calls"] for row in hl.routes.matrix(runs).iter_rows(named=True)
    }
    assert counts == expected


def test_any_origin_finds_what_the_analysis_calls_inherited(explorer, runs):
    explorer.filters = {"origin": "inherited_from_primary"}
    assert set(explorer.selected["call_id"]) == set(hl.routes.inherited(runs)["call_id"])


def test_a_press_of_the_matrix_filters_and_a_second_one_lets_go(explorer, from_page, runs):
    from_page.message(explorer._matrix, press="wire_format:inherited_from_primary")
    assert explorer.filters == {"provenance_wire_format": "inherited_from_primary"}
    assert set(explorer.selected["provenance_wire_format"]) == {"inherited_from_primary"}
    from_page.message(explorer._matrix, press="wire_format:inherited_from_primary")
    assert explorer.selected.height == runs.dispatches.height


def test_lists_and_matrix_filter_together_and_are_cleared_together(explorer, from_page):
    explorer._lists["outcome_kind"].value = "empty_completion_terminal"
    from_page.message(explorer._matrix, press="provider:inherited_from_primary")
    assert set(explorer.filters) == {"outcome_kind", "provenance_provider"}
    from_page.message(explorer._matrix, press="clear")
    assert explorer.filters == {}
    assert explorer._lists["outcome_kind"].label.startswith("every one")


def test_a_filter_set_in_code_shows_in_its_list(explorer):
    explorer.filters = {"origin": "unknown"}
    assert explorer._lists["origin"].value == "unknown"


def test_a_row_picked_by_key_shows_its_record_and_log_line(explorer, from_page, runs):
    from_page(explorer.grid, active=7)
    row = runs.dispatches.row(7, named=True)
    assert explorer.place == f"{row['source_path']}:{row['source_line']}"
    card = told(explorer._card)
    assert runs.text(row) in card
    assert row["call_id"] in card
    assert explorer.selected["call_id"].to_list() == [row["call_id"]]


def test_the_call_before_and_after_are_a_press_away(explorer, from_page, runs):
    from_page(explorer.grid, active=7)
    from_page.message(explorer._card, press="8")
    assert explorer.selected["call_id"].to_list() == [runs.dispatches["call_id"][8]]
    for nonsense in ("none", "-1", "9999999"):
        from_page.message(explorer._card, press=nonsense)
    assert explorer.selected["call_id"].to_list() == [runs.dispatches["call_id"][8]]


def test_a_filter_that_hides_the_record_closes_it(explorer):
    explorer.grid.active = 0
    explorer.filters = {"model": "nothing of the kind"}
    assert explorer.place is None
    assert explorer.selected.height == 0


def test_what_is_not_there_is_refused(explorer, runs):
    with pytest.raises(UnknownName, match="no filter 'colour'"):
        explorer.filters = {"colour": "red"}
    with pytest.raises(UnknownName, match="no row was read from nowhere:1"):
        RouteExplorer(runs, place="nowhere:1")
    with pytest.raises(traitlets.TraitError):
        explorer.sort = ["colour", True]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"filters": {"origin": "inherited_from_primary"}},
        {"filters": {"provenance_provider": "unknown", "outcome_kind": "served"}, "sort": ["cost_usd", True]},
        {"filters": {"route": "openrouter/claude-sonnet-4-6/openai_compat"}, "sort": ["timestamp", True]},
    ],
)
def test_the_cell_builds_it_again(runs, state):
    explorer = RouteExplorer(runs, **state)
    assert explorer.grid.rows.height > 0
    assert same_rows(explorer, eval(explorer.code, {"hl": hl, "runs": runs}))
    explorer.grid.active = 1
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    assert again.selected.height == 1
    assert same_rows(explorer, again)


def test_a_notebook_stores_words_and_numbers_that_do_not_change(runs):
    explorer = RouteExplorer(runs, filters={"origin": "inherited_from_primary"})
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == "<RouteExplorer: 18 of 210 dispatches; origin=inherited_from_primary>"
    assert bundle["application/vnd.harnlab.route-explorer+json"] == {
        "filters": {"origin": "inherited_from_primary"},
        "sort": [None, False],
        "place": None,
        "shown": 18,
        "dispatches": 210,
        "record": None,
    }
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_words_of_a_newer_harn_and_missing_ones_are_shown_too():
    rows = [dispatch(0, provenance_model="borrowed"), dispatch(1, provenance_model=None, model=None)]
    explorer = RouteExplorer(runs_of(dispatches=rows))
    assert "borrowed" in [value for _, value in explorer._lists["origin"].options]
    explorer.filters = {"provenance_model": "unknown"}
    assert explorer.selected["call_id"].to_list() == ["c1"]


def test_an_empty_log_shows_an_empty_table():
    explorer = RouteExplorer(runs_of())
    assert explorer.selected.height == 0
    assert repr(explorer) == "<RouteExplorer: 0 of 0 dispatches>"


def test_a_row_whose_file_is_gone_says_so():
    explorer = RouteExplorer(runs_of(dispatches=[dispatch(0)]))
    explorer.grid.active = 0
    assert "cannot be read" in told(explorer._card)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_log_only_ever_is_a_text(tmp_path, text):
    explorer = RouteExplorer(written_log(tmp_path, model=text))
    explorer.grid.active = 0
    words = texts(["div", {}, [*explorer._card.tree, *explorer._matrix.tree]])
    assert any("harnlabWasHere" in word or "\\u2" in word or "png.exe" in word for word in words)
    assert not any(mark in word for word in words for mark in "\u202e\u200b\u2060\ufeff")
    assert explorer.filters == {}


def test_a_very_long_record_is_cut_with_a_note(tmp_path):
    explorer = RouteExplorer(written_log(tmp_path, padding="y" * 1_000_000))
    explorer.grid.active = 0
    card = told(explorer._card)
    assert len(card) < 25_000
    assert "first 20,000 of 1,000,5" in card


def test_equal_sorts_keep_the_order_of_the_log(runs):
    explorer = RouteExplorer(runs, sort=["provider", False])
    expected = runs.dispatches.with_row_index().sort("provider", "index", nulls_last=True)["call_id"]
    assert explorer.selected["call_id"].equals(expected)
    assert isinstance(explorer.selected, pl.DataFrame)


def test_a_list_says_that_it_leaves_every_dispatch_in(runs):
    labels = {chooser.label for chooser in RouteExplorer(runs)._lists.values()}
    assert labels == {f"every one ({runs.dispatches.height:,})"}
