"""Decisions against quotas."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl
from analysis.frame_stand_in import StandIn
from harnlab.analysis import autonomy

EXPECTED = json.loads(Path("sample_transcripts/autonomy-pressure/expected.json").read_text())
NOON = datetime(2026, 6, 8, 12, 0, tzinfo=UTC)


def moment(minutes):
    return NOON + timedelta(minutes=minutes)


def check(minutes, decision="admitted", **more):
    return {"at": moment(minutes), "agent_key": "a", "producer": "agent_loop", "decision": decision} | more


def denied(minutes, hour, today, reason="hourly", **more):
    counts = {
        "autonomous_decisions_hour": hour,
        "autonomous_decisions_today": today,
        "per_hour": 2,
        "per_day": 3,
    }
    return check(minutes, "denied", reason=f"{reason}_autonomy_budget_exceeded", **counts) | more


RUNS = StandIn(
    autonomy_checks=[
        check(1),
        check(2),
        denied(3, 2, 2, request_id="r1"),
        check(61),
        denied(62, 1, 3, "daily", request_id="r2"),
        check(13 * 60),
    ],
    approvals=[
        {
            "request_id": "r1",
            "status": "approved",
            "requested_at": moment(3),
            "answered_at": moment(5),
            "reviewer": "ann",
        },
        {"request_id": "r2", "status": "pending", "requested_at": moment(62)},
    ],
)


@pytest.fixture(scope="module")
def sample():
    return hl.load("sample_transcripts/autonomy-pressure", progress=False)


def test_usage_counts_by_utc_hour_against_the_quota():
    told = autonomy.usage(RUNS)
    named = (
        "hour",
        "admitted",
        "denied_hourly",
        "denied_daily",
        "counted_hour",
        "counted_today",
        "quota_pct",
    )
    assert told.select(named).rows() == [
        (NOON, 2, 1, 0, 2, 2, 100.0),
        (moment(60), 1, 0, 1, 1, 3, 100.0),
        (moment(13 * 60), 1, 0, 0, 1, 1, 50.0),
    ]
    assert told.select("per_hour", "per_day").unique().rows() == [(2, 3)]


def test_a_counter_a_denial_names_counts_where_the_log_holds_less():
    told = autonomy.usage(StandIn(autonomy_checks=[denied(3, 2, 2)])).row(0, named=True)
    assert (told["counted_hour"], told["recorded_hour"], told["quota_pct"]) == (0, 2, 100.0)


def test_a_key_without_a_denial_has_no_quota():
    told = autonomy.usage(StandIn(autonomy_checks=[check(1)])).row(0, named=True)
    assert (told["admitted"], told["per_hour"], told["quota_pct"]) == (1, None, None)


def test_denials_stand_with_their_answers():
    told = autonomy.denials(RUNS)
    named = (
        "at",
        "window",
        "autonomous_decisions_hour",
        "approval_status",
        "waited_s",
        "reviewer",
        "source_line",
    )
    assert told.select(named).rows() == [
        (moment(3), "hour", 2, "approved", 120.0, "ann", 3),
        (moment(62), "day", 1, "pending", None, None, 5),
    ]


def test_a_word_of_another_runtime_has_no_window():
    told = autonomy.denials(StandIn(autonomy_checks=[denied(3, 2, 2) | {"reason": "lunch"}]))
    assert told["window"].to_list() == [None]


def test_a_broken_record_breaks_the_chain_from_there_on():
    record = {"agent": "a", "topics": ["trust_graph", "trust.graph"], "verified": True}
    runs = StandIn(
        trust_records=[
            record | {"record_id": "3", "chain_index": 3},
            record | {"record_id": "1", "chain_index": 1},
            record | {"record_id": "2", "chain_index": 2, "verified": False, "broken_field": "entry_hash"},
        ]
    )
    told = autonomy.trust_chain(runs)
    assert told.select("record_id", "verified", "chain_holds", "topic_count").rows() == [
        ("1", True, True, 2),
        ("2", False, False, 2),
        ("3", True, False, 2),
    ]


@pytest.mark.parametrize("analysis", [autonomy.usage, autonomy.denials, autonomy.trust_chain])
def test_no_decisions_give_no_rows(analysis):
    assert analysis(StandIn()).height == 0


def test_the_denials_of_the_sample_are_those_it_was_made_with(sample):
    told = autonomy.denials(sample)
    found = sorted(told.select("request_id", "agent_key", "reason", "approval_status").rows())
    made = sorted(
        (row["request_id"], row["key"], row["reason"], row["answer"]) for row in EXPECTED["denials"]
    )
    assert found == made


def test_usage_of_the_sample_agrees_with_the_counters_its_denials_name(sample):
    told = autonomy.usage(sample)
    assert (told["denied"].sum(), told["denied_daily"].sum()) == (11, 4)
    europe = told.filter(pl.col("log").str.contains("europe"), agent_key="agent.triage")
    assert europe.filter(pl.col("hour").dt.day() == 8)["admitted"].to_list() == [3, 3, 2, 0]
    assert europe["quota_pct"].max() == 100


def test_the_chains_of_the_sample_hold(sample):
    told = autonomy.trust_chain(sample)
    assert told.group_by("log").len().sort("len")["len"].to_list() == [13, 21]
    assert told.select(pl.col("verified").all(), pl.col("chain_holds").all()).row(0) == (True, True)
    assert set(told["topic_count"]) == {4}
