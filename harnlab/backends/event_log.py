"""What every event log shares: events, topic names, and the hash each event carries (FORMATS 2.1, 2.4, 2.5).

Two logs meet the :class:`EventLog` protocol: :class:`~harnlab.backends.event_log_files.FileEventLog` and
:class:`~harnlab.backends.event_log_sqlite.SqliteEventLog`. Both write what the runtime reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from harnlab.core.trust import as_written, sha256_text
from harnlab.errors import HarnRuntimeError

PROVENANCE_SCHEMA: Final = "harn-eventlog-provenance-v1"
SCHEMA_HEADER: Final = "harn.provenance.schema"
PREVIOUS_HASH_HEADER: Final = "harn.provenance.prev_hash"
RECORD_HASH_HEADER: Final = "harn.provenance.record_hash"

_UNSUPPORTED: Final = re.compile(r"[^A-Za-z0-9._-]")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """One event of a topic; ``event_id`` counts from 1 within the topic."""

    topic: str
    event_id: int
    kind: str
    payload: Any
    headers: dict[str, str]
    occurred_at_ms: int


class EventLog(Protocol):
    """Topics of events that are only ever appended to."""

    def append(
        self, topic: str, kind: str, payload: Any, headers: Mapping[str, str], occurred_at_ms: int
    ) -> int:
        """Store an event with its provenance headers and give its id.

        Raises
        ------
        HarnRuntimeError
            If the topic's name is not allowed or the event cannot be stored.
        InvalidArgument
            If the payload has no JSON form.
        """
        ...

    def read(self, topic: str) -> list[LoggedEvent]:
        """Events of a topic in order; an unknown topic has none."""
        ...

    def last(self, topic: str) -> LoggedEvent | None:
        """Newest event of a topic, or ``None``."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the log so that what is read inside is still true when something is appended."""
        ...


def checked_topic(topic: str) -> str:
    """Give ``topic`` back if it is a topic's name.

    Raises
    ------
    HarnRuntimeError
        If it is empty or holds anything but ASCII letters, digits, ``.``, ``_`` and ``-``.
    """
    if not topic:
        raise HarnRuntimeError("topic cannot be empty")
    if _UNSUPPORTED.search(topic):
        raise HarnRuntimeError(f"topic '{topic}' contains unsupported characters")
    return topic


def topic_part(text: str) -> str:
    """Part of a topic's name made from free text: every other character becomes one ``_``.

    Two agents can so share a topic; the payload tells them apart.
    """
    return _UNSUPPORTED.sub("_", text)


def next_event(
    previous: LoggedEvent | None,
    *,
    topic: str,
    event_id: int,
    kind: str,
    payload: Any,
    headers: Mapping[str, str],
    occurred_at_ms: int,
) -> LoggedEvent:
    """Event that follows ``previous`` in its topic, with the provenance headers (FORMATS 2.5)."""
    chained = {**headers, SCHEMA_HEADER: PROVENANCE_SCHEMA}
    chained.pop(PREVIOUS_HASH_HEADER, None)
    chained.pop(RECORD_HASH_HEADER, None)
    if previous is not None:
        chained[PREVIOUS_HASH_HEADER] = previous.headers.get(RECORD_HASH_HEADER) or record_hash(previous)
    event = LoggedEvent(
        topic=topic,
        event_id=event_id,
        kind=kind,
        payload=as_written(payload),
        headers=chained,
        occurred_at_ms=occurred_at_ms,
    )
    chained[RECORD_HASH_HEADER] = record_hash(event)
    return event


def record_hash(event: LoggedEvent) -> str:
    """Hash of an event, over everything but the header that carries the hash itself (FORMATS 2.5)."""
    return sha256_text(
        {
            "topic": event.topic,
            "event_id": event.event_id,
            "kind": event.kind,
            "payload": event.payload,
            "headers": {name: value for name, value in event.headers.items() if name != RECORD_HASH_HEADER},
            "occurred_at_ms": event.occurred_at_ms,
        }
    )


def read_back(
    *, topic: str, event_id: Any, kind: Any, payload: Any, headers: Any, occurred_at_ms: Any
) -> LoggedEvent:
    """Event as read back from storage.

    Raises
    ------
    HarnRuntimeError
        If a part is not of the type an event has.
    """
    typed = (
        (event_id, int, "event_id"),
        (kind, str, "kind"),
        (headers, dict, "headers"),
        (occurred_at_ms, int, "occurred_at_ms"),
    )
    for value, expected, name in typed:
        if type(value) is not expected:
            raise HarnRuntimeError(
                f"event log parse error: {name} is {type(value).__name__} in topic {topic}"
            )
    return LoggedEvent(
        topic=topic,
        event_id=event_id,
        kind=kind,
        payload=payload,
        headers=headers,
        occurred_at_ms=occurred_at_ms,
    )


def rfc3339(at_ms: int) -> str:
    """UTC time as the runtime spells it: with ``Z``, and a fraction only where there is one."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}{fraction}Z"
