"""Trust records and the hash chain that holds them together (FORMATS 3).

:func:`append_to_chain` makes the next record, :func:`verify_chain` names every link that does not hold, and
:func:`effective_tier` tells how far an agent might act alone at a moment.
"""

from harnlab.core.trust.canonical import as_written, canonical_json, compact_json, sha256_text
from harnlab.core.trust.chain import (
    BrokenLink,
    ChainHead,
    ChainReport,
    append_to_chain,
    chain_head,
    unique_records,
    verify_chain,
)
from harnlab.core.trust.record import SCHEMA, TrustDecision, TrustRecord, entry_hash
from harnlab.core.trust.tier import TierChange, effective_tier, tier_changes

__all__ = [
    "SCHEMA",
    "BrokenLink",
    "ChainHead",
    "ChainReport",
    "TierChange",
    "TrustDecision",
    "TrustRecord",
    "append_to_chain",
    "as_written",
    "canonical_json",
    "chain_head",
    "compact_json",
    "effective_tier",
    "entry_hash",
    "sha256_text",
    "tier_changes",
    "unique_records",
    "verify_chain",
]
