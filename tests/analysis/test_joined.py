"""Joining by hash gives what a join by the texts gives, even where two texts share a hash."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.analysis.dimensions import joined

words = st.sampled_from(["a", "b", "a\0b", "", None])
keyed = st.lists(st.tuples(words, words, st.sampled_from([1, 2, None])), max_size=6)
SCHEMA = {"run_id": pl.String, "call_id": pl.String, "tokens": pl.Int64}


def by_hand(rows, side):
    """Tokens and place of the first row of ``side`` with the same key, the row's own tokens first."""
    told = []
    for run_id, call_id, tokens in rows:
        met = next((n for n, row in enumerate(side) if row[:2] == (run_id, call_id)), None)
        met = None if None in (run_id, call_id) else met
        theirs = None if met is None else side[met][2]
        told.append((run_id, call_id, theirs if tokens is None else tokens, met))
    return told


def by_join(rows, side):
    places = pl.DataFrame(side, schema=SCHEMA, orient="row").with_columns(place=pl.int_range(pl.len()))
    return joined(pl.DataFrame(rows, schema=SCHEMA, orient="row"), places).rows()


@given(keyed, keyed)
def test_each_row_gets_the_first_of_its_key_and_keeps_what_it_holds(rows, side):
    assert by_join(rows, side) == by_hand(rows, side)


@pytest.mark.parametrize("side", [[("r", "x", 1)], [("r", "x", 1), ("r", "y", 2), ("r", "x", 3)]])
def test_keys_that_share_a_hash_are_told_apart(monkeypatch, side):
    monkeypatch.setattr(pl.Expr, "hash", lambda _expression: pl.lit(7, dtype=pl.UInt64))
    rows = [("r", "y", None), ("r", "x", None), ("r", "z", None), (None, "x", None)]
    assert by_join(rows, side) == by_hand(rows, side)
