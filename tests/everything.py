"""Everything that must hold before a change lands, closed by one line of counts.

python tests/everything.py           all of it, as `make test` and CI do
python tests/everything.py --lint    format, lint, types and import contracts only, as `make lint` does
"""

import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Count:
    """What one check found."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def command(program, *arguments):
    """Run a program of this environment; it counts as one check."""
    done = subprocess.run([BIN / program, *arguments], cwd=PROJECT, check=False)
    return Count(passed=1) if done.returncode == 0 else Count(failed=1)


def import_contracts():
    """Every contract counts as one check."""
    done = subprocess.run(
        [BIN / "lint-imports", "--no-logo", "--no-cache"],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr, flush=True)
    found = re.search(r"Contracts: (\d+) kept, (\d+) broken", done.stdout)
    return Count(passed=int(found[1]), failed=int(found[2])) if found else Count(failed=1)


def pytest(*arguments):
    """Run pytest; every test, or cell of a notebook, counts as one check."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "junit.xml")
        color = "yes" if sys.stdout.isatty() else "no"
        options = [
            "-q",
            f"--color={color}",
            "--tb=short",
            f"--junitxml={report}",
            "-o",
            "junit_family=xunit2",
        ]
        done = subprocess.run([BIN / "pytest", *options, *arguments], cwd=PROJECT, check=False)
        if done.returncode not in (0, 1) or not report.exists():
            return Count(failed=1)  # interrupted, misused, or nothing collected
        suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(kind)) for suite in suites) for kind in ("tests", "failures", "errors", "skipped")
    )
    failed = max(failures + errors, done.returncode)
    return Count(passed=total - failures - errors - skipped, failed=failed, skipped=skipped)


LINT = {
    "formatted files": lambda: command("ruff", "format", "--check", "."),
    "lint": lambda: command("ruff", "check", "."),
    "types": lambda: command("mypy"),
    "import contracts": import_contracts,
}
WHOLE = ("-m", "not nightly", "--durations=5", "--doctest-modules", "--continue-on-collection-errors")
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")  # what the tests of a file share is made once
TESTS = {
    "tests": lambda: pytest(*WHOLE, *TWO_AT_A_TIME, "tests", "harnlab"),
    "notebook cells": lambda: pytest("--nbval", *TWO_AT_A_TIME, "notebooks"),
}


def main(arguments):
    started = time.monotonic()
    checks = LINT if "--lint" in arguments else LINT | TESTS
    counts = {}
    for name, check in checks.items():
        print(f"\n== {name}", flush=True)
        counts[name] = check()
    print(f"\n== all, in {time.monotonic() - started:.0f} s")
    for name, count in counts.items():
        print(f"{name:18}{count}")
    total = sum(counts.values(), Count())
    print(f"harnlab: {total}")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
