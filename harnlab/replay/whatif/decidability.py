"""What the record can decide: four words, and the table that says when each is said (DESIGN 5)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

import polars as pl


class Decidability(StrEnum):
    """How far the record proves a what-if answer."""

    EXACT = "exact"
    BOUND = "bound"
    CENSORED = "censored"
    INSUFFICIENT = "insufficient"


#: What each word claims.
MEANINGS: Final = {
    Decidability.EXACT: "the record proves it",
    Decidability.BOUND: "the record proves a limit; a column says which side",
    Decidability.CENSORED: "the run was cut by the recorded limit; beyond it nothing is known",
    Decidability.INSUFFICIENT: "the record does not say",
}


class Side(StrEnum):
    """Which side of a number a bound is on."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One question: what is decided under a stricter and under a looser rule, and why."""

    whatif: str
    question: str
    stricter: str
    looser: str
    why: str


_CELLS: Final = (
    Cell(
        whatif="step_budget",
        question="max_tokens or max_usd of a step, usage of its calls known",
        stricter="exact: tripping call and overshoot",
        looser="exact while the recorded calls break it or the step was not cut; else censored",
        why="the test comes after the call and is strict: the tripping call is paid, what came later in the step "
        "is not; with tokens before USD. A step that went on after its own trip is a bound",
    ),
    Cell(
        whatif="step_budget",
        question="calls of the run after the step",
        stricter="exact under `fail` (unreached); insufficient under `continue` and `escalate`",
        looser="insufficient where the step was cut",
        why="`fail` leaves every enclosing step that does not catch it; what a caller does after nil or a handoff "
        "is not recorded",
    ),
    Cell(
        whatif="step_budget",
        question="max_tokens or max_usd of a step, only its totals known",
        stricter="bound: trips or not, savings at most total less limit",
        looser="censored where the step was cut; else bound",
        why="a total says that a limit broke, not at which call",
    ),
    Cell(
        whatif="catalog",
        question="budget or limit of a skill catalog",
        stricter="exact",
        looser="exact",
        why="the fit needs the cards' lengths only, and every card's length is recorded",
    ),
    Cell(
        whatif="catalog",
        question="what the model then does",
        stricter="insufficient",
        looser="insufficient",
        why="no model was asked with that catalog",
    ),
    Cell(
        whatif="autonomy",
        question="per_hour or per_day of an agent",
        stricter="exact up to and with the first new denial of a window, bound after",
        looser="bound from the first denial that falls away; exact in a window without one",
        why="windows are fixed UTC hours and days; a denied loop makes no calls, so attempts after a changed "
        "answer might not have been made; counters die with the process",
    ),
    Cell(
        whatif="route",
        question="wire format and host of a route that was not inherited",
        stricter="exact",
        looser="exact",
        why="the capability registry decides the format, the base URL the host",
    ),
    Cell(
        whatif="route",
        question="price of a route that was not inherited",
        stricter="bound: between the least and the most that prompt caching could make of the same tokens",
        looser="bound: between the least and the most that prompt caching could make of the same tokens",
        why="another route counts and caches tokens in its own way; here they are held fixed",
    ),
    Cell(
        whatif="route",
        question="outcome of a route that was not inherited",
        stricter="insufficient",
        looser="insufficient",
        why="nothing decides an answer; a base rate of other calls may stand beside it",
    ),
    Cell(
        whatif="outcome",
        question="outcome classification of a recorded answer or error",
        stricter="exact",
        looser="exact",
        why="pure functions of text and counts (`hl.replay.dispatch`)",
    ),
    Cell(
        whatif="conflict_policy",
        question="conflict policy of durable state, sequence of writes known",
        stricter="exact up to the first refusal of a key, bound after",
        looser="exact between warn and ignore; bound from the first write that was refused",
        why="warn and ignore store the same; after a refusal the agent takes another path",
    ),
    Cell(
        whatif="conflict_policy",
        question="conflict policy of durable state, only the last writer known",
        stricter="insufficient",
        looser="exact between warn and ignore; else insufficient",
        why="a folder keeps the last writer of a key and no trace of those before",
    ),
)

#: The whole table, one row a question; printed in the docs.
DECIDABILITY: Final = pl.DataFrame([asdict(cell) for cell in _CELLS])
