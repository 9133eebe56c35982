"""Rules against runs: for each rule and scope what was observed, what is allowed, and the line that broke it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.analysis.routes.account import plain
from harnlab.errors import InvalidArgument
from harnlab.gate.baseline import Baseline, baseline_of, read_baseline
from harnlab.gate.evidence import evidence
from harnlab.gate.measure import Measured, culprit, measured, scoped
from harnlab.gate.measures import MEASURES, Kind, MeasureName, Statistic
from harnlab.gate.rules import EACH, Rule, Rules, read_rules, scope_text
from harnlab.gate.words import words_of
from harnlab.questions import answered, frames_of, of_frames
from harnlab.runs import Paths, load

#: What may stand for a baseline: a file of :func:`~harnlab.gate.baseline.write_baseline`, or runs (or their folder).
BaselineLike = Baseline | Frames | str | os.PathLike[str]

EXIT_FINE: Final = 0
EXIT_FINDINGS: Final = 1


class Verdict(StrEnum):
    """What a rule says of the runs."""

    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


_FINDINGS: Final[dict[str, pl.DataType]] = {
    "rule": pl.String(),
    "measure": pl.String(),
    "scope": pl.String(),
    "statistic": pl.String(),
    "unit": pl.String(),
    "observed": pl.Float64(),
    "baseline": pl.Float64(),
    "tolerance": pl.Float64(),
    "allowed": pl.Float64(),
    "verdict": pl.String(),
    "blocking": pl.Boolean(),
    "because": pl.String(),
    "run_id": pl.String(),
    "source_path": pl.String(),
    "source_line": pl.UInt32(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """Largest value that passes, and what it was made of."""

    allowed: Decimal
    baseline: Decimal | None = None
    tolerance: Decimal | None = None


def check(
    runs: Frames | Paths | None = None,
    /,
    *,
    rules: Rules | str | os.PathLike[str],
    baseline: BaselineLike | None = None,
) -> pl.DataFrame:
    """Hold runs against rules.

    Parameters
    ----------
    runs : Frames or paths, optional
        Runs, anything else that gives their frames (of pandas too), or where they lie. Default: those the rules name.
    rules : Rules or path-like
        A TOML file (see :mod:`harnlab.gate.rules`), or rules already read.
    baseline : Baseline, Runs or path-like, optional
        What to compare with: a baseline, its JSON file, runs that were fine, or their folder. Default: the one the
        rules name.

    Returns
    -------
    polars.DataFrame
        One row a rule and scope, in the order of the rules: ``rule, measure, scope, statistic, unit, observed,
        baseline, tolerance, allowed`` (numbers in the unit; ``tolerance`` the larger of the absolute and relative
        one, ``allowed`` the largest value that passes), ``verdict`` (``pass``, ``fail`` or ``insufficient``: the
        record does not decide), ``blocking`` (whether the row stops the gate), ``because`` (one sentence), and of the
        record that shows it best ``run_id, source_path, source_line``.

    Raises
    ------
    UnreadablePath
        For runs, rules or a baseline that cannot be read.
    InvalidArgument
        For wrong rules, a rule with a tolerance where no baseline is given, or no runs at all.
    MalformedRecord
        For a baseline file that is none.

    Examples
    --------
    >>> import harnlab as hl
    >>> sample = "sample_transcripts/regression"
    >>> found = hl.check(f"{sample}/baseline", rules=f"{sample}/rules.toml", baseline=f"{sample}/baseline")
    >>> found["verdict"].unique().to_list()
    ['pass']
    """
    read = rules if isinstance(rules, Rules) else read_rules(rules)
    loaded, in_pandas = _loaded(runs, read)
    base = _baseline(baseline if baseline is not None else read.baseline, read)
    if base is None:
        _needs_none(read)
    rows = [row for rule in read.rules for row in _checked(loaded, rule, base)]
    findings: pl.DataFrame = answered(pl.DataFrame(rows, schema=_FINDINGS, orient="row"), in_pandas=in_pandas)
    return findings


@of_frames
def blocking(findings: pl.DataFrame) -> pl.DataFrame:
    """The findings that stop the gate."""
    return findings.filter("blocking")


@of_frames
def exit_code(findings: pl.DataFrame) -> int:
    """Exit code of a gate: 0 where nothing stops it, else 1."""
    return EXIT_FINDINGS if findings["blocking"].any() else EXIT_FINE


def place(finding: dict[str, Any]) -> str | None:
    """``path:line`` of the record that shows a finding."""
    if finding["source_path"] is None:
        return None
    line = finding["source_line"]
    return finding["source_path"] if line is None else f"{finding['source_path']}:{line}"


def _loaded(given: Frames | Paths | None, rules: Rules) -> tuple[Frames, bool]:
    """Runs to check, and whether they were given as pandas."""
    if given is None and not rules.runs:
        raise InvalidArgument(
            "no runs to check", where=rules.path or "rules", hint='runs = ["…"] in the rules'
        )
    paths = rules.runs if given is None else given
    if isinstance(paths, str | os.PathLike | list | tuple | set | frozenset | Iterator):
        return load(paths), False
    return frames_of(paths, where="check")


def _baseline(given: BaselineLike | None, rules: Rules) -> Baseline | None:
    if given is None or isinstance(given, Baseline):
        return given
    if not isinstance(given, str | os.PathLike):
        return baseline_of(frames_of(given, where="check baseline")[0], rules)
    return baseline_of(load(given), rules) if Path(given).is_dir() else read_baseline(given)


def _needs_none(rules: Rules) -> None:
    for rule in rules.rules:
        if rule.tolerance is not None:
            raise InvalidArgument(
                f"rule {rule.title!r} has a tolerance, but there is no baseline to compare with",
                where=rules.path or "rules",
                hint="baseline=…, or `harnlab check --update-baseline` on runs that are fine",
            )


def _checked(runs: Frames, rule: Rule, base: Baseline | None) -> Iterator[dict[str, Any]]:
    rows = evidence(runs, rule.measure)
    if rule.measure is MeasureName.UNKNOWN_WORDS and base is not None:
        rows = rows.filter(~pl.col("word").is_in(sorted(base.words)).fill_null(value=False))
    found = {scope_text(scope): (scope, part) for scope, part in scoped(rows, rule.scope)}
    expected = base.scopes(rule) if base is not None and EACH in rule.scope.values() else []
    for scope in expected:
        found.setdefault(scope_text(scope), (scope, rows.clear()))
    if not found:
        found[scope_text(rule.scope)] = rule.scope, rows.clear()
    for scope, part in found.values():
        yield _finding(rule, scope, part, base)


def _finding(rule: Rule, scope: dict[str, str], rows: pl.DataFrame, base: Baseline | None) -> dict[str, Any]:
    measure = MEASURES[rule.measure]
    row: dict[str, Any] = {
        "rule": rule.title,
        "measure": rule.measure.value,
        "scope": scope_text(scope) or "everything",
        "statistic": rule.taken.value,
        "unit": measure.unit,
        "blocking": False,
    }
    seen = None if rows.is_empty() else measured(rows, measure.kind)
    before = _before(rule, scope, base)
    bound = _bound(rule, before)
    if seen is not None:
        row["observed"] = seen.taken(rule.taken)
    if bound is not None:
        row |= {name: _float(getattr(bound, name)) for name in ("baseline", "tolerance", "allowed")}
    return row | _judged(rule, rows, seen, before, bound)


def _before(rule: Rule, scope: dict[str, str], base: Baseline | None) -> Measured | None:
    if base is None:
        return None
    if rule.measure is MeasureName.UNKNOWN_WORDS:  # only words the baseline has not seen count
        return Measured(mean=0.0, max=0.0, total=0.0, units=len(base.runs), unknown=0)
    return base.of(rule.measure, scope)


def _bound(rule: Rule, before: Measured | None) -> _Bound | None:
    """Largest value that passes; ``None`` where a tolerance has no baseline to stand on."""
    limit = None if rule.limit is None else _exact(rule.limit)
    if rule.tolerance is None:
        assert limit is not None  # read_rules lets no other rule through
        return _Bound(allowed=limit)
    if before is None:
        return None
    baseline = _exact(before.taken(rule.taken))
    relative = baseline * _exact(rule.tolerance.relative_pct or 0.0) / 100
    tolerance = max(relative, _exact(rule.tolerance.absolute or 0.0))
    allowed = baseline + tolerance if limit is None else min(limit, baseline + tolerance)
    return _Bound(allowed=allowed, baseline=baseline, tolerance=tolerance)


def _judged(
    rule: Rule, rows: pl.DataFrame, seen: Measured | None, before: Measured | None, bound: _Bound | None
) -> dict[str, Any]:
    stops = not rule.allow_insufficient
    if seen is None:
        because = "no record to decide from"
        if before is not None:
            because += f"; the baseline measured {before.units} there"
        return {"verdict": Verdict.INSUFFICIENT.value, "blocking": stops, "because": because}
    kind, statistic = MEASURES[rule.measure].kind, rule.taken
    told = _told(rule, seen)
    if bound is None:
        because = f"{told}; the baseline has nothing to compare it with"
        return _at_first(rows, Verdict.INSUFFICIENT, because, blocking=stops)
    observed = _exact(seen.taken(statistic))
    if observed > bound.allowed:
        first = culprit(rows, kind, statistic, bound.allowed)
        because = f"{told}, {_over(rule, observed, bound)}; {_first(rule, rows, first)}"
        return _at(first, Verdict.FAIL, because, blocking=True)
    if seen.unknown and kind is not Kind.SHARE:
        because = f"{told}, within what is allowed as far as known: {seen.unknown} without an answer"
        unknown = rows.filter(pl.col("unknown") > 0)
        return _at_first(unknown, Verdict.INSUFFICIENT, because, blocking=stops)
    return {"verdict": Verdict.PASS.value, "because": f"{told}, within the {_allowed(rule, bound)}"}


def _at(first: dict[str, Any], verdict: Verdict, because: str, *, blocking: bool) -> dict[str, Any]:
    names = ("run_id", "source_path", "source_line")
    return {"verdict": verdict.value, "blocking": blocking, "because": because} | {n: first[n] for n in names}


def _at_first(rows: pl.DataFrame, verdict: Verdict, because: str, *, blocking: bool) -> dict[str, Any]:
    return _at(rows.row(0, named=True), verdict, because, blocking=blocking)


def _told(rule: Rule, seen: Measured) -> str:
    """What was observed, as the beginning of a sentence."""
    measure = MEASURES[rule.measure]
    value = _text(_exact(seen.taken(rule.taken)), measure.unit)
    units = "steps" if rule.measure is MeasureName.COST_PER_STEP else "runs"
    if rule.measure is MeasureName.UNKNOWN_WORDS:
        return value
    how = {Statistic.MEAN: "on average over", Statistic.MAX: "at most in", Statistic.TOTAL: "in"}
    return f"{value} {how[rule.taken]} {seen.units} {units if seen.units != 1 else units[:-1]}"


def _over(rule: Rule, observed: Decimal, bound: _Bound) -> str:
    unit = MEASURES[rule.measure].unit
    return f"{_text(observed - bound.allowed, unit)} over the {_allowed(rule, bound)}"


def _allowed(rule: Rule, bound: _Bound) -> str:
    unit = MEASURES[rule.measure].unit
    if bound.baseline is None or bound.tolerance is None or bound.allowed < bound.baseline + bound.tolerance:
        return f"limit of {_text(bound.allowed, unit)}"
    if not bound.tolerance:
        return f"baseline of {_text(bound.baseline, unit)}"
    text = f"baseline {_text(bound.baseline, unit)} + {_text(bound.tolerance, unit)}"
    return f"{_text(bound.allowed, unit)} allowed ({text})"


def _first(rule: Rule, rows: pl.DataFrame, first: dict[str, Any]) -> str:
    if rule.measure is MeasureName.UNKNOWN_WORDS:
        return f"new: {plain(', '.join(words_of(rows)))}"
    what = f"{plain(str(first['word']))} of " if first["word"] else ""
    return f"seen at {what}run {plain(str(first['run_id']))}"


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _text(value: Decimal, unit: str) -> str:
    """Amount with its unit, for a sentence."""
    return f"{amount_text(value, unit)} {unit.removesuffix('s') if value == 1 else unit}"


def amount_text(value: Decimal, unit: str) -> str:
    """Amount as it is read: money to a millionth, the rest to a hundredth, ``≈`` where digits are left out."""
    shown = round(value, 6 if unit == "USD" else 2)
    text = f"{shown:,f}".rstrip("0").rstrip(".") if shown % 1 else f"{shown:,.0f}"
    return f"{'' if shown == value else '≈'}{text}"


def count_told(findings: pl.DataFrame) -> str:
    """Findings counted in one line."""
    counts = dict(findings["verdict"].value_counts().iter_rows())
    return ", ".join(f"{counts.get(verdict.value, 0)} {verdict.value}" for verdict in Verdict)


def titles(findings: pl.DataFrame) -> Iterable[str]:
    """Rules of some findings, each once, in order."""
    return dict.fromkeys(findings["rule"].to_list())
