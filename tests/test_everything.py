"""The closing line of `make test` counts what ran and agrees with the exit code."""

import re

import pytest

import everything
from everything import Count

QUICK_START = ("-p", "no:nbval", "-p", "no:hypothesispytest")  # nbval alone takes seconds to load
MIXED = """
import pytest
def test_passes(): pass
def test_fails(): assert False
@pytest.fixture
def broken(): raise OSError
def test_errs(broken): pass
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_known(): assert False
"""


@pytest.mark.parametrize(
    ("counts", "line", "code"),
    [
        ([Count(passed=3), Count(passed=4)], "harnlab: 7 passed, 0 failed", 0),
        ([Count(passed=3), Count(failed=1)], "harnlab: 3 passed, 1 failed", 1),
        ([Count(passed=3, skipped=2)], "harnlab: 3 passed, 0 failed, 2 skipped", 0),
        ([Count()], "harnlab: 0 passed, 0 failed", 1),
    ],
)
def test_the_last_line_sums_every_check(monkeypatch, capsys, counts, line, code):
    checks = {f"check {number}": lambda count=count: count for number, count in enumerate(counts)}
    monkeypatch.setattr(everything, "LINT", {})
    monkeypatch.setattr(everything, "TESTS", checks)
    assert everything.main([]) == code
    assert capsys.readouterr().out.splitlines()[-1] == line
    assert re.fullmatch(r"(\w+: )?\d+ passed, \d+ failed(, \d+ skipped)?", line)


@pytest.mark.parametrize("workers", [(), everything.TWO_AT_A_TIME], ids=["alone", "two workers"])
def test_tests_are_counted_by_what_became_of_them(tmp_path, monkeypatch, workers):
    (tmp_path / "test_mixed.py").write_text(MIXED)
    monkeypatch.setattr(everything, "PROJECT", tmp_path)
    assert everything.pytest(*QUICK_START, *workers, ".") == Count(passed=1, failed=2, skipped=2)


def test_a_run_without_tests_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(everything, "PROJECT", tmp_path)
    assert everything.pytest(*QUICK_START, ".") == Count(failed=1)


def test_a_command_counts_once(capfd):
    assert everything.command("ruff", "--version") == Count(passed=1)
    assert everything.command("ruff", "no-such-command") == Count(failed=1)
