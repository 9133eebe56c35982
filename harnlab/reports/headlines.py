"""The first screen: what was found, in sentences a reader understands who has never seen a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from harnlab.analysis import autonomy, costs, routes, skills, state
from harnlab.analysis.dimensions import INHERITED
from harnlab.money import usd_text
from harnlab.plurals import counted
from harnlab.reports.words import shown
from harnlab.runs import Runs

#: Steps and skills a sentence names; the section below has them all.
_NAMED: Final = 3
#: Letters of a task that name a run.
_TASK: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that went wrong: the section that shows it, what it is, and the rest of the sentence."""

    anchor: str
    what: str
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headlines:
    """What was found, what was looked for and not found, and what no record lets anybody judge."""

    lead: str
    findings: list[Finding]
    fine: list[str]
    unrecorded: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One thing a report looks for."""

    found: Callable[[Runs], Finding | None]
    fine: str
    #: Frames that record it, and what they hold in one word or two.
    frames: tuple[str, ...]
    subject: str


def headlines(runs: Runs, *, with_tasks: bool = True) -> Headlines:
    """The first screen of some runs; ``with_tasks`` names the dearest by what it was asked to do."""
    findings, fine, unrecorded = [], [], []
    for asked in _QUESTIONS:
        if finding := asked.found(runs):
            findings.append(finding)
        elif all(runs.frame(name).is_empty() for name in asked.frames):
            unrecorded += [asked.subject] if asked.subject else []
        else:
            fine.append(asked.fine)
    lead = " ".join(filter(None, (_spent_in_all(runs), _dearest(runs, with_tasks=with_tasks))))
    return Headlines(lead=lead, findings=findings, fine=fine, unrecorded=unrecorded)


def _spent_in_all(runs: Runs) -> str:
    total = costs.total(runs).to_dicts()[0]
    calls, unpriced = counted(total["calls"], "model call"), total["unpriced_calls"]
    if not total["calls"]:
        return "No model call is on record."
    if unpriced == total["calls"]:
        return f"{calls}, and no record of what they cost."
    spent = f"{_rounded(total['cost_exact'])} for {calls}"
    if not unpriced:
        return f"{spent}."
    return f"At least {spent}; {unpriced:,} of them {'has' if unpriced == 1 else 'have'} no known price."


def _dearest(runs: Runs, *, with_tasks: bool) -> str:
    """The run that cost the most, where there is more than one to choose from."""
    known = runs.summary.filter(pl.col("cost_usd") > 0).sort("cost_usd", descending=True)
    if known.height < 2:
        return ""
    run = known.row(0, named=True)
    name = f"“{shown(run['task'], most=_TASK)}”" if with_tasks and run["task"] else run["run_id"]
    return f"The dearest run, {name}, cost {_rounded(run['cost_usd'])}."


def _over(runs: Runs) -> Finding | None:
    over = costs.overruns(runs)
    if over.is_empty():
        return None
    worst = worst_of_each_step(over)
    told = "; ".join(map(_spent, worst.head(_NAMED).iter_rows(named=True)))
    more = f"; and {counted(worst.height - _NAMED, 'other step')}" if worst.height > _NAMED else ""
    return Finding(
        anchor="overruns", what=f"{counted(over.height, 'step')} went over a limit", more=f"{told}{more}."
    )


def worst_of_each_step(over: pl.DataFrame) -> pl.DataFrame:
    """The dearest overrun of each step, the worst step first, with how ``often`` it overran."""
    ordered = over.sort("overshoot_pct", descending=True, nulls_last=True, maintain_order=True)
    often = pl.len().over("step").alias("often")
    return ordered.with_columns(often).unique("step", keep="first", maintain_order=True)


def _spent(row: dict[str, Any]) -> str:
    if row["observed"] is None or row["limit_value"] is None:
        return f"`{row['step']}` was stopped by a limit, and by how much is not on record"
    if row["unit"] == "tokens":
        spent, limit = f"used {row['observed']:,.0f} tokens", f"{row['limit_value']:,.0f}"
    else:
        spent, limit = f"spent {_rounded(row['observed'])}", _rounded(row["limit_value"])
        if spent.endswith(limit):  # cents do not show it
            spent, limit = f"spent {_exact(row['observed'])}", _exact(row["limit_value"])
    worst = f" (the worst of {row['often']:,})" if row["often"] > 1 else ""
    return f"`{row['step']}` {spent}, its limit is {limit}{worst}"


def _inherited(runs: Runs) -> Finding | None:
    it = routes.incident(runs)
    if not it.found:
        return None
    them, they = ("it", "it") if it.calls == 1 else ("them", "they")
    unpriced = f" and {counted(it.unpriced_calls, 'call')} without a price" if it.unpriced_calls else ""
    dead = f"; {it.dead:,} came back empty and billed" if it.dead else ""
    settings = f"{they} took settings of the primary model (`{INHERITED}`)"
    return Finding(
        anchor="routes",
        what=f"{counted(it.calls, 'call')} took a route nobody chose for {them}",
        more=f"{settings}, in {counted(it.runs, 'run')}, for {_rounded(it.cost_usd)}{unpriced}{dead}.",
    )


def _omitted(runs: Runs) -> Finding | None:
    rows = skills.omitted(runs)
    if rows.is_empty():
        return None
    used = rows.filter(pl.col("in_use_turns") > 0)["skill_id"].unique(maintain_order=True).to_list()
    more = "none of them while in use."
    if used:
        names = ", ".join(f"`{name}`" for name in used[:_NAMED])
        rest = f" and {len(used) - _NAMED:,} more" if len(used) > _NAMED else ""
        more = f"{names}{rest} even while in use."
    count = rows["skill_id"].n_unique()
    was = "was" if count == 1 else "were"
    return Finding(anchor="skills", what=f"{counted(count, 'skill')} {was} hidden from the model", more=more)


def _denied(runs: Runs) -> Finding | None:
    rows = autonomy.denials(runs)
    if rows.is_empty():
        return None
    answers = rows["approval_status"].fill_null("no answer on record").value_counts(sort=True, name="n")
    told = ", ".join(f"{count:,} {answer}" for answer, count in answers.iter_rows())
    what = f"{counted(rows.height, 'decision')} had to wait for a person"
    return Finding(anchor="autonomy", what=what, more=f"the agent's quota was used up: {told}.")


def _conflicts(runs: Runs) -> Finding | None:
    rows = state.conflicts(runs)
    if rows.is_empty():
        return None
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in rows["kind"].value_counts(sort=True).iter_rows())
    return Finding(
        anchor="state",
        what=counted(rows.height, "conflict over shared state", "conflicts over shared state"),
        more=f"one agent wrote where another had written: {kinds}.",
    )


def _unread(runs: Runs) -> Finding | None:
    count = runs.problems.height
    if not count:
        return None
    files = runs.problems["source_path"].n_unique()
    was = "was" if count == 1 else "were"
    more = f"in {counted(files, 'file')}; every other line was read."
    return Finding(
        anchor="problems", what=f"{counted(count, 'piece')} of the logs {was} not as expected", more=more
    )


def _rounded(amount: Decimal | float | str) -> str:
    """Amount as one says it: cents where there are any, else the first two digits that are not zero."""
    exact = Decimal(str(amount))
    if exact and abs(exact) < Decimal("0.1"):
        return f"{exact:.2g} USD"
    return f"{exact:,.2f} USD"


def _exact(amount: float) -> str:
    return usd_text(Decimal(str(amount)))


_QUESTIONS: Final = (
    _Question(found=_over, fine="no step went over a limit", frames=("steps", "step_calls"), subject="steps"),
    _Question(found=_inherited, fine="no call inherited its route", frames=("dispatches",), subject="routes"),
    _Question(found=_omitted, fine="no skill was hidden", frames=("skill_cards",), subject="skill catalogs"),
    _Question(
        found=_denied,
        fine="no decision had to wait for a person",
        frames=("autonomy_checks",),
        subject="autonomy quotas",
    ),
    _Question(
        found=_conflicts,
        fine="no conflict over shared state",
        frames=("state_entries", "handoffs"),
        subject="durable state",
    ),
    _Question(found=_unread, fine="every line was read", frames=("runs",), subject=""),
)
