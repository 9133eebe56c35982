import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn, call, inside
from harnlab.analysis import costs


def limits(function="verify", **more):
    return {
        "function": function,
        "name": function,
        "persona": "captain",
        "error_boundary": "continue",
        **more,
    }


def finished(step="verify", span=2, **more):
    return {"step": step, "persona": "captain", "span_id": span, "status": "completed", **more}


def only(runs):
    frame = costs.overruns(runs)
    assert frame.height == 1
    return frame.row(0, named=True)


#: Stood at 0.24999 after two calls; the third took it to 0.33642.
WEBHOOKS = StandIn(
    step_definitions=[limits(max_usd=0.25)],
    steps=[finished(status="skipped", input_tokens=12, output_tokens=3, cost_usd=0.33642, llm_calls=3)],
    step_calls=[
        inside("a", "verify", 2, 0, 0.2, input_tokens=4, output_tokens=1),
        inside("b", "verify", 2, 1, 0.04999, input_tokens=4, output_tokens=1),
        inside("c", "verify", 2, 2, 0.08643, input_tokens=4, output_tokens=1),
    ],
    calls=[call("c", 0.08643, request_line=40, response_line=43)],
)


def test_the_tripping_call_is_named_with_its_log_line():
    row = only(WEBHOOKS)
    assert (row["step"], row["limit"], row["unit"], row["boundary"], row["status"]) == (
        "verify",
        "max_usd",
        "USD",
        "continue",
        "skipped",
    )
    assert (row["tripping_call_id"], row["tripping_seq"]) == ("c", 2)
    assert (row["tripping_source_path"], row["tripping_source_line"]) == ("calls.jsonl", 43)
    assert (row["source_path"], row["source_line"]) == ("steps.jsonl", 1)
    assert row["because"] == (
        "call 3 of 3 took `verify` from 0.24999 USD to 0.33642 USD, over its max_usd of 0.25 USD by 0.08642 USD; "
        "the test comes after the call, so it is paid"
    )


def test_the_amounts_are_those_the_runtime_added_up():
    row = only(WEBHOOKS)
    assert (row["limit_value"], row["observed"], row["spent_before"]) == (
        0.25,
        0.2 + 0.04999 + 0.08643,
        0.2 + 0.04999,
    )
    assert row["overshoot"] == pytest.approx(0.08642)
    assert row["overshoot_pct"] == pytest.approx(34.568)
    assert (row["cost_usd"], row["calls_in_step"], row["unpriced_calls"]) == (0.33642, 3, 0)


def test_tokens_are_tested_before_usd_at_each_call():
    runs = StandIn(
        step_definitions=[limits(max_tokens=10, max_usd=0.1)],
        step_calls=[inside("a", "verify", 2, 0, 5.0, input_tokens=10, output_tokens=1)],
    )
    row = only(runs)
    assert (row["limit"], row["unit"], row["limit_value"], row["observed"], row["overshoot"]) == (
        "max_tokens",
        "tokens",
        10,
        11,
        1,
    )
    assert (row["spent_before"], row["status"]) == (0, None)


def test_usd_broken_by_an_earlier_call_comes_before_tokens_broken_by_a_later_one():
    runs = StandIn(
        step_definitions=[limits(max_tokens=10, max_usd=0.1)],
        step_calls=[
            inside("a", "verify", 2, 0, 0.2, input_tokens=1),
            inside("b", "verify", 2, 1, 0.2, input_tokens=99),
        ],
    )
    assert only(runs)["tripping_call_id"] == "a"


def test_an_outer_step_is_not_charged_for_the_calls_of_an_inner_one():
    runs = StandIn(
        step_definitions=[limits("review", max_usd=0.15), limits(max_usd=0.15)],
        step_calls=[
            inside("a", "review", 1, 0, 0.1),
            inside("b", "verify", 2, 0, 0.1),
            inside("c", "verify", 2, 1, 0.1),
        ],
    )
    assert only(runs)["step"] == "verify"


def test_each_run_of_a_step_is_judged_alone():
    runs = StandIn(
        step_definitions=[limits(max_usd=0.15)],
        step_calls=[inside("a", "verify", 2, 0, 0.1), inside("b", "verify", 3, 0, 0.1)],
    )
    assert costs.overruns(runs).height == 0


def test_a_failed_attempt_is_no_call_of_the_step():
    runs = StandIn(
        step_definitions=[limits(max_usd=0.15)],
        step_calls=[
            inside("a", "verify", 2, 0, status="retrying"),
            inside("b", "verify", 2, 1, 0.2),
        ],
    )
    row = only(runs)
    assert row["because"].startswith("call 1 of 1 took")
    assert (row["tripping_call_id"], row["tripping_seq"], row["calls_in_step"]) == ("b", 1, 1)


def test_an_unknown_price_counts_as_nothing_and_is_said():
    runs = StandIn(
        step_definitions=[limits(max_usd=0.15)],
        step_calls=[inside("a", "verify", 2, 0), inside("b", "verify", 2, 1, 0.2)],
    )
    row = only(runs)
    assert row["unpriced_calls"] == 1
    assert "(1 call up to it had no known price and counted as 0)" in row["because"]


class TestWhenOnlyTotalsAreKnown:
    def test_the_tripping_call_is_null_and_the_reason_says_so(self):
        runs = StandIn(
            step_definitions=[limits(max_usd=0.25)],
            steps=[finished(span=None, source_kind="receipt", status="skipped", cost_usd=0.3, llm_calls=4)],
        )
        row = only(runs)
        assert (row["tripping_call_id"], row["spent_before"], row["observed"]) == (None, None, 0.3)
        assert row["calls_in_step"] == 4
        assert row["because"] == (
            "the recorded total of `verify` is 0.3 USD, over its max_usd of 0.25 USD by 0.05 USD; "
            "its calls are not recorded, so the call that broke the limit is not known"
        )

    def test_calls_that_do_not_add_up_to_the_total_prove_no_tripping_call(self):
        runs = StandIn(
            step_definitions=[limits(max_usd=0.25)],
            steps=[finished(cost_usd=0.8, input_tokens=0, output_tokens=0)],
            step_calls=[inside("a", "verify", 2, 0, 0.2), inside("b", "verify", 2, 1, 0.1)],
        )
        row = only(runs)
        assert (row["tripping_call_id"], row["observed"]) == (None, 0.8)
        assert "its recorded calls sum to 0.3 USD (a step is charged without cache prices)" in row["because"]
        assert not costs.running(runs)["tripping"].any()

    def test_a_total_within_the_limit_outweighs_calls_priced_otherwise(self):
        runs = StandIn(
            step_definitions=[limits(max_usd=0.25)],
            steps=[finished(cost_usd=0.2, input_tokens=0, output_tokens=0)],
            step_calls=[inside("a", "verify", 2, 0, 0.3)],
        )
        assert costs.overruns(runs).height == 0

    def test_the_same_step_in_span_receipt_and_log_is_one_overrun(self):
        step = finished(status="skipped", cost_usd=0.3, input_tokens=1, output_tokens=1, llm_calls=2)
        copy = step | {
            "span_id": None,
            "function": "verify",
            "error": "step `verify` exceeded max_usd budget (2 > 0)",
        }
        runs = StandIn(
            step_definitions=[limits(max_usd=0.25)],
            steps=[copy | {"source_kind": "receipt"}, copy | {"source_kind": "completed_steps"}, step],
        )
        row = only(runs)
        assert (row["span_id"], row["function"]) == (2, "verify")

    def test_equal_steps_that_ran_twice_stay_two(self):
        step = finished(status="skipped", cost_usd=0.3, llm_calls=2)
        runs = StandIn(
            step_definitions=[limits(max_usd=0.25)],
            steps=[step, step | {"span_id": 3}, *[step | {"span_id": None, "source_kind": "receipt"}] * 2],
        )
        assert costs.overruns(runs)["span_id"].to_list() == [2, 3]


class TestWhenOnlyTheStatusIsKnown:
    def test_a_recorded_budget_error_gives_limit_and_tokens(self):
        error = "step `verify` exceeded max_tokens budget (32410 > 30000)"
        row = only(StandIn(steps=[finished(status="failed", error=error)]))
        assert (row["limit"], row["limit_value"], row["observed"], row["overshoot"]) == (
            "max_tokens",
            30000,
            32410,
            2410,
        )
        assert row["boundary"] is None

    def test_the_dollar_text_prints_tokens_and_is_not_taken_for_dollars(self):
        error = "step `verify` exceeded max_usd budget (97860 > 0)"
        row = only(StandIn(steps=[finished(status="failed", error=error, cost_usd=0.3)]))
        assert (row["limit"], row["limit_value"], row["observed"], row["overshoot"]) == (
            "max_usd",
            None,
            0.3,
            None,
        )

    def test_an_inner_step_s_error_is_not_the_outer_step_s_limit(self):
        error = "step `verify` exceeded max_usd budget (97860 > 0)"
        row = only(StandIn(steps=[finished("review", status="failed", error=error, cost_usd=0.3)]))
        assert (row["limit"], row["observed"]) == (None, None)
        assert (
            row["because"]
            == "recorded as failed: the budget error of step `verify` inside it went through it"
        )

    @pytest.mark.parametrize("status", ["skipped", "escalated"])
    def test_a_status_only_a_budget_error_leads_to_is_enough(self, status):
        assert "which only a budget error does" in only(StandIn(steps=[finished(status=status)]))["because"]

    def test_a_budget_error_from_before_a_call_is_told_apart(self):
        row = only(
            StandIn(steps=[finished(status="failed", error="LLM budget exceeded: spent $2 of $1 budget")])
        )
        assert "raised outside the step's own limits" in row["because"]

    def test_a_step_that_failed_for_another_reason_is_no_overrun(self):
        assert costs.overruns(StandIn(steps=[finished(status="failed", error="hook refused")])).height == 0


class TestWhichLimitsHold:
    def calls(self):
        return [inside("a", "verify", 2, 0, 0.2)]

    def test_a_step_is_found_by_its_name_where_no_function_is_recorded(self):
        declared = limits("verify_area", name="verify", max_usd=0.1)
        assert (
            only(StandIn(step_definitions=[declared], step_calls=self.calls()))["function"] == "verify_area"
        )

    def test_those_of_the_persona_come_before_those_of_none(self):
        declared = [limits(max_usd=9.0, persona=None), limits(max_usd=0.1)]
        assert only(StandIn(step_definitions=declared, step_calls=self.calls()))["limit_value"] == 0.1

    def test_those_of_another_persona_do_not_hold(self):
        declared = [limits(max_usd=0.1, persona="someone")]
        assert costs.overruns(StandIn(step_definitions=declared, step_calls=self.calls())).height == 0

    def test_the_analyst_s_for_any_persona_hold(self):
        declared = [limits(max_usd=0.1, persona=None)]
        assert only(StandIn(step_definitions=declared, step_calls=self.calls()))["limit_value"] == 0.1

    def test_those_of_the_run_come_before_those_of_another(self):
        declared = [limits(max_usd=9.0, run_id="other"), limits(max_usd=0.1)]
        assert only(StandIn(step_definitions=declared, step_calls=self.calls()))["limit_value"] == 0.1

    def test_contradicting_declarations_prove_nothing(self):
        declared = [limits(max_usd=0.1), limits(max_usd=0.15)]
        assert costs.overruns(StandIn(step_definitions=declared, step_calls=self.calls())).height == 0

    def test_the_same_declaration_read_twice_is_one(self):
        declared = [limits(max_usd=0.1), limits(max_usd=0.1)]
        assert only(StandIn(step_definitions=declared, step_calls=self.calls()))["limit_value"] == 0.1


def test_running_usage_is_given_call_by_call():
    frame = costs.running(WEBHOOKS)
    assert frame["running_usd"].to_list() == [0.2, 0.2 + 0.04999, 0.2 + 0.04999 + 0.08643]
    assert frame["running_tokens"].to_list() == [5, 10, 15]
    assert frame["tripping"].to_list() == [False, False, True]
    assert frame["max_usd"].unique().to_list() == [0.25]
    assert frame["source_line"].to_list() == [1, 2, 43]
    assert costs.running(WEBHOOKS, step="review").height == 0
    assert costs.running(WEBHOOKS, run_id="run-1", span_id=2).height == 3


charges = st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000)), min_size=1, max_size=12)


def spent(charged, **declared):
    return StandIn(
        step_definitions=[limits(**declared)],
        step_calls=[
            inside(str(n), "verify", 2, n, cost, input_tokens=tokens)
            for n, (cost, tokens) in enumerate(charged)
        ],
    )


@given(charges)
@settings(deadline=None)
def test_a_step_exactly_at_its_limits_is_never_an_overrun(charged):
    usd = 0.0
    for cost, _ in charged:
        usd += cost
    tokens = sum(tokens for _, tokens in charged)
    assert costs.overruns(spent(charged, max_usd=usd, max_tokens=tokens)).height == 0


@given(charges, st.floats(0, 20))
@settings(deadline=None)
def test_every_overrun_is_strictly_above_and_its_call_is_the_first(charged, limit):
    frame = costs.overruns(spent(charged, max_usd=limit))
    running = costs.running(spent(charged, max_usd=limit))["running_usd"]
    over = running.filter(running > limit)
    assert frame.height == (len(over) > 0)
    if frame.height:
        assert frame["observed"].item() == over[0]
        assert frame["tripping_seq"].item() == (running > limit).arg_max()
        assert frame["spent_before"].item() <= limit


def test_every_column_keeps_its_type_when_there_is_nothing():
    assert costs.overruns(StandIn()).schema == costs.overruns(WEBHOOKS).schema
    assert costs.running(StandIn()).schema == costs.running(WEBHOOKS).schema
    assert costs.overruns(StandIn()).schema["tripping_source_line"] == pl.UInt32
