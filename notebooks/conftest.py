"""Notebooks are tests: ``pytest --nbval notebooks/`` runs every cell again and compares what it shows.

Three things nbval does not do by itself are done here: a cell that was never run, or was run out of order, fails
instead of passing unseen; a difference is told in a few lines that name what changed; and the kernel's
surroundings are the same everywhere.
"""

import difflib
import functools
import html
import os
import re
import tempfile
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")
SHOWN_LINES = 20
SHOWN_WIDTH = 200


def pytest_configure(config):
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(SANITIZE)
    config.option.nbval_current_env = not config.option.nbval_kernel_name
    surroundings = tempfile.TemporaryDirectory(prefix="harnlab-notebooks-")
    config.add_cleanup(surroundings.cleanup)
    # No profile, no cache of an earlier day, no progress bar: only the notebook decides what is shown.
    os.environ.update(
        CI="true",
        TZ="UTC",
        IPYTHONDIR=str(Path(surroundings.name, "ipython")),
        XDG_CACHE_HOME=str(Path(surroundings.name, "cache")),
    )


def pytest_collection_modifyitems(items):
    runs = {}
    for item in items:
        if isinstance(item, IPyNbCell) and item.cell.source.strip():
            runs[item.path] = runs.get(item.path, 0) + 1
            problem = unfaithful(item.cell.execution_count, runs[item.path])
            if problem:
                item.runtest = functools.partial(_run_then_fail, item, item.runtest, problem)


def unfaithful(recorded_run, place):
    """Say why a recorded cell proves nothing; None when it was run in its place."""
    if recorded_run is None:
        return "This cell has no recorded run, so nothing was compared. Record it: make notebooks"
    if recorded_run != place:
        return (
            f"This cell was recorded as run {recorded_run}, but from the top it is run {place}. "
            "Record it: make notebooks"
        )
    return None


def _run_then_fail(item, run, problem):
    run()  # later cells need what this one defines
    item.raise_cell_error(problem)


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(op, left, right):
    """Explain to nbval how the output recorded in the notebook (left) differs from the one now (right)."""
    if op != "==":
        return None
    changes = changed_lines(left, right)
    if len(changes) > SHOWN_LINES:
        changes[SHOWN_LINES:] = [f"… and {len(changes) - SHOWN_LINES} more changed lines"]
    return ["- recorded in the notebook", "+ now", *changes, "If it is right now, record it: make notebooks"]


def changed_lines(recorded, now):
    """Lines that left (``-``) and came (``+``), in the order in which they stand."""
    diff = difflib.unified_diff(readable_lines(recorded), readable_lines(now), n=0, lineterm="")
    changes = [line for line in diff if not line.startswith(("---", "+++", "@@"))]
    return [line if len(line) <= SHOWN_WIDTH else line[: SHOWN_WIDTH - 1] + "…" for line in changes]


def readable_lines(output):
    """One line per printed line, per table row, or per value of a JSON output with the path to it."""
    if not isinstance(output, str):
        return list(_leaves("", output))
    if "<table" not in output:
        return [part for line in output.splitlines() for part in _parts(line)]
    rows = re.sub(r"</?(tr|thead|tbody|table)\b[^>]*>", "\n", " ".join(output.split()))
    rows = re.sub(r" *<(td|th)\b[^>]*> *", " | ", rows)
    lines = (html.unescape(re.sub(r"<[^>]+>", "", row)).strip() for row in rows.splitlines())
    return [line for line in lines if line]


def _parts(line):
    """Clauses of a line too long to show, so that only those that changed are."""
    return re.split(r"(?<=[.;:,]) ", line) if len(line) > SHOWN_WIDTH else [line]


def _leaves(path, value):
    if isinstance(value, dict) and value:
        for key in sorted(value):  # a notebook is stored with sorted members, a live output is not
            yield from _leaves(f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]", value[key])
    elif isinstance(value, list) and value:
        for place, entry in enumerate(value):
            yield from _leaves(f"{path}[{place}]", entry)
    else:
        yield f"{path} = {value!r}"
