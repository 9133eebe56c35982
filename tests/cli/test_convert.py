"""``harnlab convert``: a lake from the command line, and every other command on it."""

import io
import json
import sys
from pathlib import Path

import polars as pl
import pytest
from distributed import LocalCluster

from harnlab.cli import main
from harnlab.lake import conversion

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
RUNS = str(SAMPLES / "cost-overrun")


@pytest.fixture
def lake(tmp_path):
    return str(tmp_path / "lake")


def run(capfd, *given):
    code = main([*map(str, given)])
    out, err = capfd.readouterr()
    return code, out, err


def test_it_says_what_was_written_and_the_second_time_that_there_was_nothing_to_do(capfd, lake):
    code, out, err = run(capfd, "convert", RUNS, "-o", lake)
    assert (code, err) == (0, "")
    assert out.startswith(f"{lake}: 5 files; 1 part written, 0 as before\nrows: runs 1, events ")
    code, out, _ = run(capfd, "convert", RUNS, "-o", lake)
    assert code == 0
    assert "0 parts written, 1 as before" in out
    assert out.endswith("nothing to do\n")


def test_problems_are_counted_and_where_to_see_them_is_said(capfd, lake):
    _, out, _ = run(capfd, "convert", SAMPLES / "damaged", "-o", lake)
    (told,) = [line for line in out.splitlines() if "--frame" in line]
    count, command = told.split(" problems: harnlab ")
    code, out, _ = run(capfd, *command.split(), "--json")
    assert code == 0
    assert len(json.loads(out)["data"]) == int(count) > 0


@pytest.mark.parametrize("command", ["show", "parity"])
def test_a_lake_stands_for_its_files_in_other_commands(command, capfd, lake):
    run(capfd, "convert", RUNS, "-o", lake)
    assert run(capfd, command, lake) == run(capfd, command, RUNS)


def test_parts_come_out_as_rows(capfd, lake):
    _, out, _ = run(capfd, "convert", RUNS, "-o", lake, "--json")
    told = json.loads(out)
    assert told["command"] == "convert"
    assert told["data"]["rows"]["runs"] == 1
    _, out, _ = run(capfd, "convert", RUNS, "-o", lake, "--format", "csv")
    rows = pl.read_csv(io.StringIO(out)).to_dicts()
    assert [row["files"] for row in rows] == [part["files"] for part in told["data"]["parts"]] == [5]


def test_a_dask_cluster_reads_where_its_address_is_given(capfd, lake):
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        code, out, err = run(capfd, "convert", RUNS, "-o", lake, "--dask", cluster.scheduler_address)
    assert (code, err) == (0, "")
    assert "1 part written" in out


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["-"], 2, "convert: standard input; expected files"),
        (["--workers", "2", "--dask", "tcp://x:1"], 2, "--workers beside --dask; expected one of them"),
        (["--workers", "0"], 2, "Invalid value for '--workers'"),
        (["--dask", "nowhere"], 3, "nowhere: no scheduler"),
    ],
)
def test_wrong_usage_is_told_in_words(given, code, told, capfd, lake):
    found, out, err = run(capfd, "convert", RUNS, *given, "-o", lake)
    assert (found, out) == (code, "")
    assert told in err
    assert "Traceback" not in err
    assert not Path(lake).exists()


def test_without_dask_it_says_how_to_install_it(capfd, lake, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = run(capfd, "convert", RUNS, "-o", lake, "--dask", "tcp://x:1")
    assert code == 2
    assert "pip install 'harnlab[dask]'" in err


def test_ctrl_c_says_that_what_is_done_is_kept(capfd, lake, monkeypatch):
    def interrupted(job):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "write_part", interrupted)
    code, _, err = run(capfd, "convert", RUNS, "-o", lake)
    assert code == 130
    assert "what is done is kept; the same command goes on from here" in err
