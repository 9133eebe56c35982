"""What the next runs are compared with: every measure of every scope the rules ask for.

As JSON it is sorted, one value a line, so that a review shows what moved; as Parquet (a path that ends in
``.parquet``) it is a table of one row a measure and scope, for other tools.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec
import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.errors import MalformedRecord, UnreadablePath
from harnlab.gate.evidence import evidence
from harnlab.gate.measure import Measured, Scope, measured, scoped
from harnlab.gate.measures import MEASURES, SCOPES, MeasureName
from harnlab.gate.rules import EACH, Rule, Rules
from harnlab.gate.words import words_of

_SCHEMA: Final = "harnlab.baseline.v1"
PARQUET: Final = ".parquet"
_COLUMNS: Final[dict[str, pl.DataType]] = {
    "measure": pl.String(),
    **{name: pl.String() for name in SCOPES},
    **{name: pl.Float64() for name in ("mean", "max", "total")},
    "units": pl.Int64(),
    "unknown": pl.Int64(),
}

_Key = tuple[MeasureName, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What earlier runs measured."""

    measures: Mapping[_Key, Measured] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    runs: tuple[str, ...] = ()

    def of(self, measure: MeasureName, scope: Scope) -> Measured | None:
        """Measure of a scope; ``None`` where the baseline has none."""
        return self.measures.get((measure, tuple(scope.items())))

    def scopes(self, rule: Rule) -> list[dict[str, str]]:
        """Scopes the baseline has for a rule that says ``*``, in order."""
        wanted = rule.scope
        found = (dict(scope) for measure, scope in self.measures if measure is rule.measure)
        return [
            scope
            for scope in found
            if scope.keys() == wanted.keys()
            and all(value in (EACH, scope[name]) for name, value in wanted.items())
        ]


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    measure: MeasureName
    scope: dict[str, str]
    values: Measured


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["harnlab.baseline.v1"]
    runs: tuple[str, ...]
    measures: tuple[_Entry, ...]
    unknown_words: tuple[str, ...]


def baseline_of(runs: Frames, rules: Rules) -> Baseline:
    """Measure some runs as a baseline for rules.

    Parameters
    ----------
    runs : Frames
        Runs that were fine.
    rules : Rules
        What will be asked; every scope of every rule is measured.

    Returns
    -------
    Baseline
        A value; :func:`write_baseline` keeps it.
    """
    found: dict[_Key, Measured] = {}
    rows = {measure: evidence(runs, measure) for measure in dict.fromkeys(r.measure for r in rules.rules)}
    for rule in rules.rules:
        for scope, part in scoped(rows[rule.measure], rule.scope):
            found[rule.measure, tuple(scope.items())] = measured(part, MEASURES[rule.measure].kind)
    words = evidence(runs, MeasureName.UNKNOWN_WORDS)
    ids: list[str] = runs.frame("runs")["run_id"].unique().sort().to_list()
    ordered = dict(sorted(found.items()))
    return Baseline(measures=ordered, words=frozenset(words_of(words)), runs=tuple(ids))


def baseline_text(baseline: Baseline) -> str:
    """JSON of a baseline: sorted, one value a line, so that a review shows what moved."""
    document = {
        "schema": _SCHEMA,
        "runs": list(baseline.runs),
        "measures": [
            {"measure": measure.value, "scope": dict(scope), "values": msgspec.to_builtins(values)}
            for (measure, scope), values in sorted(baseline.measures.items())
        ],
        "unknown_words": sorted(baseline.words),
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_baseline(baseline: Baseline, path: str | os.PathLike[str]) -> Path:
    """Write a baseline where a check finds it: as Parquet where the path ends so, else as JSON.

    Raises
    ------
    UnreadablePath
        When the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == PARQUET:
            _table(baseline).write_parquet(target, metadata=_about(baseline))
        else:
            target.write_text(baseline_text(baseline), encoding="utf-8", newline="\n")
    except OSError as error:
        raise UnreadablePath(f"cannot be written: {error.strerror}", where=str(path)) from None
    return target


def read_baseline(path: str | os.PathLike[str]) -> Baseline:
    """Read a baseline :func:`write_baseline` wrote.

    Raises
    ------
    UnreadablePath
        When the file cannot be read; the hint says how to make one.
    MalformedRecord
        When it is no baseline.
    """
    shown = os.fspath(path)
    if Path(shown).suffix == PARQUET:
        return _read_table(shown)
    try:
        content = Path(shown).read_bytes()
    except OSError as error:
        raise _missing(shown, error) from None
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _malformed(shown, str(error), "JSON") from None
    return _of_file(file)


def _in_order(scope: Scope) -> tuple[tuple[str, str], ...]:
    return tuple((name, scope[name]) for name in SCOPES if name in scope)


def _table(baseline: Baseline) -> pl.DataFrame:
    """One row a measure and scope: ``measure, persona, step, model, mean, max, total, units, unknown``."""
    rows = [
        {"measure": measure.value} | dict(scope) | msgspec.to_builtins(values)
        for (measure, scope), values in sorted(baseline.measures.items())
    ]
    return pl.DataFrame(rows, schema=_COLUMNS)


def _about(baseline: Baseline) -> dict[str, str]:
    """What of a baseline is no row: it goes into the metadata of the file."""
    words = json.dumps(sorted(baseline.words), ensure_ascii=False)
    runs = json.dumps(list(baseline.runs), ensure_ascii=False)
    return {"schema": _SCHEMA, "runs": runs, "unknown_words": words}


def _read_table(shown: str) -> Baseline:
    """Baseline of a Parquet file, through the same checks as one of JSON."""
    try:
        with Path(shown).open("rb") as file:
            about = pl.read_parquet_metadata(file)
            file.seek(0)
            rows = pl.read_parquet(file).to_dicts()
    except OSError as error:
        raise _missing(shown, error) from None
    except pl.exceptions.PolarsError as error:
        raise _malformed(shown, str(error).partition("\n")[0], "Parquet") from None
    try:
        entries = [
            {
                "measure": row.pop("measure"),
                "scope": {name: value for name in SCOPES if (value := row.pop(name)) is not None},
                "values": row,
            }
            for row in rows
        ]
        members = {name: json.loads(about[name]) for name in ("runs", "unknown_words")}
        document = {"schema": about["schema"], "measures": entries} | members
        read = msgspec.convert(document, _File)
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise _malformed(shown, f"{type(error).__name__}: {error}", "Parquet") from None
    return _of_file(read)


def _of_file(file: _File) -> Baseline:
    return Baseline(
        measures={(entry.measure, _in_order(entry.scope)): entry.values for entry in file.measures},
        words=frozenset(file.unknown_words),
        runs=file.runs,
    )


def _missing(shown: str, error: OSError) -> UnreadablePath:
    hint = "`harnlab check --update-baseline` writes it from runs that are fine"
    return UnreadablePath(f"the baseline cannot be read: {error.strerror}", where=shown, hint=hint)


def _malformed(shown: str, why: str, form: str) -> MalformedRecord:
    return MalformedRecord(
        f"not a baseline: {why}",
        where=shown,
        expected=f"{form} with the schema {_SCHEMA}",
        hint="`harnlab check --update-baseline` writes it anew",
    )
