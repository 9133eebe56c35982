"""The frames' declarations, and what building from them promises."""

import polars as pl
import pytest

from harnlab.errors import UnknownName
from harnlab.frames import ALL_FRAMES, CALLS, SCHEMAS, SOURCE, schema

UNIT_BY_SUFFIX = {
    "_usd": "USD",
    "_ms": "ms",
    "_bytes": "bytes",
    "_tokens": "tokens",
    "_at": "UTC",
}
#: Counts and settings of the runtime whose names end like a unit and are none.
NOT_A_MEASURE = {"max_tokens"}


@pytest.mark.parametrize("frame", ALL_FRAMES, ids=lambda frame: frame.name)
def test_a_frame_says_what_a_row_is_and_names_each_column_once(frame):
    assert frame.row
    assert len(set(frame.names)) == len(frame.names)
    assert set(frame.key) <= set(frame.names)
    assert all(column.doc for column in frame.columns)


@pytest.mark.parametrize("frame", ALL_FRAMES, ids=lambda frame: frame.name)
def test_every_row_of_a_frame_can_name_its_source(frame):
    assert {column.name for column in SOURCE} <= set(frame.names)


@pytest.mark.parametrize("frame", ALL_FRAMES, ids=lambda frame: frame.name)
def test_a_unit_in_a_name_is_the_unit_that_is_declared(frame):
    for column in frame.columns:
        for suffix, unit in UNIT_BY_SUFFIX.items():
            if column.name.endswith(suffix) and column.name not in NOT_A_MEASURE and column.unit is not None:
                assert column.unit == unit, column.name


def test_rows_are_built_in_the_declared_types_and_what_is_missing_is_null():
    frame = CALLS.build([{"run_id": "r", "cost_usd": 0.5}, {"call_id": "c", "source_line": 3}])
    assert frame.schema == pl.Schema(CALLS.dtypes)
    assert frame.select("run_id", "call_id", "cost_usd", "source_line").rows() == [
        ("r", None, 0.5, None),
        (None, "c", None, 3),
    ]


def test_a_row_with_a_column_the_frame_does_not_have_is_refused():
    with pytest.raises(UnknownName, match=r"frame calls: column \['prize_usd'\]"):
        CALLS.build([{"prize_usd": 1.0}])


def test_conforming_orders_casts_and_fills_columns():
    loose = pl.DataFrame({"cost_usd": [1], "call_id": ["c"], "unknown": [True]})
    frame = CALLS.conform(loose)
    assert frame.schema == pl.Schema(CALLS.dtypes)
    assert frame.select("call_id", "cost_usd", "model").rows() == [("c", 1.0, None)]


def test_a_frame_that_is_not_declared_is_an_error_that_lists_them():
    with pytest.raises(UnknownName, match="no frame 'costs'; expected one of runs, events, calls"):
        schema("costs")


def test_frames_are_found_by_their_own_name():
    assert {name: frame.name for name, frame in SCHEMAS.items()} == {name: name for name in SCHEMAS}
