"""Texts of a new check: its rules, its test and its notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

import polars as pl

from harnlab.analysis.dimensions import UNATTRIBUTED
from harnlab.analysis.inputs import Frames
from harnlab.gate.evidence import evidence
from harnlab.gate.measures import MEASURES, Kind, MeasureName


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
        lines += ["", *_rule(measure, evidence(runs, measure))]
    return "\n".join(lines) + "\n"


def _rule(measure: MeasureName, rows: pl.DataFrame) -> list[str]:
    """Lines of one rule; a comment where there is no record to measure."""
    known = MEASURES[measure]
    if rows.is_empty():
        return [f"# Not measured: these runs record nothing for {measure.value} ({known.doc})."]
    lines = [f"# {known.doc}", "[[rule]]", f'measure = "{measure.value}"']
    if known.kind is Kind.MONEY:
        lines += ['step = "*"  # each step on its own'] if _has_steps(rows) else []
        lines.append('statistic = "max"  # the dearest run or step: a mean moves with the mix of runs')
    lines.append("tolerance = { absolute = 0 }")
    if int(rows["unknown"].sum()):
        lines.append("allow_insufficient = true  # some of it has no known price or answer")
    return lines


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
