"""Evidence of one turn: cards shown, omitted and why, at what cost (``skill_activation_evidence`` 0.9.8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from harnlab.core.rust_semantics import byte_len, div_ceil
from harnlab.core.skills.cards import SkillCard, SkillMatch
from harnlab.core.skills.catalog import CATALOG_HEADER, fit_lengths
from harnlab.vocabulary import OmittedReason, SkillLifecycle

EVIDENCE_SCHEMA_VERSION: Final = 1
DEFAULT_CATALOG_BUDGET: Final = 2000
_HEADER_BYTES: Final = byte_len(CATALOG_HEADER)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvidence:
    """What became of one skill's card in one turn; ``char_estimate`` counts UTF-8 bytes."""

    id: str
    name: str
    source: str | None
    description: str
    when_to_use: str
    disable_model_invocation: bool
    selected: bool
    omitted_reason: OmittedReason | None
    char_estimate: int
    token_estimate: int
    lifecycle: SkillLifecycle
    matched: SkillMatch | None

    def to_json(self) -> dict[str, Any]:
        """One member of the payload's ``cards``, in plain words."""
        return asdict(self) | {
            "omitted_reason": self.omitted_reason and self.omitted_reason.value,
            "lifecycle": self.lifecycle.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationEvidence:
    """The whole turn; ``budget_chars`` is the budget as asked for, before the fit raised it to its floor."""

    budget_chars: int
    used_chars: int
    cards: tuple[CardEvidence, ...]

    @property
    def budget_tokens(self) -> int:
        """The budget in estimated tokens."""
        return estimate_tokens(self.budget_chars)

    @property
    def used_tokens(self) -> int:
        """The rendered catalog in estimated tokens."""
        return estimate_tokens(self.used_chars)

    @property
    def shown(self) -> list[str]:
        """Ids of the cards the model saw, in catalog order."""
        return [card.id for card in self.cards if card.selected]

    @property
    def omitted(self) -> list[str]:
        """Ids of all other cards, whatever became of their bodies."""
        return [card.id for card in self.cards if not card.selected]

    def to_json(self) -> dict[str, Any]:
        """The payload as the runtime writes it (the builtin adds ``_type``, see FORMATS 6)."""
        return {
            "schema_version": EVIDENCE_SCHEMA_VERSION,
            "budget_chars": self.budget_chars,
            "used_chars": self.used_chars,
            "budget_tokens": self.budget_tokens,
            "used_tokens": self.used_tokens,
            "shown": self.shown,
            "omitted": self.omitted,
            "cards": [card.to_json() for card in self.cards],
        }


def estimate_tokens(byte_count: int) -> int:
    """Tokens the runtime reckons for a text: one per four UTF-8 bytes, rounded up."""
    return div_ceil(byte_count, 4)


def activation_evidence(
    cards: Sequence[SkillCard],
    *,
    budget: int = DEFAULT_CATALOG_BUDGET,
    loaded: Collection[str] = (),
    used: Collection[str] = (),
) -> ActivationEvidence:
    """Say for every skill whether its card was shown, why not, and where its body stands.

    Parameters
    ----------
    cards : sequence of SkillCard
        Every skill of the registry, in catalog order.
    budget : int
        Bytes the catalog may have.
    loaded, used : collection of str
        Ids whose body was pulled, and ids whose body led to an action. ``used`` wins over ``loaded``, and
        both win over shown or omitted; neither changes ``selected``.
    """
    lengths = [byte_len(card.block) for card in cards]
    in_fit = [position for position, card in enumerate(cards) if card.in_catalog]
    fit = fit_lengths(_HEADER_BYTES, [lengths[position] for position in in_fit], budget)
    rendered = set(in_fit[: fit.shown])
    loaded, used = frozenset(loaded), frozenset(used)
    return ActivationEvidence(
        budget_chars=budget,
        used_chars=fit.used,
        cards=tuple(
            _evidence_of(card, length, _omitted_reason(card, position in rendered), loaded, used)
            for position, (card, length) in enumerate(zip(cards, lengths, strict=True))
        ),
    )


def _omitted_reason(card: SkillCard, rendered: bool) -> OmittedReason | None:
    if card.disable_model_invocation:
        return OmittedReason.DISABLE_MODEL_INVOCATION
    if not card.in_catalog:
        return OmittedReason.CATALOG_LIMIT
    return None if rendered else OmittedReason.BUDGET


def _lifecycle(
    skill_id: str, selected: bool, loaded: Collection[str], used: Collection[str]
) -> SkillLifecycle:
    if skill_id in used:
        return SkillLifecycle.USED
    if skill_id in loaded:
        return SkillLifecycle.LOADED
    return SkillLifecycle.SHOWN if selected else SkillLifecycle.OMITTED


def _evidence_of(
    card: SkillCard, length: int, reason: OmittedReason | None, loaded: Collection[str], used: Collection[str]
) -> CardEvidence:
    selected = reason is None
    return CardEvidence(
        id=card.id,
        name=card.name,
        source=card.source,
        description=card.description,
        when_to_use=card.when_to_use,
        disable_model_invocation=card.disable_model_invocation,
        selected=selected,
        omitted_reason=reason,
        char_estimate=length,
        token_estimate=estimate_tokens(length),
        lifecycle=_lifecycle(card.id, selected, loaded, used),
        matched=card.matched,
    )
