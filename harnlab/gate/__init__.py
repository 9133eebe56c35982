"""The regression gate: rules an analyst wrote, a baseline, and what the next runs do against them."""

from harnlab.gate.baseline import Baseline, baseline_of, read_baseline, write_baseline
from harnlab.gate.findings import Verdict, blocking, check, exit_code
from harnlab.gate.measures import MEASURES, MeasureName, Statistic
from harnlab.gate.outputs import to_json, to_junit, to_markdown
from harnlab.gate.rules import Rule, Rules, Tolerance, parse_rules, read_rules, rules_schema

__all__ = [
    "MEASURES",
    "Baseline",
    "MeasureName",
    "Rule",
    "Rules",
    "Statistic",
    "Tolerance",
    "Verdict",
    "baseline_of",
    "blocking",
    "check",
    "exit_code",
    "parse_rules",
    "read_baseline",
    "read_rules",
    "rules_schema",
    "to_json",
    "to_junit",
    "to_markdown",
    "write_baseline",
]
