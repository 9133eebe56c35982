from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frame_stand_in import START, StandIn, at, call, dispatch, inside
from harnlab.analysis import costs
from harnlab.analysis.costs import UNATTRIBUTED
from harnlab.errors import InvalidArgument, UnknownName

NESTED = StandIn(
    calls=[
        call(
            "a", 0.1, model="haiku", provider="anthropic", input_tokens=10, output_tokens=1, answered_at=at(0)
        ),
        call(
            "b",
            0.2,
            model="sonnet",
            provider="anthropic",
            input_tokens=20,
            output_tokens=2,
            answered_at=at(59),
        ),
        call("c", None, model="glm", provider="zai", input_tokens=30, output_tokens=3, answered_at=at(61)),
        call("d", 0.3, model="haiku", provider="anthropic", cache_read_tokens=7),
        {"call_id": "e", "status": "error", "model": "sonnet", "provider": "anthropic"},
    ],
    step_calls=[
        inside("a", "review", 1, 0, step_path=["review"]),
        inside("b", "verify", 2, 0, step_path=["review", "verify"]),
        inside("c", "verify", 2, 1, step_path=["review", "verify"]),
    ],
)


def rows(frame, *columns):
    return [dict(zip(columns, row, strict=True)) for row in frame.select(columns).rows()]


def test_a_call_costs_its_innermost_step_and_the_rest_is_a_row_of_its_own():
    assert rows(costs.by(NESTED, "step"), "step", "calls", "unpriced_calls", "cost_usd") == [
        {"step": UNATTRIBUTED, "calls": 2, "unpriced_calls": 0, "cost_usd": 0.3},
        {"step": "verify", "calls": 2, "unpriced_calls": 1, "cost_usd": 0.2},
        {"step": "review", "calls": 1, "unpriced_calls": 0, "cost_usd": 0.1},
    ]


def test_the_step_path_tells_nested_steps_from_outer_ones():
    assert costs.by(NESTED, "step_path")["step_path"].to_list() == [UNATTRIBUTED, "review > verify", "review"]


def test_shares_are_of_the_known_cost():
    shares = dict(costs.by(NESTED, "step").select("step", "share_pct").rows())
    assert shares == pytest.approx({UNATTRIBUTED: 50.0, "verify": 100 / 3, "review": 50 / 3})


def test_a_group_without_any_price_has_no_cost_rather_than_none_to_pay():
    zai = costs.by(NESTED, "provider").row(by_predicate=pl.col("provider") == "zai", named=True)
    assert zai["cost_usd"] is None
    assert zai["share_pct"] is None
    assert (zai["calls"], zai["unpriced_calls"], zai["input_tokens"]) == (1, 1, 30)


def test_tokens_nobody_recorded_are_null_and_recorded_ones_are_summed():
    haiku = costs.by(NESTED, "model").row(by_predicate=pl.col("model") == "haiku", named=True)
    assert (haiku["input_tokens"], haiku["cache_read_tokens"], haiku["cache_write_tokens"]) == (10, 7, None)


def test_the_total_is_one_row_with_every_digit():
    total = costs.total(NESTED).row(0, named=True)
    assert (total["runs"], total["calls"], total["unpriced_calls"]) == (1, 5, 1)
    assert (total["cost_usd"], total["cost_exact"], total["cost_sources"]) == (0.6, "0.6", ["transcript"])


def test_nothing_costs_nothing():
    total = costs.total(StandIn()).row(0, named=True)
    assert (total["runs"], total["calls"], total["cost_usd"], total["cost_sources"]) == (0, 0, 0.0, [])
    assert costs.by(StandIn(), "step").height == 0


def test_ten_times_a_tenth_is_one():
    runs = StandIn(calls=[call(str(n), 0.1) for n in range(10)])
    assert costs.by(runs, "run_id")["cost_usd"].to_list() == [1.0]


def test_the_known_part_of_a_partly_priced_call_counts():
    runs = StandIn(
        calls=[call("a", None, known_cost_usd=0.25, unpriced_calls=1), call("b", 0.5, known_cost_usd=0.5)]
    )
    total = costs.total(runs).row(0, named=True)
    assert (total["cost_usd"], total["unpriced_calls"]) == (0.75, 1)


def test_calls_are_grouped_by_what_they_dispatched():
    runs = StandIn(
        calls=[call("a", 0.1), call("b", 0.2), call("c", 0.4)],
        dispatches=[dispatch("a", origins="oocco"), dispatch("b", origins="iocco", kind="provider_error")],
    )
    route = "openrouter/claude-sonnet-4-6/openai_compat"
    assert rows(costs.by(runs, "route"), "route", "cost_usd") == [
        {"route": UNATTRIBUTED, "cost_usd": 0.4},
        {"route": route, "cost_usd": 0.3},
    ]
    assert dict(costs.by(runs, "origin").select("origin", "cost_usd").rows()) == {
        UNATTRIBUTED: 0.4,
        "inherited_from_primary": 0.2,
        "pinned": 0.1,
    }
    assert costs.by(runs, "provenance_provider", "outcome_kind").height == 3


def test_sessions_come_from_any_event_of_the_call():
    runs = StandIn(
        calls=[call("a", 0.1), call("b", 0.2)],
        events=[
            {"call_id": "a", "source_kind": "transcript"},
            {"call_id": "a", "session_id": "s1", "source_kind": "transcript"},
        ],
    )
    assert dict(costs.by(runs, "session").select("session", "cost_usd").rows()) == {
        UNATTRIBUTED: 0.2,
        "s1": 0.1,
    }


def event(line, **more):
    return {"source_path": "log.jsonl", "source_line": line, "source_kind": "transcript", **more}


def test_a_call_belongs_to_the_session_that_spoke_last_before_it():
    runs = StandIn(
        calls=[call("a", 0.1), call("b", 0.2), call("c", 0.4)],
        events=[
            event(3, call_id="b", span_id=4),
            event(1, call_id="c"),
            event(2, session_id="s1", span_id=3),
            event(4, session_id="s2", span_id=7),
            event(5, call_id="a", span_id=8),
            event(6, call_id="other", source_path="other.jsonl"),
        ],
    )
    assert dict(costs.by(runs, "session").select("session", "cost_usd").rows()) == {
        UNATTRIBUTED: 0.4,
        "s1": 0.2,
        "s2": 0.1,
    }


def test_the_span_around_a_call_tells_its_session_better_than_the_order_of_lines():
    runs = StandIn(
        calls=[call("a", 0.1)],
        events=[
            event(1, session_id="s1", span_id=3),
            event(2, session_id="s2", span_id=7),
            event(3, call_id="a", span_id=4),
        ],
        spans=[{"span_id": 4, "parent_id": 3}],
    )
    assert costs.by(runs, "session")["session"].to_list() == ["s1"]


def test_an_attempt_whose_id_no_span_carries_is_placed_by_its_span():
    runs = StandIn(
        calls=[call("first", 0.1, span_id=9)], step_calls=[inside("second", "verify", 2, 0, span_id=9)]
    )
    assert costs.by(runs, "step")["step"].to_list() == ["verify"]


def test_a_call_named_twice_by_the_spans_is_counted_once():
    runs = StandIn(
        calls=[call("a", 0.1)],
        step_calls=[inside("a", "verify", 2, 0), inside("a", "verify", 2, 1)],
        dispatches=[dispatch("a"), dispatch("a")],
    )
    assert costs.by(runs, "step", "route").select("step", "route", "cost_usd").rows() == [
        ("verify", "openrouter/claude-sonnet-4-6/openai_compat", 0.1)
    ]


def test_days_and_hours_are_utc_and_unknown_times_are_null():
    by_hour = dict(costs.by(NESTED, "hour").select("hour", "calls").rows())
    assert by_hour == {None: 2, START: 2, at(60): 1}
    assert costs.by(NESTED, "day")["day"].to_list() == [START.date(), None]


@pytest.mark.parametrize("name", ["stepp", "cost_usd", ""])
def test_an_unknown_dimension_names_those_there_are(name):
    with pytest.raises(UnknownName, match="one of run_id, persona, step, step_path"):
        costs.by(NESTED, name)


def test_a_near_miss_is_told():
    with pytest.raises(UnknownName, match="Try: step"):
        costs.by(NESTED, "stepp")


def test_a_dimension_named_twice_is_refused():
    with pytest.raises(InvalidArgument, match="named twice"):
        costs.by(NESTED, "step", "step")


@pytest.mark.parametrize("dimension", costs.DIMENSIONS)
def test_every_dimension_accounts_for_every_call(dimension):
    frame = costs.by(NESTED, dimension)
    assert frame["calls"].sum() == 5
    assert sum(costs.exact(NESTED, dimension).values()) == Decimal("0.6")


class TestWithoutATranscript:
    def test_call_spans_price_a_run(self):
        runs = StandIn(
            step_calls=[inside("a", "verify", 2, 0, 0.5, input_tokens=4), inside("b", "verify", 2, 1)]
        )
        row = costs.by(runs, "step", "cost_source").row(0, named=True)
        assert (row["step"], row["cost_source"], row["cost_usd"]) == ("verify", "spans", 0.5)
        assert (row["calls"], row["unpriced_calls"], row["input_tokens"]) == (2, 1, 4)

    def test_finished_steps_do_and_their_copies_do_not(self):
        step = {"step": "verify", "cost_usd": 0.5, "llm_calls": 3}
        runs = StandIn(
            steps=[step, step | {"source_kind": "receipt"}, step | {"source_kind": "completed_steps"}]
        )
        row = costs.by(runs, "step", "cost_source").row(0, named=True)
        assert (row["cost_source"], row["calls"], row["cost_usd"]) == ("steps", 3, 0.5)

    def test_receipts_do_once_each(self):
        receipt = {"receipt_id": "r", "persona": "captain", "cost_usd": 0.5, "model_call_count": 2}
        row = costs.by(StandIn(receipts=[receipt, receipt]), "persona", "cost_source").row(0, named=True)
        assert (row["persona"], row["cost_source"], row["cost_usd"], row["calls"]) == (
            "captain",
            "receipts",
            0.5,
            2,
        )

    def test_the_run_record_does_when_nothing_else_can(self):
        runs = StandIn(runs=[{"usage_total_cost_usd": 0.5, "usage_call_count": 4}, {"run_id": "run-2"}])
        row = costs.by(runs, "run_id", "cost_source").row(0, named=True)
        assert (row["run_id"], row["cost_source"], row["cost_usd"], row["calls"]) == (
            "run-1",
            "run_record",
            0.5,
            4,
        )

    def test_a_run_is_priced_from_its_best_source_only(self):
        runs = StandIn(
            calls=[call("a", 0.1)],
            step_calls=[inside("a", "verify", 2, 0, 9.0), inside("z", "verify", 2, 0, 0.2, run_id="run-2")],
            steps=[
                {"step": "verify", "cost_usd": 9.0},
                {"step": "verify", "cost_usd": 9.0, "run_id": "run-2"},
            ],
            runs=[
                {"usage_total_cost_usd": 9.0},
                {"usage_total_cost_usd": 0.4, "usage_call_count": 1, "run_id": "run-3"},
            ],
        )
        assert dict(costs.by(runs, "cost_source").select("cost_source", "cost_usd").rows()) == {
            "transcript": 0.1,
            "spans": 0.2,
            "run_record": 0.4,
        }


class TestTrend:
    def test_windows_hold_what_was_answered_in_them(self):
        assert rows(costs.trend(NESTED, every="1h", by=None), "at", "calls", "cost_usd") == [
            {"at": START, "calls": 2, "cost_usd": 0.3},
            {"at": at(60), "calls": 1, "cost_usd": None},
            {"at": None, "calls": 2, "cost_usd": 0.3},
        ]

    def test_it_splits_by_a_dimension(self):
        frame = costs.trend(NESTED, every="1d")
        assert frame.columns[:3] == ["at", "model", "calls"]
        assert frame.filter(pl.col("at").is_not_null())["model"].to_list() == ["glm", "haiku", "sonnet"]

    @pytest.mark.parametrize("every", ["soon", "0h", "-1h"])
    def test_a_width_that_is_none_is_refused(self, every):
        with pytest.raises(InvalidArgument, match="a duration such as"):
            costs.trend(NESTED, every=every)

    def test_an_unknown_dimension_is_refused(self):
        with pytest.raises(UnknownName, match="no dimension 'colour'"):
            costs.trend(NESTED, by="colour")


prices = st.none() | st.floats(0, 1e6) | st.floats(0, 1).map(lambda price: round(price, 6))
names = st.none() | st.sampled_from(["a", "b", ""])
iterations = st.none() | st.integers(0, 3)
priced_calls = st.lists(
    st.fixed_dictionaries({"cost": prices, "model": names, "iteration": iterations, "step": names})
)


@given(priced_calls, st.permutations(["model", "iteration", "step", "run_id", "hour"]), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_any_grouping_of_any_costs_sums_to_the_total_exactly(drawn, order, depth):
    runs = StandIn(
        calls=[
            call(str(n), d["cost"], model=d["model"], iteration=d["iteration"]) for n, d in enumerate(drawn)
        ],
        step_calls=[inside(str(n), d["step"], 1, n) for n, d in enumerate(drawn) if d["step"] is not None],
    )
    expected = sum(Fraction(repr(d["cost"])) for d in drawn if d["cost"] is not None)
    groups, frame = costs.exact(runs, *order[:depth]), costs.by(runs, *order[:depth])
    assert sum(map(Fraction, groups.values())) == expected
    assert Fraction(costs.total(runs)["cost_exact"].item()) == expected
    assert sorted(filter(None, frame["cost_usd"])) == sorted(float(cost) for cost in groups.values() if cost)
    assert frame["calls"].sum() == len(drawn)
    assert frame["unpriced_calls"].sum() == sum(d["cost"] is None for d in drawn)
