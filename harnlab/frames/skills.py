"""Skills: the cards of each turn, and what became of them."""

from __future__ import annotations

from harnlab.frames.columns import (
    EXTRA,
    SOURCE,
    Column,
    Line,
    Texts,
    flag,
    instant,
    integer,
    json_text,
    number,
    text,
)
from harnlab.frames.frame_schema import FrameSchema

SKILL_CARDS = FrameSchema(
    name="skill_cards",
    row="one card of one turn of skill activation evidence",
    key=("run_id", "turn", "position"),
    columns=(
        *SOURCE,
        Column("turn", Line, "order of the evidence within the run, from 0", nullable=False),
        Column("position", Line, "order of the card in the evidence, from 0", nullable=False),
        integer("schema_version", "version of the evidence"),
        integer("budget_chars", "catalog budget", "bytes"),
        integer("used_chars", "bytes the catalog took", "bytes"),
        integer("budget_tokens", "catalog budget", "tokens"),
        integer("used_tokens", "tokens the catalog took", "tokens"),
        text("skill_id", "`id` of the card"),
        text("name", "name of the skill"),
        text("source", "layer the skill came from"),
        text("description", "short text of the card"),
        text("when_to_use", "when the skill applies"),
        flag("disable_model_invocation", "never offered to the model"),
        flag("selected", "whether the card was shown"),
        text("omitted_reason", "why it was not"),
        integer("char_estimate", "size of the card", "bytes"),
        integer("token_estimate", "size of the card", "tokens"),
        text("lifecycle", "shown, omitted, loaded or used"),
        number("matched_score", "match score"),
        text("matched_reason", "why it matched"),
        EXTRA,
    ),
)

SKILL_EVENTS = FrameSchema(
    name="skill_events",
    row="one skill event of a run record's transcript or an agent event log",
    key=("source_path", "source_line", "source_offset"),
    columns=(
        *SOURCE,
        Column("seq", Line, "order within the run, from 0", nullable=False),
        text("event_id", "`id` of the transcript event"),
        text("stage_id", "stage whose transcript holds it"),
        text("kind", "skill_matched, skill_activated, skill_deactivated, skill.loaded, …"),
        text("skill", "skill it names"),
        integer("iteration", "agent-loop turn"),
        number("score", "match score"),
        text("reason", "why"),
        Column("allowed_tools", Texts, "tools the skill allows"),
        json_text("candidates", "candidates of a match"),
        flag("signed", "whether the skill is signed"),
        flag("trusted", "whether the signer is trusted"),
        text("session_id", "agent session"),
        instant("timestamp", "when, where the source says"),
        json_text("metadata", "everything the event recorded"),
    ),
)
