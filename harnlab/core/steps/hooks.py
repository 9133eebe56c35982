"""Who is called at a moment of a persona's life (seed step_runtime 0.8.8; FORMATS 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from harnlab.core.matching import glob_match

H = TypeVar("H")


class HookEvent(StrEnum):
    """Moments a hook can name; a word from a newer runtime is matched as text."""

    PRE_TOOL_USE = "PreToolUse"
    POST_TOOL_USE = "PostToolUse"
    PRE_AGENT_TURN = "PreAgentTurn"
    POST_AGENT_TURN = "PostAgentTurn"
    WORKER_SPAWNED = "WorkerSpawned"
    WORKER_PROGRESSED = "WorkerProgressed"
    WORKER_WAITING_FOR_INPUT = "WorkerWaitingForInput"
    WORKER_COMPLETED = "WorkerCompleted"
    WORKER_FAILED = "WorkerFailed"
    WORKER_CANCELLED = "WorkerCancelled"
    PRE_STEP = "PreStep"
    POST_STEP = "PostStep"
    ON_BUDGET_THRESHOLD = "OnBudgetThreshold"
    ON_APPROVAL_REQUESTED = "OnApprovalRequested"
    ON_HANDOFF_EMITTED = "OnHandoffEmitted"
    ON_PERSONA_PAUSED = "OnPersonaPaused"
    ON_PERSONA_RESUMED = "OnPersonaResumed"
    SESSION_START = "SessionStart"
    SESSION_END = "SessionEnd"
    USER_PROMPT_SUBMIT = "UserPromptSubmit"
    PRE_COMPACT = "PreCompact"
    POST_COMPACT = "PostCompact"
    POST_TURN = "PostTurn"
    PERMISSION_ASKED = "PermissionAsked"
    PERMISSION_REPLIED = "PermissionReplied"
    FILE_EDITED = "FileEdited"
    SESSION_ERROR = "SessionError"
    SESSION_IDLE = "SessionIdle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook(Generic[H]):
    """One registered hook.

    Attributes
    ----------
    handler : object
        Whatever the host calls; harnlab only hands it back.
    event : str
        The moment it waits for, a :class:`HookEvent` or a newer word.
    persona_pattern : str
        Pattern over persona names, see :func:`harnlab.core.matching.glob_match`.
    step_name : str, optional
        For a step hook: the exact name of the step.
    threshold_pct : float, optional
        Least share of the budget used, percent, at which it is called.
    """

    handler: H
    event: str
    persona_pattern: str
    step_name: str | None = None
    threshold_pct: float | None = None


def matching_hooks(
    hooks: Iterable[Hook[H]],
    event: str,
    *,
    persona: str | None = None,
    step_name: str | None = None,
    budget_pct: float | None = None,
) -> list[Hook[H]]:
    """Hooks to call now, in the order they were registered.

    Parameters
    ----------
    hooks : iterable of Hook
        The registered hooks.
    event : str
        What happens now.
    persona : str, optional
        Name of the persona it happens to; none is matched as the empty name.
    step_name : str, optional
        Name of the step; step hooks need it, and equal.
    budget_pct : float, optional
        Share of the budget used, percent; hooks with a threshold need it, at or above.

    Returns
    -------
    list of Hook
    """
    return [
        hook
        for hook in hooks
        if hook.event == event
        and (hook.step_name is None or hook.step_name == step_name)
        and (hook.threshold_pct is None or (budget_pct is not None and budget_pct >= hook.threshold_pct))
        and glob_match(hook.persona_pattern, persona or "")
    ]
