"""Steps against their limits as the budget explorer shows them, and what another limit would have done."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final

import polars as pl

from harnlab.analysis import costs
from harnlab.money import column_sum, exact_sum, usd_text
from harnlab.replay.whatif import Decidability
from harnlab.replay.whatif.step_budget import StepLimits
from harnlab.runs import Runs
from harnlab.widgets.log_text import count, usd

#: Names one time a step ran.
STEP_RUN: Final = ("run_id", "step", "span_id")
_PLACE: Final = ("source_path", "source_line")
_RECORDED: Final = (
    "persona",
    "recorded_status",
    "recorded_calls",
    "recorded_tokens",
    "recorded_cost_usd",
    "recorded_max_tokens",
    "recorded_max_usd",
    "recorded_limit",
)


def numbered_calls(runs: Runs) -> pl.DataFrame:
    """``hl.costs.running`` with ``position``, the number of the call among the answered ones of its step, from 1."""
    return costs.running(runs).with_columns(position=pl.int_range(1, pl.len() + 1).over(STEP_RUN))


def step_rows(runs: Runs, calls: pl.DataFrame, questions: Questions) -> pl.DataFrame:
    """Every time a step ran, with its limits, what it used, and where it went over.

    Parameters
    ----------
    runs : Runs
        The runs.
    calls : polars.DataFrame
        Frame of :func:`numbered_calls`.
    questions : Questions
        The steps of the runs.

    Returns
    -------
    polars.DataFrame
        One row a step instance, in order of completion: ``recorded_*`` as of ``hl.whatif.step_budget``, ``usd`` and
        ``tokens`` (structs of used and limit), ``over`` (a struct), ``because`` and its place; of a step without a
        record of its own, that of its first call.
    """
    rows = questions.steps(None).ask(max_usd=math.inf).select(*STEP_RUN, *_RECORDED, *_PLACE)
    over = costs.overruns(runs).select(*STEP_RUN, "overshoot", "overshoot_pct", "unit", "because")
    first = calls.select(*STEP_RUN, call_path="source_path", call_line="source_line")
    tripping = calls.filter("tripping").select(*STEP_RUN, tripping_call="position")
    for side in (over, first, tripping):
        known = side.unique(STEP_RUN, keep="first")
        rows = rows.join(known, on=STEP_RUN, how="left", nulls_equal=True, maintain_order="left")
    unplaced = pl.col("source_path").is_null()
    tokens = (pl.col("recorded_tokens", "recorded_max_tokens").cast(pl.Float64),)
    return rows.select(
        *STEP_RUN,
        *_RECORDED,
        "because",
        usd=pl.struct(used="recorded_cost_usd", limit="recorded_max_usd"),
        tokens=pl.struct(*tokens).struct.rename_fields(["used", "limit"]),
        over=pl.struct("overshoot", "overshoot_pct", "unit", "tripping_call"),
        source_path=pl.when(unplaced).then("call_path").otherwise("source_path"),
        source_line=pl.when(unplaced).then("call_line").otherwise("source_line"),
    )


def calls_of(calls: pl.DataFrame, step: dict[str, Any] | None) -> pl.DataFrame:
    """Calls charged to one step instance; all calls when no step is picked."""
    if step is None:
        return calls
    return calls.filter(
        pl.col(name).eq_missing(pl.lit(step[name], dtype=calls.schema[name])) for name in STEP_RUN
    )


def over_text(over: dict[str, Any] | None) -> str:
    """How far a step went over and at which call, for a cell."""
    if not over or over["unit"] is None:
        return ""
    if over["overshoot"] is None:
        return "over, by how much is not recorded"
    amount = float(f"{over['overshoot']:.10g}")
    shown = f"{count(int(amount)) if over['unit'] == 'tokens' else f'{amount:g}'} {over['unit']}"
    share = f" ({over['overshoot_pct']:.0f} %)" if over["overshoot_pct"] is not None else ""
    call = f" at call {over['tripping_call']}" if over["tripping_call"] is not None else ""
    return f"{shown}{share}{call}"


def charge_text(step: dict[str, Any], calls: pl.DataFrame) -> str:
    """What a step was charged beyond what its calls cost, in a sentence; nothing where the two agree."""
    charged = step["recorded_cost_usd"]
    if charged is None or not calls.height or calls["cost_usd"].null_count():
        return ""
    paid = column_sum(calls, "cost_usd")
    if abs(exact_sum([charged, -paid])) < Decimal("0.0000005"):
        return ""
    return (
        f"Charged {usd(charged)} USD, where its calls cost {usd(float(paid))} USD: "
        "a step is charged as if there were no prompt cache."
    )


class Questions:
    """Questions about the limits of the steps: they are made ready once, and the last answer is kept."""

    def __init__(self, runs: Runs) -> None:
        self._every = StepLimits(runs)
        self._ready: dict[str | None, StepLimits] = {None: self._every}
        self._last: tuple[Any, pl.DataFrame | None] = (None, None)

    def ask(self, step: str | None, max_usd: float | None, max_tokens: int | None) -> pl.DataFrame | None:
        """What other limits would have done (``hl.whatif.step_budget``); ``None`` when none is asked about."""
        if max_usd is None and max_tokens is None:
            return None
        question = (step, max_usd, max_tokens)
        if self._last[0] != question:
            self._last = (question, self.steps(step).ask(max_usd=max_usd, max_tokens=max_tokens))
        return self._last[1]

    def steps(self, name: str | None) -> StepLimits:
        """Steps of a name, every step for ``None``."""
        if name not in self._ready:
            self._ready[name] = self._every.only(str(name))
        return self._ready[name]


def headline(asked: pl.DataFrame) -> str:
    """Savings the record proves, and how many answers it cannot give, in a sentence."""
    exact = asked.filter(pl.col("decidability") == Decidability.EXACT.value)
    bound = asked.filter(pl.col("decidability") == Decidability.BOUND.value)
    saved = column_sum(exact.select(pl.col("savings_usd").drop_nulls()), "savings_usd")
    open_ended = asked.height - exact.height - bound.height
    told = [f"{usd_text(saved)} saved, proved by the record"]
    if open_ended and not saved:
        told = ["No saving is proved by the record"]
    most = column_sum(bound.select(pl.col("savings_usd").drop_nulls()), "savings_usd")
    if most > Decimal(0):
        told.append(f"at most {usd_text(most)} more")
    if open_ended:
        told.append(f"{open_ended:,} of {asked.height:,} steps cannot be decided")
    trips = asked.filter(pl.col("whatif_trips").fill_null(False)).height
    return "; ".join([*told, f"{trips:,} of {asked.height:,} would break it"]) + "."
