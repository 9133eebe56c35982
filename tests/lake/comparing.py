"""A lake holds what a cold load gives: the same rows, in the same order."""

import polars as pl
from polars.testing import assert_frame_equal

import harnlab as hl
from harnlab.frames import SCHEMAS


def assert_equals_cold(paths, lake):
    """Every frame, the summary and the sources of a lake are those of its files read now."""
    cold, found = hl.load(paths, cache=False), hl.load(lake)
    for name in SCHEMAS:
        expected, rows = cold.frame(name), found.frame(name)
        if name == "problems":  # those of one file stand together; a cold load has some of them at the end
            expected, rows = expected.sort(pl.all()), rows.sort(pl.all())
        assert_frame_equal(rows, expected)
    assert_frame_equal(found.summary, cold.summary)
    assert found.sources == cold.sources
