"""An imitated host with autonomy budgets: counts decisions in UTC windows and writes what a denial writes."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import epoch_ms, rfc3339
from .event_log import EventLog
from .routes import Json

HOURLY, DAILY = "hourly_autonomy_budget_exceeded", "daily_autonomy_budget_exceeded"
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many decisions one key may take alone."""

    key: str
    per_hour: int | None = None
    per_day: int | None = None
    reviewer: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger whose dispatches count against its budget."""

    budget: Budget
    version: int = 3

    @property
    def binding_key(self) -> str:
        return f"{self.budget.key}@v{self.version}"


class Host:
    """One process: its counters die with it."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.denials: list[Json] = []
        self._counts: dict[str, dict[str, int]] = {}

    def at(self, moment: str) -> None:
        self.log.clock.ms = epoch_ms(moment)

    def _window(self, key: str) -> dict[str, int]:
        hour, day = self.log.clock.ms // 3_600_000, self.log.clock.ms // DAY_MS
        count = self._counts.setdefault(key, {"hour": hour, "day": day, "this_hour": 0, "today": 0})
        if count["day"] != day:
            count |= {"day": day, "today": 0}
        if count["hour"] != hour:
            count |= {"hour": hour, "this_hour": 0}
        return count

    def _decide(self, budget: Budget) -> tuple[str | None, int, int]:
        count = self._window(budget.key)
        before = (count["this_hour"], count["today"])
        if budget.per_hour is not None and count["this_hour"] + 1 > budget.per_hour:
            return HOURLY, *before
        if budget.per_day is not None and count["today"] + 1 > budget.per_day:
            return DAILY, *before
        count["this_hour"] += 1
        count["today"] += 1
        return None, *before

    def loop(self, moment: str, budget: Budget, *, action: str) -> str | None:
        """One agent loop start; gives the request id when it is denied."""
        self.at(moment)
        clock = self.log.clock
        session_id, trace_id = f"session_{clock.uuid7()}", f"trace_{clock.uuid7()}"
        reason, hour, day = self._decide(budget)
        if reason is None:
            self._admitted(budget, action, trace_id, {"session_id": session_id, "source": "agent_loop"})
            return None
        counters = {"autonomous_decisions_hour": hour, "autonomous_decisions_today": day}
        limits = {"per_hour": budget.per_hour, "per_day": budget.per_day}
        tiers = {"from_tier": "act_auto", "requested_tier": "act_with_approval"}
        detail = {
            "agent_key": budget.key,
            "session_id": session_id,
            "reason": reason,
            **tiers,
            **limits,
            **counters,
        }
        request_id = f"hitl_approval_{clock.uuid7()}"
        action_text = f"approve autonomous agent_loop dispatch for '{budget.key}' after {reason}"
        self._request(request_id, budget, trace_id, action_text, detail)
        payload = {"agent_key": budget.key, "session_id": session_id, "trace_id": trace_id, "reason": reason}
        payload |= {"request_id": request_id, "reviewers": [budget.reviewer], **tiers, **limits, **counters}
        self.log.append("triggers.lifecycle", "autonomy.budget_exceeded", payload | {"source": "agent_loop"})
        metadata = {"session_id": session_id, "from_tier": "act_auto", "to_tier": "act_with_approval"}
        metadata |= {"reason": reason, "request_id": request_id, "source": "agent_loop"}
        self._denied(budget, trace_id, metadata)
        self.denials.append({"at": moment, "key": budget.key, "request_id": request_id, **detail})
        return request_id

    def dispatch(self, moment: str, trigger: Trigger) -> str | None:
        """One trigger dispatch; gives the request id when it is denied."""
        self.at(moment)
        clock, budget = self.log.clock, trigger.budget
        event_id, trace_id = f"evt_{clock.uuid7()}", f"trace_{clock.uuid7()}"
        reason, hour, day = self._decide(budget)
        headers = {"event_id": event_id, "trace_id": trace_id, "provider": "cron", "kind": "tick"}
        headers |= {"trigger_id": budget.key, "binding_key": trigger.binding_key, "handler_kind": "worker"}
        if reason is None:
            self._dispatched(trigger, event_id, trace_id, headers)
            return None
        tiers = {"from_tier": "act_auto", "requested_tier": "act_with_approval"}
        request_id = f"hitl_approval_{event_id}_1"
        detail: Json = {"trigger_id": budget.key, "binding_key": trigger.binding_key, "event_id": event_id}
        detail |= {"reason": reason, **tiers, "handler_kind": "worker", "target_uri": "worker://deploy"}
        detail |= {"max_autonomous_decisions_per_hour": budget.per_hour}
        detail |= {"max_autonomous_decisions_per_day": budget.per_day, "autonomous_decisions_hour": hour}
        detail |= {"autonomous_decisions_today": day, "replay_of_event_id": None}
        action = f"approve autonomous dispatch for trigger '{budget.key}' after {reason}"
        self._request(request_id, budget, trace_id, action, detail)
        payload = {"trigger_id": budget.key, "event_id": event_id, "reason": reason, "request_id": request_id}
        payload |= {"reviewers": [budget.reviewer], **tiers, "replay_of_event_id": None}
        self.log.append("triggers.lifecycle", "autonomy.budget_exceeded", payload, headers)
        deferred = {"event_id": event_id, "trigger_id": budget.key, "binding_key": trigger.binding_key}
        self.log.append("trigger.attempts", "budget_deferred", deferred | {"reason": reason}, headers)
        metadata = {"binding_key": trigger.binding_key, "event_id": event_id, "from_tier": "act_auto"}
        metadata |= {"to_tier": "act_with_approval", "reason": reason, "request_id": request_id}
        self._denied(budget, trace_id, metadata)
        self.denials.append({"at": moment, "key": budget.key, "request_id": request_id, **detail})
        return request_id

    def _dispatched(self, trigger: Trigger, event_id: str, trace_id: str, headers: dict[str, str]) -> None:
        key, clock = trigger.budget.key, self.log.clock
        base = {"trigger_id": key, "binding_key": trigger.binding_key, "event_id": event_id, "attempt": 1}
        started = rfc3339(clock.ms)
        self.log.append("triggers.lifecycle", "DispatchStarted", base, headers)
        clock.advance(41_250)
        self.log.append("triggers.lifecycle", "DispatchSucceeded", base, headers)
        attempt = {**base, "handler_kind": "worker", "started_at": started, "completed_at": rfc3339(clock.ms)}
        self.log.append("trigger.attempts", "attempt_recorded", attempt | {"outcome": "success"}, headers)
        metadata = {
            "binding_key": trigger.binding_key,
            "binding_version": trigger.version,
            "provider": "cron",
        }
        metadata |= {"event_kind": "tick", "handler_kind": "worker", "target_uri": "worker://deploy"}
        metadata |= {"terminal_status": "succeeded", "attempt_count": 1}
        self._admitted(trigger.budget, "cron.tick", trace_id, metadata)

    def _admitted(self, budget: Budget, action: str, trace_id: str, metadata: Json) -> None:
        self.log.trust(
            budget.key,
            action,
            outcome="success",
            tier="act_auto",
            trace_id=trace_id,
            approver=None,
            metadata=metadata,
        )

    def _denied(self, budget: Budget, trace_id: str, metadata: Json) -> None:
        self.log.trust(
            budget.key,
            "autonomy.tier_transition",
            outcome="denied",
            tier="act_with_approval",
            trace_id=trace_id,
            approver=budget.reviewer,
            metadata=metadata,
        )

    def _request(self, request_id: str, budget: Budget, trace_id: str, action: str, detail: Json) -> None:
        now = self.log.clock.ms
        request: Json = {"id": request_id, "action": action, "args": detail, "principal": budget.key}
        request |= {"requested_at": rfc3339(now), "deadline": rfc3339(now + DAY_MS), "approvers_required": 1}
        request |= {"evidence_refs": [], "undo_metadata": None, "capabilities_requested": []}
        inner = {"approval_request": request, **request, "detail": detail, "quorum": 1}
        inner |= {"reviewers": [budget.reviewer], "deadline_ms": DAY_MS}
        payload = {"request_id": request_id, "kind": "approval", "agent": budget.key, "trace_id": trace_id}
        payload |= {"requested_at": rfc3339(now), "payload": inner}
        headers = {"request_id": request_id, "trace_id": trace_id}
        self.log.append("hitl.approvals", "hitl.approval_requested", payload, headers)

    def answer(
        self, moment: str, request_id: str, *, approved: bool, reviewer: str, reason: str | None
    ) -> None:
        self.at(moment)
        now = rfc3339(self.log.clock.ms)
        response: Json = {"request_id": request_id, "approved": approved, "reviewer": reviewer}
        response |= {"reason": reason, "responded_at": now}
        headers = {"request_id": request_id}
        self.log.append("hitl.approvals", "hitl.response_received", response, headers)
        if approved:
            record = {"reviewers": [reviewer], "approved_at": now, "reason": reason, "signatures": []}
            payload: Json = {"request_id": request_id, "record": record}
            self.log.append("hitl.approvals", "hitl.approval_approved", payload, headers)
        else:
            payload = {"request_id": request_id, "reviewer": reviewer, "reason": reason}
            self.log.append("hitl.approvals", "hitl.approval_denied", payload, headers)

    def time_out(self, moment: str, request_id: str, trace_id: str) -> None:
        self.at(moment)
        payload = {"request_id": request_id, "kind": "approval", "trace_id": trace_id}
        payload["timed_out_at"] = rfc3339(self.log.clock.ms)
        self.log.append("hitl.approvals", "hitl.timeout", payload, {"request_id": request_id})
