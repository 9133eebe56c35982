"""What a cold load joins across files is joined in a lake, however small its parts are."""

import random
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.lake import plan
from ingest.log_events import event, write_files
from ingest.test_linking import record, write
from ingest.transcript_lines import request, response
from lake.comparing import assert_equals_cold
from lake.fleets import write_fleet


def converted_in_smallest_parts(seed, folder):
    runs, lake = folder / "runs", folder / "lake"
    write_fleet(runs, random.Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PART_BYTES", 1)
        done = hl.convert(runs, lake)
    assert_equals_cold(runs, lake)
    return done


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_any_fleet_in_the_smallest_parts_is_what_a_cold_load_gives(tmp_path_factory, seed):
    converted_in_smallest_parts(seed, tmp_path_factory.mktemp("fleet"))


@pytest.mark.nightly
def test_five_hundred_fleets(tmp_path_factory):
    parts = [
        len(converted_in_smallest_parts(seed, tmp_path_factory.mktemp("fleet")).parts) for seed in range(500)
    ]
    assert sum(count > 1 for count in parts) > 200, "most fleets can be read in parts"


def test_a_call_that_a_record_elsewhere_names_is_that_runs(tmp_path):
    record(tmp_path / "runs" / "p", "run_a", "c1")
    write(tmp_path / "runs" / "q" / "run_b" / "llm_transcript.jsonl", request("c1"), response("c1"))
    hl.convert(tmp_path / "runs", tmp_path / "lake")
    assert_equals_cold(tmp_path / "runs", tmp_path / "lake")
    assert hl.load(tmp_path / "lake").calls["run_id"].to_list() == ["run_a"]


def test_a_log_that_names_a_run_elsewhere_is_read_with_it(tmp_path):
    write(tmp_path / "runs" / "q" / "run_b" / "llm_transcript.jsonl", request("c1"))
    write_files(tmp_path / "runs" / "p" / ".harn", [event(payload={"run_id": "run_b"})])
    hl.convert(tmp_path / "runs", tmp_path / "lake")
    assert_equals_cold(tmp_path / "runs", tmp_path / "lake")
    assert set(hl.load(tmp_path / "lake").events["run_id"]) == {"run_b"}


def test_a_trust_record_in_two_projects_is_told_once(tmp_path, samples):
    for project in ("p", "q"):
        shutil.copytree(samples / "autonomy-pressure", tmp_path / "runs" / project)
    hl.convert(tmp_path / "runs", tmp_path / "lake")
    assert_equals_cold(tmp_path / "runs", tmp_path / "lake")


def test_runs_of_one_project_are_read_apart_where_their_places_name_them(tmp_path, small_parts, monkeypatch):
    monkeypatch.setattr(plan, "PART_BYTES", 1)
    root = tmp_path / "runs"
    for number in range(4):
        record(root, f"run_{number}", f"c{number}")
        write(root / "logs" / f"run_{number}" / "llm_transcript.jsonl", request(f"c{number}"))
    (root / "persona.json").write_text('{"name": "p", "steps": [{"name": "plan", "function": "plan"}]}')
    done = hl.convert(root, tmp_path / "lake")
    assert len(done.parts) == 5
    assert_equals_cold(root, tmp_path / "lake")
