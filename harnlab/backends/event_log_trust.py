"""Trust records in an event log: four topics, one chain (FORMATS 3.1, 3.2, 3.4)."""

from __future__ import annotations

from typing import Any, Final

from harnlab.backends.event_log import EventLog, LoggedEvent, rfc3339, topic_part
from harnlab.core.trust import (
    ChainReport,
    TrustDecision,
    TrustRecord,
    append_to_chain,
    chain_head,
    verify_chain,
)

TRUST_KIND: Final = "trust_recorded"
#: Topics that hold every agent's records; the older name comes second.
GLOBAL_TOPICS: Final = ("trust_graph", "trust.graph")


def trust_topics(agent: str) -> tuple[str, ...]:
    """Topics a record of ``agent`` is written to, in order."""
    return (*GLOBAL_TOPICS, *(f"{topic}.{topic_part(agent)}" for topic in GLOBAL_TOPICS))


def append_trust_record(
    log: EventLog, decision: TrustDecision, *, record_id: str, occurred_at_ms: int
) -> TrustRecord:
    """Chain a decision to the log's trust records and store it in its four topics.

    Parameters
    ----------
    log : EventLog
        Log whose global topic is the chain.
    decision : TrustDecision
        What was decided.
    record_id : str
        The runtime uses a UUIDv7.
    occurred_at_ms : int
        Unix milliseconds; also the record's ``timestamp``.

    Raises
    ------
    HarnRuntimeError
        If the log cannot store it.
    """
    with log.exclusive():
        record = append_to_chain(
            chain_head(_last_payload(log)), decision, record_id=record_id, timestamp=rfc3339(occurred_at_ms)
        )
        payload = record.payload()
        headers = {
            "trace_id": decision.trace_id,
            "agent": decision.agent,
            "autonomy_tier": decision.autonomy_tier,
            "outcome": decision.outcome,
            "entry_hash": payload["entry_hash"],
        }
        for topic in trust_topics(decision.agent):
            log.append(topic, TRUST_KIND, payload, headers, occurred_at_ms)
    return record


def verify_trust_log(log: EventLog) -> ChainReport:
    """Verify the chain of a log's global topic, the older one if the newer is empty.

    Raises
    ------
    HarnRuntimeError
        If the log cannot be read.
    """
    topic, events = _chain(log)
    return verify_chain(((event.event_id, event.payload) for event in events), topic=topic)


def _chain(log: EventLog) -> tuple[str, list[LoggedEvent]]:
    for topic in GLOBAL_TOPICS:
        events = [event for event in log.read(topic) if event.kind == TRUST_KIND]
        if events:
            return topic, events
    return GLOBAL_TOPICS[0], []


def _last_payload(log: EventLog) -> dict[str, Any] | None:
    newest = log.last(GLOBAL_TOPICS[0])
    # Reading the whole chain is only needed where something else was appended after it.
    events = [newest] if newest is not None and newest.kind == TRUST_KIND else _chain(log)[1]
    payloads = [event.payload for event in events if isinstance(event.payload, dict)]
    return payloads[-1] if payloads else None
