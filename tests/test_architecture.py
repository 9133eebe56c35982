"""The import contracts of pyproject.toml hold, and each would be missed if it were gone."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LINT = [
    sys.executable,
    "-c",
    "from importlinter.cli import lint_imports_command as lint; lint()",
    "--no-cache",
    "--no-logo",
]


def lint(folder, *options):
    """Exit code and report of import-linter over the harnlab package in a folder."""
    done = subprocess.run([*LINT, *options], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_all_six_contracts_are_kept():
    code, report = lint(PROJECT)
    assert re.search(r"Contracts: 6 kept, 0 broken\.", report), report
    assert code == 0
    assert len(CONTRACTS) == 6


@pytest.fixture
def copied_package(tmp_path):
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(PROJECT / "harnlab", tmp_path / "harnlab", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("data flows one way", "frames/columns.py", "import harnlab.analysis"),
        ("data flows one way", "core/values.py", "import harnlab.frames"),
        ("data flows one way", "a_module_without_a_place.py", ""),
        ("ingest records, it does not decide", "ingest/__init__.py", "import harnlab.core.values"),
        ("core is pure: no frames, files, clock or chance", "core/values.py", "import time"),
        ("core is pure: no frames, files, clock or chance", "vocabulary.py", "import polars"),
        ("only charts and widgets draw", "frames/columns.py", "import altair"),
        ("views read frames, never files or decisions", "charts/theme.py", "import harnlab.core.values"),
        (
            "the five ported concepts do not lean on each other",
            "core/steps/__init__.py",
            "import harnlab.core.skills",
        ),
    ],
)
def test_breaking_a_contract_is_caught(copied_package, contract, module, line):
    with (copied_package / "harnlab" / module).open("a") as file:
        file.write(f"\n{line}\n")
    code, report = lint(copied_package)
    assert code == 1
    assert re.search(rf"^{re.escape(contract)} BROKEN", report, re.MULTILINE), report


def test_every_contract_is_broken_by_some_test():
    marks = [mark for mark in test_breaking_a_contract_is_caught.pytestmark if mark.name == "parametrize"]
    assert {row[0] for row in marks[0].args[1]} == {contract["name"] for contract in CONTRACTS}
