"""``harnlab new-check``: a folder that a team commits, green until a worse run is dropped in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harnlab.cli import main
from harnlab.gate import check, read_rules

REGRESSION = Path(__file__).parents[2] / "sample_transcripts" / "regression"
WORSE = "run_019f1d8f-a120-7001-a857-d305fae34a0d"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Somebody's repository with runs that are fine, in a folder with blanks and letters of its own."""
    folder = tmp_path / "Prüfung der Läufe"
    shutil.copytree(REGRESSION / "baseline", folder / "runs")
    monkeypatch.chdir(folder)
    return folder


def drop_in_a_worse_run():
    source = REGRESSION / "candidate"
    shutil.copy(source / ".harn-runs" / f"{WORSE}.json", "runs/.harn-runs")
    shutil.copytree(source / "transcripts" / WORSE, f"runs/transcripts/{WORSE}")


def pytest_in(folder, *options):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8"},
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_green_as_written_and_red_with_the_log_line_once_a_run_is_worse(repository, capsys):
    assert main(["new-check", "reviews", "--runs", "runs", "--into", "checks/reviews"]) == 0
    written = sorted(path.name for path in Path("checks/reviews").iterdir())
    assert written == ["baseline.json", "reviews.ipynb", "rules.toml", "test_reviews.py"]
    assert "run `pytest checks/reviews`" in capsys.readouterr().out
    code, text = pytest_in(repository, "--harnlab-notebooks")
    assert (code, "8 passed" in text) == (0, True), text
    drop_in_a_worse_run()
    code, text = pytest_in(repository)
    assert code == 1
    assert "dead_lane_share (everything): " in text
    assert f"at runs/transcripts/{WORSE}/llm_transcript.jsonl:55" in text
    assert "FAILED checks/reviews/test_reviews.py::test_no_rule_is_broken" in text


def test_the_rules_leave_out_what_the_runs_do_not_record_and_invent_no_threshold(repository, capsys):
    assert main(["new-check", "reviews", "--runs", "runs", "--no-record", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["data"]
    assert told == {
        "folder": "reviews",
        "written": ["rules.toml", "baseline.json", "test_reviews.py", "reviews.ipynb"],
    }
    rules = read_rules("reviews/rules.toml")
    assert rules.runs == ("runs",)
    assert {rule.measure.value for rule in rules.rules} == {
        "cost_per_run",
        "cost_per_step",
        "inherited_share",
        "dead_lane_share",
        "omitted_skills",
        "parity_mismatches",
        "unknown_words",
    }
    assert all(
        (rule.limit, rule.tolerance.absolute, rule.tolerance.relative_pct) == (None, 0, None)
        for rule in rules.rules
    )
    assert check(rules=rules)["verdict"].unique().to_list() == ["pass"]


def test_nothing_that_is_there_is_written_over(repository, capsys):
    Path("reviews").mkdir()
    Path("reviews/rules.toml").write_text("mine")
    assert main(["new-check", "reviews", "--runs", "runs", "--no-record"]) == 2
    assert "reviews/rules.toml is there already" in capsys.readouterr().err
    assert Path("reviews/rules.toml").read_text() == "mine"
    assert len(list(Path("reviews").iterdir())) == 1


def test_runs_that_are_missing_leave_nothing_behind(repository, capsys):
    assert main(["new-check", "reviews", "--runs", "nowhere"]) == 3
    assert not Path("reviews").exists()
