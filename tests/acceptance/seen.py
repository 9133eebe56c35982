"""What must hold of every load of valid data."""

import polars as pl
import pytest

import harnlab as hl
from harnlab.frames import SCHEMAS


def load(*paths):
    return hl.load(list(paths), progress=False)


def nothing_wrong(runs):
    """No problem, every frame in its schema, every row leads home, all costs in agreement."""
    assert runs.problems.to_dicts() == []
    for name, schema in SCHEMAS.items():
        frame = runs.frame(name)
        assert dict(frame.schema) == schema.dtypes, name
        for row in frame.iter_rows(named=True):
            found = runs.record(row)
            # the payload of a log row may be null
            assert found is not None or name == "events", (name, row)
        key = [column for column in schema.key if column in frame.columns]
        named = frame.drop_nulls(key)
        assert named.select(key).is_duplicated().sum() == 0, (name, named.select(key))
    whole = hl.costs.by(runs)
    total = sum(hl.costs.exact(runs).values())
    summary = runs.summary.select(pl.col("cost_usd", "calls", "unpriced_calls").sum()).row(0)
    assert summary == pytest.approx((float(total), whole["calls"].sum(), whole["unpriced_calls"].sum()))
    everything = hl.costs.exact(runs, *hl.costs.DIMENSIONS)
    assert sum(everything.values()) == total
    assert hl.costs.by(runs, *hl.costs.DIMENSIONS)["calls"].sum() == whole["calls"].sum()
    assert hl.costs.trend(runs, every="15m", by=None)["calls"].sum() == whole["calls"].sum()
    dispatches = runs.dispatches.height
    for field in hl.routes.matrix(runs).partition_by("field"):
        assert field["calls"].sum() == dispatches
    assert hl.routes.outcomes(runs)["calls"].sum() == dispatches
    return runs


def column(frame, name):
    return frame[name].to_list()


def cost(runs):
    return float(sum(hl.costs.exact(runs).values()))


def only_known_members(frame):
    return frame["extra"].null_count() == frame.height


def types(runs):
    return dict(runs.events.group_by("type").agg(pl.len()).iter_rows())
