"""Findings for machines and reviews: JUnit XML for CI, JSON, and Markdown for a pull request.

Everything that comes from a log is escaped for the form it goes into.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any, Final

import polars as pl

from harnlab.analysis.routes.account import plain
from harnlab.gate.findings import Verdict, amount_text, blocking, count_told, place
from harnlab.invisible import blanked_line
from harnlab.questions import of_frames

_MARKS: Final = {Verdict.PASS: "pass", Verdict.FAIL: "**FAIL**", Verdict.INSUFFICIENT: "insufficient"}
_MARKUP: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>|#~&!@"})


@of_frames
def to_json(findings: pl.DataFrame) -> str:
    """Findings as JSON: whether the gate is passed, the counts, and every row."""
    return json.dumps(json_document(findings), ensure_ascii=False, indent=2) + "\n"


def json_document(findings: pl.DataFrame) -> dict[str, Any]:
    """What :func:`to_json` writes, as values."""
    counts = dict(findings["verdict"].value_counts().iter_rows())
    return {
        "passed": blocking(findings).is_empty(),
        "counts": {verdict.value: counts.get(verdict.value, 0) for verdict in Verdict},
        "findings": findings.to_dicts(),
    }


@of_frames
def to_junit(findings: pl.DataFrame, *, name: str = "harnlab") -> str:
    """Findings as JUnit XML: a test case for each rule and scope.

    A failed rule, and one the record does not decide, is a ``failure`` of that type with its sentence and log line;
    an undecided rule that may be is ``skipped``.
    """
    rows = findings.to_dicts()
    failed = sum(row["blocking"] for row in rows)
    skipped = sum(not row["blocking"] and row["verdict"] == Verdict.INSUFFICIENT for row in rows)
    counts = {"tests": str(len(rows)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    root = ET.Element("testsuites", {"name": name, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts, "time": "0"})
    for row in rows:
        case = ET.SubElement(
            suite,
            "testcase",
            {
                "classname": f"{name}.{row['measure']}",
                "name": plain(f"{row['rule']} [{row['scope']}]"),
                "time": "0",
            },
        )
        if row["blocking"]:
            failure = ET.SubElement(
                case, "failure", {"type": row["verdict"], "message": blanked_line(row["because"])}
            )
            failure.text = blanked_line(" at ".join(filter(None, (row["because"], place(row)))))
        elif row["verdict"] == Verdict.INSUFFICIENT:
            ET.SubElement(case, "skipped", {"message": blanked_line(row["because"])})
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


@of_frames
def to_markdown(findings: pl.DataFrame) -> str:
    """Findings as Markdown for a pull request: one line that says it all, then what stops the gate, then the rest."""
    head = "harnlab: passed" if blocking(findings).is_empty() else "harnlab: **findings**"
    lines = [f"### {head} ({count_told(findings)})", ""]
    for row in blocking(findings).iter_rows(named=True):
        lines.append(f"- **{_escaped(row['rule'])}** ({_escaped(row['scope'])}): {_escaped(row['because'])}")
        if where := place(row):
            lines.append(f"  at `{blanked_line(where).replace('`', chr(39))}`")
    lines += ["", "| rule | scope | observed | baseline | allowed | unit | verdict |"]
    lines.append("|---|---|---:|---:|---:|---|---|")
    for row in findings.iter_rows(named=True):
        cells = [_escaped(row["rule"]), _escaped(row["scope"])]
        cells += [_number(row[name], row["unit"]) for name in ("observed", "baseline", "allowed")]
        lines.append(f"| {' | '.join([*cells, row['unit'], _MARKS[Verdict(row['verdict'])]])} |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return blanked_line(text).translate(_MARKUP)


def _number(value: float | None, unit: str) -> str:
    """Amount as the sentence above the table has it."""
    return "" if value is None else amount_text(Decimal(repr(value)), unit)
