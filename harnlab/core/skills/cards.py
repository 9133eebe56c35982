"""From registry entries to the cards of a catalog (FORMATS 6).

The seed takes cards ready-made; this is the projection of the registry that feeds it in the runtime.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from harnlab.core.values import Value, display, is_int

Entry: TypeAlias = dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillMatch:
    """Why a skill was a candidate: its score and the trigger in words."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillCard:
    """One skill as the catalog sees it.

    ``block`` is the card's whole text; ``in_catalog`` says whether it takes part in the budget fit (the
    model may invoke it, and the catalog limit was not yet full).
    """

    id: str
    name: str
    source: str | None = None
    description: str = ""
    when_to_use: str = ""
    disable_model_invocation: bool = False
    block: str
    in_catalog: bool = True
    matched: SkillMatch | None = None


def render_block(skill_id: str, description: str, when_to_use: str) -> str:
    """Text of one card: the id, its description, and a second line when it says when to use it."""
    first = f"- `{skill_id}`: {description}" if description else f"- `{skill_id}`"
    return f"{first}\n  when: {when_to_use}" if when_to_use else first


def catalog_cards(entries: Iterable[Value], *, limit: int | None = None) -> list[SkillCard]:
    """Project registry entries to cards, sorted by id.

    Entries that are no dict or have an empty id are skipped. Members count by their display form, so an
    explicit ``nil`` description reads ``nil``, as in the runtime.

    Parameters
    ----------
    entries : iterable of Value
        The ``skills`` list of a skill registry.
    limit : int, optional
        How many cards, in order of id and counting only those the model may invoke, enter the catalog.

    Returns
    -------
    list of SkillCard
        All of them: cards past the limit and cards the model may not invoke have ``in_catalog`` false.
    """
    named = sorted(
        ((skill_id, entry) for entry in entries if isinstance(entry, dict) and (skill_id := _id(entry))),
        key=lambda pair: pair[0],
    )
    invocable = [skill_id for skill_id, entry in named if not _is_disabled(entry)]
    within_limit = set(invocable[:limit])
    return [_card(skill_id, entry, skill_id in within_limit) for skill_id, entry in named]


def _card(skill_id: str, entry: Entry, within_limit: bool) -> SkillCard:
    description = _text(entry, "short") or _text(entry, "description")
    when_to_use = _text(entry, "when_to_use")
    disabled = _is_disabled(entry)
    return SkillCard(
        id=skill_id,
        name=_text(entry, "name") or skill_id,
        source=_text(entry, "source") or None,
        description=description,
        when_to_use=when_to_use,
        disable_model_invocation=disabled,
        block=render_block(skill_id, description, when_to_use),
        in_catalog=within_limit and not disabled,
        matched=_match(entry),
    )


def _text(entry: Entry, key: str) -> str:
    return display(entry[key]) if key in entry else ""


def _id(entry: Entry) -> str:
    name, namespace = _text(entry, "name"), _text(entry, "namespace")
    return f"{namespace}/{name}" if namespace else name


def _is_disabled(entry: Entry) -> bool:
    """Only ``true`` itself disables, under either spelling; a text ``"true"`` does not."""
    return entry.get("disable_model_invocation") is True or entry.get("disable-model-invocation") is True


def _match(entry: Entry) -> SkillMatch | None:
    raw = entry.get("score")
    score = float(raw) if isinstance(raw, float) or is_int(raw) else None
    reason = _text(entry, "reason" if "reason" in entry else "trigger")
    if score is None and not reason:
        return None
    return SkillMatch(score=0.0 if score is None else score, reason=reason)
