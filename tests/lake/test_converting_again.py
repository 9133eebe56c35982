"""Converting again does nothing, or only what has changed."""

import os
import shutil

import polars as pl
import pytest

import harnlab as hl
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.lake import plan
from lake.comparing import assert_equals_cold


@pytest.fixture
def lake(runs_of_their_own, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "PART_BYTES", 1)
    hl.convert(runs_of_their_own, tmp_path / "lake")
    return tmp_path / "lake"


def written(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_does_nothing_where_nothing_changed(lake, runs_of_their_own):
    before = written(lake)
    assert hl.convert(runs_of_their_own, lake).written == frozenset()
    assert written(lake) == before


def test_only_what_changed_is_read_again_and_leaves_nothing_behind(lake, runs_of_their_own):
    with (runs_of_their_own / "run_3" / "llm_transcript.jsonl").open("ab") as log:
        log.write(b'\n{"type": "later"}\n')
    new = runs_of_their_own / "run_99"
    shutil.copytree(runs_of_their_own / "run_4", new)
    done = hl.convert(runs_of_their_own, lake)
    assert len(done.written) == 2
    assert len(done.parts) == 9
    assert_equals_cold(runs_of_their_own, lake)
    assert len(list((lake / "events").iterdir())) == 9


def test_a_run_record_that_comes_later_ties_what_was_apart(lake, runs_of_their_own):
    (runs_of_their_own / ".harn-runs").mkdir()
    record = runs_of_their_own / ".harn-runs" / "run_2.json"
    record.write_text('{"_type": "run_record", "id": "run_2", "status": "failed"}')
    hl.convert(runs_of_their_own, lake)
    assert_equals_cold(runs_of_their_own, lake)


def test_files_that_are_gone_stay_in_the_lake_until_it_is_said(lake, runs_of_their_own):
    shutil.rmtree(runs_of_their_own / "run_5")
    with pytest.raises(
        UnreadablePath, match=r"1 of 8 files of this lake are gone, such as .*run_5.*drop_missing=True"
    ):
        hl.convert(runs_of_their_own, lake)
    assert hl.load(lake).summary.height == 8
    hl.convert(runs_of_their_own, lake, drop_missing=True)
    assert_equals_cold(runs_of_their_own, lake)


def test_a_lake_keeps_to_its_paths(lake, tmp_path, samples):
    with pytest.raises(InvalidArgument, match=r"a lake of .*runs; expected the same paths"):
        hl.convert(samples, lake)


def test_a_folder_of_something_else_is_left_alone(runs_of_their_own, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    for place in (tmp_path / "notes", tmp_path / "notes" / "mine.txt"):
        with pytest.raises(InvalidArgument, match=r"(a folder of other files|a file); expected a lake"):
            hl.convert(runs_of_their_own, place)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["mine.txt"]


def test_nothing_to_convert_leaves_no_folder(tmp_path):
    with pytest.raises(UnreadablePath, match="no such file"):
        hl.convert(tmp_path / "nowhere", tmp_path / "lake")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("paths", [[], 7, [""], [b"x"]])
def test_paths_that_are_none_are_told(paths, tmp_path):
    with pytest.raises(InvalidArgument, match="expected a path, a pattern, or a list"):
        hl.convert(paths, tmp_path / "lake")


@pytest.mark.parametrize("lake", ["", 7, None])
def test_a_lake_that_is_no_path_is_told(lake, runs_of_their_own):
    with pytest.raises(InvalidArgument, match="expected a folder for the lake"):
        hl.convert(runs_of_their_own, lake)


def test_a_lake_may_lie_among_its_files(runs_of_their_own):
    lake = runs_of_their_own / "kept" / "lake"
    hl.convert(runs_of_their_own, lake)
    assert hl.convert(runs_of_their_own, lake).written == frozenset()
    assert_equals_cold(runs_of_their_own, lake)


def test_home_is_home_in_the_name_of_a_lake(runs_of_their_own, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    hl.convert(runs_of_their_own, "~/mine")
    assert (tmp_path / "mine" / "manifest.json").exists()
    assert hl.load("~/mine").summary.height == 8


def test_no_workers_are_too_few(runs_of_their_own, tmp_path):
    with pytest.raises(InvalidArgument, match="at least 1"):
        hl.convert(runs_of_their_own, tmp_path / "lake", workers=0)


def test_what_was_done_is_told_by_part(lake, runs_of_their_own):
    done = hl.convert(runs_of_their_own, lake)
    told = done.to_frame()
    assert told["files"].sum() == done.files == 8
    assert told["problems"].sum() == done.rows["problems"] == hl.load(runs_of_their_own).problems.height
    assert not told["written"].any()
    assert repr(done).startswith(f"Converted('{lake}': 8 files, 0 of 8 parts written; 8 runs, ")


def test_the_source_map_says_which_file_and_what_it_was(lake, runs_of_their_own):
    found = pl.read_parquet(lake / "sources" / "*.parquet")
    path = runs_of_their_own / "run_6" / "llm_transcript.jsonl"
    (row,) = found.filter(pl.col("source_path") == str(path)).to_dicts()
    assert (row["size"], row["mtime_ns"]) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert os.fsdecode(row["path"]) == str(path)
    assert (lake / "calls" / f"{row['part']}.parquet").exists()
