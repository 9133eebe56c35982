"""Autonomy quotas over a row of attempts: the runtime's fixed UTC windows, and rolling ones beside them."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import Final

from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters, DecisionCount
from harnlab.vocabulary import AutonomyReason

HOUR_S: Final = 3_600
DAY_S: Final = 86_400


@dataclass(slots=True)
class FixedWindows:
    """UTC hours and days as the runtime counts them; every answer is the core's.

    Parameters
    ----------
    budget : AutonomyBudget
        The quota.
    """

    budget: AutonomyBudget
    _counters: AutonomyCounters = field(default_factory=AutonomyCounters)

    def count(self, at_s: int) -> DecisionCount:
        """Decisions counted so far in the hour and the day of ``at_s``."""
        return self._counters.snapshot(self.budget.key, at_s)

    def ask(self, at_s: int) -> AutonomyReason | None:
        """Ask for one decision at ``at_s``; it is counted where it is admitted."""
        reason = self._counters.exceeded_cap(self.budget, at_s)
        if reason is None:
            self._counters.note(self.budget.key, at_s)
        return reason


@dataclass(slots=True)
class RollingWindows:
    """The last 60 minutes and the last 24 hours, which the runtime does *not* count.

    Parameters
    ----------
    budget : AutonomyBudget
        The quota.
    """

    budget: AutonomyBudget
    _admitted: list[int] = field(default_factory=list)

    def ask(self, at_s: int) -> AutonomyReason | None:
        """Ask for one decision at ``at_s``; it is counted where it is admitted."""
        for limit, seconds, reason in (
            (self.budget.per_hour, HOUR_S, AutonomyReason.HOURLY),
            (self.budget.per_day, DAY_S, AutonomyReason.DAILY),
        ):
            if limit is not None and self._within(at_s, seconds) + 1 > limit:
                return reason
        insort(self._admitted, at_s)
        return None

    def _within(self, at_s: int, seconds: int) -> int:
        return bisect_right(self._admitted, at_s) - bisect_right(self._admitted, at_s - seconds)
