"""The autonomy-pressure incident loads to the facts worked out by hand."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["autonomy-pressure"], indirect=True)


def load(incident: Incident) -> hl.Runs:
    return hl.load(incident.folder)


def of_log(frame: pl.DataFrame, log: str) -> pl.DataFrame:
    return frame.filter(pl.col("source_path").str.contains(f"/{log}/"))


def test_denials_load_with_their_counters_and_answers(incident: Incident) -> None:
    denied = load(incident).autonomy_checks.filter(decision="denied").to_dicts()
    by_request = {row["request_id"]: row for row in denied}
    assert len(by_request) == len(denied) == len(incident.expected["denials"])
    for expected in incident.expected["denials"]:
        row = by_request[expected["request_id"]]
        assert f"/{expected['log']}/" in row["source_path"]
        assert row["at"] == pl.Series([expected["at"]]).str.to_datetime(time_unit="us", time_zone="UTC")[0]
        named = ("reason", "autonomous_decisions_hour", "autonomous_decisions_today")
        assert [row[name] for name in named] == [expected[name] for name in named]
        assert (row["agent_key"], row["approval_status"]) == (expected["key"], expected["answer"])
        producer = {"dispatcher": "trigger_dispatcher"}.get(expected["source"], expected["source"])
        assert (row["producer"], row["evidence"]) == (producer, "lifecycle")


def test_admitted_decisions_are_counted_once(incident: Incident) -> None:
    admitted = load(incident).autonomy_checks.filter(decision="admitted")
    for log, count in incident.expected["admitted_trust_records"].items():
        assert of_log(admitted, log).height == count
    assert admitted["evidence"].unique().to_list() == ["trust_record"]


def test_approvals_have_their_answers(incident: Incident) -> None:
    assert Counter(load(incident).approvals["status"]) == incident.expected["approvals"]


def test_trust_chains_hold_and_each_record_is_told_once(incident: Incident) -> None:
    runs = load(incident)
    chains = hl.trust.chains(runs)
    for log, expected in incident.expected["trust_records"].items():
        records = of_log(runs.trust_records, log)
        assert records.height == expected["records"]
        assert records["topics"].list.len().unique().to_list() == [expected["topics_each"]]
        (chain,) = chains.filter(pl.col("log").str.contains(f"/{log}/")).to_dicts()
        assert (chain["verified"], chain["root_hash"]) == (expected["verified"], expected["root_hash"])


def test_every_event_is_there_and_nothing_is_wrong(incident: Incident) -> None:
    runs = load(incident)
    for log, topics in incident.expected["events"].items():
        counted = of_log(runs.events.filter(pl.col("topic").is_not_null()), log)
        assert dict(counted.group_by("topic").len().iter_rows()) == topics
    assert runs.problems.is_empty()


def test_the_run_that_stands_twice_made_its_calls_once(incident: Incident) -> None:
    runs, twice = load(incident), incident.expected["transcript_twice"]
    calls = runs.calls.filter(run_id=twice["run_id"])
    assert calls.height == twice["calls"]
    assert calls["source_path"].str.ends_with("llm_transcript.jsonl").all()
    assert runs.messages.height == 3
    assert set(runs.run_ids) == {twice["run_id"], "europe"}


def test_every_row_gives_its_original_back_and_leaves_no_file(incident: Incident) -> None:
    before = sorted(Path(incident.folder).rglob("*"))
    runs = load(incident)
    for name in ("events", "approvals", "autonomy_checks", "trust_records", "calls"):
        for row in runs.frame(name).to_dicts():
            assert isinstance(runs.record(row), dict)
    assert sorted(Path(incident.folder).rglob("*")) == before
