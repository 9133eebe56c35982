"""Autonomy budgets enforced against an event log: what a denial writes, in the runtime's order.

Port of the effects of ``enforce_budget`` (seed ``autonomy_budget`` 0.8.2); the decision itself is
:func:`harnlab.core.autonomy.decide`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from harnlab.backends.event_log import EventLog, rfc3339
from harnlab.backends.event_log_trust import append_trust_record
from harnlab.core.autonomy import (
    ApprovalRequest,
    Approved,
    AutonomyBudget,
    AutonomyCounters,
    Denied,
    LifecycleEvent,
    decide,
)
from harnlab.core.trust import TrustDecision
from harnlab.errors import HarnRuntimeError

APPROVALS_TOPIC: Final = "hitl.approvals"
APPROVAL_TIMEOUT_MS: Final = 86_400_000


class DenialLedger(Protocol):
    """Where a denial's three records go, in this order; after an error the later ones are not made."""

    def request_approval(self, request: ApprovalRequest) -> object:
        """Ask the reviewers."""
        ...

    def append_lifecycle(self, event: LifecycleEvent) -> object:
        """Tell the operators."""
        ...

    def append_trust(self, decision: TrustDecision) -> object:
        """Note it against the agent's trust."""
        ...


def enforce_budget(
    counters: AutonomyCounters,
    budget: AutonomyBudget,
    *,
    ledger: DenialLedger | None,
    now_s: int,
    session_id: str,
    trace_id: str,
    request_id: str,
) -> Approved | Denied:
    """Decide whether an agent loop may run, and write down a denial.

    Parameters
    ----------
    counters, budget, now_s, session_id, trace_id, request_id
        See :func:`harnlab.core.autonomy.decide`.
    ledger : DenialLedger or None
        Where a denial is written, such as :class:`EventLogLedger`; ``None`` when no event log is active.

    Raises
    ------
    HarnRuntimeError
        On a denial without a ledger, or when the ledger fails; what it stored before stays stored.
    """
    verdict = decide(
        counters, budget, now_s=now_s, session_id=session_id, trace_id=trace_id, request_id=request_id
    )
    if isinstance(verdict, Denied):
        if ledger is None:
            raise HarnRuntimeError(
                "autonomy_budget enforcement requires an active event log before agent_loop"
            )
        ledger.request_approval(verdict.approval)
        ledger.append_lifecycle(verdict.lifecycle)
        ledger.append_trust(verdict.trust)
    return verdict


def system_clock_ms() -> int:
    """Unix milliseconds now."""
    return time.time_ns() // 1_000_000


def uuid7() -> str:
    """Make a new UUID that sorts by its time, as the runtime's ids do."""
    first, rest = secrets.randbits(12), secrets.randbits(62)
    return str(UUID(int=system_clock_ms() << 80 | 7 << 76 | first << 64 | 0b10 << 62 | rest))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLogLedger:
    """Writes denials to an event log as the runtime does (FORMATS 2.7, 2.8, 3).

    Parameters
    ----------
    log : EventLog
        Where to.
    clock_ms : callable
        Unix milliseconds; the system's clock unless given.
    new_id : callable
        A fresh id for each call; a UUIDv7 unless given.
    """

    log: EventLog
    clock_ms: Callable[[], int] = system_clock_ms
    new_id: Callable[[], str] = uuid7

    def new_request_id(self) -> str:
        """Id for the next approval request."""
        return f"hitl_approval_{self.new_id()}"

    def request_approval(self, request: ApprovalRequest) -> int:
        """Append the approval request to ``hitl.approvals`` and give its event id."""
        now_ms = self.clock_ms()
        headers = {"request_id": request.request_id, "trace_id": request.trace_id}
        payload = approval_payload(request, now_ms)
        return self.log.append(APPROVALS_TOPIC, "hitl.approval_requested", payload, headers, now_ms)

    def append_lifecycle(self, event: LifecycleEvent) -> int:
        """Append the lifecycle event and give its event id."""
        return self.log.append(event.topic, event.kind, event.payload, {}, self.clock_ms())

    def append_trust(self, decision: TrustDecision) -> None:
        """Append the trust record to its four topics."""
        append_trust_record(self.log, decision, record_id=self.new_id(), occurred_at_ms=self.clock_ms())


def approval_payload(request: ApprovalRequest, requested_at_ms: int) -> dict[str, Any]:
    """Payload of ``hitl.approval_requested`` (FORMATS 2.8): one reviewer's answer within a day is enough."""
    requested_at = rfc3339(requested_at_ms)
    asked = {
        "id": request.request_id,
        "action": request.action,
        "args": request.detail,
        "principal": request.agent,
        "requested_at": requested_at,
        "deadline": rfc3339(requested_at_ms + APPROVAL_TIMEOUT_MS),
        "approvers_required": 1,
        "evidence_refs": [],
        "undo_metadata": None,
        "capabilities_requested": [],
    }
    return {
        "request_id": request.request_id,
        "kind": "approval",
        "agent": request.agent,
        "trace_id": request.trace_id,
        "requested_at": requested_at,
        "payload": {
            "approval_request": asked,
            **asked,
            "detail": request.detail,
            "quorum": 1,
            "reviewers": list(request.reviewers),
            "deadline_ms": APPROVAL_TIMEOUT_MS,
        },
    }
