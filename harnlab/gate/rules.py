"""What an analyst asks of the next runs: rules in TOML, read strictly and with errors that name the line.

::

    runs = ["runs"]                 # what is checked when nothing else is named, from the rules' folder
    baseline = "baseline.json"      # what it is compared with; `harnlab check --update-baseline` writes it

    [[rule]]
    name = "verify stays cheap"     # else the measure and its scope
    measure = "cost_per_run"
    step = "verify"                 # or "*": each step on its own
    statistic = "mean"              # mean or max over the runs, or total over everything
    tolerance = { absolute = 0.0005, relative_pct = 5 }     # above the baseline; the larger of the two counts
    limit = 0.02                    # never above, whatever the baseline says
    allow_insufficient = false      # whether a rule that cannot be decided lets the gate pass

There are no thresholds but those the analyst writes: a rule needs a ``limit``, a ``tolerance``, or both.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from harnlab.errors import InvalidArgument, UnreadablePath, closest
from harnlab.gate.measures import MEASURES, SCOPES, MeasureName, Statistic

#: A number in the unit of the measure; nothing a rule counts is ever negative.
_Amount = Annotated[float, msgspec.Meta(ge=0)]
_Name = Annotated[str, msgspec.Meta(min_length=1)]

#: Scope value that stands for each value there is, on its own.
EACH: Final = "*"

_RULE_HEAD: Final = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_UNKNOWN_MEMBER: Final = re.compile(r"unknown field `([^`]*)`")
_IN_RULE: Final = re.compile(r"\$\.rule\[(\d+)\]")


class Tolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far above the baseline is still fine; the larger of the two counts."""

    absolute: Annotated[_Amount, msgspec.Meta(description="in the unit of the measure")] | None = None
    relative_pct: Annotated[_Amount, msgspec.Meta(description="in percent of the baseline")] | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that must not get worse."""

    measure: Annotated[MeasureName, msgspec.Meta(description="what is measured")]
    name: Annotated[_Name, msgspec.Meta(description="default: the measure and its scope")] | None = None
    persona: Annotated[_Name, msgspec.Meta(description="only this persona; * = each on its own")] | None = (
        None
    )
    step: Annotated[_Name, msgspec.Meta(description="only this step; * = each on its own")] | None = None
    model: Annotated[_Name, msgspec.Meta(description="only this model; * = each on its own")] | None = None
    statistic: (
        Annotated[Statistic, msgspec.Meta(description="default: mean for costs, total for shares and counts")]
        | None
    ) = None
    limit: Annotated[_Amount, msgspec.Meta(description="largest value that passes")] | None = None
    tolerance: Tolerance | None = None
    allow_insufficient: Annotated[
        bool, msgspec.Meta(description="let the gate pass where the record does not decide")
    ] = False

    @property
    def title(self) -> str:
        """Name of the rule, else its measure and scope."""
        return self.name or " ".join(filter(None, (self.measure.value, scope_text(self.scope))))

    @property
    def scope(self) -> dict[str, str]:
        """Values the rule is narrowed to, by column."""
        return {name: value for name in SCOPES if (value := getattr(self, name)) is not None}

    @property
    def taken(self) -> Statistic:
        """Statistic of the rule, else the usual one of its measure."""
        return self.statistic or MEASURES[self.measure].statistic


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules a team keeps beside its runs."""

    rule: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, description="the rules")]
    runs: Annotated[
        tuple[_Name, ...],
        msgspec.Meta(description="what to check when nothing is named, from this file's folder"),
    ] = ()
    baseline: (
        Annotated[_Name, msgspec.Meta(description="what to compare with, from this file's folder")] | None
    ) = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules, and the runs and baseline their file names (as paths from where harnlab runs)."""

    rules: tuple[Rule, ...]
    runs: tuple[str, ...] = ()
    baseline: str | None = None
    path: str | None = None


def read_rules(path: str | os.PathLike[str]) -> Rules:
    """Read and check a file of rules.

    Parameters
    ----------
    path : path-like
        TOML as this module describes; ``harnlab schema rules`` prints its JSON Schema.

    Returns
    -------
    Rules
        The rules in the order of the file.

    Raises
    ------
    UnreadablePath
        When the file cannot be read.
    InvalidArgument
        For anything in it that is no rule; the message names the file, the line of the rule and what to write.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidArgument(
            f"{type(path).__name__}: {path!r}",
            where="rules",
            expected="a path or rules already read",
            hint="`hl.gate.parse_rules`, for rules given as text",
        )
    shown = os.fspath(path)
    try:
        text = Path(shown).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadablePath(
            f"the rules cannot be read: {error.strerror}", where=shown, hint="`harnlab new-check` writes some"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"not UTF-8 text ({error.reason})", where=shown, expected="TOML") from None
    return parse_rules(text, path=shown)


def parse_rules(text: str, *, path: str | None = None) -> Rules:
    """Rules of a TOML text; ``path`` is the file it stands in.

    Raises
    ------
    InvalidArgument
        For anything in it that is no rule.
    """
    where = path or "rules"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(
            f"not TOML: {error}", where=where, hint="`harnlab schema rules` says what it may hold"
        ) from None
    heads = [number for number, line in enumerate(text.splitlines(), 1) if _RULE_HEAD.match(line)]
    places = [f"{where}:{line}" for line in heads]
    try:
        file = msgspec.convert(document, _File)
    except msgspec.ValidationError as error:
        raise _refused(str(error), where, places) from None
    if len(places) != len(file.rule):  # written inline, as rule = [{…}, {…}]
        places = [where] * len(file.rule)
    _check_each(file.rule, places)
    folder = Path(where).parent
    return Rules(
        rules=file.rule,
        runs=tuple(_beside(folder, name) for name in file.runs),
        baseline=None if file.baseline is None else _beside(folder, file.baseline),
        path=path,
    )


def _beside(folder: Path, name: str) -> str:
    """Path a file names, from where harnlab runs; ``..`` is taken out where no link makes it mean something else."""
    path = folder / name
    short = Path(os.path.normpath(path))
    return (short if short.resolve() == path.resolve() else path).as_posix()


def rules_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a file of rules."""
    schema = msgspec.json.schema(_File)
    definitions = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **definitions.pop(_File.__name__),
        "title": "harnlab rules",
        "$defs": definitions,
    }


def scope_text(scope: dict[str, str]) -> str:
    """Scope as ``persona=…, step=…``; empty for everything."""
    return ", ".join(f"{name}={value}" for name, value in scope.items())


def _refused(message: str, where: str, places: list[str]) -> InvalidArgument:
    """A validation error with the line of its rule, and a close name where a member is misspelt."""
    found, _, member = message.partition(" - at ")
    member = member.strip("`")
    in_rule = _IN_RULE.match(member)
    if in_rule and int(in_rule[1]) < len(places):
        where = places[int(in_rule[1])]
    if unknown := _UNKNOWN_MEMBER.search(found):
        kind = Tolerance if member.endswith(".tolerance") else Rule if in_rule else _File
        known = kind.__struct_fields__
        return InvalidArgument(
            f"unknown member `{unknown[1]}`",
            where=where,
            expected=f"one of {', '.join(known)}",
            hint=closest(unknown[1], known),
        )
    if found.startswith("Invalid enum value"):
        words = Statistic if member.endswith(".statistic") else MeasureName
        return InvalidArgument(found, where=where, expected=f"one of {', '.join(words)}")
    told = member.removeprefix(in_rule[0] if in_rule else "$").strip(".")
    return InvalidArgument(f"`{told}`: {found}" if told else found, where=where)


def _check_each(rules: tuple[Rule, ...], places: list[str]) -> None:
    """What types alone do not say of a rule."""
    titles = Counter(rule.title for rule in rules)
    for rule, place in zip(rules, places, strict=True):
        if titles[rule.title] > 1:
            raise InvalidArgument(
                f"two rules are called {rule.title!r}", where=place, hint="give each a `name`"
            )
        tolerance = rule.tolerance and (rule.tolerance.absolute, rule.tolerance.relative_pct)
        amounts = [amount for amount in (rule.limit, *(tolerance or ())) if amount is not None]
        if math.inf in amounts:
            raise InvalidArgument(
                f"rule {rule.title!r} allows anything", where=place, expected="a finite number"
            )
        if not amounts or tolerance == (None, None):
            raise InvalidArgument(
                f"rule {rule.title!r} says no `limit` and no `tolerance`",
                where=place,
                expected="at least one of them",
                hint="tolerance = { absolute = 0 }  # nothing above the baseline",
            )
        if rule.measure is MeasureName.UNKNOWN_WORDS and rule.taken is not Statistic.TOTAL:
            raise InvalidArgument("words are counted in total", where=place, expected="no `statistic`")
        for name in rule.scope:
            known = MEASURES[rule.measure].scopes
            if name not in known:
                raise InvalidArgument(
                    f"`{name}` does not narrow {rule.measure.value}: what it counts is recorded without",
                    where=place,
                    expected=f"only {', '.join(known)}" if known else "no scope",
                )
