"""Picking rows without a widget."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.errors import InvalidArgument, UnknownName
from harnlab.widgets import selection
from harnlab.widgets.selection import (
    left_by,
    narrowed,
    neighbours,
    place_of,
    position_at,
    predicates,
    sorted_by,
)

LOG = pl.DataFrame(
    {
        "run_id": ["a", "b", "a", "b", "a"],
        "source_path": ["a.jsonl", "b.jsonl", "a.jsonl", "b.jsonl", "a.jsonl"],
        "source_line": [9, 1, 2, 4, 5],
        "model": ["x", None, "y", "x", "x"],
    },
    schema_overrides={"source_line": pl.UInt32},
)


def test_filters_leave_the_rows_that_meet_all_of_them():
    wanted = predicates(LOG.columns, {"model": "x", "run_id": "a"})
    assert left_by(LOG, wanted).to_list() == [0, 4]


def test_none_asks_for_rows_without_a_value():
    assert left_by(LOG, predicates(LOG.columns, {"model": None})).to_list() == [1]


def test_a_special_filter_wins_over_a_column():
    special = {"model": lambda value: pl.col("model").str.len_chars() == int(value)}
    assert left_by(LOG, predicates(LOG.columns, {"model": "1"}, special)).to_list() == [0, 2, 3, 4]


def test_an_unknown_filter_is_named_with_those_there_are():
    with pytest.raises(UnknownName, match=r"no filter 'modle'.*model"):
        predicates(LOG.columns, {"modle": "x"})


@settings(deadline=None)  # machines differ
@given(st.lists(st.none() | st.integers(0, 5)), st.booleans())
def test_sorting_is_stable_and_puts_what_is_missing_last(values, descending):
    series = pl.Series(values, dtype=pl.Int64)
    every = left_by(series.to_frame("v"), [])
    order = sorted_by(every, series, descending=descending).to_list()
    assert sorted(order) == list(range(len(values)))
    known = [p for p in order if values[p] is not None]
    assert order[: len(known)] == known
    assert known == sorted(known, key=lambda p: (-values[p] if descending else values[p], p))


def test_no_sort_keeps_the_order_of_the_log():
    assert sorted_by(pl.Series([3, 1]), None, descending=True).to_list() == [3, 1]


@pytest.mark.parametrize("position", range(LOG.height))
def test_a_place_leads_back_to_its_row(position):
    assert position_at(LOG, place_of(LOG.row(position, named=True))) == position


def test_a_place_that_is_not_there_is_told():
    with pytest.raises(UnknownName, match=r"no row was read from a\.jsonl:3"):
        position_at(LOG, "a.jsonl:3")
    with pytest.raises(InvalidArgument, match="path:line"):
        position_at(LOG, "a.jsonl")


def test_neighbours_stand_before_and_after_in_their_own_run():
    assert neighbours(LOG, 4) == (2, 0)
    assert neighbours(LOG, 2) == (None, 4)
    assert neighbours(LOG, 0) == (4, None)
    assert neighbours(LOG, 3) == (1, None)


@settings(deadline=None)  # machines differ
@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.booleans())), st.booleans())
def test_an_order_narrowed_is_that_of_the_rows_left_sorted(rows, descending):
    values = pl.Series([value for value, _ in rows], dtype=pl.Int64)
    left = pl.Series([n for n, (_, kept) in enumerate(rows) if kept], dtype=pl.UInt32)
    every = sorted_by(left_by(values.to_frame("v"), []), values, descending=descending)
    expected = sorted_by(left, values, descending=descending)
    assert narrowed(every, left).to_list() == expected.to_list()


@settings(deadline=None)  # machines differ
@given(st.lists(st.none() | st.text(max_size=3)), st.booleans(), st.integers(0, 3))
def test_a_key_of_texts_sorts_as_the_texts_do(values, descending, few):
    texts = pl.Series(values, dtype=pl.String)
    every = left_by(texts.to_frame("v"), [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_MANY_WORDS", few)
        key = selection.sort_key(texts)
    assert key.dtype.is_numeric()
    assert sorted_by(every, key, descending=descending).equals(
        sorted_by(every, texts, descending=descending), null_equal=True
    )


def test_a_key_is_found_once_and_in_the_background_where_there_are_many_rows(monkeypatch):
    asked = []

    def column(name, rows):
        asked.append((name, rows.height))
        return rows["source_line"] * 2

    keys = selection.SortKeys(LOG, column)
    keys.prepare("late")
    assert asked == []
    monkeypatch.setattr(selection, "_MANY_ROWS", 5)
    keys.prepare("late")
    assert [keys.of("late").to_list() for _ in range(2)] == [[18, 2, 4, 8, 10]] * 2
    assert asked == [("late", 5)]
    assert keys.of("source_line").equals(LOG["source_line"])
