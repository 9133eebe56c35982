"""A lake is read when it is asked, as far as it is asked, and leads back to the files."""

import json
import os
import pickle
import shutil

import polars as pl
import pytest

import harnlab as hl
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.lake import plan
from ingest.log_events import event, write_sqlite


@pytest.fixture
def lake(runs_of_their_own, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "PART_BYTES", 1)
    hl.convert(runs_of_their_own, tmp_path / "lake")
    return tmp_path / "lake"


def parts_of(runs):
    return {path.stem for path in runs.rglob("*.parquet")}


def test_filters_and_columns_reach_the_files(lake):
    asked = hl.load(lake).scan("calls").filter(pl.col("model") == "none").select("run_id", "model")
    told = asked.explain()
    assert "Parquet SCAN" in told
    assert "PROJECT 2/" in told
    assert 'SELECTION: col("model") == "none"' in told


def test_what_is_not_asked_for_is_not_read(lake):
    for table in ("dispatches", "messages", "events"):
        shutil.rmtree(lake / table)
    runs = hl.load(lake)
    assert repr(runs).startswith("Runs(8 runs from 8 files: ")
    assert runs.calls.height == runs.scan("calls").collect().height > 0


def test_one_run_is_read_from_its_part_alone(lake):
    runs = hl.load(lake)
    wanted = runs.run_ids[3]
    expected = runs.calls.filter(pl.col("run_id") == wanted)
    holding = [
        path
        for path in (lake / "calls").iterdir()
        if pl.read_parquet(path)["run_id"].unique().to_list() == [wanted]
    ]
    for path in (lake / "calls").iterdir():
        if path not in holding:
            path.write_bytes(b"not Parquet")
    one = hl.load(lake)[wanted]
    assert one.calls.equals(expected)
    assert one.summary["run_id"].to_list() == [wanted]
    assert repr(one).startswith("Runs(1 runs")


def test_runs_of_a_lake_are_filtered_pickled_and_taken_in_parts(lake, runs_of_their_own):
    runs, cold = hl.load(lake), hl.load(runs_of_their_own)
    costly = pl.col("run_id").is_in(["run_1", "run_5"])
    assert runs.filter(costly).run_ids == cold.filter(costly).run_ids == ["run_1", "run_5"]
    assert runs.filter(costly).filter(pl.col("run_id") == "run_5").run_ids == ["run_5"]
    again = pickle.loads(pickle.dumps(runs.filter(costly)))
    assert again.events.equals(cold.filter(costly).events)
    parts = list(runs.in_parts())
    assert len(parts) == 8
    assert pl.concat(part.summary for part in parts).sort("run_id").equals(cold.summary)
    assert [one is cold for one in cold.in_parts()] == [True]


def test_every_question_is_answered_as_of_the_files(samples, tmp_path):
    hl.convert(samples, tmp_path / "lake")
    runs, cold = hl.load(tmp_path / "lake"), hl.load(samples)
    assert hl.costs.by(runs, "model").equals(hl.costs.by(cold, "model"))
    assert hl.costs.overruns(runs).equals(hl.costs.overruns(cold))
    assert hl.routes.incident(runs).paragraph == hl.routes.incident(cold).paragraph
    assert hl.parity(runs).equals(hl.parity(cold))
    assert hl.skills.lifecycle(runs).equals(hl.skills.lifecycle(cold))
    assert hl.state.conflicts(runs).equals(hl.state.conflicts(cold))


def test_every_row_leads_home(samples, tmp_path):
    hl.convert(samples, tmp_path / "lake")
    runs, cold = hl.load(tmp_path / "lake"), hl.load(samples)
    for name in ("calls", "steps", "state_entries", "trust_records"):
        row = runs.frame(name).row(0, named=True)
        assert runs.text(row) == cold.text(row)
    place = (runs.calls["source_path"][0], runs.calls["source_line"][0])
    assert runs.record(place) == cold.record(place)


def test_a_file_that_is_moved_or_changed_is_told_and_one_that_grew_still_leads_home(lake, runs_of_their_own):
    runs = hl.load(lake)
    row = runs.calls.filter(pl.col("run_id") == "run_1").row(0, named=True)
    log = runs_of_their_own / "run_1" / "llm_transcript.jsonl"
    content, record = log.read_bytes(), runs.record(row)
    log.write_bytes(content + b'{"type": "later"}\n')
    assert runs.record(row) == record
    log.write_bytes(content.replace(b"a", b"b", 1))
    with pytest.raises(UnreadablePath, match=r"changed since it was converted.*harnlab convert"):
        runs.record(row)
    log.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadablePath, match="changed since it was converted"):
        runs.record(row)
    log.rename(log.with_name("moved"))
    with pytest.raises(UnreadablePath, match=r"not there any more.*put it back at .*llm_transcript.jsonl"):
        runs.record(row)


def test_a_row_of_a_database_that_grew_still_leads_home(tmp_path):
    path = tmp_path / "runs" / ".harn" / "events.sqlite"
    write_sqlite(path, [event(payload={"n": 1})])
    hl.convert(tmp_path / "runs", tmp_path / "lake")
    runs = hl.load(tmp_path / "lake")
    path.unlink()
    write_sqlite(path, [event(payload={"n": 1}), event(payload={"n": 2})])
    assert runs.record(runs.events.row(0, named=True)) == {"n": 1}


def test_a_state_folder_that_changed_is_told(samples, tmp_path):
    shutil.copytree(samples / "two-writers", tmp_path / "runs")
    hl.convert(tmp_path / "runs", tmp_path / "lake")
    runs = hl.load(tmp_path / "lake")
    row = runs.state_entries.filter(pl.col("state") == "value").row(0, named=True)
    runs.text(row)
    with open(row["source_path"], "ab") as value:  # noqa: PTH123
        value.write(b" ")
    with pytest.raises(UnreadablePath, match="changed since it was converted"):
        runs.text(row)


def test_a_lake_of_another_version_is_refused_and_written_anew(lake, runs_of_their_own):
    manifest = lake / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"schema": "0123", "harnlab": "0.0.9"}))
    with pytest.raises(
        UnreadablePath, match=r"schema 0123, written by harnlab 0.0.9; expected version 1.*convert"
    ):
        hl.load(lake)
    hl.convert(runs_of_their_own, lake)
    assert hl.load(lake).run_ids == hl.load(runs_of_their_own).run_ids
    manifest.write_text(json.dumps(told | {"lake": 99}))
    for use in (hl.load, lambda path: hl.convert(runs_of_their_own, path)):
        with pytest.raises(UnreadablePath, match=r"a lake of version 99.*Try: a newer harnlab"):
            use(lake)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"lake": 1', '{"lake": "x", "schema": 1, "harnlab": 2}']
)
def test_a_manifest_that_is_none_is_told_and_written_anew(lake, content, runs_of_their_own):
    (lake / "manifest.json").write_text(content)
    with pytest.raises(UnreadablePath, match=r"the manifest .*Try: `harnlab convert"):
        hl.load(lake)
    with pytest.raises(UnreadablePath, match="7 of 8 files of this lake are gone"):
        hl.convert(runs_of_their_own / "run_1", lake)
    assert hl.convert(runs_of_their_own, lake).written == frozenset()
    assert hl.load(lake).summary.height == 8


def test_a_lake_that_was_converted_again_since_is_told(lake, runs_of_their_own):
    runs = hl.load(lake)
    for number in range(8):
        os.utime(runs_of_their_own / f"run_{number}" / "llm_transcript.jsonl", (1, 1))
    hl.convert(runs_of_their_own, lake)
    with pytest.raises(UnreadablePath, match=r"converted again since it was loaded.*load it again"):
        runs.calls  # noqa: B018


@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-that-name/runs", "a\0b", "nowhere"])
def test_a_path_that_cannot_be_is_told_as_ever(path):
    with pytest.raises(UnreadablePath):
        hl.load(path)


def test_a_lake_is_loaded_alone(lake, runs_of_their_own):
    with pytest.raises(InvalidArgument, match="a lake among other paths"):
        hl.load([lake, runs_of_their_own])


def test_an_argument_of_load_that_is_none_is_told_of_a_lake_too(lake):
    with pytest.raises(InvalidArgument):
        hl.load(lake, verify="never")
