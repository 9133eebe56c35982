"""Skill cards and their evidence as the imitated runtime builds them: greedy, in UTF-8 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .routes import Json

HEADER: Final = (
    "## Available skills\n\n"
    'These skills are available. Call `load_skill({ name: "<skill-id>" })` to load the full body of a skill '
    "when it becomes relevant.\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """One installed skill."""

    name: str
    short: str
    when: str = ""
    namespace: str = ""
    source: str = "project"
    disabled: bool = False

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def card(self) -> str:
        lines = [f"- `{self.id}`: {self.short}"] + ([f"  when: {self.when}"] if self.when else [])
        return "\n".join(lines)


def size(text: str) -> int:
    return len(text.encode())


def suffix(omitted: int) -> str:
    return f"\n\n... {omitted} more skill(s) omitted to stay within budget."


def rendered(cards: list[str], budget: int) -> tuple[str, int]:
    """The catalog text and how many cards it holds, as the runtime fits it: add while it fits, then back off."""
    budget = max(budget, size(HEADER) + size(suffix(1)))
    visible = 0
    while visible < len(cards) and size(HEADER + "\n".join(cards[: visible + 1])) <= budget:
        visible += 1
    while visible < len(cards):
        text = HEADER + "\n".join(cards[:visible])
        with_suffix = text + suffix(len(cards) - visible)
        if size(with_suffix) <= budget:
            return with_suffix, visible
        if visible == 0:
            return text, 0
        visible -= 1
    return HEADER + "\n".join(cards), visible


def evidence(
    skills: list[Skill],
    *,
    budget: int,
    limit: int | None,
    loaded: set[str],
    used: set[str],
    matched: dict[str, tuple[float, str]],
) -> Json:
    """The ``skill_activation_evidence`` payload of one turn."""
    ordered = sorted(skills, key=lambda skill: skill.id)
    invocable = [skill for skill in ordered if not skill.disabled]
    catalog = invocable if limit is None else invocable[:limit]
    text, visible = rendered([skill.card for skill in catalog], budget) if catalog else (HEADER, 0)
    shown = [skill.id for skill in catalog[:visible]]
    in_catalog = {skill.id for skill in catalog}
    cards = [_card(skill, shown, in_catalog, loaded, used, matched) for skill in ordered]
    return {
        "_type": "skill_activation_evidence",
        "schema_version": 1,
        "budget_chars": budget,
        "used_chars": size(text),
        "budget_tokens": -(-budget // 4),
        "used_tokens": -(-size(text) // 4),
        "shown": shown,
        "omitted": [card["id"] for card in cards if not card["selected"]],
        "cards": cards,
    }


def _card(  # noqa: PLR0917
    skill: Skill,
    shown: list[str],
    in_catalog: set[str],
    loaded: set[str],
    used: set[str],
    matched: dict[str, tuple[float, str]],
) -> Json:
    selected = skill.id in shown
    reason = None if selected else "budget" if skill.id in in_catalog else "catalog_limit"
    reason = "disable_model_invocation" if skill.disabled else reason
    lifecycle = "shown" if selected else "omitted"
    lifecycle = "loaded" if skill.id in loaded else lifecycle
    lifecycle = "used" if skill.id in used else lifecycle
    match = matched.get(skill.id)
    return {
        "id": skill.id,
        "name": skill.name,
        "source": skill.source,
        "description": skill.short,
        "when_to_use": skill.when,
        "disable_model_invocation": skill.disabled,
        "selected": selected,
        "omitted_reason": reason,
        "char_estimate": size(skill.card),
        "token_estimate": -(-size(skill.card) // 4),
        "lifecycle": lifecycle,
        "matched": {"score": match[0], "reason": match[1]} if match else None,
    }


def session_event(event_id: str, kind: str, skill: str, metadata: Json) -> Json:
    """One internal event of a run record's transcript."""
    return {
        "id": event_id,
        "kind": kind,
        "role": "system",
        "visibility": "internal",
        "text": skill,
        "blocks": [],
        "metadata": metadata,
    }


def session_transcript(transcript_id: str, events: list[Json]) -> Json:
    return {
        "_type": "transcript",
        "version": 2,
        "id": transcript_id,
        "messages": [],
        "events": events,
        "assets": [],
        "summary": None,
        "metadata": {},
        "state": "closed",
    }
