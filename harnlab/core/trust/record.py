"""Trust records: what was decided about an agent, by whom, and with which outcome (FORMATS 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harnlab.core.trust.canonical import as_written, sha256_text
from harnlab.vocabulary import AutonomyTier

#: Schema marker of every trust record.
SCHEMA: Final = "opentrustgraph/v0"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDecision:
    """A decision about an agent's trust, before it has an id, a time and a place in the chain.

    ``autonomy_tier`` is the tier after the decision.
    """

    agent: str
    action: str
    outcome: str
    trace_id: str
    autonomy_tier: str = AutonomyTier.ACT_AUTO.value
    approver: str | None = None
    cost_usd: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRecord:
    """A decision with its id, its time (RFC 3339, UTC) and its place in the chain, counted from 1."""

    record_id: str
    timestamp: str
    decision: TrustDecision
    chain_index: int
    previous_hash: str | None

    @property
    def entry_hash(self) -> str:
        """Hash that the next record of the chain points at."""
        return entry_hash(self._unsealed())

    def payload(self) -> dict[str, Any]:
        """Record as it stands on the wire, sealed by its ``entry_hash``."""
        unsealed = self._unsealed()
        return unsealed | {"entry_hash": entry_hash(unsealed)}

    def _unsealed(self) -> dict[str, Any]:
        decision = self.decision
        return {
            "schema": SCHEMA,
            "record_id": self.record_id,
            "agent": decision.agent,
            "action": decision.action,
            "approver": decision.approver,
            "outcome": decision.outcome,
            "trace_id": decision.trace_id,
            "autonomy_tier": decision.autonomy_tier,
            "timestamp": self.timestamp,
            # The runtime's field is a float: a whole amount prints, and hashes, as 1.0.
            "cost_usd": None if decision.cost_usd is None else float(decision.cost_usd),
            "chain_index": self.chain_index,
            "previous_hash": self.previous_hash,
            "metadata": as_written(decision.metadata),
        }


def entry_hash(payload: Mapping[str, Any]) -> str:
    """Hash of a record's payload: every member but ``entry_hash``, nulls and unknown members included."""
    return sha256_text({name: value for name, value in payload.items() if name != "entry_hash"})
