"""What a step would have done under another limit, and how far its record proves that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import product
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument, UnknownName
from harnlab.frames import SOURCE
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.step_budgets import running, trips
from harnlab.replay.step_instances import answer_place, step_instances
from harnlab.replay.whatif.after_trip import Timeline
from harnlab.replay.whatif.decidability import Decidability
from harnlab.replay.whatif.step_answer import StepAnswer, answer
from harnlab.replay.whatif.step_record import StepRecord
from harnlab.replay.whatif.sweep import Amounts, Counts, amounts, counts
from harnlab.vocabulary import ErrorBoundary

_WHERE: Final = "whatif.step_budget"
_REST: Final = ("nested_calls", "nested_usd", "later_calls", "later_usd")

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "persona": pl.String(),
    "step": pl.String(),
    "function": pl.String(),
    "span_id": pl.Int64(),
    "asked_max_tokens": pl.UInt64(),
    "asked_max_usd": pl.Float64(),
    "recorded_max_tokens": pl.UInt64(),
    "recorded_max_usd": pl.Float64(),
    "recorded_status": pl.String(),
    "recorded_trips": pl.Boolean(),
    "recorded_limit": pl.String(),
    "recorded_calls": pl.Int64(),
    "recorded_tokens": pl.UInt64(),
    "recorded_cost_usd": pl.Float64(),
    "whatif_trips": pl.Boolean(),
    "whatif_limit": pl.String(),
    "whatif_calls": pl.Int64(),
    "whatif_tokens": pl.UInt64(),
    "whatif_cost_usd": pl.Float64(),
    "overshoot": pl.Float64(),
    "overshoot_unit": pl.String(),
    "tripping_call_id": pl.String(),
    "tripping_seq": pl.UInt32(),
    "tripping_source_path": pl.String(),
    "tripping_source_line": pl.UInt32(),
    "unreached_calls": pl.Int64(),
    "savings_usd": pl.Float64(),
    "savings_side": pl.String(),
    "nested_calls": pl.Int64(),
    "nested_usd": pl.Float64(),
    "later_calls": pl.Int64(),
    "later_usd": pl.Float64(),
    "later": pl.String(),
    "decidability": pl.String(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}


@question
def step_budget(
    runs: Frames,
    /,
    *,
    step: str | None = None,
    persona: str | None = None,
    max_usd: Amounts = None,
    max_tokens: Counts = None,
) -> pl.DataFrame:
    """Ask what steps would have done under other limits.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    step : str, optional
        Name or function of the steps to ask about; every step by default.
    persona : str, optional
        Persona of the steps to ask about.
    max_usd : float or iterable of float, optional
        Ceilings on spend to ask about, USD; infinity asks for none. Left out: the declared one stays.
    max_tokens : int or iterable of int, optional
        Ceilings on tokens to ask about. With several of both, every pair is asked.

    Returns
    -------
    polars.DataFrame
        One row for each question and each time a step ran, the questions in the order given. ``asked_*`` is the
        question (null: as declared), ``recorded_*`` what happened, ``whatif_*`` what would have. ``tripping_*``
        names the call, ``overshoot`` is in ``overshoot_unit``. ``unreached_calls`` and ``savings_usd`` are the
        step's own calls after that one (exact decimal sum, rounded once; the tripping call is paid); where
        ``savings_side`` is ``at_most`` no more than that was saved. ``nested_*`` are calls of steps inside it that
        began later and go with them. ``later_*`` are calls of the run after it: ``later`` is ``unreached`` when
        the error would have ended the run, ``unknown`` where somebody may catch it. ``decidability`` and
        ``because`` are on every row (``hl.whatif.DECIDABILITY``); the source columns are the step's record.

    Raises
    ------
    InvalidArgument
        Without a limit, or for one that is no number of 0 or more.
    UnknownName
        For a step or persona that never ran.

    Notes
    -----
    Follows seed step_runtime 0.8.8 and FORMATS 4.2: usage is added call by call and tested after each, tokens
    before USD, strictly. Costs are those charged to the step; an unknown price counts as 0, as it did live.
    """
    asked = _questions(max_usd, max_tokens)
    return StepLimits(runs, step=step, persona=persona).answers(asked)


class StepLimits:
    """Steps made ready for questions about their limits; asking again costs only the answer.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    step, persona : str, optional
        Steps to ask about, as of :func:`step_budget`.

    Raises
    ------
    UnknownName
        For a step or persona that never ran.
    """

    def __init__(self, runs: Frames, /, *, step: str | None = None, persona: str | None = None) -> None:
        every = [StepRecord(step=one) for one in step_instances(runs)]
        self._steps = dict(enumerate(_wanted(every, step, persona)))
        self._used = _running(self._steps)
        self._rest = _Rest(runs, every, list(self._steps.values()))
        self._recorded = {number: _recorded(one) for number, one in self._steps.items()}

    def only(self, step: str) -> StepLimits:
        """Those of the steps with this name or function, ready as they are.

        Raises
        ------
        UnknownName
            For a step that never ran.
        """
        wanted = {id(one) for one in _wanted(list(self._steps.values()), step, None)}
        steps = {number: one for number, one in self._steps.items() if id(one) in wanted}
        part = copy(self)
        vars(part).update(_steps=steps, _used=self._used.filter(pl.col("number").is_in(list(steps))))
        return part

    def ask(self, *, max_usd: Amounts = None, max_tokens: Counts = None) -> pl.DataFrame:
        """Frame of :func:`step_budget` for these limits.

        Raises
        ------
        InvalidArgument
            Without a limit, or for one that is no number of 0 or more.
        """
        return self.answers(_questions(max_usd, max_tokens))

    def answers(self, asked: Sequence[tuple[int | None, float | None]]) -> pl.DataFrame:
        """Frame of :func:`step_budget` for pairs of ``max_tokens`` and ``max_usd``."""
        rows = []
        for tokens, usd in asked:
            ceilings = (
                pl.lit(tokens, dtype=pl.UInt64).alias("max_tokens"),
                pl.lit(usd, dtype=pl.Float64).alias("max_usd"),
            )
            broken = trips(self._used.with_columns(ceilings), by=["number"])
            position = dict(broken.select("number", "position").iter_rows())
            question = {"asked_max_tokens": tokens, "asked_max_usd": usd}
            for number, record in self._steps.items():
                told = answer(record, max_tokens=tokens, max_usd=usd, position=position.get(number))
                rest = self._rest.row(record, told)
                rows.append(question | self._recorded[number] | told.row(record) | rest)
        return pl.DataFrame(
            {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _COLUMNS.items()}
        )


def _questions(max_usd: Amounts, max_tokens: Counts) -> list[tuple[int | None, float | None]]:
    """Every pair of limits asked about, tokens before USD."""
    if max_usd is None and max_tokens is None:
        raise InvalidArgument("no limit", where=_WHERE, expected="max_usd=…, max_tokens=… or both")
    return list(
        product(
            counts(max_tokens, name="max_tokens", where=_WHERE),
            amounts(max_usd, name="max_usd", where=_WHERE),
        )
    )


def _wanted(steps: list[StepRecord], step: str | None, persona: str | None) -> list[StepRecord]:
    for what, name, of in (("step", step, ("step", "function")), ("persona", persona, ("persona",))):
        if name is None:
            continue
        known = sorted({row[of[0]] for one in steps if (row := one.step.record)[of[0]] is not None})
        steps = [one for one in steps if name in [one.step.record[column] for column in of]]
        if not steps:
            raise UnknownName.among(what, name, known, where=_WHERE)
    return steps


def _running(steps: Mapping[int, StepRecord]) -> pl.DataFrame:
    """Calls of every step, by number of the step, with what it had used after each."""
    charged = [(number, call) for number, one in steps.items() for call in one.step.answered]
    types = {"input_tokens": pl.Int64, "output_tokens": pl.Int64, "cost_usd": pl.Float64}
    columns = {
        name: pl.Series([call[name] for _, call in charged], dtype=kind) for name, kind in types.items()
    }
    numbers = pl.Series([number for number, _ in charged], dtype=pl.Int64)
    return running(pl.DataFrame({"number": numbers} | columns), by=["number"])


def _recorded(record: StepRecord) -> dict[str, Any]:
    step, row, limits = record.step, record.step.record, record.step.definition
    used = step.recorded or (step.usage[-1] if step.usage else None)
    place = {column.name: row[column.name] for column in SOURCE[1:]}
    if row["source_path"] is None and step.answered:
        place["source_path"], place["source_line"] = answer_place(step.answered[0])
    return {
        **{name: row[name] for name in ("run_id", "persona", "step", "span_id")},
        "function": row["function"] or (limits and limits.function),
        "recorded_max_tokens": limits and limits.max_tokens,
        "recorded_max_usd": limits and limits.max_usd,
        "recorded_status": record.status,
        "recorded_trips": record.trips,
        "recorded_limit": record.limit and record.limit.value,
        "recorded_calls": len(step.usage) if row["llm_calls"] is None else row["llm_calls"],
        "recorded_tokens": used and used.total_tokens,
        "recorded_cost_usd": row["cost_usd"] if step.recorded else used and used.cost_usd,
        **place,
    }


class _Rest:
    """What else a trip would have kept from happening."""

    def __init__(self, runs: Frames, every: Sequence[StepRecord], steps: Sequence[StepRecord]) -> None:
        self._timeline = Timeline(runs, {one.step.record["run_id"] for one in steps})
        # a step without a known boundary may catch what its inner steps throw
        self._caught = {
            (row["run_id"], row["span_id"]) for one in every if (row := one.step.record) and not _is_fail(one)
        }

    def row(self, record: StepRecord, told: StepAnswer) -> dict[str, Any]:
        """Columns for the calls of nested steps and of the run after the step."""
        if told.decidability not in {Decidability.EXACT, Decidability.BOUND}:
            return {}
        if not told.changes or told.position is None:
            return {} if told.trips and told.position is None else dict.fromkeys(_REST, 0)
        nested, later = self._timeline.after(record.step, record.step.answered[told.position])
        run = record.step.record["run_id"]
        around = self._timeline.enclosing(record.step)
        unreached = _is_fail(record) and not any((run, span) in self._caught for span in around)
        return {
            "nested_calls": nested and nested.calls,
            "nested_usd": nested and nested.usd,
            "later_calls": later and later.calls,
            "later_usd": later and later.usd,
            "later": later and ("unreached" if unreached else "unknown"),
        }


def _is_fail(record: StepRecord) -> bool:
    limits = record.step.definition
    return limits is not None and limits.boundary is ErrorBoundary.FAIL
