"""Decisions counted per UTC hour and UTC day (port of ``autonomy_budget`` 0.8.2).

Windows are calendar windows, not rolling ones, and a window is left as soon as its key *differs*: a clock
that steps back empties the counter as surely as one that steps forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harnlab.core.autonomy.budget import AutonomyBudget
from harnlab.core.rust_semantics import saturating_add
from harnlab.vocabulary import AutonomyReason


def hour_of(at_s: int) -> int:
    """Hour of a UTC second, cut toward zero: the hour before and the hour after 1970 share the key 0."""
    return at_s // 3600 if at_s >= 0 else -(-at_s // 3600)


def day_of(at_s: int) -> int:
    """Calendar day of a UTC second, counted from 1970-01-01."""
    return at_s // 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCount:
    """Decisions noted so far in one UTC hour and one UTC day."""

    hour_utc: int = 0
    day_utc: int = 0
    this_hour: int = 0
    today: int = 0

    def at(self, now_s: int) -> DecisionCount:
        """Count as it stands at ``now_s``: a window that is not the counted one starts from zero."""
        hour, day = hour_of(now_s), day_of(now_s)
        if hour == self.hour_utc and day == self.day_utc:
            return self
        return DecisionCount(
            hour_utc=hour,
            day_utc=day,
            this_hour=self.this_hour if hour == self.hour_utc else 0,
            today=self.today if day == self.day_utc else 0,
        )

    def noted(self, now_s: int) -> DecisionCount:
        """Count after one more decision at ``now_s``."""
        count = self.at(now_s)
        return DecisionCount(
            hour_utc=count.hour_utc,
            day_utc=count.day_utc,
            this_hour=saturating_add(count.this_hour, 1),
            today=saturating_add(count.today, 1),
        )


_NOTHING_NOTED: Final = DecisionCount()


def exceeded_cap(budget: AutonomyBudget, count: DecisionCount, now_s: int) -> AutonomyReason | None:
    """Name the cap one more decision at ``now_s`` would break, or ``None``.

    The hour is asked before the day, so a decision that breaks both caps reports the hourly one.
    """
    count = count.at(now_s)
    if budget.per_hour is not None and saturating_add(count.this_hour, 1) > budget.per_hour:
        return AutonomyReason.HOURLY
    if budget.per_day is not None and saturating_add(count.today, 1) > budget.per_day:
        return AutonomyReason.DAILY
    return None


@dataclass(slots=True)
class AutonomyCounters:
    """The counters of one process, one :class:`DecisionCount` per budget key.

    The runtime kept them per thread and lost them with the process; here the caller holds them. Every
    question rolls the asked key over to ``now_s``, so asking with a clock that stepped back forgets.

    Parameters
    ----------
    counts : dict of str to DecisionCount
        Counts to start from; empty for a fresh process.
    """

    counts: dict[str, DecisionCount] = field(default_factory=dict)

    def snapshot(self, key: str, now_s: int) -> DecisionCount:
        """Count of ``key`` at ``now_s``, UTC seconds."""
        count = self.counts.get(key, _NOTHING_NOTED).at(now_s)
        self.counts[key] = count
        return count

    def exceeded_cap(self, budget: AutonomyBudget, now_s: int) -> AutonomyReason | None:
        """Name the cap of ``budget`` one more decision would break, or ``None``; notes nothing."""
        return exceeded_cap(budget, self.snapshot(budget.key, now_s), now_s)

    def note(self, key: str, now_s: int) -> None:
        """Count one decision of ``key`` at ``now_s``; whether it was allowed is not asked."""
        self.counts[key] = self.counts.get(key, _NOTHING_NOTED).noted(now_s)

    def reset(self) -> None:
        """Forget every key, as a new process would."""
        self.counts.clear()
