from __future__ import annotations

from decimal import Decimal

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["cost-overrun"], indirect=True)


def _exact(values: list[float]) -> Decimal:
    return sum((Decimal(repr(value)) for value in values), Decimal(0))


def test_the_transcript_adds_up_to_the_expected_totals(incident: Incident) -> None:
    lines = incident.lines("llm_transcript.jsonl")
    served = [line for line in lines if line["type"] == "provider_call_response"]
    costs = [line["cost_usd"] for line in served]
    assert len(lines) == incident.expected["lines"]["llm_transcript.jsonl"]
    assert len(served) == incident.expected["served_calls"] == 47
    assert costs.count(None) == 1
    assert _exact([cost for cost in costs if cost is not None]) == Decimal("1.306679")
    assert incident.expected["transcript_cost_usd"] == "1.306679"


def test_verify_trips_at_its_seventh_call_in_webhooks(incident: Incident) -> None:
    overrun = incident.expected["overruns"][0]
    line = incident.lines("llm_transcript.jsonl")[overrun["tripping_response_line"] - 1]
    assert line["call_id"] == overrun["tripping_call_id"]
    assert line["text"].endswith("This blocks the release unless retry moves out of the transaction.")
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (24510, 860, 0.08643)
    [step] = [step for step in incident.lines("completed_steps.jsonl") if step["status"] == "skipped"]
    assert (step["name"], step["llm_calls"], step["error"]) == ("verify", 7, overrun["message"])
    assert step["cost_usd"] == pytest.approx(float(overrun["observed"]), abs=1e-12)


def test_risk_trips_on_tokens_and_changelog_meets_its_limit_exactly(incident: Incident) -> None:
    steps = {step["name"]: step for step in incident.lines("completed_steps.jsonl")}
    overrun = incident.expected["overruns"][1]
    line = incident.lines("llm_transcript.jsonl")[overrun["tripping_response_line"] - 1]
    assert line["text"] == "Risk: high for webhooks, low elsewhere. A person should decide."
    assert (steps["risk"]["status"], steps["risk"]["error"]) == ("escalated", overrun["message"])
    assert (steps["changelog"]["status"], steps["changelog"]["cost_usd"]) == ("completed", 0.02)


def test_step_log_receipt_and_spans_tell_the_same_story(incident: Incident) -> None:
    steps = incident.lines("completed_steps.jsonl")
    [receipt] = incident.json("receipts/*.json")
    [run] = incident.json(".harn-runs/*.json")
    spans = [span for span in run["trace_spans"] if span["kind"] == "step"]
    log = [(step["name"], step["status"], step["cost_usd"], step["llm_calls"]) for step in steps]
    in_receipt = [(c["step"], c["status"], c["cost_usd"], c["llm_calls"]) for c in receipt["model_calls"]]
    in_spans = [(s["name"], s["metadata"]["status"], s["metadata"]["cost_usd"]) for s in spans]
    assert in_receipt == log
    assert in_spans == [entry[:3] for entry in log]
    for step, expected in zip(steps, incident.expected["steps"], strict=True):
        assert step["cost_usd"] == pytest.approx(float(expected["step_cost_usd"]), abs=1e-12)
        assert step["input_tokens"] == expected["input_tokens"]


def test_spans_nest_and_join_every_attempt(incident: Incident) -> None:
    [run] = incident.json(".harn-runs/*.json")
    spans = {span["span_id"]: span for span in run["trace_spans"]}
    for span in spans.values():
        parent = spans.get(span["parent_id"])
        assert (parent is None) == (span["kind"] == "pipeline")
        if parent:
            assert parent["start_ms"] <= span["start_ms"]
            assert span["start_ms"] + span["duration_ms"] <= parent["start_ms"] + parent["duration_ms"]
    requests = [x for x in incident.lines("llm_transcript.jsonl") if x["type"] == "provider_call_request"]
    assert [spans[request["span_id"]]["metadata"]["call_id"] for request in requests] == [
        request["call_id"] for request in requests
    ]
