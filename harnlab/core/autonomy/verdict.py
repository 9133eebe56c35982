"""Approved or denied, and what a denial writes (port of ``enforce_budget``, ``autonomy_budget`` 0.8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from harnlab.core.autonomy.budget import AutonomyBudget
from harnlab.core.autonomy.counter import AutonomyCounters
from harnlab.core.trust import TrustDecision
from harnlab.vocabulary import AutonomyReason, AutonomyTier, TrustOutcome

#: Topic of the lifecycle event a denial writes.
LIFECYCLE_TOPIC: Final = "triggers.lifecycle"

_SOURCE: Final = "agent_loop"
_FROM_TIER: Final = AutonomyTier.ACT_AUTO.value
_TO_TIER: Final = AutonomyTier.ACT_WITH_APPROVAL.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """The question put to the reviewers (FORMATS 2.8)."""

    request_id: str
    agent: str
    trace_id: str
    action: str
    detail: dict[str, Any]
    reviewers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """The event that tells operators of a denial (FORMATS 2.7)."""

    topic: str
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The agent loop may run; the caller notes the decision."""

    budget: AutonomyBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The agent loop must not run.

    ``result`` is what the script gets back instead of an agent's answer. ``approval``, ``lifecycle`` and
    ``trust`` are to be stored in this order.
    """

    result: dict[str, Any]
    approval: ApprovalRequest
    lifecycle: LifecycleEvent
    trust: TrustDecision


def decide(
    counters: AutonomyCounters,
    budget: AutonomyBudget,
    *,
    now_s: int,
    session_id: str,
    trace_id: str,
    request_id: str,
) -> Approved | Denied:
    """Whether one more decision fits ``budget``; neither answer notes it.

    Parameters
    ----------
    counters : AutonomyCounters
        Counters of this process; the budget's key is rolled over to ``now_s``.
    budget : AutonomyBudget
        Caps, key and reviewer.
    now_s : int
        UTC seconds since 1970.
    session_id, trace_id : str
        Copied into every record.
    request_id : str
        Id the approval request gets if there is one; it joins the three records.

    Returns
    -------
    Approved or Denied
        With the records a denial writes (FORMATS 2.7, 2.8, 3.1) as values.
    """
    reason = counters.exceeded_cap(budget, now_s)
    if reason is None:
        return Approved(budget=budget)
    facts = _facts(counters, budget, reason, now_s)
    return Denied(
        result=_result(facts, session_id, request_id),
        approval=_approval(facts, budget, session_id, trace_id, request_id),
        lifecycle=_lifecycle(facts, session_id, trace_id, request_id),
        trust=_trust(budget, reason, session_id, trace_id, request_id),
    )


def _facts(
    counters: AutonomyCounters, budget: AutonomyBudget, reason: AutonomyReason, now_s: int
) -> dict[str, Any]:
    count = counters.snapshot(budget.key, now_s)
    return {
        "agent_key": budget.key,
        "reason": reason.value,
        "reviewers": [budget.reviewer],
        "from_tier": _FROM_TIER,
        "requested_tier": _TO_TIER,
        "per_hour": budget.per_hour,
        "per_day": budget.per_day,
        "autonomous_decisions_hour": count.this_hour,
        "autonomous_decisions_today": count.today,
    }


def _approval(
    facts: dict[str, Any], budget: AutonomyBudget, session_id: str, trace_id: str, request_id: str
) -> ApprovalRequest:
    detail = {"session_id": session_id} | facts
    del detail["reviewers"]
    return ApprovalRequest(
        request_id=request_id,
        agent=budget.key,
        trace_id=trace_id,
        action=f"approve autonomous agent_loop dispatch for '{budget.key}' after {facts['reason']}",
        detail=detail,
        reviewers=(budget.reviewer,),
    )


def _lifecycle(facts: dict[str, Any], session_id: str, trace_id: str, request_id: str) -> LifecycleEvent:
    joined = {"session_id": session_id, "trace_id": trace_id, "request_id": request_id}
    return LifecycleEvent(
        topic=LIFECYCLE_TOPIC,
        kind="autonomy.budget_exceeded",
        payload=joined | facts | {"reviewers": [*facts["reviewers"]], "source": _SOURCE},
    )


def _trust(
    budget: AutonomyBudget, reason: AutonomyReason, session_id: str, trace_id: str, request_id: str
) -> TrustDecision:
    return TrustDecision(
        agent=budget.key,
        action="autonomy.tier_transition",
        approver=budget.reviewer,
        outcome=TrustOutcome.DENIED.value,
        trace_id=trace_id,
        autonomy_tier=_TO_TIER,
        metadata={
            "session_id": session_id,
            "from_tier": _FROM_TIER,
            "to_tier": _TO_TIER,
            "reason": reason.value,
            "request_id": request_id,
            "source": _SOURCE,
        },
    )


def _result(facts: dict[str, Any], session_id: str, request_id: str) -> dict[str, Any]:
    return {
        "status": "approval_required",
        "approval_required": True,
        "session_id": session_id,
        "request_id": request_id,
        **facts,
        "llm": {"iterations": 0, "duration_ms": 0, "input_tokens": 0, "output_tokens": 0},
        "tools": {"calls": [], "successful": [], "rejected": [], "mode": ""},
    }
