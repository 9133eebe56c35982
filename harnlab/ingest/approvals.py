"""Approval requests with their answers (FORMATS 2.8), joined by ``request_id``."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from harnlab.frames import APPROVALS, SOURCE
from harnlab.ingest.fields import instant, object_of, sound

_SOURCE: Final = [column.name for column in SOURCE]
_PREFIXES: Final = {
    "hitl_approval_": "approval",
    "hitl_question_": "question",
    "hitl_dual_control_": "dual_control",
    "hitl_escalation_": "escalation",
}
#: What an event that ends a request says of it.
_ENDS: Final = {
    "hitl.approval_approved": "approved",
    "hitl.dual_control_approved": "approved",
    "hitl.approval_denied": "denied",
    "hitl.dual_control_denied": "denied",
    "hitl.escalation_accepted": "accepted",
    "hitl.timeout": "timeout",
}

Row = dict[str, Any]


def approvals(requested: pl.DataFrame | None, answered: pl.DataFrame | None) -> pl.DataFrame:
    """``approvals``: one row per request, pending until an event says otherwise.

    Parameters
    ----------
    requested, answered : polars.DataFrame or None
        Events that ask and events that follow, as :mod:`harnlab.ingest.event_frames` gives them.

    Returns
    -------
    polars.DataFrame
        In the schema of ``approvals``, in order of place. The first event that ends a request decides; where the log
        has none, as many approving responses as the request needs, or one that denies. An answer whose request
        is not in the log (compacted away) is a row of its own.
    """
    requests = {} if requested is None else _by_request(requested, first=True)
    answers: dict[str, list[Row]] = {}
    for row in [] if answered is None else _in_order(answered):
        answers.setdefault(row["request_id"], []).append(row)
    rows = [
        _row(requests.get(request_id), answers.get(request_id, [])) for request_id in {**requests, **answers}
    ]
    frame = APPROVALS.build(rows)
    return frame.sort("source_path", "source_line", "source_offset", maintain_order=True)


def _in_order(events: pl.DataFrame) -> list[Row]:
    known = events.with_columns(request_id=pl.coalesce("request_id", "header_request_id"))
    ordered = known.filter(pl.col("request_id").is_not_null()).sort(
        "occurred_at", "source_path", "source_line", "source_offset", maintain_order=True, nulls_last=True
    )
    return ordered.to_dicts()


def _by_request(requested: pl.DataFrame, *, first: bool) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in _in_order(requested):
        found.setdefault(row["request_id"], row)
    return found


def _row(request: Row | None, answers: list[Row]) -> Row:
    """Row of one request."""
    origin = request or answers[0]
    row = {name: origin[name] for name in _SOURCE}
    if request is None:
        row |= {
            "request_id": origin["request_id"],
            "trace_id": origin["trace_id"] or origin["header_trace_id"],
        }
        row["kind"] = origin["asked_kind"] if origin["event_kind"] == "hitl.timeout" else None
    else:
        row = {name: request[name] for name in APPROVALS.names if name in request}
        row["trace_id"] = request["trace_id"] or request["header_trace_id"]
        row["requested_at"] = request["requested_at"] or request["occurred_at"]
    if row["kind"] is None:
        row["kind"] = next(
            (kind for start, kind in _PREFIXES.items() if row["request_id"].startswith(start)), None
        )
    return row | _outcome(row, answers)


def _outcome(request: Row, answers: list[Row]) -> Row:
    responses = [answer for answer in answers if answer["event_kind"] == "hitl.response_received"]
    end = next((answer for answer in answers if answer["event_kind"] in _ENDS), None)
    status = _ENDS[end["event_kind"]] if end else _by_responses(request, responses)
    if status == "pending":
        return {"status": status}
    said = [one for one in responses if end is None or _agrees(one, status)]
    said = _deciding(said, status) if end is None else said
    decided = end or said[-1]
    record = object_of(decided["record"])
    reviewers = record.get("reviewers")
    named = _text(reviewers[-1]) if isinstance(reviewers, list) and reviewers else None
    spoke = said[-1] if said and status != "timeout" else None
    return {
        "status": status,
        "answered_at": decided["timed_out_at"]
        or decided["responded_at"]
        or _approved_at(record)
        or _time(spoke)
        or decided["occurred_at"],
        "reviewer": decided["reviewer"] or named or (spoke and spoke["reviewer"]),
        "answer_reason": decided["reason"] or _text(record.get("reason")) or (spoke and spoke["reason"]),
        "answer": (spoke and spoke["answer"]) or decided["record"],
        "answer_line": decided["source_line"],
    }


def _by_responses(request: Row, responses: list[Row]) -> str:
    """Status of a request that no event ends."""
    if any(answer["approved"] is False for answer in responses):
        return "denied"
    if any(answer["accepted"] for answer in responses):
        return "accepted"
    approving = {answer["reviewer"] for answer in responses if answer["approved"]}
    if approving and len(approving) >= (request.get("quorum") or request.get("approvers_required") or 1):
        return "approved"
    if any(answer["answer"] is not None for answer in responses) and request["kind"] == "question":
        return "answered"
    return "pending"


def _deciding(responses: list[Row], status: str) -> list[Row]:
    return [one for one in responses if _agrees(one, status)] or responses


def _agrees(response: Row, status: str) -> bool:
    return response["approved"] is None or response["approved"] is (status == "approved")


def _approved_at(record: Row) -> Any:
    at = record.get("approved_at")
    return instant(at).value if isinstance(at, str) else None


def _time(response: Row | None) -> Any:
    return response and (response["responded_at"] or response["occurred_at"])


def _text(value: Any) -> str | None:
    return sound(value) if isinstance(value, str) else None
