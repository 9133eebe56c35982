"""Where every skill stood in every turn, why its card was left out, and which budget would have shown it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl
import traitlets as t

from harnlab.analysis.skills import IN_USE, omitted
from harnlab.errors import UnknownName
from harnlab.runs import Runs
from harnlab.widgets import skill_rows
from harnlab.widgets.dial import Dial
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import Element, button, element, log_words, note
from harnlab.widgets.explorer import Explorer
from harnlab.widgets.log_text import count, one_line
from harnlab.widgets.skill_views import TURNS_SHOWN, budget_bar, card_table, lifecycle_matrix


class SkillExplorer(Explorer):
    """Skills by turns; per turn the cards against the budget, and a dial that fits them again.

    Parameters
    ----------
    source : Runs or RunPicker
        What to look at.
    turn : int, optional
        Turn shown, counted over all runs from 0.
    skill : str, optional
        ``skill_id`` of the card picked.
    budget : int, optional
        Catalog budget to ask about, UTF-8 bytes; ``None`` leaves the recorded ones.

    Raises
    ------
    UnknownName
        For a turn or a skill that is not there.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/skill-catalog")
    >>> hl.SkillExplorer(runs, turn=0).selected.height
    8
    """

    kind: ClassVar[str] = "skill-explorer"
    state: ClassVar[dict[str, Any]] = {"turn": None, "skill": None, "budget": None}
    nothing: ClassVar[str] = "These runs recorded no skill cards, so no catalog can be looked at."

    turn = t.Int(None, allow_none=True)
    skill = t.Unicode(None, allow_none=True)
    budget = t.Int(None, allow_none=True, min=0)

    def __init__(
        self,
        source: Runs | Explorer,
        *,
        turn: int | None = None,
        skill: str | None = None,
        budget: int | None = None,
    ) -> None:
        super().__init__(source)
        self._matrix, self._told_turn, self._cards_drawn, self._record = (
            Drawing(),
            Drawing(),
            Drawing(),
            Drawing(),
        )
        self._dial = Dial("budget, bytes", whole=True)
        self._first = 0
        self._read()
        self._matrix.on_press(self._pressed)
        self._told_turn.on_press(self._pressed)
        self._dial.observe(self._turned, names="value")
        self._lay_out()
        self._draw()
        self.turn, self.skill, self.budget = turn, skill, budget

    @property
    def selected(self) -> pl.DataFrame:
        """Rows of ``skill_cards``: of the picked turn and skill, where one is picked."""
        rows = self._cards
        for name, value in (("number", self.turn), ("skill_id", self.skill)):
            rows = rows if value is None else rows.filter(pl.col(name) == value)
        return rows.drop("number")

    @property
    def changes(self) -> pl.DataFrame:
        """Cards that enter or leave under the budget asked about, by turn."""
        rows = [
            {"turn": number, "skill_id": skill, "change": change}
            for (number, skill), change in self._changed().items()
        ]
        return pl.DataFrame(
            rows, schema={"turn": pl.Int64, "skill_id": pl.String, "change": pl.String}, orient="row"
        )

    def summary(self) -> dict[str, Any]:
        """State, and what the budget asked about changes."""
        return {
            **super().summary(),
            "turns": len(self._turns),
            "skills": len(self._skills),
            "told": self._sentence(),
            "changes": [list(row) for row in self.changes.iter_rows()],
        }

    def _told(self) -> str:
        told = [f"{len(self._skills):,} skills in {len(self._turns):,} turns"]
        told += [f"turn {self.turn}"] if self.turn is not None else []
        told += [one_line(self.skill, 60)] if self.skill is not None else []
        return "; ".join([*told, *([f"budget={self.budget}"] if self.budget is not None else [])])

    def _read(self) -> None:
        self._turns, self._cards = skill_rows.turns_and_cards(self.runs)
        rows = self._cards.select("number", "skill_id", "lifecycle").drop_nulls("skill_id")
        self._words = {(number, skill): word for number, skill, word in rows.iter_rows()}
        in_use = self._cards.filter(pl.col("lifecycle").is_in(IN_USE), ~pl.col("selected"))
        self._unseen = set(in_use.select("number", "skill_id").iter_rows())
        self._skills: list[str] = rows["skill_id"].unique(maintain_order=True).to_list()
        self._left_out = omitted(self.runs)

    def _reload(self) -> None:
        self.turn = self.skill = self.budget = None
        self._first = 0
        self._read()
        self._lay_out()
        self._draw()

    def _lay_out(self) -> None:
        parts = (self._matrix, self._dial, self._told_turn, self._cards_drawn, self._record)
        self._show(*parts, empty=not self._turns)

    @t.validate("turn")
    def _known_turn(self, proposal: Mapping[str, Any]) -> int | None:
        turn: int | None = proposal["value"]
        if turn is not None and not 0 <= turn < len(self._turns):
            known = f"0 to {len(self._turns) - 1}" if self._turns else "None, as no turn is recorded"
            raise UnknownName(f"no turn {turn}", where="turn", expected=known)
        return turn

    @t.validate("skill")
    def _known_skill(self, proposal: Mapping[str, Any]) -> str | None:
        skill: str | None = proposal["value"]
        if skill is not None and skill not in self._skills:
            raise UnknownName(
                f"no skill {skill!r}", where="skill", expected=f"one of {', '.join(self._skills[:20])}"
            )
        return skill

    @t.observe("turn", "skill", "budget")
    def _changed_state(self, change: Mapping[str, Any]) -> None:
        if change["name"] == "turn" and self.turn is not None and self.turn not in self._in_sight():
            self._first = max(0, min(self.turn - TURNS_SHOWN // 2, len(self._turns) - TURNS_SHOWN))
        self._draw()

    def _turned(self, change: Mapping[str, Any]) -> None:
        self.budget = None if change["new"] is None else int(change["new"])

    def _pressed(self, press: str) -> None:
        what, *which = press.split(":")
        if what in ("earlier", "later"):
            step = TURNS_SHOWN if what == "later" else -TURNS_SHOWN
            self._first = max(0, min(self._first + step, len(self._turns) - TURNS_SHOWN))
            self._draw()
        elif what == "recorded":
            self.budget = None
        elif what == "turn" and len(which) == 1 and which[0].isdecimal() and int(which[0]) < len(self._turns):
            self.turn, self.skill = int(which[0]), None
        elif what == "card" and len(which) == 2 and all(map(str.isdecimal, which)):
            turn, row = map(int, which)
            if turn < len(self._turns) and row < len(self._skills):
                with self.hold_trait_notifications():
                    self.turn, self.skill = turn, self._skills[row]

    def _in_sight(self) -> range:
        return range(self._first, min(self._first + TURNS_SHOWN, len(self._turns)))

    def _changed(self) -> dict[tuple[int, str], str]:
        return skill_rows.changes(self._turns, self.budget)

    def _rows(self) -> list[dict[str, Any]]:
        return self._cards.filter(pl.col("number") == self.turn).to_dicts() if self.turn is not None else []

    def _draw(self) -> None:
        changed = self._changed()
        self._matrix.draw(
            *lifecycle_matrix(
                self._skills,
                self._words,
                self._in_sight(),
                of_turns=len(self._turns),
                picked=(self.turn, self.skill),
                changed=changed,
                unseen=self._unseen,
            )
        )
        self._set_dial()
        self._told_turn.draw(*self._headline(changed))
        rows = self._rows()
        if self.turn is None or not rows:
            self._cards_drawn.draw(
                note("Pick a turn, or a skill in a turn, to see its cards against the budget.")
            )
            self._record.draw()
            return
        catalog = skill_rows.under(self._turns[self.turn], rows, self.budget)
        undecided = (
            [note(f"Not fitted again: {one_line(catalog.undecided, 200)}.")] if catalog.undecided else []
        )
        bar = [] if catalog.undecided else [budget_bar(catalog)]
        title = element("h3", f"Turn {self.turn}", *self._run_told(rows[0]))
        self._cards_drawn.draw(title, *undecided, *bar, card_table(catalog, self.skill))
        self._record.draw(self._raw(rows[0]))

    def _run_told(self, row: Mapping[str, Any]) -> list[Element]:
        if self.runs.skill_cards["run_id"].n_unique() < 2:
            return []
        return [element("small", f" · turn {row['turn']} of ", log_words(row["run_id"], 60))]

    def _set_dial(self) -> None:
        budgets = [turn.first["budget_chars"] or 0 for turn in self._turns]
        if self.turn is None:
            recorded = max(budgets, default=0) or None
            span = sorted({min(budgets, default=0), max(budgets, default=0)})
            told = f"{'–'.join(f'{budget:,}' for budget in span)} recorded"
        else:
            recorded = self._turns[self.turn].first["budget_chars"]
            told = "as recorded" if recorded is None else f"{recorded:,} recorded"
        sums = [sum(length or 0 for length in turn.lengths) + 400 for turn in self._turns]
        most = max([*budgets, *sums, 0]) * 1.2
        self._dial.stand(value=self.budget, recorded=recorded, most=most, told=told)

    def _headline(self, changed: Mapping[tuple[int, str], str]) -> list[Element]:
        told = [note(self._sentence())] if self.skill is not None else []
        if self.budget is None:
            return [*told, note("Move the slider or write a number to fit every turn again.")]
        sentence = one_line(skill_rows.headline(self._turns, changed, self.budget), 400)
        back = button("Back to the recorded budget", "recorded")
        return [*told, element("p", element("strong", sentence), role="status"), back]

    def _sentence(self) -> str:
        """Why the picked skill was left out, and what would have shown it."""
        if self.skill is None:
            return ""
        rows = self._left_out.filter(pl.col("skill_id") == self.skill)
        if rows.is_empty():
            return f"{one_line(self.skill, 60)} was shown in every turn that had it."
        return " ".join(_told_of(row) for row in rows.iter_rows(named=True))


def _told_of(row: Mapping[str, Any]) -> str:
    """One reason a skill was left out, in a sentence."""
    name, reason = one_line(row["skill_id"], 60), one_line(row["omitted_reason"] or "no recorded reason", 60)
    told = f"{name} was left out in {row['omitted_turns']} of {row['turns_recorded']} turns ({reason})"
    needed = row["budget_needed"]
    if needed is None:
        return f"{told}; no budget would have shown it there."
    return f"{told}; a budget of {count(needed)} bytes would have shown it in all of them."
