"""Texts of a new check: its rules, its test and its notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

import polars as pl

from harnlab.analysis.dimensions import UNATTRIBUTED
from harnlab.analysis.inputs import Frames
from harnlab.gate.evidence import evidence
from harnlab.gate.measures import MEASURES, MeasureName


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a check is called, and its runs as paths from its folder."""

    name: str
    runs: tuple[str, ...]


def rules_toml(of: Check, runs: Frames) -> str:
    """Rules that allow nothing above the baseline, for each measure these runs have a record of."""
    lines = [
        f"# What the next runs of {of.name} may not do. `harnlab schema rules` explains every member.",
        "# A tolerance of 0 allows nothing above the baseline: write what your team allows instead.",
        f"runs = {json.dumps(list(of.runs), ensure_ascii=False)}",
        'baseline = "baseline.json"',
    ]
    for measure in MeasureName:
        rows = evidence(runs, measure)
        undecided = int(rows["unknown"].sum()) > 0
        if rows.is_empty():
            lines += [
                "",
                f"# Not measured: these runs record nothing for {measure.value} ({MEASURES[measure].doc}).",
            ]
            continue
        lines += ["", f"# {MEASURES[measure].doc}", "[[rule]]", f'measure = "{measure.value}"']
        if (
            "step" in MEASURES[measure].scopes
            and _has_steps(rows)
            and measure is not MeasureName.DEAD_LANE_SHARE
        ):
            lines.append('step = "*"  # each step on its own')
        lines.append("tolerance = { absolute = 0 }")
        if undecided:
            lines.append("allow_insufficient = true  # some of it has no known price or answer")
    return "\n".join(lines) + "\n"


def _has_steps(rows: pl.DataFrame) -> bool:
    return bool((rows["step"] != UNATTRIBUTED).any())


def test_module(of: Check) -> str:
    """A test of one's own that pytest finds without any option."""
    return _template("test_check.py.txt", of)


def notebook_json(of: Check) -> str:
    """A notebook from question to conclusion, without outputs."""
    return _template("check.ipynb", of)


def _template(name: str, of: Check) -> str:
    return (
        (resources.files("harnlab.cli") / "templates" / name)
        .read_text("utf-8")
        .replace("CHECK_NAME", of.name)
    )
