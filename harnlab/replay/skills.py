"""Skill cards decided again: how long each is, which fit the catalog, why the others do not, and what it all takes.

The catalog limit, the loaded and the used skills are inputs the evidence does not hold, so they are read off the
cards: where some are out by ``catalog_limit``, the limit is taken to be the number of the others the model may
invoke, and these must be the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from harnlab.core.skills import EVIDENCE_SCHEMA_VERSION, SkillCard, activation_evidence, render_block
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.verdict import EVIDENCE, PLACE, both, frame_of, judged, place_types, with_damage
from harnlab.vocabulary import OmittedReason, SkillLifecycle

#: Fields compared, in this order; the last three are of the turn and stand on its first card.
FIELDS: Final[dict[str, pl.DataType]] = {
    "char_estimate": pl.Int64(),
    "token_estimate": pl.Int64(),
    "selected": pl.Boolean(),
    "omitted_reason": pl.String(),
    "lifecycle": pl.String(),
    "used_chars": pl.Int64(),
    "used_tokens": pl.Int64(),
    "budget_tokens": pl.Int64(),
}
_OF_TURN: Final = ("used_chars", "used_tokens", "budget_tokens")
_UNDECIDED: Final = dict.fromkeys(FIELDS, "no_turn") | {"lifecycle": "no_lifecycle"}
_ABOUT: Final[dict[str, pl.DataType]] = {
    "turn": pl.UInt32(),
    "position": pl.UInt32(),
    "skill_id": pl.String(),
    "budget_chars": pl.Int64(),
}
_SCHEMA: Final[dict[str, pl.DataType]] = {
    **place_types(),
    **_ABOUT,
    **both(FIELDS),
    **dict.fromkeys(_UNDECIDED.values(), pl.String()),
    EVIDENCE: pl.String(),
}
#: Longest card that is stood in for by its length alone.
_LONGEST: Final = 1_000_000

Row = Mapping[str, Any]


@question
def skills(runs: Frames, /) -> pl.DataFrame:
    """Every card of every turn of activation evidence decided again from the texts, flags and budget of its turn.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a row of ``skill_cards``, in order: source columns, ``turn``, ``position``, ``skill_id``,
        ``budget_chars`` (bytes), ``recorded_…`` and ``replayed_…`` of each of :data:`FIELDS` (``used_…`` and
        ``budget_tokens`` only on the first card of a turn), ``verdict``, ``field``, ``because``.

    Notes
    -----
    A card's length is that of its text; where the text is not recorded its recorded length stands in. That a card
    was loaded or used is taken from the record: only ``shown`` and ``omitted`` are decided.
    """
    cards = (
        runs.frame("skill_cards").with_row_index("order").sort("run_id", "source_path", "turn", "position")
    )
    by_order: dict[int, dict[str, Any]] = {}
    for turn in cards.partition_by("run_id", "source_path", "turn", maintain_order=True):
        rows = turn.to_dicts()
        for row, answer in zip(rows, _turn(rows), strict=True):
            by_order[row["order"]] = answer
    rows = [by_order[number] for number in sorted(by_order)]
    told = with_damage(frame_of(rows, _SCHEMA), runs.frame("problems"), {"source_line": "source_path"})
    return judged(told, list(FIELDS), undecided=_UNDECIDED)


def _turn(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Answers for the cards of one turn."""
    if (why := _undecidable(rows)) is not None:
        return [_row(row, dict.fromkeys(FIELDS), why, first=not number) for number, row in enumerate(rows)]
    evidence = activation_evidence(
        _cards(rows),
        budget=rows[0]["budget_chars"],
        loaded=[row["skill_id"] for row in rows if row["lifecycle"] == SkillLifecycle.LOADED],
        used=[row["skill_id"] for row in rows if row["lifecycle"] == SkillLifecycle.USED],
    ).to_json()
    totals = {name: evidence[name] for name in _OF_TURN}
    shown = len(evidence["shown"])
    told = f"the texts of {len(rows)} cards and a budget of {rows[0]['budget_chars']} bytes ({shown} fit)"
    return [
        _row(row, {**totals, **card}, None, first=not number, evidence=told)
        for number, (row, card) in enumerate(zip(rows, evidence["cards"], strict=True))
    ]


def _undecidable(rows: Sequence[Row]) -> str | None:
    """Why the fit of a turn cannot be decided."""
    first = rows[0]
    if first["schema_version"] not in (None, EVIDENCE_SCHEMA_VERSION):
        return f"the evidence has schema version {first['schema_version']}, 0.9.8 writes {EVIDENCE_SCHEMA_VERSION}"
    if first["budget_chars"] is None or first["budget_chars"] < 0:
        return "the budget of the turn is not recorded"
    for row in rows:
        who = f"card {row['skill_id'] or row['position']}"
        if row["skill_id"] is None:
            return f"{who} has no id"
        if row["omitted_reason"] is not None and row["omitted_reason"] not in frozenset(OmittedReason):
            return f"{who} is out for `{row['omitted_reason']}`, a word of another runtime"
        if not _has_text(row) and not 0 <= (row["char_estimate"] or -1) <= _LONGEST:
            return f"{who} has neither a text nor a length"
    return None


def _cards(rows: Sequence[Row]) -> list[SkillCard]:
    """Cards as the catalog saw them."""
    invocable = [number for number, row in enumerate(rows) if not row["disable_model_invocation"]]
    limit = sum(rows[number]["omitted_reason"] != OmittedReason.CATALOG_LIMIT for number in invocable)
    in_catalog = frozenset(invocable[:limit])
    return [
        SkillCard(
            id=row["skill_id"],
            name=row["name"] or row["skill_id"],
            disable_model_invocation=bool(row["disable_model_invocation"]),
            block=_block(row),
            in_catalog=number in in_catalog,
        )
        for number, row in enumerate(rows)
    ]


def _block(row: Row) -> str:
    """Text of a card; where it is not recorded, one of the recorded length."""
    if _has_text(row):
        return render_block(row["skill_id"], row["description"], row["when_to_use"])
    return "x" * int(row["char_estimate"])


def _has_text(row: Row) -> bool:
    return row["description"] is not None and row["when_to_use"] is not None


def _row(
    row: Row, answer: Row, why: str | None, *, first: bool, evidence: str | None = None
) -> dict[str, Any]:
    compared = [name for name in FIELDS if first or name not in _OF_TURN]
    word = row["lifecycle"]
    produced = {SkillLifecycle.SHOWN, SkillLifecycle.OMITTED, SkillLifecycle.LOADED, SkillLifecycle.USED}
    unknown = None if word is None or word in produced else f"`{word}` is a word that 0.9.8 never writes"
    return {
        **{name: row[name] for name in (*PLACE, *_ABOUT)},
        **{f"recorded_{name}": row[name] for name in compared},
        **{f"replayed_{name}": answer[name] for name in compared},
        "no_turn": why,
        "no_lifecycle": why or unknown,
        EVIDENCE: evidence,
    }
