"""The project's own notebooks: a changed value of a sample fails its notebook, and anybody can read them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
CHART = "application/vnd.vegalite.v5+json"
LIVE = "application/vnd.jupyter.widget-view+json"

#: Notebook: a file of its sample, what is written there, what instead, and the lines the failure names.
CHANGED = {
    "03_skill_lifecycle": (
        "skill-catalog/transcripts/run_019eca4a-2ffd-7001-bfb8-3866bb965ebe/skill_evidence.jsonl",
        '"budget_chars":700',
        '"budget_chars":800',
        (r"-\| 5 \| 700 \| 601 \|", r"\+\| 5 \| 800 \| 601 \|"),
    ),
    "04_autonomy_budget": (
        "autonomy-pressure/europe/.harn/events/topics/triggers.lifecycle.jsonl",
        '"autonomous_decisions_today":6',
        '"autonomous_decisions_today":5',
        (r'-\| .*"agent.triage" \| "hour" \| 3 \| 6 \|', r'\+\| .*"agent.triage" \| "hour" \| 3 \| 5 \|'),
    ),
    "05_state_conflicts": (
        "two-writers/state/release-4.13/.agent_state_meta/plan.md.json",
        "1782117142",
        "1782117152",
        (r"-.* 82 seconds later", r"\+.* 92 seconds later"),
    ),
}


def outputs(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    return [out["data"] for cell in cells for out in cell.get("outputs", ()) if "data" in out]


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What nbval says of each notebook when one value of its sample is another, run in one session."""
    home = tmp_path_factory.mktemp("changed")
    (home / "notebooks").mkdir()
    shutil.copy(PROJECT / "notebooks" / "conftest.py", home / "notebooks")
    (home / "pytest.ini").write_text("[pytest]\n")
    for name, (file, written, instead, _) in CHANGED.items():
        shutil.copy(PROJECT / "notebooks" / f"{name}.ipynb", home / "notebooks")
        sample = file.partition("/")[0]
        shutil.copytree(PROJECT / "sample_transcripts" / sample, home / "sample_transcripts" / sample)
        changed = home / "sample_transcripts" / file
        text = changed.read_text(encoding="utf-8")
        assert text.count(written) == 1
        changed.write_text(text.replace(written, instead), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "--color=no", "--tb=short", "-q", "notebooks"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CHANGED)
def test_one_changed_value_fails_its_notebook_and_is_named(failures, name):
    assert re.search(rf"^FAILED notebooks/{name}\.ipynb", failures, re.MULTILINE)
    for line in CHANGED[name][3]:
        assert re.search(line, failures), line


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_readable_where_nothing_is_drawn(notebook):
    shown = outputs(notebook)
    assert all("text/plain" in data for data in shown)
    assert all("image/png" in data for data in shown if CHART in data)
    assert not any(LIVE in data for data in shown)
    assert not any("object at 0x" in data["text/plain"] for data in shown)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_carries_no_state_of_widgets(notebook):
    assert "widgets" not in nbformat.read(notebook, as_version=4).metadata


def test_every_explorer_is_in_a_notebook():
    kinds = {mime for notebook in NOTEBOOKS for data in outputs(notebook) for mime in data}
    explorers = ("route", "skill", "budget", "autonomy")
    wanted = {*(f"{name}-explorer" for name in explorers), "state-timeline", "run-picker"}
    assert wanted == {
        mime.removeprefix("application/vnd.harnlab.").removesuffix("+json")
        for mime in kinds
        if mime.startswith("application/vnd.harnlab.")
    }


def test_the_first_notebook_leads_to_every_other():
    text = " ".join(cell.source for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells)
    assert all(f"]({notebook.name})" in text for notebook in NOTEBOOKS[1:])
