import math
import struct

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.steps import LlmCall, StepDefinition, exceeded_limit, running_usage
from harnlab.replay.step_budgets import running, trips

tokens = st.one_of(st.none(), st.integers(-5, 5000), st.integers(-(2**63), 2**63 - 1))
prices = st.one_of(
    st.none(),
    st.floats(0, 0.5),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.1, 0.2, 0.3, -0.0, 1e-320, 1e16, math.nan, math.inf, -math.inf]),
)
calls = st.lists(st.tuples(st.sampled_from(["a", "b", None]), tokens, tokens, prices), max_size=30)
ceilings = st.tuples(
    st.one_of(st.none(), st.integers(0, 9000), st.integers(0, 2**64 - 1)),
    st.one_of(st.none(), st.floats(0, 2), st.just(math.inf)),
)
COLUMNS = {"run_id": pl.String, "input_tokens": pl.Int64, "output_tokens": pl.Int64, "cost_usd": pl.Float64}
BY = ("run_id",)


def bits(value):
    """Every float by its bits, all NaNs alike."""
    return "nan" if math.isnan(value) else struct.pack("<d", value)


def frame(rows, limits):
    made = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return made.with_columns(
        max_tokens=pl.lit(limits[0], dtype=pl.UInt64), max_usd=pl.lit(limits[1], dtype=pl.Float64)
    )


def by_the_core(rows, limits):
    """Usage after each call, and the first trip of each step, as the scalar core has them."""
    definition = StepDefinition(name="s", function="s", max_tokens=limits[0], max_usd=limits[1])
    usage, tripped = [None] * len(rows), {}
    for step in {row[0] for row in rows}:
        places = [place for place, row in enumerate(rows) if row[0] == step]
        charged = [
            LlmCall(input_tokens=rows[p][1] or 0, output_tokens=rows[p][2] or 0, cost_usd=rows[p][3] or 0.0)
            for p in places
        ]
        for position, used in enumerate(running_usage(charged)):
            usage[places[position]] = used
            if step not in tripped and (trip := exceeded_limit(definition, used)):
                unreached = len(places) - position - 1
                tripped[step] = (
                    position,
                    trip.limit.value,
                    used.total_tokens,
                    bits(used.cost_usd),
                    unreached,
                )
    return usage, tripped


@given(calls, ceilings)
def test_the_fast_path_equals_the_core_to_the_last_bit_of_every_cost(rows, limits):
    usage, tripped = by_the_core(rows, limits)
    told = running(frame(rows, limits), by=BY)
    names = ("running_input_tokens", "running_output_tokens", "running_tokens")
    assert told.select(names).rows() == [(u.input_tokens, u.output_tokens, u.total_tokens) for u in usage]
    assert [bits(value) for value in told["running_usd"]] == [bits(used.cost_usd) for used in usage]
    columns = ("run_id", "position", "limit", "running_tokens", "running_usd", "unreached")
    found = {
        step: (position, limit, count, bits(usd), unreached)
        for step, position, limit, count, usd, unreached in trips(told, by=BY).select(columns).rows()
    }
    assert found == tripped


def test_costs_are_added_left_to_right_and_not_by_a_sum():
    prices = [0.1] * 10 + [1e16, 1.0, -1e16]
    told = running(frame([("a", 1, 1, price) for price in prices], (None, None)), by=BY)
    left_to_right = 0.0
    for price in prices:
        left_to_right += price
    assert told["running_usd"][-1] == left_to_right
    assert told["running_usd"][-1] != math.fsum(prices)


def test_a_cost_that_is_no_number_is_above_no_ceiling():
    told = running(frame([("a", 0, 0, math.nan), ("a", 0, 0, 5.0)], (None, 1.0)), by=BY)
    assert trips(told, by=BY).is_empty()


def test_exactly_at_the_ceiling_is_not_above_it():
    at, above = frame([("a", 60, 40, 0.25)], (100, 0.25)), frame([("a", 60, 41, 0.25)], (100, 0.25))
    assert trips(running(at, by=BY), by=BY).is_empty()
    assert trips(running(above, by=BY), by=BY)["limit"].to_list() == ["max_tokens"]


def test_token_counts_beyond_64_bits_stay_at_their_largest_value():
    most = 2**63 - 1
    told = running(frame([("a", most, most, 0.0)] * 3, (2**64 - 1, None)), by=BY)
    assert told["running_tokens"].to_list() == [2**64 - 2, 2**64 - 1, 2**64 - 1]
    assert trips(told, by=BY).is_empty()


@pytest.mark.parametrize("kind", ["running", "trips"])
def test_no_calls_give_no_rows(kind):
    none = running(frame([], (1, 1.0)), by=BY)
    assert (none if kind == "running" else trips(none, by=BY)).is_empty()
