"""Autonomy decisions, admitted or denied (FORMATS 2.7, 2.8, 3.3): one row each, whatever traces it left.

A denial leaves three events with one ``request_id``; its row is read from the first of lifecycle event, trust record,
approval request and deferred attempt that the log still has, and takes from the others what that one does not say.
An admission leaves a trust record, or the first attempt of a trigger's dispatch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from harnlab.frames import AUTONOMY_CHECKS, SOURCE
from harnlab.ingest.fields import object_of, sound
from harnlab.vocabulary import AutonomyReason, AutonomyTier, TrustOutcome

AGENT_LOOP: Final = "agent_loop"
DISPATCHER: Final = "trigger_dispatcher"
_SOURCE: Final = [column.name for column in SOURCE]
_REASONS: Final = frozenset(reason.value for reason in AutonomyReason)
_TRANSITION: Final = "autonomy.tier_transition"
#: Actions that say something about trust or autonomy; any other is something an agent did.
_NO_DEED: Final = ("trust.", "autonomy.")
_EVIDENCE: Final = ("lifecycle", "trust_record", "approval", "attempt")
_COUNTS: Final = (
    ("per_hour", "per_hour"),
    ("per_day", "per_day"),
    ("max_autonomous_decisions_per_hour", "per_hour"),
    ("max_autonomous_decisions_per_day", "per_day"),
    ("autonomous_decisions_hour", "autonomous_decisions_hour"),
    ("autonomous_decisions_today", "autonomous_decisions_today"),
)

Row = dict[str, Any]


def autonomy_checks(
    logged: Mapping[str, pl.DataFrame], approvals: pl.DataFrame, trust: pl.DataFrame
) -> pl.DataFrame:
    """``autonomy_checks`` from what the logs and the other frames hold.

    Parameters
    ----------
    logged : mapping of str to polars.DataFrame
        Events by family: ``exceeded``, ``deferred`` and ``attempted`` are read.
    approvals, trust : polars.DataFrame
        The frames of those names.

    Returns
    -------
    polars.DataFrame
        In the schema of ``autonomy_checks``, in order of time. A denial is told by its ``request_id``, else by its
        trigger event, an admission by its trust record, else by its trigger event.
    """
    statuses = dict(approvals.select("request_id", "status").iter_rows())
    told = [
        *map(_exceeded, _rows(logged.get("exceeded"))),
        *(row for one in _each_record(trust) for row in _of_trust(one)),
        *(row for one in approvals.to_dicts() for row in _of_approval(one)),
        *(row for one in _rows(logged.get("deferred")) for row in _deferred(one)),
        *map(_attempted, _first_attempts(_rows(logged.get("attempted")))),
    ]
    decisions = [row | {"approval_status": statuses.get(row["request_id"])} for row in _one_each(told)]
    return AUTONOMY_CHECKS.build(decisions).sort(
        "at", "source_path", "source_line", "source_offset", maintain_order=True, nulls_last=True
    )


def _rows(events: pl.DataFrame | None) -> list[Row]:
    if events is None:
        return []
    known = events.with_columns(
        request_id=pl.coalesce("request_id", "header_request_id") if "request_id" in events.columns else None,
        trace_id=pl.coalesce("trace_id", "header_trace_id")
        if "trace_id" in events.columns
        else "header_trace_id",
        event_id=pl.coalesce("event_id", "header_event_id"),
        binding_key=pl.coalesce("binding_key", "header_binding_key"),
    )
    return known.to_dicts()


def _each_record(trust: pl.DataFrame) -> Iterable[Row]:
    """Trust records, each once: a copy that was tampered with is no second decision."""
    seen = set()
    for record in trust.to_dicts():
        if record["record_id"] is None or record["record_id"] not in seen:
            seen.add(record["record_id"])
            yield record


def _check(event: Row, evidence: str, **members: Any) -> Row:
    same = {name: event.get(name) for name in AUTONOMY_CHECKS.names}
    return same | {"evidence": evidence, "decision": "denied"} | members


def _exceeded(event: Row) -> Row:
    of_loop = event["agent_key"] is not None or event["source"] == AGENT_LOOP
    return _check(
        event,
        "lifecycle",
        at=event["occurred_at"],
        producer=AGENT_LOOP if of_loop else DISPATCHER,
        agent_key=event["agent_key"] or event["trigger_id"],
    )


def _of_trust(record: Row) -> Iterable[Row]:
    metadata = object_of(record["metadata"])
    named = {
        name: _text(metadata.get(name)) for name in ("session_id", "event_id", "binding_key", "request_id")
    }
    dispatched = named["binding_key"] is not None
    producer = DISPATCHER if dispatched else AGENT_LOOP if metadata.get("source") == AGENT_LOOP else None
    members = named | {"at": record["timestamp"], "agent_key": record["agent"], "producer": producer}
    members["extra"] = None
    if record["action"] == _TRANSITION and record["outcome"] == TrustOutcome.DENIED:
        members["from_tier"], members["requested_tier"] = (
            _text(metadata.get(n)) for n in ("from_tier", "to_tier")
        )
        yield _check(record, "trust_record", reason=_text(metadata.get("reason")), **members)
    elif _is_deed(record):
        yield _check(record, "trust_record", decision="admitted", **members)


def _is_deed(record: Row) -> bool:
    """Whether a record tells of something an agent did on its own."""
    action, outcome = record["action"] or "", record["outcome"]
    alone = record["autonomy_tier"] == AutonomyTier.ACT_AUTO
    return alone and outcome not in {None, TrustOutcome.DENIED} and not action.startswith(_NO_DEED)


def _of_approval(approval: Row) -> Iterable[Row]:
    detail = object_of(approval["detail"])
    if _text(detail.get("reason")) not in _REASONS:
        return
    texts = ("session_id", "event_id", "binding_key", "reason", "from_tier", "requested_tier")
    members: Row = {name: _text(detail.get(name)) for name in texts}
    for name, column in _COUNTS:
        value = detail.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            members[column] = value
    members["producer"] = DISPATCHER if "trigger_id" in detail else AGENT_LOOP
    members["agent_key"] = (
        _text(detail.get("agent_key")) or _text(detail.get("trigger_id")) or approval["agent"]
    )
    yield _check(approval, "approval", at=approval["requested_at"], extra=None, **members)


def _deferred(event: Row) -> Iterable[Row]:
    # a trigger can be put off for money too; that is no autonomy decision
    if event["reason"] in _REASONS:
        yield _check(
            event, "attempt", at=event["occurred_at"], producer=DISPATCHER, agent_key=event["trigger_id"]
        )


def _first_attempts(attempts: list[Row]) -> list[Row]:
    """The first attempt of each dispatch; a retry is no new decision."""
    first: dict[Any, Row] = {}
    for number, attempt in enumerate(attempts):
        key = (attempt["trigger_id"], attempt["event_id"]) if attempt["event_id"] else number
        if key not in first or (attempt["attempt"] or 0) < (first[key]["attempt"] or 0):
            first[key] = attempt
    return list(first.values())


def _attempted(event: Row) -> Row:
    at = event["started_at"] or event["occurred_at"]
    return _check(
        event, "attempt", decision="admitted", at=at, producer=DISPATCHER, agent_key=event["trigger_id"]
    )


def _one_each(told: list[Row]) -> list[Row]:
    """One row a decision: the first told, with what the later ones add."""
    decisions: list[Row] = []
    known: dict[tuple[Any, ...], Row] = {}
    for row in sorted(told, key=lambda row: _EVIDENCE.index(row["evidence"])):
        keys = list(_keys(row))
        if row["evidence"] == "attempt" and _was_denied(row, known):
            continue
        decision = next((known[key] for key in keys if key in known), None)
        if decision is None or not _may_join(decision, row):
            decisions.append(row)
            decision = row
        else:
            _complete(decision, row)
        for key in keys:
            known.setdefault(key, decision)
    return decisions


def _was_denied(row: Row, known: Mapping[tuple[Any, ...], Row]) -> bool:
    """Whether an attempt came after a person let a denied dispatch through: that is no decision of the agent's."""
    denied = ("denied", "event_id", row["agent_key"], row["event_id"])
    return row["decision"] == "admitted" and denied in known


def _keys(row: Row) -> Iterable[tuple[Any, ...]]:
    """What tells a decision from others."""
    if row["request_id"]:
        yield "request", row["request_id"]
    if row["producer"] == DISPATCHER:
        for name in ("event_id", "trace_id"):
            if row[name]:
                yield row["decision"], name, row["agent_key"], row[name]


def _may_join(decision: Row, row: Row) -> bool:
    requests = {decision["request_id"], row["request_id"]} - {None}
    return len(requests) < 2 and (len(requests) == 1 or decision["evidence"] != row["evidence"])


def _complete(decision: Row, other: Row) -> None:
    for name, value in other.items():
        if name not in _SOURCE and name != "extra" and decision[name] is None:
            decision[name] = value


def _text(value: Any) -> str | None:
    return sound(value) if isinstance(value, str) else None
