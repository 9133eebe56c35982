"""Which skill cards fit a catalog's budget, and the evidence (``skill_activation_evidence`` 0.9.8)."""

from __future__ import annotations

from harnlab.core.skills.cards import SkillCard, SkillMatch, catalog_cards, render_block
from harnlab.core.skills.catalog import (
    CATALOG_HEADER,
    CatalogFit,
    LengthFit,
    fit_catalog,
    fit_lengths,
    omission_suffix,
    render_catalog,
)
from harnlab.core.skills.evidence import (
    DEFAULT_CATALOG_BUDGET,
    EVIDENCE_SCHEMA_VERSION,
    ActivationEvidence,
    CardEvidence,
    activation_evidence,
    estimate_tokens,
)

__all__ = [
    "CATALOG_HEADER",
    "DEFAULT_CATALOG_BUDGET",
    "EVIDENCE_SCHEMA_VERSION",
    "ActivationEvidence",
    "CardEvidence",
    "CatalogFit",
    "LengthFit",
    "SkillCard",
    "SkillMatch",
    "activation_evidence",
    "catalog_cards",
    "estimate_tokens",
    "fit_catalog",
    "fit_lengths",
    "omission_suffix",
    "render_block",
    "render_catalog",
]
