"""Recorded costs held against a price table."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn, call
from harnlab.analysis import prices
from harnlab.analysis.prices import CacheConvention, Cause
from harnlab.errors import InvalidArgument, MalformedRecord, UnreadablePath

#: 3 and 15 USD a million tokens, 0.30 and 3.75 for the cache.
SONNET = {
    "provider": "anthropic",
    "model": "sonnet",
    "input_usd_per_mtok": 3,
    "output_usd_per_mtok": 15,
    "cache_read_usd_per_mtok": 0.3,
    "cache_write_usd_per_mtok": 3.75,
}
#: The same as above, twice as dear from 200,000 input tokens on, and a fast tier at six times.
BANDS = [
    SONNET,
    SONNET | {"input_usd_per_mtok": 6, "output_usd_per_mtok": 22.5, "from_input_tokens": 200_000},
    SONNET | {"input_usd_per_mtok": 18, "output_usd_per_mtok": 90, "tier": "fast"},
]


def used(cost, tokens_in=1000, tokens_out=100, read=0, write=0, **more):
    tokens = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    tokens |= {"cache_read_tokens": read, "cache_write_tokens": write}
    return call("c", cost, provider="anthropic", model="sonnet") | tokens | more


def told(*calls, table=(SONNET,), **options):
    return prices.recompute(StandIn(calls=calls), prices.read(table), **options).row(0, named=True)


def test_the_newest_runtime_bills_input_less_cache_tokens():
    # 1000 input of which 600 read and 100 written: 300 x 3 + 100 x 15 + 600 x 0.3 + 100 x 3.75 = 2955 / 1e6
    row = told(used(0.002955, read=600, write=100))
    assert (row["cause"], row["recomputed_cost_usd"], row["difference_usd"]) == ("same", 0.002955, 0.0)


@pytest.mark.parametrize(
    ("convention", "usd"),
    [
        # 100 input, 600 read, 100 output: plain input is 0, 100 or 100
        (CacheConvention.INCLUSIVE, 0.00168),
        (CacheConvention.INCLUSIVE_IF_FITS, 0.00198),
        (CacheConvention.UNCACHED, 0.0018),
    ],
)
def test_conventions_differ_where_cache_tokens_do_not_fit_into_the_input(convention, usd):
    row = told(used(usd, tokens_in=100, read=600), convention=convention)
    assert (row["cause"], row["recomputed_cost_usd"]) == ("same", usd)


def test_cache_rates_left_out_are_the_input_rate():
    plain = {key: value for key, value in SONNET.items() if not key.startswith("cache")}
    assert told(used(0.0045, read=600), table=[plain])["cause"] == "same"


CAUSES = [
    (used(None, tokens_in=None), {}, Cause.NO_USAGE),
    (used(0.1, model="opus"), {}, Cause.NOT_IN_TABLE),
    (used(0.1, provider="openrouter"), {}, Cause.NOT_IN_TABLE),
    (used(None), {}, Cause.RECORDED_UNPRICED),
    (used(0.0045), {}, Cause.SAME),
    (used(0.0), {}, Cause.RECORDED_ZERO),
    (used(0.001, unpriced_tokens=50), {}, Cause.PARTLY_PRICED),
    (used(0.0045, read=600), {}, Cause.CACHE_IGNORED),
    (used(0.00198, tokens_in=100, read=600), {}, Cause.CACHE_CONVENTION),
    (used(0.00168, tokens_in=100, read=600), {"convention": "uncached"}, Cause.CACHE_CONVENTION),
    (used(0.027), {}, Cause.TIER),
    (used(0.0045, served_fast=True), {}, Cause.TIER),
    (used(0.00825), {}, Cause.BAND),
    (used(0.005), {}, Cause.RATES),
]


@pytest.mark.parametrize(("row", "options", "cause"), CAUSES)
def test_each_difference_has_its_cause(row, options, cause):
    answer = told(row, table=BANDS, **options)
    assert answer["cause"] == cause.value
    assert answer["because"]


def test_every_cause_is_tried():
    assert {cause for _, _, cause in CAUSES} == set(Cause)


def test_a_call_the_table_cannot_price_stays_without_one():
    row = told(used(0.1, model="opus"))
    assert (row["recomputed_cost_usd"], row["difference_usd"], row["recorded_cost_usd"]) == (None, None, 0.1)
    assert row["because"] == "the price table given has no standard price of anthropic/opus"


def test_a_fast_call_is_not_priced_at_the_standard_tier():
    assert told(used(0.0045, served_fast=True))["cause"] == Cause.NOT_IN_TABLE


def test_the_band_is_that_of_the_input_tokens():
    # 200,000 x 6 + 100 x 22.5 = 1.20225, one token less 0.599997 + 0.0015
    assert told(used(1.20225, tokens_in=200_000), table=BANDS)["cause"] == "same"
    assert told(used(0.601497, tokens_in=199_999), table=BANDS)["cause"] == "same"


def test_a_price_for_any_provider_stands_in_for_one_not_named():
    table = [SONNET | {"provider": None, "input_usd_per_mtok": 4}, SONNET]
    assert told(used(0.0055, provider="openrouter"), table=table)["cause"] == "same"
    assert told(used(0.0045), table=table)["cause"] == "same"


def test_the_known_part_of_a_cost_is_what_is_recorded():
    assert told(used(9.0, known_cost_usd=0.0045))["recorded_cost_usd"] == 0.0045


def test_a_row_points_at_the_line_of_the_answer():
    row = told(used(0.0045, request_line=1, response_line=4))
    assert (row["source_path"], row["source_line"], row["source_offset"]) == ("calls.jsonl", 4, None)


def test_differences_are_summed_by_cause_and_model_and_name_the_first_call():
    calls = [used(0.0045), used(0.005), used(0.0055), used(None), used(0.1, model="opus")]
    frame = prices.differences(StandIn(calls=calls), prices.read([SONNET]))
    named = (
        "cause",
        "calls",
        "recorded_cost_usd",
        "recomputed_cost_usd",
        "difference_usd",
        "first_source_line",
    )
    assert frame.select(named).rows() == [
        ("not_in_table", 1, 0.1, None, None, 5),
        ("recorded_unpriced", 1, None, 0.0045, None, 4),
        ("rates", 2, 0.0105, 0.009, -0.0015, 2),
        ("same", 1, 0.0045, 0.0045, 0.0, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=20))
@settings(max_examples=30, deadline=None)
def test_recomputed_sums_are_exact(tokens):
    calls = [used(0.1, tokens_in=one, tokens_out=other) for one, other in tokens]
    frame = prices.differences(StandIn(calls=calls), prices.read([SONNET]))
    whole = sum((Decimal(one) * 3 + Decimal(other) * 15) / 1_000_000 for one, other in tokens)
    told = frame["recomputed_cost_usd"].to_list()
    assert sum(map(Decimal, map(repr, told))) == pytest.approx(whole, rel=Decimal("1e-15"))


@given(
    st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)
)
@settings(deadline=None)
def test_no_convention_is_outside_the_bounds_where_the_cache_fits(plain, output, read, write):
    table = prices.read([SONNET])
    tokens = prices.recomputed.Tokens(
        input=plain + read + write, output=output, cache_read=read, cache_write=write
    )
    (price,) = table.prices
    low, high = price.bounds(tokens)
    assert all(low <= price.cost(tokens, one) <= high for one in CacheConvention)


TOML = """
[[price]]
provider = "anthropic"
model = "sonnet"
input_usd_per_1k = 0.003
output_usd_per_1k = 0.015
cache_read_usd_per_mtok = 0.3
cache_write_usd_per_mtok = 3.75
"""


def test_a_table_reads_alike_from_toml_rows_and_a_frame(tmp_path):
    path = tmp_path / "list.toml"
    path.write_text(TOML)
    table = prices.read(path)
    assert table.name == "list.toml"
    assert table.prices == prices.read([SONNET]).prices == prices.read(pl.DataFrame([SONNET])).prices


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"model": None}, "model None"),
        ({"provider": 3}, "provider 3"),
        ({"input_usd_per_mtok": None}, "no input rate"),
        ({"output_usd_per_mtok": -1}, "-1"),
        ({"output_usd_per_mtok": float("nan")}, "nan"),
        ({"output_usd_per_mtok": True}, "True"),
        ({"output_usd_per_mtok": "dear"}, "'dear'"),
        ({"input_usd_per_1k": 0.003}, "two input rates"),
        ({"tier": "slow"}, "tier 'slow'"),
        ({"from_input_tokens": -1}, "from_input_tokens -1"),
        ({"input_price": 3}, "no member 'input_price'"),
    ],
)
def test_a_row_that_is_no_price_is_refused_with_its_number(row, why):
    with pytest.raises(MalformedRecord, match="price 2") as raised:
        prices.read([SONNET | {"model": "other"}, SONNET | row])
    assert why in str(raised.value)


def test_two_prices_of_the_same_thing_are_refused():
    with pytest.raises(InvalidArgument, match="two prices of anthropic/sonnet"):
        prices.read([SONNET, SONNET])


@pytest.mark.parametrize("text", ["price = 3", "[[price", ""])
def test_a_file_that_holds_no_prices_is_refused_by_name(tmp_path, text):
    path = tmp_path / "list.toml"
    path.write_text(text)
    with pytest.raises(MalformedRecord, match=r"list\.toml"):
        prices.read(path)
    with pytest.raises(UnreadablePath, match=r"other\.toml"):
        prices.read(tmp_path / "other.toml")


def test_an_unknown_convention_and_a_table_that_is_none_are_refused():
    with pytest.raises(InvalidArgument, match="one of uncached"):
        told(used(1.0), convention="exclusive")
    with pytest.raises(InvalidArgument, match=r"hl\.prices\.read"):
        prices.recompute(StandIn(), [SONNET])


def test_no_calls_give_no_rows():
    assert prices.differences(StandIn(), prices.read([SONNET])).height == 0


def test_the_sample_agrees_with_its_own_rates_but_for_the_price_nobody_knew():
    runs = hl.load("sample_transcripts/cost-overrun", progress=False)
    rates = {"claude-haiku-4-5": (1, 5, 0.1, 1.25), "claude-sonnet-4-6": (3, 15, 0.3, 3.75)}
    rates["claude-opus-4-6"] = (5, 25, 0.5, 6.25)
    names = [f"{rate}_usd_per_mtok" for rate in ("input", "output", "cache_read", "cache_write")]
    table = prices.read(
        [{"model": model, **dict(zip(names, row, strict=True))} for model, row in rates.items()]
    )
    frame = prices.differences(runs, table)
    assert frame.group_by("cause").agg(pl.col("calls").sum()).sort("cause").rows() == [
        ("no_usage", 1),
        ("not_in_table", 1),
        ("same", 46),
    ]
    # a step is charged as if there were no cache: 0.79494 for `review`, 0.294075 in the transcript
    uncached = prices.differences(runs, table, convention="uncached").filter(cause="cache_convention")
    assert uncached.select("calls", "recorded_cost_usd", "recomputed_cost_usd").rows() == [
        (9, 0.294075, 0.79494)
    ]
