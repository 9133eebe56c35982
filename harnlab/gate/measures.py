"""What a rule can measure: its unit, how it adds up, and what it can be narrowed to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MeasureName(StrEnum):
    """What a rule can measure."""

    COST_PER_RUN = "cost_per_run"
    COST_PER_STEP = "cost_per_step"
    INHERITED_SHARE = "inherited_share"
    DEAD_LANE_SHARE = "dead_lane_share"
    OMITTED_SKILLS = "omitted_skills"
    DENIALS = "denials"
    PARITY_MISMATCHES = "parity_mismatches"
    UNKNOWN_WORDS = "unknown_words"


class Statistic(StrEnum):
    """How the runs (or steps) of a scope become one number."""

    MEAN = "mean"
    MAX = "max"
    TOTAL = "total"


class Kind(StrEnum):
    """How the records of a measure add up."""

    MONEY = "money"
    SHARE = "share"
    COUNT = "count"


#: Columns a rule can be narrowed by, in the order in which they are told.
SCOPES: Final = ("persona", "step", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure; ``doc`` is one line for people."""

    kind: Kind
    unit: str
    statistic: Statistic
    scopes: tuple[str, ...]
    doc: str


def _measure(kind: Kind, unit: str, scopes: tuple[str, ...], doc: str) -> Measure:
    usual = Statistic.MEAN if kind is Kind.MONEY else Statistic.TOTAL
    return Measure(kind=kind, unit=unit, statistic=usual, scopes=scopes, doc=doc)


#: Every measure by name.
MEASURES: Final = MappingProxyType(
    {
        MeasureName.COST_PER_RUN: _measure(
            Kind.MONEY,
            "USD",
            SCOPES,
            "known cost of the calls of a run; a call belongs to its innermost step",
        ),
        MeasureName.COST_PER_STEP: _measure(
            Kind.MONEY, "USD", SCOPES, "recorded cost of a finished step, as the runtime charged it"
        ),
        MeasureName.INHERITED_SHARE: _measure(
            Kind.SHARE, "%", SCOPES, "dispatches that inherited a part of their route from the primary"
        ),
        MeasureName.DEAD_LANE_SHARE: _measure(
            Kind.SHARE, "%", SCOPES, "dispatches that came back billed and empty for good"
        ),
        MeasureName.OMITTED_SKILLS: _measure(
            Kind.COUNT, "cards", ("persona",), "skill cards left out of a turn's catalog"
        ),
        MeasureName.DENIALS: _measure(
            Kind.COUNT, "denials", (), "autonomous decisions refused for their quota"
        ),
        MeasureName.PARITY_MISMATCHES: _measure(
            Kind.COUNT, "decisions", (), "recorded decisions that come out otherwise when decided again"
        ),
        MeasureName.UNKNOWN_WORDS: _measure(
            Kind.COUNT, "words", (), "words harnlab does not know, and the baseline has not seen"
        ),
    }
)
