"""The verdict of a command that judges, kept from before it prints: a closed pipe does not change it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Judged:
    """Exit code of what was found so far."""

    code: int = 0
