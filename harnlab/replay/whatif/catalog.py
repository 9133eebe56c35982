"""Which skills a turn would have shown under another catalog budget or limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl

from harnlab.core.rust_semantics import I64_MAX
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.frames import SOURCE
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.whatif.catalog_lengths import fits, smallest
from harnlab.replay.whatif.decidability import Decidability
from harnlab.replay.whatif.skill_turns import SkillTurn, skill_turns
from harnlab.replay.whatif.sweep import Counts, counts

_WHERE: Final = "whatif.catalog"
_PLACE: Final = {column.name: column.dtype for column in SOURCE}

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "turn": pl.UInt32(),
    "asked_budget": pl.Int64(),
    "asked_limit": pl.Int64(),
    "recorded_budget": pl.Int64(),
    "recorded_in_catalog": pl.Int64(),
    "recorded_shown": pl.Int64(),
    "recorded_used_chars": pl.Int64(),
    "whatif_in_catalog": pl.Int64(),
    "whatif_shown": pl.Int64(),
    "whatif_used_chars": pl.Int64(),
    "whatif_omitted_by_budget": pl.Int64(),
    "whatif_omitted_by_limit": pl.Int64(),
    "entered": pl.List(pl.String()),
    "left": pl.List(pl.String()),
    "decidability": pl.String(),
    "because": pl.String(),
    "behaviour": pl.String(),
    **{name: kind for name, kind in _PLACE.items() if name != "run_id"},
}
_SMALLEST: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "turn": pl.UInt32(),
    "skill_id": pl.String(),
    "recorded_budget": pl.Int64(),
    "recorded_shown": pl.Boolean(),
    "smallest_budget": pl.Int64(),
    "missing_chars": pl.Int64(),
    "decidability": pl.String(),
    "because": pl.String(),
    **{name: kind for name, kind in _PLACE.items() if name != "run_id"},
}


@question
def catalog(runs: Frames, /, *, budget: Counts = None, limit: Counts = None) -> pl.DataFrame:
    """Fit every turn's skill catalog again under other budgets or limits.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    budget : int or iterable of int, optional
        Catalog budgets to ask about, UTF-8 bytes (the runtime calls them chars). Left out: the recorded one.
    limit : int or iterable of int, optional
        Most cards the catalog may hold. Left out: as many as it held.

    Returns
    -------
    polars.DataFrame
        One row for each turn, limit and budget: the question, ``recorded_*`` and ``whatif_*`` counts of cards and
        bytes, the ids of the cards that ``entered`` and ``left`` the prompt, ``decidability`` and ``because``, and
        the source of the turn's evidence. ``behaviour`` is the decidability of what the model would then have done:
        always ``insufficient``.

    Raises
    ------
    InvalidArgument
        Without a question, or for one that is no whole number of 0 or more.

    Notes
    -----
    Follows skill activation evidence 0.9.8 (FORMATS 6): a budget below 203 bytes counts as 203; only lengths decide.
    """
    if budget is None and limit is None:
        raise InvalidArgument("nothing asked", where=_WHERE, expected="budget=…, limit=… or both")
    budgets = counts(budget, name="budget", where=_WHERE)
    if any(one is not None and one > I64_MAX for one in budgets):
        raise InvalidArgument("a budget beyond 2^63 - 1", where=_WHERE)
    limits = counts(limit, name="limit", where=_WHERE)
    parts = [_sweep(turn, budgets, most) for turn in skill_turns(runs) for most in limits]
    return pl.concat(parts) if parts else pl.DataFrame(schema=_COLUMNS)


@question
def smallest_budget(runs: Frames, /, *, skill: str | Iterable[str] | None = None) -> pl.DataFrame:
    """Find the least catalog budget that would have shown a skill, turn by turn.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    skill : str or iterable of str, optional
        Ids of the skills; every skill the model may invoke by default.

    Returns
    -------
    polars.DataFrame
        One row for each turn and skill in its catalog: ``recorded_budget``, whether it was shown,
        ``smallest_budget`` (bytes; 0 where every budget shows it; null where none does, as beyond the catalog
        limit), ``missing_chars`` (bytes the recorded budget was short of it), ``decidability``, ``because``, source.

    Raises
    ------
    UnknownName
        For a skill that no turn has evidence of.
    """
    wanted = None if skill is None else {skill} if isinstance(skill, str) else set(skill)
    known = set(runs.frame("skill_cards")["skill_id"].drop_nulls())
    if wanted is not None and (unknown := sorted(wanted - known)):
        told = ", ".join(sorted(known)) or "none is recorded"
        raise UnknownName(
            f"no skill {unknown[0]!r}", where="whatif.smallest_budget", expected=f"one of {told}"
        )
    rows = [
        _least(turn, position)
        for turn in skill_turns(runs)
        for position, skill_id in enumerate(turn.ids)
        if wanted is None or skill_id in wanted
    ]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _SMALLEST.items()}
    )


def _sweep(turn: SkillTurn, budgets: Sequence[int | None], limit: int | None) -> pl.DataFrame:
    """Rows of one turn under one limit, a row a budget."""
    first, held = turn.first, turn.limit if limit is None else min(limit, len(turn.ids))
    asked = pl.Series(budgets, dtype=pl.Int64)
    rows = pl.DataFrame({"asked_budget": asked}).with_columns(
        *(pl.lit(first[name], dtype=kind).alias(name) for name, kind in _PLACE.items()),
        turn=pl.lit(first["turn"], dtype=pl.UInt32),
        asked_limit=pl.lit(limit, dtype=pl.Int64),
        recorded_budget=pl.lit(first["budget_chars"], dtype=pl.Int64),
        recorded_in_catalog=pl.lit(turn.limit, dtype=pl.Int64),
        recorded_shown=pl.lit(turn.shown, dtype=pl.Int64),
        recorded_used_chars=pl.lit(first["used_chars"], dtype=pl.Int64),
        behaviour=pl.lit(Decidability.INSUFFICIENT.value),
    )
    if turn.undecided is not None:
        told = {"decidability": Decidability.INSUFFICIENT.value, "because": turn.undecided}
        return _shaped(rows.with_columns(pl.lit(text).alias(name) for name, text in told.items()))
    shown, used = fits(turn.lengths[:held], asked.fill_null(first["budget_chars"]).to_numpy())
    ids = pl.lit(pl.Series([list(turn.ids)], dtype=pl.List(pl.String())))
    most = pl.max_horizontal("recorded_shown", "whatif_shown")
    return _shaped(
        rows.with_columns(whatif_shown=pl.Series(shown), whatif_used_chars=pl.Series(used))
        .with_columns(
            whatif_in_catalog=pl.lit(held, dtype=pl.Int64),
            whatif_omitted_by_budget=held - pl.col("whatif_shown"),
            whatif_omitted_by_limit=pl.lit(len(turn.ids) - held, dtype=pl.Int64),
            entered=ids.list.slice("recorded_shown", most - pl.col("recorded_shown")),
            left=ids.list.slice("whatif_shown", most - pl.col("whatif_shown")),
            decidability=pl.lit(Decidability.EXACT.value),
        )
        .with_columns(because=_because())
    )


def _because() -> pl.Expr:
    budget = pl.coalesce("asked_budget", "recorded_budget")
    return pl.format(
        "the first {} of {} cards and what goes with them take {} bytes of {}; what the model would have done with "
        "them is not recorded",
        "whatif_shown",
        "whatif_in_catalog",
        "whatif_used_chars",
        budget,
    )


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    have = set(rows.columns)
    return rows.select(
        pl.col(name).cast(kind) if name in have else pl.lit(None, dtype=kind).alias(name)
        for name, kind in _COLUMNS.items()
    )


def _least(turn: SkillTurn, position: int) -> dict[str, Any]:
    first = turn.first
    row = {name: first[name] for name in ("turn", *_PLACE)} | {
        "skill_id": turn.ids[position],
        "recorded_budget": first["budget_chars"],
        "recorded_shown": position < turn.shown,
    }
    if turn.undecided is not None:
        return row | {"decidability": Decidability.INSUFFICIENT.value, "because": turn.undecided}
    exact = row | {"decidability": Decidability.EXACT.value}
    if position >= turn.limit:
        return exact | {"because": f"no budget shows it: it is beyond the catalog's limit of {turn.limit}"}
    least = smallest(turn.lengths[: turn.limit], position)
    place = f"card {position + 1} of {turn.limit}"
    return exact | {
        "smallest_budget": least,
        "missing_chars": max(least - first["budget_chars"], 0),
        "because": f"{place} fits from {least} bytes on" if least else f"{place} fits any budget",
    }
