"""Tracing is off by default: then only the times of run records tell which run wrote what into a shared log."""

import pytest

import harnlab as hl
from acceptance.project import Project, as_events
from acceptance.seen import cost, load, nothing_wrong
from acceptance.test_run_records import calls, full, llm_span
from acceptance.written import T0, at, call_id


def moved(entries, seconds):
    return [entry | {"timestamp": at(float(entry["timestamp"]) - T0 + seconds)} for entry in entries]


def record(project, run_id, first, last, **more):
    ended = None if last is None else str(T0 + last)
    times = {"started_at": str(T0 + first), "finished_at": ended}
    project.run_record(run_id, **full(run_id, **{"trace_spans": [], **times, **more}))


def of_calls(runs):
    return {row["call_id"]: row["run_id"] for row in runs.calls.iter_rows(named=True)}


def written(project, where, entries):
    if where in ("transcript", "both"):
        project.transcript(entries, "llm_transcript.jsonl")
    if where in ("log", "both"):
        project.database({"agent.transcript.llm": as_events(entries)})
    if where == "tenant":
        project.database({"tenant.acme.agent.transcript.llm": as_events(entries)})


@pytest.mark.parametrize("where", ["transcript", "log", "both", "tenant"])
def test_runs_one_after_another_are_told_apart_by_their_times(tmp_path, where):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 10)
    record(project, "r2", 20, 30)
    written(project, where, calls(1, 2) + moved(calls(3, 4), 20))
    runs = nothing_wrong(load(project.folder))
    assert runs.run_ids == ["r1", "r2"]
    assert of_calls(runs) == {call_id(1): "r1", call_id(2): "r1", call_id(3): "r2", call_id(4): "r2"}
    # each call once: the records' own totals are not added to them
    assert cost(runs) == 0.0018
    assert hl.costs.total(runs)["cost_sources"].to_list() == [["transcript"]]


def test_a_call_in_the_last_second_of_a_record_in_whole_seconds_is_its_own(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 10)
    record(project, "r2", 20, 30)
    project.transcript(moved(calls(1), 9.4) + moved(calls(2), 20), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "r1", call_id(2): "r2"}


def test_a_run_that_begins_in_the_second_another_ends_in_has_what_follows(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 10)
    record(project, "r2", 10, 20)
    project.transcript(moved(calls(1), 0) + moved(calls(2), 10), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "r1", call_id(2): "r2"}


def test_runs_side_by_side_tell_nothing(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 30)
    record(project, "r2", 1, 31)
    project.transcript(moved(calls(1), 5), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "repo"}


def test_a_child_at_work_within_its_parent_has_the_calls(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 30)
    record(project, "child", 10, 20, parent_run_id="r1", root_run_id="r1")
    project.transcript(calls(1) + moved(calls(2), 10) + moved(calls(3), 22), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "r1", call_id(2): "child", call_id(3): "r1"}


def test_a_run_without_an_end_has_what_no_other_run_has(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, None)
    record(project, "r2", 20, 30)
    project.transcript(calls(1) + moved(calls(2), 20), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "r1", call_id(2): "r2"}


def test_a_run_that_ends_before_it_begins_has_no_end(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, -100)
    record(project, "r2", 20, 30)
    project.transcript(calls(1) + moved(calls(2), 20), "llm_transcript.jsonl")
    assert of_calls(load(project.folder)) == {call_id(1): "r1", call_id(2): "r2"}


def test_a_span_says_more_than_a_time(tmp_path):
    project = Project(tmp_path / "repo")
    record(project, "r1", 0, 10, trace_spans=[llm_span(1, None, 0, 2)])
    record(project, "r2", 20, 30)
    entries = calls(1) + moved(calls(2), 20) + moved(calls(3), 20) + moved(calls(4), 500)
    project.transcript(entries, "llm_transcript.jsonl")
    # the last was written in no run's time: it goes with its neighbours, as before
    found = of_calls(load(project.folder))
    assert found == {call_id(1): "r1", call_id(2): "r1", call_id(3): "r2", call_id(4): "r1"}


def test_times_of_one_project_say_nothing_of_another(tmp_path):
    for name in ("api", "web"):
        project = Project(tmp_path / name)
        for number in (1, 2):
            record(project, f"{name}-{number}", 20 * number - 20, 20 * number - 10)
        project.transcript(calls(1) + moved(calls(2), 20), "llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert runs.calls.select("run_id", "call_id").rows() == [
        ("api-1", call_id(1)),
        ("api-2", call_id(2)),
        ("web-1", call_id(1)),
        ("web-2", call_id(2)),
    ]
