"""Which attempts another autonomy quota would have sent to a person, and how far the log proves that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import polars as pl

from harnlab.core.autonomy import AutonomyBudget
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.frames import SOURCE, Instant
from harnlab.questions import of_frames, question
from harnlab.replay.inputs import Frames
from harnlab.replay.whatif.attempts import ADMITTED, DENIED, Attempts, Row, attempts, second, window_of
from harnlab.replay.whatif.decidability import Decidability
from harnlab.replay.whatif.quota_windows import DAY_S, FixedWindows, RollingWindows
from harnlab.replay.whatif.sweep import Counts, counts

_WHERE: Final = "whatif.autonomy"
_KEY: Final = ("log", "producer", "agent_key", "asked_per_hour", "asked_per_day")

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "log": pl.String(),
    "producer": pl.String(),
    "agent_key": pl.String(),
    "at": Instant,
    "asked_per_hour": pl.UInt64(),
    "asked_per_day": pl.UInt64(),
    "recorded_per_hour": pl.Int64(),
    "recorded_per_day": pl.Int64(),
    "recorded_decision": pl.String(),
    "recorded_reason": pl.String(),
    "whatif_decision": pl.String(),
    "whatif_reason": pl.String(),
    "whatif_decisions_hour": pl.UInt64(),
    "whatif_decisions_today": pl.UInt64(),
    "decidability": pl.String(),
    "because": pl.String(),
    "rolling_decision": pl.String(),
    "rolling_reason": pl.String(),
    "rolling_decidability": pl.String(),
    "request_id": pl.String(),
    "approval_status": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def autonomy(
    runs: Frames, /, *, per_hour: Counts = None, per_day: Counts = None, agent_key: str | None = None
) -> pl.DataFrame:
    """Decide every recorded attempt again under other quotas.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    per_hour, per_day : int or iterable of int, optional
        Decisions a key may take alone in a UTC hour and a UTC day, from 1. Left out: the quota the key's denials
        record, or none. With several of both, every pair is asked.
    agent_key : str, optional
        Only attempts of this key.

    Returns
    -------
    polars.DataFrame
        One row for each question, log, key and attempt: ``recorded_*``, ``whatif_*`` (fixed windows, as the runtime
        counts) with the counters it met, ``decidability`` and ``because``; ``rolling_*`` is the same under windows
        of the last 60 minutes and 24 hours. A denied attempt asks a person: :func:`approvals` counts them.

    Raises
    ------
    InvalidArgument
        Without a quota, or for one that is no whole number from 1.
    UnknownName
        For a key of which no attempt is recorded.

    Notes
    -----
    Every answer under fixed windows is the core's (seed autonomy_budget 0.8.2, FORMATS 2.7). Counters die with their
    process, which no log tells; attempts without a time are left out.
    """
    if per_hour is None and per_day is None:
        raise InvalidArgument("no quota", where=_WHERE, expected="per_hour=…, per_day=… or both")
    asked = list(
        product(
            counts(per_hour, name="per_hour", where=_WHERE, least=1),
            counts(per_day, name="per_day", where=_WHERE, least=1),
        )
    )
    streams = list(attempts(runs))
    if agent_key is not None:
        known = ", ".join(sorted({one.key for one in streams})) or "none is recorded"
        streams = [one for one in streams if one.key == agent_key]
        if not streams:
            raise UnknownName(f"no attempt of {agent_key!r}", where=_WHERE, expected=f"one of {known}")
    rows = [row for hour, day in asked for one in streams for row in _answers(one, hour, day)]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _COLUMNS.items()}
    )


@of_frames
def approvals(answers: pl.DataFrame, /) -> pl.DataFrame:
    """Count the approvals each quota would have asked for.

    Parameters
    ----------
    answers : polars.DataFrame
        Frame of :func:`autonomy`.

    Returns
    -------
    polars.DataFrame
        One row for each log, key and quota, in order: ``attempts``, ``recorded_approvals``, ``whatif_approvals`` (of
        them ``hourly`` and ``daily``), ``exact_approvals`` that the record proves, ``rolling_approvals``,
        ``first_denied_at`` and ``decidability``: the weakest of the attempts'.
    """
    denied = pl.col("whatif_decision") == DENIED
    exact = pl.col("decidability") == Decidability.EXACT.value
    weakest = (
        pl.when(exact.all())
        .then(pl.lit(Decidability.EXACT.value))
        .otherwise(pl.lit(Decidability.BOUND.value))
    )
    some = (pl.col("decidability") == Decidability.INSUFFICIENT.value).any()
    return answers.group_by(_KEY, maintain_order=True).agg(
        attempts=pl.len().cast(pl.Int64),
        recorded_approvals=(pl.col("recorded_decision") == DENIED).sum().cast(pl.Int64),
        whatif_approvals=denied.sum().cast(pl.Int64),
        hourly=pl.col("whatif_reason").str.starts_with("hourly").sum().cast(pl.Int64),
        daily=pl.col("whatif_reason").str.starts_with("daily").sum().cast(pl.Int64),
        exact_approvals=(denied & exact).sum().cast(pl.Int64),
        rolling_approvals=(pl.col("rolling_decision") == DENIED).sum().cast(pl.Int64),
        first_denied_at=pl.col("at").filter(denied).min(),
        decidability=pl.when(some).then(pl.lit(Decidability.INSUFFICIENT.value)).otherwise(weakest),
    )


@dataclass(slots=True)
class _Window:
    """What is known of the window an attempt falls in: where an answer first changed in it."""

    number: int
    changed: Row | None = None


def _answers(stream: Attempts, per_hour: int | None, per_day: int | None) -> list[dict[str, Any]]:
    """Rows of one key under one quota."""
    recorded = stream.recorded
    quota = (recorded[0] if per_hour is None else per_hour, recorded[1] if per_day is None else per_day)
    budget = AutonomyBudget(key=stream.key, per_hour=quota[0], per_day=quota[1])
    told = _Told(stream, budget, open_quota=None in {per_hour, per_day} and len(stream.limits) > 1)
    question = {"asked_per_hour": per_hour, "asked_per_day": per_day}
    question |= {"recorded_per_hour": recorded[0], "recorded_per_day": recorded[1]}
    return [question | told.answer(row) for row in stream.rows]


class _Told:
    """Answers to the attempts of one key, one after the other."""

    def __init__(self, stream: Attempts, budget: AutonomyBudget, *, open_quota: bool) -> None:
        self._fixed, self._rolling = FixedWindows(budget), RollingWindows(budget)
        self._open_quota = open_quota
        self._doubtful = stream.doubtful()
        self._by_day = budget.per_day is not None or any(day is not None for _, day in stream.limits)
        self._window = _Window(-1)
        self._rolling_changed = False

    def answer(self, row: Row) -> dict[str, Any]:
        """Columns of one attempt."""
        now_s = second(row)
        number = window_of(now_s, by_day=self._by_day)
        if number != self._window.number:
            self._window = _Window(number)
        count = self._fixed.count(now_s)
        reason, rolling = self._fixed.ask(now_s), self._rolling.ask(now_s)
        recorded, decision = row["decision"], _word(reason)
        word, because = self._decidable(row, recorded, decision, now_s)
        self._rolling_changed |= _word(rolling) != recorded
        if decision != recorded and self._window.changed is None:
            self._window.changed = row
        place = {name: row[name] for name in _COLUMNS if name in row and name not in {"decision", "reason"}}
        return place | {
            "recorded_decision": recorded,
            "recorded_reason": row["reason"],
            "whatif_decision": decision,
            "whatif_reason": reason and reason.value,
            "whatif_decisions_hour": count.this_hour,
            "whatif_decisions_today": count.today,
            "decidability": word.value,
            "because": f"{count.this_hour} in the hour and {count.today} in the day before it; {because}",
            "rolling_decision": _word(rolling),
            "rolling_reason": rolling and rolling.value,
            "rolling_decidability": (
                Decidability.BOUND if self._rolling_changed or self._open_quota else Decidability.EXACT
            ).value,
        }

    def _decidable(self, row: Row, recorded: str, decision: str, now_s: int) -> tuple[Decidability, str]:
        if self._open_quota:
            return (
                Decidability.INSUFFICIENT,
                "the quota not asked about is not known: the log's denials name several",
            )
        if doubt := self._doubtful.get(now_s // DAY_S):
            return Decidability.BOUND, f"{doubt}: a decision left no record, or a process was restarted"
        if changed := self._window.changed:
            place = f"line {changed['source_line']} of {changed['source_path']}"
            return (
                Decidability.BOUND,
                f"the answer on {place} changed, so this attempt might not have been made",
            )
        if decision == recorded:
            return Decidability.EXACT, f"{decision} as recorded"
        if recorded == DENIED:
            return (
                Decidability.BOUND,
                "admitted instead of denied; what the loop would then have done is not recorded",
            )
        window = "day" if self._by_day else "hour"
        return Decidability.EXACT, f"the first denial of this UTC {window} that is not recorded"


def _word(reason: object) -> str:
    return ADMITTED if reason is None else DENIED
