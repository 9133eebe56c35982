"""Autonomy budgets: how many decisions an agent may take alone in a UTC hour and a UTC day.

Port of ``autonomy_budget`` 0.8.2. :func:`read_budget` reads the options, :class:`AutonomyCounters` counts,
:func:`decide` answers; what a denial writes comes back as values and a backend stores it.
"""

from harnlab.core.autonomy.budget import DEFAULT_REVIEWER, AutonomyBudget, read_budget
from harnlab.core.autonomy.counter import AutonomyCounters, DecisionCount, exceeded_cap
from harnlab.core.autonomy.verdict import (
    LIFECYCLE_TOPIC,
    ApprovalRequest,
    Approved,
    Denied,
    LifecycleEvent,
    decide,
)

__all__ = [
    "DEFAULT_REVIEWER",
    "LIFECYCLE_TOPIC",
    "ApprovalRequest",
    "Approved",
    "AutonomyBudget",
    "AutonomyCounters",
    "DecisionCount",
    "Denied",
    "LifecycleEvent",
    "decide",
    "exceeded_cap",
    "read_budget",
]
