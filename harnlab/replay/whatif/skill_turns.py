"""Turns of activation evidence as catalogs that can be fitted again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from harnlab.core.skills import EVIDENCE_SCHEMA_VERSION
from harnlab.replay.inputs import Frames
from harnlab.replay.whatif.catalog_lengths import fits
from harnlab.vocabulary import OmittedReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillTurn:
    """One turn.

    Attributes
    ----------
    first : mapping
        First row of the turn in ``skill_cards``; its source columns are the turn's.
    ids, lengths : tuple
        Cards the model may invoke, in catalog order, with their UTF-8 bytes.
    limit : int
        How many of them the catalog held.
    shown : int
        How many of them were shown.
    undecided : str or None
        Why nothing can be decided of the turn.
    """

    first: Mapping[str, Any]
    ids: tuple[str, ...]
    lengths: tuple[int, ...]
    limit: int
    shown: int
    undecided: str | None = None


def skill_turns(runs: Frames) -> Iterator[SkillTurn]:
    """Turns of every run, in order."""
    cards = runs.frame("skill_cards").sort("run_id", "source_path", "turn", "position")
    for turn in cards.partition_by("run_id", "source_path", "turn", maintain_order=True):
        yield _turn(turn)


def _turn(turn: pl.DataFrame) -> SkillTurn:
    first = turn.row(0, named=True)
    invocable = turn.filter(~pl.col("disable_model_invocation").fill_null(value=False))
    beyond = (invocable["omitted_reason"] == OmittedReason.CATALOG_LIMIT.value).fill_null(value=False)
    limit = invocable.height - int(beyond.sum())
    selected = invocable["selected"].fill_null(value=False)
    shown = int(selected.sum())
    ids, lengths = tuple(invocable["skill_id"]), tuple(invocable["char_estimate"])
    undecided = _undecided(turn, first, lengths)
    if undecided is None:
        fitted, used = fits(lengths[:limit], [first["budget_chars"]])
        is_prefix = not beyond[:limit].any() and not selected[shown:].any()
        if not is_prefix or fitted[0] != shown or used[0] != first["used_chars"]:
            undecided = "the turn is not recorded as the rules of 0.9.8 decide it (`hl.parity` says where)"
    return SkillTurn(first=first, ids=ids, lengths=lengths, limit=limit, shown=shown, undecided=undecided)


def _undecided(turn: pl.DataFrame, first: Mapping[str, Any], lengths: tuple[int | None, ...]) -> str | None:
    if first["schema_version"] not in {None, EVIDENCE_SCHEMA_VERSION}:
        return f"the evidence has schema version {first['schema_version']}"
    if first["budget_chars"] is None or first["budget_chars"] < 0:
        return "the budget of the turn is not recorded"
    if turn["position"].to_list() != list(range(turn.height)):
        return "a card of the turn is missing"
    if any(length is None or length < 0 for length in lengths):
        return "the length of a card is not recorded"
    return None
