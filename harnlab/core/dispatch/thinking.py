"""How a call was asked to think, and the two ways the logs spell it (FORMATS 1.4 and 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ThinkingMode(StrEnum):
    """Modes of thinking as a request spells them; a dispatch record says ``off`` for ``disabled``."""

    DISABLED = "disabled"
    ENABLED = "enabled"
    ADAPTIVE = "adaptive"
    EFFORT = "effort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """One setting: ``budget_tokens`` belongs to ``enabled``, ``level`` (any word) to ``effort``."""

    mode: ThinkingMode = ThinkingMode.DISABLED
    budget_tokens: int | None = None
    level: str | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether the model may think: not when disabled, and not at the effort level ``none``."""
        return self.mode is not ThinkingMode.DISABLED and self.level != "none"


def thinking_json(thinking: Thinking) -> dict[str, Any]:
    """The ``thinking`` member of a dispatch record; members of other modes are absent, not null.

    Source: ``resolved_dispatch`` 0.9.8.
    """
    match thinking.mode:
        case ThinkingMode.DISABLED:
            return {"mode": "off", "enabled": False}
        case ThinkingMode.ENABLED:
            return {"mode": "enabled", "enabled": True, "budget_tokens": thinking.budget_tokens}
        case ThinkingMode.ADAPTIVE:
            return {"mode": "adaptive", "enabled": True}
    return {"mode": "effort", "level": thinking.level, "enabled": thinking.is_enabled}


def thinking_of_request(member: Mapping[str, Any]) -> Thinking | None:
    """Read the ``thinking`` member of a ``provider_call_request``.

    Returns
    -------
    Thinking or None
        ``None`` for a mode of a newer runtime, so that a replay can say it does not know.
    """
    match member:
        case {"mode": "disabled"}:
            return Thinking()
        case {"mode": "enabled", **rest}:
            return Thinking(mode=ThinkingMode.ENABLED, budget_tokens=rest.get("budget_tokens"))
        case {"mode": "adaptive"}:
            return Thinking(mode=ThinkingMode.ADAPTIVE)
        case {"mode": "effort", "level": str(level)}:
            return Thinking(mode=ThinkingMode.EFFORT, level=level)
        case _:
            return None
