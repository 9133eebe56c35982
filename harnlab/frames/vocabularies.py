"""Columns whose words Harn keeps a closed list of; another word there is a newer Harn speaking, or a fault."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from harnlab.vocabulary import (
    PROVENANCE_FIELDS,
    AutonomyReason,
    AutonomyTier,
    OmittedReason,
    OutcomeKind,
    ProvenanceOrigin,
    SkillLifecycle,
    SpanKind,
    StepStatus,
    TrustOutcome,
    WireFormat,
)

#: Frame and column to the words known.
VOCABULARIES: Final[dict[tuple[str, str], type[StrEnum]]] = {
    **{("dispatches", f"provenance_{field}"): ProvenanceOrigin for field in PROVENANCE_FIELDS},
    ("dispatches", "outcome_kind"): OutcomeKind,
    ("dispatches", "wire_format"): WireFormat,
    ("steps", "status"): StepStatus,
    ("spans", "kind"): SpanKind,
    ("skill_cards", "lifecycle"): SkillLifecycle,
    ("skill_cards", "omitted_reason"): OmittedReason,
    ("autonomy_checks", "reason"): AutonomyReason,
    ("autonomy_checks", "from_tier"): AutonomyTier,
    ("autonomy_checks", "requested_tier"): AutonomyTier,
    ("trust_records", "outcome"): TrustOutcome,
    ("trust_records", "autonomy_tier"): AutonomyTier,
}
