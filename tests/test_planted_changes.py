"""The planted changes still have their place in the code; that each is found is shown nightly."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BENCHMARKS = PROJECT / "benchmarks"


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import planted_changes

    return planted_changes


def test_each_change_has_one_place_and_a_name_of_its_own(planted):
    assert len({change.name for change in planted.CHANGES}) == len(planted.CHANGES) >= 25
    assert {change.room for change in planted.CHANGES} == {"core", "analysis", "replay"}
    for change in planted.CHANGES:
        text = (PROJECT / "harnlab" / change.file).read_text("utf-8")
        assert text.count(change.was) == 1, change.name
        compile(text.replace(change.was, change.planted), change.file, "exec")


def test_a_report_of_pytest_is_told_by_what_was_expected_and_what_came(planted):
    of_nbval = (
        "- recorded in the notebook\n+ now\n-verify 0.57\n+verify 0.58\nIf it is right now: record it\n"
    )
    assert planted.said(of_nbval) == ["-verify 0.57", "+verify 0.58"]
    assert planted.said("    assert 1 == 2\nE   assert 1 == 2\nE    +  where\n") == [
        "assert 1 == 2",
        "+  where",
    ]


@pytest.mark.nightly
def test_every_planted_change_is_found():
    done = subprocess.run([sys.executable, BENCHMARKS / "planted_changes.py"], check=False)
    assert done.returncode == 0


@pytest.mark.nightly
@pytest.mark.parametrize("what", [("repository",), ("notebooks", "--times", "2")], ids=lambda what: what[0])
def test_the_wheel_works_elsewhere(what):
    done = subprocess.run([sys.executable, BENCHMARKS / "elsewhere.py", *what], check=False)
    assert done.returncode == 0
