"""Skill cards turn by turn, and what another catalog budget would do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from harnlab.replay.whatif.catalog_lengths import HEADER_BYTES, SMALLEST_BUDGET, fits, needs
from harnlab.replay.whatif.skill_turns import SkillTurn, skill_turns
from harnlab.runs import Runs

_TURN: Final = ("run_id", "source_path", "turn")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPlace:
    """One card of a turn against a budget.

    Attributes
    ----------
    row : mapping
        Row of ``skill_cards``.
    start, end : int or None
        Bytes of the catalog before the card and up to its end; ``None`` for a card that is not in the catalog.
    needs : int or None
        Least budget that shows it, suffix included; 0 where any does.
    shown : bool
        Whether it fits the budget.
    was_shown : bool
        Whether it was shown under the recorded budget.
    """

    row: Row
    start: int | None
    end: int | None
    needs: int | None
    shown: bool
    was_shown: bool

    @property
    def change(self) -> str:
        """``enters``, ``leaves``, or nothing."""
        return "" if self.shown == self.was_shown else "enters" if self.shown else "leaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTurn:
    """The catalog of one turn under a budget; sizes in bytes."""

    cards: tuple[CardPlace, ...]
    budget: int | None
    effective_budget: int | None
    used: int | None
    suffix: int
    undecided: str | None

    @property
    def header(self) -> int:
        """Size of the header."""
        return HEADER_BYTES


def turns_and_cards(runs: Runs) -> tuple[list[SkillTurn], pl.DataFrame]:
    """Turns in order, and every card with the ``number`` of its turn, from 0."""
    cards = runs.skill_cards.sort("run_id", "source_path", "turn", "position")
    starts = pl.struct(_TURN) != pl.struct(_TURN).shift(1)
    numbered = cards.with_columns(number=starts.fill_null(value=False).cum_sum().cast(pl.Int64))
    return list(skill_turns(runs)), numbered


def under(turn: SkillTurn, rows: Sequence[Row], budget: int | None) -> CatalogTurn:
    """Catalog of a turn under a budget; under the recorded one when none is asked.

    Parameters
    ----------
    turn : SkillTurn
        The turn.
    rows : sequence of mapping
        Its rows of ``skill_cards``, in order.
    budget : int, optional
        Budget asked about, bytes.
    """
    asked = turn.first["budget_chars"] if budget is None else budget
    if turn.undecided is not None:
        return _undecided(turn, rows, asked)
    lengths = turn.lengths[: turn.limit]
    shown, used = (int(answer[0]) for answer in fits(lengths, [asked]))
    cards = _laid_out(rows, lengths, shown)
    ends = [card.end for card in cards if card.shown and card.end is not None]
    return CatalogTurn(
        cards=cards,
        budget=asked,
        effective_budget=max(asked, SMALLEST_BUDGET),
        used=used,
        suffix=used - max(ends, default=HEADER_BYTES),
        undecided=None,
    )


def _undecided(turn: SkillTurn, rows: Sequence[Row], asked: int | None) -> CatalogTurn:
    """A turn that cannot be fitted again: as it was recorded."""
    return CatalogTurn(
        cards=tuple(_as_recorded(row) for row in rows),
        budget=asked,
        effective_budget=None,
        used=turn.first["used_chars"],
        suffix=0,
        undecided=turn.undecided,
    )


def _laid_out(rows: Sequence[Row], lengths: Sequence[int], shown: int) -> tuple[CardPlace, ...]:
    """Cards one behind the other from the header on; those that take no room in the catalog as recorded."""
    least = needs(lengths)[1]
    cards: list[CardPlace] = []
    place, end = 0, HEADER_BYTES
    for row in rows:
        if row["disable_model_invocation"] or place >= len(lengths):
            cards.append(_as_recorded(row))
            continue
        start = end + (place > 0)  # a newline stands between two cards
        end = start + lengths[place]
        cards.append(_placed(row, start, end, int(least[place + 1]), shown=place < shown))
        place += 1
    return tuple(cards)


def _placed(row: Row, start: int, end: int, needed: int, *, shown: bool) -> CardPlace:
    return CardPlace(
        row=row,
        start=start,
        end=end,
        needs=0 if needed <= SMALLEST_BUDGET else needed,
        shown=shown,
        was_shown=bool(row["selected"]),
    )


def changes(turns: Sequence[SkillTurn], budget: int | None) -> dict[tuple[int, str], str]:
    """Cards that enter or leave under a budget: ``(number of the turn, skill)`` to what happens."""
    found: dict[tuple[int, str], str] = {}
    for number, turn in enumerate(turns):
        if budget is None or turn.undecided is not None:
            continue
        shown = int(fits(turn.lengths[: turn.limit], [budget])[0][0])
        found |= {(number, skill): "enters" for skill in turn.ids[turn.shown : shown]}
        found |= {(number, skill): "leaves" for skill in turn.ids[shown : turn.shown]}
    return found


def headline(turns: Sequence[SkillTurn], changed: Mapping[tuple[int, str], str], budget: int) -> str:
    """What a budget changes over all turns, in a sentence."""
    told = []
    for what, verbs in (("enters", ("enters", "enter")), ("leaves", ("leaves", "leave"))):
        names = sorted({skill for (_, skill), change in changed.items() if change == what})
        if names:
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            told.append(f"{', '.join(names[:6])}{more} {verbs[len(names) > 1]}")
    decided = sum(turn.undecided is None for turn in turns)
    count = len({number for number, _ in changed})
    return f"Under {budget:,} bytes, {count:,} of {decided:,} turns change" + (
        f": {'; '.join(told)}." if told else "."
    )


def _as_recorded(row: Row) -> CardPlace:
    shown = bool(row["selected"])
    return CardPlace(row=row, start=None, end=None, needs=None, shown=shown, was_shown=shown)
