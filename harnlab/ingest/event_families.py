"""Which member of which event-log payload becomes which column: FORMATS 2.6–2.9 and 3.1, as data.

The schemas here hold what events say; approvals, autonomy checks and trust records are put together from them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from harnlab.frames import (
    APPROVALS,
    AUTONOMY_CHECKS,
    SKILL_EVENTS,
    TRUST_RECORDS,
    Bool,
    Column,
    FrameSchema,
    Instant,
    Int,
    Text,
)
from harnlab.ingest.agent_tools import AGENT_TOOL
from harnlab.ingest.families import Family, Member, RawJson, Reading

TRUST_KIND: Final = "trust_recorded"

_ANSWERS: Final = FrameSchema(
    name="answers",
    row="one event that follows an approval request",
    key=(),
    columns=(
        *(Column(name, Text, "") for name in ("request_id", "asked_kind", "trace_id", "reviewer", "reason")),
        *(Column(name, Bool, "") for name in ("approved", "accepted")),
        *(Column(name, Instant, "") for name in ("responded_at", "timed_out_at")),
        *(Column(name, Text, "") for name in ("answer", "record")),
    ),
)
_DECISIONS: Final = FrameSchema(
    name="decisions",
    row="one event about an autonomy decision",
    key=(),
    columns=(
        *AUTONOMY_CHECKS.columns,
        *(
            Column(name, Text, "")
            for name in ("trigger_id", "source", "handler_kind", "outcome", "error_msg")
        ),
        *(Column(name, Instant, "") for name in ("started_at", "completed_at")),
        Column("attempt", Int, ""),
        Column("replay_of_event_id", Text, ""),
    ),
)


def _family(
    name: str, schema: FrameSchema, same: str, *, kept_in_file: str = "", **renamed: str | Reading
) -> Family:
    columns: dict[str, Reading] = {column: Member(column) for column in same.split()}
    columns |= {column: Member(path) if isinstance(path, str) else path for column, path in renamed.items()}
    return Family(
        type=name, schema=schema, columns=columns, kept_in_file=frozenset({"schema", *kept_in_file.split()})
    )


TRUST: Final = _family(
    TRUST_KIND,
    TRUST_RECORDS,
    "record_id agent action approver outcome trace_id autonomy_tier timestamp cost_usd chain_index previous_hash "
    "entry_hash",
    metadata=RawJson("metadata"),
)

REQUESTED: Final = _family(
    "requested",
    APPROVALS,
    "request_id kind agent trace_id requested_at",
    action="payload.action",
    principal="payload.principal",
    deadline="payload.deadline",
    deadline_ms="payload.deadline_ms",
    approvers_required="payload.approvers_required",
    quorum="payload.quorum",
    reviewers="payload.reviewers",
    detail=RawJson("payload.detail"),
    kept_in_file="run_id payload.approval_request payload.id payload.args payload.requested_at "
    "payload.evidence_refs payload.undo_metadata payload.capabilities_requested",
)

ANSWERED: Final = _family(
    "answered",
    _ANSWERS,
    "request_id trace_id reviewer reason approved accepted responded_at timed_out_at",
    asked_kind="kind",
    answer=RawJson("answer"),
    record=RawJson("record"),
    kept_in_file="metadata signature",
)

EXCEEDED: Final = _family(
    "exceeded",
    _DECISIONS,
    "agent_key trigger_id session_id trace_id event_id reason request_id reviewers from_tier requested_tier per_hour "
    "per_day autonomous_decisions_hour autonomous_decisions_today source binding_key replay_of_event_id",
)

ATTEMPTED: Final = _family(
    "attempted",
    _DECISIONS,
    "trigger_id binding_key event_id attempt handler_kind started_at completed_at outcome error_msg",
)

DEFERRED: Final = _family(
    "deferred", _DECISIONS, "trigger_id binding_key event_id reason", kept_in_file="attempt"
)

SKILL: Final = _family(
    "agent_skill",
    SKILL_EVENTS,
    "session_id iteration score reason allowed_tools",
    skill="skill_name",
    candidates=RawJson("candidates"),
    kept_in_file="type index emitted_at_ms frame_depth",
)

EVENT_FAMILIES: Final = (TRUST, REQUESTED, ANSWERED, EXCEEDED, ATTEMPTED, DEFERRED, SKILL, AGENT_TOOL)

#: Family of each event kind. An approval's answer may come under any of several kinds.
FAMILY_OF_KIND: Final = MappingProxyType(
    {TRUST_KIND: TRUST, "autonomy.budget_exceeded": EXCEEDED, "attempt_recorded": ATTEMPTED}
    | {"budget_deferred": DEFERRED}
    | dict.fromkeys(
        (
            "hitl.approval_requested",
            "hitl.question_asked",
            "hitl.dual_control_requested",
            "hitl.escalation_issued",
        ),
        REQUESTED,
    )
    | dict.fromkeys(
        (
            "hitl.response_received",
            "hitl.approval_approved",
            "hitl.approval_denied",
            "hitl.dual_control_approved",
            "hitl.dual_control_denied",
            "hitl.escalation_accepted",
            "hitl.timeout",
        ),
        ANSWERED,
    )
)
