"""Hooks that make nbval strict: registered by the pytest plugin, or imported by a conftest of notebooks.

Three things nbval does not do by itself are done here: a cell that was never run, or was run out of order, fails
instead of passing unseen; a difference is told in a few lines that name what changed; and the kernel's
surroundings are the same everywhere.
"""

from __future__ import annotations

import difflib
import functools
import html
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from nbval import kernel
from nbval.plugin import IPyNbCell

from harnlab.nbcheck.surroundings import kernel_surroundings

SANITIZE: Final = Path(__file__).with_name("sanitize.cfg")
SHOWN_LINES: Final = 20
SHOWN_WIDTH: Final = 200

_RECORD: Final = "Record it: python -m harnlab.nbcheck"
_surroundings: Final = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Compare every output, with our sanitiser, in this Python's own kernel."""
    option = config.option
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(SANITIZE)
    option.nbval_current_env = not option.nbval_kernel_name
    if getattr(option, "dist", "no") == "load":  # pytest-xdist: a notebook's cells need one kernel
        option.dist = "loadfile"
    if _surroundings not in config.stash:
        config.stash[_surroundings] = kernel_surroundings(config.add_cleanup)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Start a notebook's kernel, at its first cell, in the same surroundings everywhere."""
    with pytest.MonkeyPatch.context() as environment:
        if isinstance(item, IPyNbCell):
            environment.setattr(kernel, "start_new_kernel", started_again(kernel.start_new_kernel))
            for name, value in item.config.stash[_surroundings].items():
                environment.setenv(name, value)
        return (yield)


def started_again(start: Callable[..., Any]) -> Callable[..., Any]:
    """Start a kernel once more when it dies at once: another program took a port that was free when it was chosen."""

    @functools.wraps(start)
    def started(*args: Any, **kwargs: Any) -> Any:
        try:
            return start(*args, **kwargs)
        except RuntimeError as error:
            if "died" not in str(error):
                raise
            return start(*args, **kwargs)

    return started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make cells fail that were not run in their place when the notebook was recorded."""
    runs: dict[Path, int] = {}
    for item in items:
        if isinstance(item, IPyNbCell) and item.cell.source.strip():
            runs[item.path] = runs.get(item.path, 0) + 1
            problem = unfaithful(item.cell.execution_count, runs[item.path])
            if problem:
                item.runtest = functools.partial(
                    _run_then_fail, item, item.runtest, f"{problem} {item.path.name}"
                )


def unfaithful(recorded_run: int | None, place: int) -> str | None:
    """Say why a recorded cell proves nothing; None when it was run in its place."""
    if recorded_run is None:
        return f"This cell has no recorded run, so nothing was compared. {_RECORD}"
    if recorded_run != place:
        return f"This cell was recorded as run {recorded_run}, but from the top it is run {place}. {_RECORD}"
    return None


def _run_then_fail(item: Any, run: Callable[[], object], problem: str) -> None:
    run()  # later cells need what this one defines
    item.raise_cell_error(problem)


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """Explain to nbval how the output recorded in the notebook (left) differs from the one now (right)."""
    if op != "==":
        return None
    changes = changed_lines(left, right)
    if len(changes) > SHOWN_LINES:
        changes[SHOWN_LINES:] = [f"… and {len(changes) - SHOWN_LINES} more changed lines"]
    return ["- recorded in the notebook", "+ now", *changes, f"If it is right now: {_RECORD}"]


def changed_lines(recorded: Any, now: Any) -> list[str]:
    """Lines that left (``-``) and came (``+``), in the order in which they stand."""
    diff = difflib.unified_diff(readable_lines(recorded), readable_lines(now), n=0, lineterm="")
    changes = [line for line in diff if not line.startswith(("---", "+++", "@@"))]
    return [line if len(line) <= SHOWN_WIDTH else line[: SHOWN_WIDTH - 1] + "…" for line in changes]


def readable_lines(output: Any) -> list[str]:
    """One line per printed line, per table row, or per value of a JSON output with the path to it."""
    if not isinstance(output, str):
        return list(_leaves("", output))
    if "<table" not in output:
        return [part for line in output.splitlines() for part in _parts(line)]
    rows = re.sub(r"</?(tr|thead|tbody|table)\b[^>]*>", "\n", " ".join(output.split()))
    rows = re.sub(r" *<(td|th)\b[^>]*> *", " | ", rows)
    lines = (html.unescape(re.sub(r"<[^>]+>", "", row)).strip() for row in rows.splitlines())
    return [line for line in lines if line]


def _parts(line: str) -> list[str]:
    """Clauses of a line too long to show, so that only those that changed are."""
    return re.split(r"(?<=[.;:,]) ", line) if len(line) > SHOWN_WIDTH else [line]


def _leaves(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key in sorted(value):  # a notebook is stored with sorted members, a live output is not
            yield from _leaves(f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]", value[key])
    elif isinstance(value, list) and value:
        for place, entry in enumerate(value):
            yield from _leaves(f"{path}[{place}]", entry)
    else:
        parts = _parts(value) if isinstance(value, str) else [value]
        yield from (f"{path} = {part!r}" for part in parts)
