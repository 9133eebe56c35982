"""Inherited calls asked about on a pinned route."""

import pytest

import harnlab as hl
from analysis.frame_stand_in import StandIn, call, dispatch
from harnlab.analysis import prices
from harnlab.core.dispatch import CapabilityTable
from harnlab.errors import InvalidArgument
from harnlab.replay import whatif

TABLE = prices.read(
    [
        {
            "model": "claude-sonnet-4-6",
            "input_usd_per_mtok": 3,
            "output_usd_per_mtok": 15,
            "cache_read_usd_per_mtok": 0.3,
            "cache_write_usd_per_mtok": 3.75,
        }
    ],
    name="list",
)
PINNED = {"provider": "anthropic", "wire_format": "anthropic_native", "base_url_host": "api.anthropic.com"}
#: One call inherited its provider; two of the same model were pinned, one of them came back empty.
RUNS = StandIn(
    dispatches=[
        dispatch("a", 1, origins="ieicc", base_url_host="openrouter.ai"),
        dispatch("b", 2, **PINNED),
        dispatch("c", 3, kind="empty_completion_terminal", **PINNED),
        dispatch("d", 4, origins="ooocc", provider="openai", model="gpt-4o"),
    ],
    calls=[call("a", 0.05, input_tokens=10_000, output_tokens=1_000)],
)


def asked(runs=RUNS, **question):
    frame = whatif.route(runs, **question)
    assert frame["field"].to_list() == ["wire_format", "base_url_host", "cost_usd", "outcome_kind"]
    assert frame["decidability"].null_count() == frame["because"].null_count() == 0
    return {row["field"]: row for row in frame.iter_rows(named=True)}


def test_wire_format_is_exact():
    row = asked()["wire_format"]
    assert (row["recorded"], row["whatif"], row["decidability"]) == (
        "openai_compat",
        "anthropic_native",
        "exact",
    )
    assert (row["recorded_provider"], row["asked_provider"]) == ("openrouter", "anthropic")


def test_host_is_exact_where_recorded_calls_went_there():
    row = asked()["base_url_host"]
    assert (row["recorded"], row["whatif"], row["decidability"]) == (
        "openrouter.ai",
        "api.anthropic.com",
        "exact",
    )
    assert row["because"] == "2 recorded calls of anthropic went there"


def test_price_is_a_bound_with_the_tokens_held_fixed():
    # 10,000 x 3 + 1,000 x 15 = 45,000; all of it cached: 3,000 or 37,500 + 15,000
    row = asked(prices=TABLE)["cost_usd"]
    assert (row["decidability"], row["side"], row["whatif"], row["recorded"]) == (
        "bound",
        "between",
        "0.045",
        "0.05",
    )
    assert (row["whatif_usd"], row["whatif_low_usd"], row["whatif_high_usd"]) == (0.045, 0.018, 0.0525)
    assert row["savings_usd"] == 0.005


def test_outcome_is_insufficient_and_a_base_rate_is_labelled_so():
    row = asked()["outcome_kind"]
    assert (row["decidability"], row["whatif"], row["recorded"]) == ("insufficient", None, "served")
    assert (row["base_calls"], row["base_served"]) == (2, 1)
    assert "base rate: 1 of 2 calls of anthropic/claude-sonnet-4-6 were answered" in row["because"]


def test_without_a_table_or_a_price_or_tokens_the_cost_is_not_decided():
    assert "no price table" in asked()["cost_usd"]["because"]
    other = prices.read([{"model": "x", "input_usd_per_mtok": 1, "output_usd_per_mtok": 1}], name="list")
    row = asked(prices=other)["cost_usd"]
    assert (row["decidability"], row["whatif_usd"]) == ("insufficient", None)
    assert row["because"] == "list has no price of anthropic/claude-sonnet-4-6"
    bare = StandIn(dispatches=[dispatch("a", origins="ioooo")])
    assert "tokens" in asked(bare, provider="anthropic", prices=TABLE)["cost_usd"]["because"]


def test_a_route_may_be_named_instead_of_found():
    told = asked(provider="ollama", model="qwen3")
    assert (told["wire_format"]["whatif"], told["wire_format"]["asked_model"]) == ("ollama", "qwen3")
    assert told["base_url_host"]["decidability"] == "insufficient"
    told = asked(provider="ollama", base_url="http://gpu:11434/v1")
    assert (told["base_url_host"]["whatif"], told["base_url_host"]["decidability"]) == ("gpu:11434", "exact")


def test_a_provider_nobody_called_has_its_fixed_built_in_host():
    row = asked(provider="openai")["base_url_host"]
    assert (row["whatif"], row["decidability"]) == ("api.openai.com", "exact")
    row = asked(provider="ollama")["base_url_host"]
    assert (row["whatif"], row["decidability"]) == ("localhost:11434", "insufficient")


def test_a_registry_that_is_not_known_decides_nothing_until_it_is_given():
    assert asked(provider="bedrock")["wire_format"]["decidability"] == "insufficient"
    table = CapabilityTable(provider_defaults={"bedrock": "anthropic"})
    row = asked(provider="bedrock", capabilities=table)["wire_format"]
    assert (row["whatif"], row["decidability"]) == ("anthropic_native", "exact")
    assert asked(provider="nobody")["base_url_host"]["decidability"] == "insufficient"


def test_hosts_that_disagree_decide_nothing():
    runs = StandIn(
        dispatches=[
            dispatch("a", origins="ioooo"),
            dispatch("b", **PINNED),
            dispatch("c", **PINNED | {"base_url_host": "proxy"}),
        ]
    )
    row = asked(runs)["base_url_host"]
    assert (row["whatif"], row["decidability"]) == (None, "insufficient")


def test_without_a_single_pinned_provider_nothing_is_decided():
    runs = StandIn(dispatches=[dispatch("a", origins="ioooo"), dispatch("b", origins="uuuuu", **PINNED)])
    assert {row["decidability"] for row in asked(runs).values()} == {"insufficient"}


def test_unknown_and_other_fields_are_not_inherited_routes():
    runs = StandIn(
        dispatches=[
            dispatch("a", origins="uuuuu"),
            dispatch("b", origins="oooii"),
            dispatch("c", origins="-----"),
        ]
    )
    assert whatif.route(runs).height == 0


def test_an_unknown_convention_is_refused():
    with pytest.raises(InvalidArgument, match="inclusive"):
        whatif.route(RUNS, convention="none")


def test_the_sample_would_have_gone_to_anthropic_in_its_own_format():
    runs = hl.load("sample_transcripts/inherited-route", progress=False)
    told = whatif.route(runs, prices=TABLE)
    counts = told.group_by("field", "decidability").len().sort("field", "decidability").rows()
    assert counts == [
        ("base_url_host", "exact", 18),
        ("cost_usd", "bound", 17),
        ("cost_usd", "insufficient", 1),
        ("outcome_kind", "insufficient", 18),
        ("wire_format", "exact", 18),
    ]
    assert told.filter(field="cost_usd")["whatif_usd"].sum() == pytest.approx(0.75252)
    assert set(told["base_served"].drop_nulls()) == {40}
