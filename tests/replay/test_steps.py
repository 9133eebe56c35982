import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn
from harnlab.core.steps import LlmCall, StepDefinition, run_calls
from harnlab.replay import steps

COST = 0.1
SPAN = 7


def charged(*costs, tokens=10, status="ok", **more):
    """Frames of the calls inside the step: their spans, their own rows, their transcript."""
    calls = [
        {
            "call_id": f"c{seq}",
            "span_id": 100 + seq,
            "step_span_id": SPAN,
            "seq": seq,
            "status": status,
            "start_ms": 10 + seq,
            "input_tokens": tokens,
            "output_tokens": 0,
            "source_path": "run.json",
            "source_line": 50 + seq,
        }
        for seq in range(len(costs))
    ]
    spans = [
        {"span_id": 100 + seq, "kind": "llm_call", "cost_usd": cost, "source_path": "run.json"}
        for seq, cost in enumerate(costs)
    ]
    return {"step_calls": calls, "spans": spans} | more


def finished(*costs, tokens=10, **more):
    """Row of ``steps`` that fits ``charged``."""
    total = 0.0
    for cost in costs:
        total += cost or 0.0
    told = {"step": "verify", "span_id": SPAN, "status": "completed", "source_path": "run.json"}
    used = {
        "input_tokens": tokens * len(costs),
        "output_tokens": 0,
        "cost_usd": total,
        "llm_calls": len(costs),
    }
    return told | used | {"source_line": 40, "start_ms": 0, "duration_ms": 1000} | more


def limits(**more):
    return {"function": "verify", "name": "verify", "error_boundary": "continue"} | more


def replay(told, definition=None, **frames):
    declared = [definition if definition is not None else limits()]
    return steps(StandIn(steps=[told], step_definitions=declared, **frames)).to_dicts()


def verdict(*given_, **frames):
    (row,) = replay(*given_, **frames)
    return row["verdict"], row["field"]


THREE = (COST, 0.2, 0.3)
TRIPPED = {
    "status": "skipped",
    "error": "step `verify` exceeded max_usd budget (30 > 0)",
    "function": "verify",
}


def test_totals_are_added_left_to_right_to_the_last_bit():
    assert verdict(finished(*THREE), **charged(*THREE)) == ("match", None)
    assert 0.1 + 0.2 + 0.3 != 0.1 + (0.2 + 0.3)
    assert verdict(finished(*THREE, cost_usd=0.1 + (0.2 + 0.3)), **charged(*THREE)) == (
        "mismatch",
        "cost_usd",
    )


@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "llm_calls"])
def test_every_total_is_compared(field):
    assert verdict(finished(*THREE, **{field: 9}), **charged(*THREE)) == ("mismatch", field)


def test_a_step_that_broke_its_limit_ends_as_its_boundary_says():
    (row,) = replay(finished(*THREE, **TRIPPED), limits(max_usd=0.5), **charged(*THREE))
    assert (row["verdict"], row["replayed_status"], row["replayed_limit"]) == ("match", "skipped", "max_usd")
    assert (row["replayed_tripping_call_id"], row["replayed_tripping_line"]) == ("c2", 52)
    assert "over max_usd 0.5 at the call on line 52" in row["because"]


def test_another_end_than_the_boundarys_is_a_mismatch():
    escalating = limits(max_usd=0.5, error_boundary="escalate")
    assert verdict(finished(*THREE, **TRIPPED), escalating, **charged(*THREE)) == ("mismatch", "status")
    whole = finished(*THREE)
    assert verdict(whole, limits(max_usd=0.5), **charged(*THREE)) == ("mismatch", "status")
    wrong = TRIPPED | {"error": "step `verify` exceeded max_usd budget (31 > 0)"}
    assert verdict(finished(*THREE, **wrong), limits(max_usd=0.5), **charged(*THREE)) == ("mismatch", "error")


def test_exactly_at_the_limit_is_no_trip():
    assert verdict(finished(COST, COST), limits(max_usd=0.2), **charged(COST, COST)) == ("match", None)


def test_calls_after_the_tripping_one_mean_the_script_caught_the_error():
    (row,) = replay(finished(*THREE), limits(max_usd=0.2), **charged(*THREE))
    assert (row["verdict"], row["field"]) == ("insufficient", "status")
    assert "the script caught its error" in row["because"]


def test_a_stop_that_its_calls_do_not_explain_is_a_mismatch_unless_something_around_it_may():
    failed = finished(*THREE, status="failed")
    assert verdict(failed, **charged(*THREE)) == ("mismatch", "status")
    frames = charged(*THREE)
    frames["step_calls"].append({"call_id": "x", "span_id": 1, "status": "error", "start_ms": 20})
    (row,) = replay(finished(*THREE, status="skipped"), **frames)
    assert (row["verdict"], row["field"]) == ("insufficient", "status")


def test_an_error_of_a_step_inside_ends_it_as_its_own_boundary_says():
    inner = {"error": "step `inner` exceeded max_tokens budget (9 > 8)", "function": "verify"}
    assert verdict(finished(*THREE, status="skipped", **inner), **charged(*THREE)) == ("match", None)
    assert verdict(finished(*THREE, status="failed", **inner), **charged(*THREE)) == ("mismatch", "status")


def test_an_error_that_is_no_budgets_is_not_decided():
    hook = {"error": "post-step hook raised", "function": "verify"}
    assert verdict(finished(*THREE, status="failed", **hook), **charged(*THREE)) == ("insufficient", "status")


def test_without_calls_or_limits_it_is_not_decided():
    assert verdict(finished(*THREE)) == ("insufficient", "input_tokens")
    assert verdict(finished(*THREE), limits(name="other", function="other"), **charged(*THREE)) == (
        "insufficient",
        "status",
    )


def test_a_step_that_made_no_calls_used_nothing():
    assert verdict(finished(), **charged(*THREE, spans=[], step_calls=[])) == ("match", None)


def test_prices_of_calls_that_used_the_cache_are_not_the_steps():
    cached = [{"call_id": "c1", "cache_read_tokens": 5, "cache_write_tokens": 0}]
    (row,) = replay(finished(*THREE, cost_usd=9.0), **charged(*THREE), calls=cached)
    assert (row["verdict"], row["field"]) == ("insufficient", "cost_usd")
    assert "a step is charged without cache prices" in row["because"]
    over = TRIPPED | {"error": "step `verify` exceeded max_usd budget (30 > 8)"}
    trip = finished(*THREE, cost_usd=9.0, **over)
    (row,) = replay(trip, limits(max_usd=8.0), **charged(*THREE), calls=cached)
    assert (row["field"], row["replayed_status"], row["replayed_limit"]) == ("cost_usd", "skipped", "max_usd")


def test_transcript_prices_are_never_used():
    frames = charged(*THREE, spans=[])
    frames["step_calls"] = [row | {"cost_usd": 0.2} for row in frames["step_calls"]]
    assert verdict(finished(*THREE), **frames) == ("insufficient", "cost_usd")


def test_failed_attempts_are_charged_to_nobody_and_unknown_prices_count_as_nothing():
    frames = charged(COST, None)
    frames["step_calls"].append({"call_id": "r", "step_span_id": SPAN, "seq": 2, "status": "retrying"})
    assert verdict(finished(COST, None), **frames) == ("match", None)


def test_a_status_of_another_runtime_is_not_decided():
    assert verdict(finished(*THREE, status="continued"), **charged(*THREE)) == ("insufficient", "status")


def test_a_receipt_that_says_otherwise_is_a_row_of_its_own():
    other = '{"told_otherwise": [{"source_path": "receipt.json", "source_line": 9, "cost_usd": 0.5}]}'
    told = finished(*THREE, extra=other)
    span, receipt = replay(told | {"source_kind": "span"}, **charged(*THREE))
    assert span["verdict"] == "match"
    assert (receipt["verdict"], receipt["field"]) == ("mismatch", "cost_usd")
    assert (receipt["source_path"], receipt["source_line"]) == ("receipt.json", 9)


@pytest.mark.parametrize("said", ["5", "[3]", '[{"source_path": 4}]', '[{"source_path": "a", "status": []}]'])
def test_a_log_that_imitates_what_sources_say_otherwise_breaks_nothing(said):
    told = finished(*THREE, extra=f'{{"told_otherwise": {said}}}')
    assert replay(told, **charged(*THREE))[0]["verdict"] == "match"


spent = st.lists(st.tuples(st.integers(0, 500), st.floats(0, 0.3)), min_size=1, max_size=8)


@given(spent, st.sampled_from(["fail", "continue", "escalate", None]), st.integers(1, 2000), st.floats(0, 1))
def test_replay_with_the_recorded_limits_equals_the_record(calls, boundary, max_tokens, max_usd):
    definition = StepDefinition(
        name="verify", function="verify", max_tokens=max_tokens, max_usd=max_usd, error_boundary=boundary
    )
    outcome = run_calls(definition, [LlmCall(input_tokens=tokens, cost_usd=cost) for tokens, cost in calls])
    made = calls[: len(calls) - outcome.unreached]  # the run ends with the call that trips
    frames = charged(*(cost for _, cost in made))
    frames["step_calls"] = [
        row | {"input_tokens": tokens} for row, (tokens, _) in zip(frames["step_calls"], made, strict=True)
    ]
    told = finished(*(cost for _, cost in made)) | {
        "input_tokens": outcome.usage.input_tokens,
        "cost_usd": outcome.usage.cost_usd,
        "status": outcome.status.value,
        "error": outcome.error,
        "function": "verify",
    }
    declared = limits(max_tokens=max_tokens, max_usd=max_usd, error_boundary=boundary)
    (row,) = replay(told, declared, **frames)
    assert (row["verdict"], row["because"][:7]) == ("match", "decided")
    assert (row["replayed_limit"] is None) == (outcome.trip is None)


def test_no_steps_give_no_rows():
    assert steps(StandIn()).is_empty()
    assert steps(StandIn()).schema["recorded_cost_usd"] == pl.Float64
