"""What would have happened under another rule, and how far the record proves it (DESIGN 5)."""

from harnlab.replay.whatif.autonomy import approvals, autonomy
from harnlab.replay.whatif.catalog import catalog, smallest_budget
from harnlab.replay.whatif.conflict_policy import conflict_policy
from harnlab.replay.whatif.decidability import DECIDABILITY, Decidability, Side
from harnlab.replay.whatif.route import route
from harnlab.replay.whatif.step_budget import step_budget

__all__ = [
    "DECIDABILITY",
    "Decidability",
    "Side",
    "approvals",
    "autonomy",
    "catalog",
    "conflict_policy",
    "route",
    "smallest_budget",
    "step_budget",
]
