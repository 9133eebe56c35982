"""Decide recorded decisions again, through the core.

:func:`dispatch`, :func:`steps`, :func:`skills`, :func:`autonomy`, :func:`state` and :func:`trust` give the recorded
and the replayed answers of one core side by side, each row with a ``verdict``: ``match``, ``mismatch`` or
``insufficient``. :func:`parity` gives all of them, :func:`counts` counts verdicts.
"""

from harnlab.replay.autonomy import autonomy
from harnlab.replay.dispatch import dispatch
from harnlab.replay.parity import counts, parity
from harnlab.replay.skills import skills
from harnlab.replay.state import state
from harnlab.replay.steps import steps
from harnlab.replay.trust_chain import trust
from harnlab.replay.verdict import Verdict

__all__ = [
    "Verdict",
    "autonomy",
    "counts",
    "dispatch",
    "parity",
    "skills",
    "state",
    "steps",
    "trust",
]
