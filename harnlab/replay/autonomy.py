"""Autonomy decisions decided again: by the counters a denial records, and by the admitted decisions in the log.

Counters live in a process's memory and die with it (FORMATS 2.7); the only ones on disk are those of denials. A
denial is decided again from its own counters and limits, and held against the approval request it made. Between
denials the decisions of a key are counted as the core counts them; where that count and a recorded one part, an
admitted decision left no record or a process was restarted, and the log does not say which.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters, DecisionCount, Denied, decide
from harnlab.ingest.trust import log_of
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.verdict import EVIDENCE, PLACE, both, frame_of, judged, place_types, with_damage
from harnlab.vocabulary import AutonomyReason

ADMITTED: Final = "admitted"
DENIED: Final = "denied"

_COUNTERS: Final = ("autonomous_decisions_hour", "autonomous_decisions_today")
_FACTS: Final = ("reason", "per_hour", "per_day", *_COUNTERS)
#: Names of the limits in the approval request of a trigger dispatcher.
_OTHERWISE: Final = {
    "per_hour": "max_autonomous_decisions_per_hour",
    "per_day": "max_autonomous_decisions_per_day",
}
#: Fields compared, in this order; ``approval_…`` are facts of the denial's approval request.
FIELDS: Final[dict[str, pl.DataType]] = {
    "decision": pl.String(),
    "reason": pl.String(),
    "from_tier": pl.String(),
    "requested_tier": pl.String(),
    "approval_action": pl.String(),
    **{f"approval_{name}": pl.String() if name == "reason" else pl.Int64() for name in _FACTS},
    **dict.fromkeys(_COUNTERS, pl.Int64()),
}
_UNDECIDED: Final = {
    **dict.fromkeys(FIELDS, "no_decision"),
    **dict.fromkeys(_COUNTERS, "no_count"),
}
_ABOUT: Final[dict[str, pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),
    "producer": pl.String(),
    "agent_key": pl.String(),
    "request_id": pl.String(),
    "per_hour": pl.Int64(),
    "per_day": pl.Int64(),
}
_SCHEMA: Final[dict[str, pl.DataType]] = {
    **place_types(),
    **_ABOUT,
    **both(FIELDS),
    "no_decision": pl.String(),
    "no_count": pl.String(),
    EVIDENCE: pl.String(),
}

Row = Mapping[str, Any]
Stream = tuple[str, str, str]


@question
def autonomy(runs: Frames, /) -> pl.DataFrame:
    """Every autonomy decision decided again from the counters, limits and admitted decisions in its log.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a row of ``autonomy_checks``, in order: source columns, ``at``, ``producer``, ``agent_key``,
        ``request_id``, the limits, ``recorded_…`` and ``replayed_…`` of each of :data:`FIELDS`, ``verdict``,
        ``field``, ``because``. The replayed counters are those counted from the log, null where it holds no
        admitted decision of the key.

    Notes
    -----
    An admitted decision records no limits; those of the key's denials in the same log stand in where they never
    changed. Without one, and where a count from the log would have denied it, it is ``insufficient``.
    """
    checks = runs.frame("autonomy_checks").with_columns(log=log_of()).with_row_index("order")
    requests = _requests(runs)
    streams: dict[Stream, _Stream] = {}
    for row in checks.iter_rows(named=True):
        streams.setdefault((row["log"], row["producer"], row["agent_key"]), _Stream()).add(row)
    answers: dict[int, dict[str, Any]] = {}
    # an admitted decision is written when its work is done, so that of two at one moment it came first
    in_time = checks.sort("at", pl.col("decision") == DENIED, "order", nulls_last=True)
    for row in in_time.iter_rows(named=True):
        stream = streams[row["log"], row["producer"], row["agent_key"]]
        answers[row["order"]] = _answer(row, stream, requests.get(row["request_id"]))
    told = frame_of([answers[number] for number in sorted(answers)], _SCHEMA)
    told = with_damage(told, runs.frame("problems"), {"source_line": "source_path"})
    return judged(told, list(FIELDS), undecided=_UNDECIDED)


@dataclass(slots=True)
class _Stream:
    """Decisions of one key in one log: their limits, and the counters so far."""

    counters: AutonomyCounters = field(default_factory=AutonomyCounters)
    limits: set[tuple[int | None, int | None]] = field(default_factory=set)
    has_admitted: bool = False

    def add(self, row: Row) -> None:
        """Learn what a decision tells of the whole stream."""
        if row["decision"] == ADMITTED:
            self.has_admitted = True
        elif row["per_hour"] is not None or row["per_day"] is not None:
            self.limits.add((row["per_hour"], row["per_day"]))


def _requests(runs: Frames) -> dict[str, dict[str, Any]]:
    """Approval requests with the facts they state."""
    rows = runs.frame("approvals").filter(pl.col("request_id").is_not_null())
    found = {}
    for row in rows.select("request_id", "action", "detail", "source_path", "source_line").iter_rows(
        named=True
    ):
        try:
            facts = json.loads(row["detail"] or "null")
        except (ValueError, RecursionError):
            facts = None
        found[row["request_id"]] = row | {"facts": facts if isinstance(facts, dict) else {}}
    return found


def _answer(row: Row, stream: _Stream, request: Row | None) -> dict[str, Any]:
    if row["at"] is None or row["agent_key"] is None:
        return _told(row, {}, no_decision="the record names no time or no key")
    if row["decision"] == ADMITTED:
        return _admitted(row, stream)
    if row["decision"] == DENIED:
        return _denied(row, stream, request)
    return _told(row, {}, no_decision=f"`{row['decision']}` is no decision that 0.8.2 knows")


def _admitted(row: Row, stream: _Stream) -> dict[str, Any]:
    now_s, key = _second(row), row["agent_key"]
    counted = stream.counters.snapshot(key, now_s)
    answer, why, evidence = {"decision": ADMITTED}, None, None
    if len(stream.limits) != 1:
        told = "no denial in the log records any" if not stream.limits else "the log's denials name several"
        why = f"an admitted decision records no limits, and {told}"
    else:
        per_hour, per_day = next(iter(stream.limits))
        budget = AutonomyBudget(key=key, per_hour=per_hour, per_day=per_day)
        evidence = f"{_counts(counted)} in the log and limits of {_limits(per_hour, per_day)}"
        if reason := stream.counters.exceeded_cap(budget, now_s):
            why = f"{evidence} would deny it ({reason}); a process that was restarted counts from zero"
    stream.counters.note(key, now_s)
    return _told(row, answer, no_decision=why, evidence=evidence)


def _denied(row: Row, stream: _Stream, request: Row | None) -> dict[str, Any]:
    now_s, key = _second(row), row["agent_key"]
    counted = stream.counters.snapshot(key, now_s)
    why = _undecidable(row)
    if why is not None:
        return _told(row, {}, no_decision=why)
    recorded = replace(
        DecisionCount().at(now_s),
        this_hour=row["autonomous_decisions_hour"],
        today=row["autonomous_decisions_today"],
    )
    stream.counters.counts[key] = recorded
    answer = _decided(row, recorded, now_s)
    asked = _asked(row, answer, request)
    no_count = None
    if stream.has_admitted:
        answer |= dict(zip(_COUNTERS, (counted.this_hour, counted.today), strict=True))
        no_count = _no_count(counted, recorded)
    else:
        answer |= {name: row[name] for name in _COUNTERS}
    limits = _limits(row["per_hour"], row["per_day"])
    evidence = f"its counters ({_counts(recorded)}) and limits of {limits}"
    if request is not None:
        evidence += (
            f", with the approval request on line {request['source_line']} of {request['source_path']}"
        )
    told = _told(row, answer | asked["replayed"], no_count=no_count, evidence=evidence)
    return told | {f"recorded_{name}": value for name, value in asked["recorded"].items()}


def _decided(row: Row, count: DecisionCount, now_s: int) -> dict[str, Any]:
    """What the core says of a denied decision, from its own counters."""
    budget = AutonomyBudget(
        key=row["agent_key"],
        per_hour=row["per_hour"],
        per_day=row["per_day"],
        reviewer=next(iter(row["reviewers"] or ()), "operator"),
    )
    verdict = decide(
        AutonomyCounters({budget.key: count}),
        budget,
        now_s=now_s,
        session_id=row["session_id"] or "",
        trace_id=row["trace_id"] or "",
        request_id=row["request_id"] or "",
    )
    if not isinstance(verdict, Denied):
        return {"decision": ADMITTED}
    payload = verdict.lifecycle.payload
    return {
        "decision": DENIED,
        **{name: payload[name] for name in ("reason", "from_tier", "requested_tier")},
        "approval_action": verdict.approval.action,
        **{f"approval_{name}": verdict.approval.detail[name] for name in _FACTS},
    }


def _asked(row: Row, answer: dict[str, Any], request: Row | None) -> dict[str, dict[str, Any]]:
    """Facts the approval request states, beside those the core states; nothing where there is no request."""
    own = {name: answer.pop(name) for name in [name for name in answer if name.startswith("approval_")]}
    if request is None or not own:
        return {"recorded": {}, "replayed": {}}
    facts = request["facts"]
    recorded = {f"approval_{name}": facts.get(name, facts.get(_OTHERWISE.get(name, ""))) for name in _FACTS}
    typed = {
        name: value if isinstance(value, str if FIELDS[name] == pl.String else int) else None
        for name, value in recorded.items()
    }
    if row["producer"] == "agent_loop":  # a trigger dispatcher words its request in another way
        typed["approval_action"] = request["action"]
    return {"recorded": typed, "replayed": {name: own[name] for name in typed}}


def _undecidable(row: Row) -> str | None:
    """Why a denial cannot be decided again."""
    if row["per_hour"] is None and row["per_day"] is None:
        return "the denial records no limit"
    if any(row[name] is None for name in _COUNTERS):
        return "the denial records no counters"
    if row["reason"] not in (None, *AutonomyReason):
        return f"`{row['reason']}` is a reason of another runtime"
    return None


def _no_count(counted: DecisionCount, recorded: DecisionCount) -> str | None:
    if (counted.this_hour, counted.today) == (recorded.this_hour, recorded.today):
        return None
    return (
        f"the log counts {_counts(counted)}, the denial {_counts(recorded)}: an admitted decision left no record, or "
        "a process was restarted"
    )


def _told(
    row: Row,
    answer: Mapping[str, Any],
    *,
    no_decision: str | None = None,
    no_count: str | None = None,
    evidence: str | None = None,
) -> dict[str, Any]:
    own = [name for name in FIELDS if not name.startswith("approval_")]
    return {
        **{name: row[name] for name in (*PLACE, *_ABOUT)},
        **{f"recorded_{name}": row[name] for name in own},
        **{f"replayed_{name}": value for name, value in answer.items()},
        "no_decision": no_decision,
        "no_count": no_decision or no_count,
        EVIDENCE: evidence,
    }


def _second(row: Row) -> int:
    return int(row["at"].timestamp() // 1)


def _counts(count: DecisionCount) -> str:
    return f"{count.this_hour} in the hour, {count.today} in the day"


def _limits(per_hour: int | None, per_day: int | None) -> str:
    said: Iterable[tuple[int | None, str]] = ((per_hour, "an hour"), (per_day, "a day"))
    return " and ".join(f"{limit} {window}" for limit, window in said if limit is not None)
