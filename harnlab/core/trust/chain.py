"""The hash chain over trust records: append a record, verify a chain link by link (FORMATS 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harnlab.core.rust_semantics import saturating_add
from harnlab.core.trust.record import TrustDecision, TrustRecord, entry_hash
from harnlab.core.values import is_int
from harnlab.errors import InvalidArgument

_GLOBAL_TOPIC: Final = "trust_graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The end of a chain, which the next record continues; the default is an empty chain's."""

    chain_index: int = 0
    entry_hash: str | None = None


def chain_head(payload: Mapping[str, Any] | None) -> ChainHead:
    """Head of the chain whose last record is ``payload``; ``None`` is an empty chain.

    A last record without a hash, from before the chain, is continued from the hash it should have had.
    """
    if payload is None:
        return ChainHead()
    index, stored = payload.get("chain_index"), payload.get("entry_hash")
    return ChainHead(
        chain_index=index if is_int(index) and index > 0 else 0,
        entry_hash=stored if isinstance(stored, str) and stored else entry_hash(payload),
    )


def append_to_chain(
    head: ChainHead, decision: TrustDecision, *, record_id: str, timestamp: str
) -> TrustRecord:
    """Next record of a chain.

    Parameters
    ----------
    head : ChainHead
        End of the chain so far; see :func:`chain_head`.
    decision : TrustDecision
        What was decided.
    record_id : str
        The runtime uses a UUIDv7.
    timestamp : str
        RFC 3339, UTC.
    """
    return TrustRecord(
        record_id=record_id,
        timestamp=timestamp,
        decision=decision,
        chain_index=saturating_add(head.chain_index, 1),
        previous_hash=head.entry_hash,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLink:
    """One field of one record that does not hold the chain.

    ``position`` counts the chain's records from 1; ``field`` is ``chain_index``, ``previous_hash``,
    ``entry_hash``, or ``payload`` for an event that holds no object. ``str()`` gives the runtime's sentence.
    """

    event_id: int
    position: int
    record_id: str | None
    field: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        where = f"event {self.event_id}:"
        match self.field:
            case "chain_index":
                return f"{where} expected chain_index {self.expected}, found {self.found}"
            case "previous_hash":
                sides = f"expected {_option(self.expected)}, found {_option(self.found)}"
                return f"{where} previous_hash mismatch; {sides}"
        return f"{where} {self.field} mismatch; expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What a verification found; ``total`` counts records after duplicates are dropped."""

    topic: str
    total: int
    root_hash: str | None
    broken: tuple[BrokenLink, ...]

    @property
    def verified(self) -> bool:
        """Whether every link holds; true of an empty chain."""
        return not self.broken

    @property
    def broken_at_event_id(self) -> int | None:
        """Event id of the first record that does not hold, or ``None``."""
        return self.broken[0].event_id if self.broken else None

    def to_json(self) -> dict[str, Any]:
        """Report under the runtime's own keys (FORMATS 3.4)."""
        return {
            "topic": self.topic,
            "total": self.total,
            "verified": self.verified,
            "root_hash": self.root_hash,
            "broken_at_event_id": self.broken_at_event_id,
            "errors": [str(link) for link in self.broken],
        }


def verify_chain(records: Iterable[tuple[int, Any]], *, topic: str = _GLOBAL_TOPIC) -> ChainReport:
    """Verify a chain of trust records, naming every link that does not hold.

    Parameters
    ----------
    records : iterable of (int, Any)
        Event id and payload of each ``trust_recorded`` event of one log's global topic, in event order.
        Payloads are taken as read from JSON: members from newer runtimes take part in the hash.
    topic : str
        Topic they stand in, for the report.

    Returns
    -------
    ChainReport
        Each record is held against the *stored* hash of the one before it, so one flipped field breaks one
        link. A payload that is no object is named and takes no place in the chain, as in the runtime.

    Notes
    -----
    The runtime drops a record whose stored hash it has seen; here it must also be the same record, or a
    forgery could hide behind an older record's hash.
    """
    broken: list[BrokenLink] = []
    position = 0
    previous: Any = None
    for event_id, payload, computed in _identified(records):
        if not isinstance(payload, Mapping):
            link = ("payload", "an object", type(payload).__name__)
            broken.append(_broken(event_id, position + 1, None, link))
            continue
        position += 1
        links = _links(payload, position, previous, computed)
        broken.extend(_broken(event_id, position, payload.get("record_id"), link) for link in links)
        previous = payload.get("entry_hash", "")
    root_hash = previous if isinstance(previous, str) else None
    return ChainReport(topic=topic, total=position, root_hash=root_hash, broken=tuple(broken))


def unique_records(records: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Each record once, at its first event; the runtime writes one record into four topics."""
    return [(event_id, payload) for event_id, payload, _ in _identified(records)]


def _identified(records: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any, str | None]]:
    """Yield each record once with its computed hash."""
    seen = set()
    for event_id, payload in records:
        computed = _computed_hash(payload)
        identity = computed and (computed, repr(payload.get("entry_hash")))
        if identity is None or identity not in seen:
            seen.add(identity)
            yield event_id, payload, computed


def _computed_hash(payload: Any) -> str | None:
    """Hash a payload, or give ``None`` for one the runtime could not have read."""
    try:
        return entry_hash(payload) if isinstance(payload, Mapping) else None
    except (InvalidArgument, RecursionError):
        return None


def _links(
    payload: Mapping[str, Any], position: int, previous: Any, computed: str | None
) -> Iterator[tuple[str, Any, Any]]:
    index = payload.get("chain_index", 0)
    if not is_int(index) or index != position:
        yield "chain_index", position, index
    if payload.get("previous_hash") != previous:
        yield "previous_hash", previous, payload.get("previous_hash")
    if computed is None or payload.get("entry_hash", "") != computed:
        yield "entry_hash", computed or "a record that can be hashed", payload.get("entry_hash", "")


def _broken(event_id: int, position: int, record_id: Any, link: tuple[str, Any, Any]) -> BrokenLink:
    field, expected, found = link
    return BrokenLink(
        event_id=event_id,
        position=position,
        record_id=record_id if isinstance(record_id, str) else None,
        field=field,
        expected=expected,
        found=found,
    )


def _option(value: Any) -> str:
    return "None" if value is None else f'Some("{value}")'
