"""Skills over the turns of a run: where each stood, which were out of sight, what fits, and what it all took."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.core.skills import fit_lengths, omission_suffix
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.frames import SOURCE
from harnlab.questions import question
from harnlab.replay.whatif import smallest_budget
from harnlab.replay.whatif.catalog_lengths import HEADER_BYTES, SMALLEST_BUDGET, smallest
from harnlab.replay.whatif.skill_turns import SkillTurn, skill_turns
from harnlab.vocabulary import SkillLifecycle

_PLACE: Final = tuple(column.name for column in SOURCE[1:])
#: Lifecycles of a skill whose body the model has.
IN_USE: Final = (SkillLifecycle.LOADED.value, SkillLifecycle.USED.value)

_FIT: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "turn": pl.UInt32(),
    "position": pl.Int64(),
    "part": pl.String(),
    "skill_id": pl.String(),
    "from_byte": pl.Int64(),
    "to_byte": pl.Int64(),
    "bytes": pl.Int64(),
    "shown": pl.Boolean(),
    "budget_chars": pl.Int64(),
    "effective_budget": pl.Int64(),
    "smallest_budget": pl.Int64(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def lifecycle(runs: Frames, /, *, skill: str | None = None) -> pl.DataFrame:
    """Where each skill stood in each turn.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    skill : str, optional
        Only this skill.

    Returns
    -------
    polars.DataFrame
        One row for each turn and card, by run, turn and position: ``lifecycle``, ``selected`` (its card was in the
        prompt), ``omitted_reason``, ``match_score`` and ``match_reason``, ``previous`` (lifecycle in the turn before
        that had it), ``changed``, ``out_of_sight`` (loaded or used, its card not shown), sizes and source columns.

    Raises
    ------
    UnknownName
        For a skill no turn has evidence of; the message lists those there are.
    """
    cards = runs.frame("skill_cards")
    if skill is not None:
        cards = _only(cards, skill, where="skills.lifecycle")
    before = pl.col("lifecycle").shift(1).over("run_id", "source_path", "skill_id", order_by="turn")
    rows = cards.sort("run_id", "source_path", "turn", "position").with_columns(previous=before)
    return rows.select(
        "run_id",
        "turn",
        "position",
        "skill_id",
        "lifecycle",
        "previous",
        (pl.col("previous").is_not_null() & (pl.col("previous") != pl.col("lifecycle"))).alias("changed"),
        "selected",
        "omitted_reason",
        (pl.col("lifecycle").is_in(IN_USE) & ~pl.col("selected")).alias("out_of_sight"),
        "char_estimate",
        "token_estimate",
        pl.col("matched_score").alias("match_score"),
        pl.col("matched_reason").alias("match_reason"),
        *_PLACE,
    )


@question
def omitted(runs: Frames, /) -> pl.DataFrame:
    """Skills whose card was not shown: why, in which turns, and what budget would have shown them.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row for each run, skill and reason, most turns first: ``turns`` (list), ``omitted_turns`` of
        ``turns_recorded``, ``in_use_turns`` (omitted although loaded or used), ``first_turn``, ``last_turn``,
        ``budget_needed`` (bytes that would have shown it in every one of these turns; null where no budget would)
        and the place of the first such turn.
    """
    cards = runs.frame("skill_cards")
    needed = smallest_budget(runs).select("run_id", "source_path", "turn", "skill_id", "smallest_budget")
    rows = cards.join(
        needed, on=["run_id", "source_path", "turn", "skill_id"], how="left", maintain_order="left"
    )
    recorded = pl.len().over("run_id", "source_path", "skill_id")
    rows = rows.with_columns(turns_recorded=recorded).filter(~pl.col("selected").fill_null(value=True))
    least = pl.col("smallest_budget")
    told = (
        rows.sort("turn")
        .group_by("run_id", "skill_id", "omitted_reason", maintain_order=True)
        .agg(
            turns=pl.col("turn"),
            omitted_turns=pl.len().cast(pl.Int64),
            turns_recorded=pl.col("turns_recorded").first().cast(pl.Int64),
            in_use_turns=pl.col("lifecycle").is_in(IN_USE).sum().cast(pl.Int64),
            first_turn=pl.col("turn").first(),
            last_turn=pl.col("turn").last(),
            budget_needed=pl.when(least.is_not_null().all()).then(least.max()),
            **{name: pl.col(name).first() for name in _PLACE},
        )
    )
    return told.sort(
        "omitted_turns", "run_id", "skill_id", "omitted_reason", descending=[True, False, False, False]
    )


@question
def fit(runs: Frames, /, *, turn: int, run_id: str | None = None) -> pl.DataFrame:
    """Cards of one turn laid end to end against its budget, header and omission line included.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    turn : int
        Order of the evidence within its run, from 0.
    run_id : str, optional
        Run to look at; may be left out where only one has such a turn.

    Returns
    -------
    polars.DataFrame
        One row a part, in order: ``part`` is ``header``, ``card`` or ``suffix``; ``from_byte`` to ``to_byte`` is
        where it stands (for a card not shown, where it would stand), ``shown``, ``budget_chars`` and
        ``effective_budget`` (never below 203), ``smallest_budget`` that shows the card, ``because``, source columns.

    Raises
    ------
    UnknownName
        For a turn no run has.
    InvalidArgument
        Where several runs have such a turn and none is named, or where the turn is not recorded in full.
    """
    found = [
        one
        for one in skill_turns(runs)
        if one.first["turn"] == turn and run_id in {None, one.first["run_id"]}
    ]
    if not found:
        known = runs.frame("skill_cards")["turn"].unique().sort().to_list()
        if not known:
            raise UnknownName(f"no turn {turn}, for no evidence is recorded", where="skills.fit")
        raise UnknownName(f"no turn {turn}", where="skills.fit", expected=f"{known[0]} to {known[-1]}")
    if len(found) > 1:
        ids = ", ".join(str(one.first["run_id"]) for one in found[:6])
        raise InvalidArgument(
            f"turn {turn} is in {len(found)} runs", where="skills.fit", expected=f"run_id= one of {ids}"
        )
    if any(length is None for length in found[0].lengths) or found[0].first["budget_chars"] is None:
        raise InvalidArgument(f"turn {turn}", where="skills.fit", expected="a turn with all lengths recorded")
    rows = _parts(found[0])
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _FIT.items()}
    )


@question
def economy(runs: Frames, /) -> pl.DataFrame:
    """What each skill's card took of the prompt, and what came of it.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a skill, the largest ``shown_bytes`` first: turns by what became of the card (``turns``,
        ``shown_turns``, ``omitted_turns``, ``loaded_turns``, ``used_turns``), ``out_of_sight_turns`` (loaded or used,
        not shown), ``shown_bytes`` and ``shown_tokens`` over all turns, ``share_pct`` of all shown bytes, and
        ``idle_bytes``: those of runs in which it was never loaded or used.
    """
    cards = runs.frame("skill_cards")
    active = pl.col("lifecycle").is_in(IN_USE).any().over("run_id", "source_path", "skill_id")
    shown = pl.col("selected").fill_null(value=False)
    rows = cards.with_columns(active=active, shown=shown)

    def turns(of: pl.Expr) -> pl.Expr:
        return of.sum().cast(pl.Int64)

    told = rows.group_by("skill_id", maintain_order=True).agg(
        turns=pl.len().cast(pl.Int64),
        shown_turns=turns(shown),
        omitted_turns=turns(~shown),
        loaded_turns=turns(pl.col("lifecycle") == SkillLifecycle.LOADED.value),
        used_turns=turns(pl.col("lifecycle") == SkillLifecycle.USED.value),
        out_of_sight_turns=turns(pl.col("lifecycle").is_in(IN_USE) & ~shown),
        shown_bytes=pl.col("char_estimate").filter(shown).sum(),
        shown_tokens=pl.col("token_estimate").filter(shown).sum(),
        idle_bytes=pl.col("char_estimate").filter(shown & ~pl.col("active")).sum(),
    )
    whole = pl.col("shown_bytes").sum()
    share = pl.when(whole > 0).then(pl.col("shown_bytes") / whole * 100)
    return told.with_columns(share_pct=share).sort("shown_bytes", "skill_id", descending=[True, False])


@question
def turns(runs: Frames, /) -> pl.DataFrame:
    """Every turn of evidence in one row.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        By run and turn: ``budget_chars`` and ``used_chars`` (bytes), ``used_pct``, ``cards``, ``shown``,
        ``omitted_budget``, ``omitted_catalog_limit``, ``omitted_disabled``, ``out_of_sight``, source columns.
    """
    reason = pl.col("omitted_reason")
    counts = {
        "omitted_budget": reason == "budget",
        "omitted_catalog_limit": reason == "catalog_limit",
        "omitted_disabled": reason == "disable_model_invocation",
        "out_of_sight": pl.col("lifecycle").is_in(IN_USE) & ~pl.col("selected"),
    }
    rows = runs.frame("skill_cards").sort("run_id", "source_path", "turn", "position")
    told = rows.group_by("run_id", "source_path", "turn", maintain_order=True).agg(
        pl.col("budget_chars", "used_chars").first(),
        used_pct=pl.col("used_chars").first() / pl.col("budget_chars").first() * 100,
        cards=pl.len().cast(pl.Int64),
        shown=pl.col("selected").sum().cast(pl.Int64),
        **{name: of.sum().cast(pl.Int64) for name, of in counts.items()},
        **{name: pl.col(name).first() for name in _PLACE if name != "source_path"},
    )
    return told.select(pl.exclude(_PLACE), *_PLACE)


def _only(cards: pl.DataFrame, skill: str, *, where: str) -> pl.DataFrame:
    known = cards["skill_id"].drop_nulls().unique().sort()
    if skill not in known:
        raise UnknownName.among("skill", skill, known, where=where)
    return cards.filter(pl.col("skill_id") == skill)


def _parts(turn: SkillTurn) -> list[dict[str, Any]]:
    """Header, cards and suffix of a turn, one after the other."""
    first, ids, lengths = turn.first, turn.ids[: turn.limit], turn.lengths[: turn.limit]
    budget = first["budget_chars"]
    done = fit_lengths(HEADER_BYTES, lengths, budget)
    rows: list[dict[str, Any]] = [{"part": "header", "from_byte": 0, "to_byte": HEADER_BYTES, "shown": True}]
    at = HEADER_BYTES
    for number, (skill_id, length) in enumerate(zip(ids, lengths, strict=True)):
        begin = at + (number > 0)
        at = begin + length
        shown = number < done.shown
        least = smallest(lengths, number)
        why = "shown" if shown else f"left out: it needs a budget of {least} bytes"
        rows.append(
            {"part": "card", "skill_id": skill_id, "from_byte": begin, "to_byte": at, "shown": shown}
            | {"smallest_budget": least, "because": why}
        )
    if left := len(ids) - done.shown:
        begin = rows[done.shown]["to_byte"]
        fits = bool(done.suffix)
        why = f"tells of {left} more" if fits else f"left out too: {left} more, and no room to say so"
        end = begin + len(omission_suffix(left))
        rows.append({"part": "suffix", "from_byte": begin, "to_byte": end, "shown": fits, "because": why})
    shared = {name: first[name] for name in ("run_id", "turn", "budget_chars", *_PLACE)}
    shared |= {"effective_budget": max(budget, SMALLEST_BUDGET)}
    return [
        shared | {"position": number, "bytes": row["to_byte"] - row["from_byte"]} | row
        for number, row in enumerate(rows)
    ]
