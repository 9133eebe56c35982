"""One question to one step: the answer, how far the record proves it, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from harnlab.core.steps import StepDefinition, Trip, Usage, exceeded_limit
from harnlab.money import digits, exact_sum
from harnlab.replay.step_instances import answer_place, trip_of
from harnlab.replay.whatif.decidability import Decidability, Side
from harnlab.replay.whatif.step_record import StepRecord
from harnlab.vocabulary import StepLimit

_UNIT: Final = {StepLimit.MAX_TOKENS: "tokens", StepLimit.MAX_USD: "USD"}

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """What one step would have done.

    Attributes
    ----------
    decidability : Decidability
        How far that is proved.
    because : str
        Why, in one sentence.
    trips : bool, optional
        Whether a limit breaks.
    trip : Trip, optional
        Which, and by how much.
    position : int, optional
        Call that breaks it, from 0.
    calls, usage : int and Usage, optional
        What the step makes and uses.
    unreached, savings : int and Decimal, optional
        Its own calls that are not made, and their cost.
    side : Side, optional
        Which side of ``savings`` the truth is on.
    changes : bool
        Whether the step ends elsewhere than it did.
    charged : bool
        Whether the cost in ``usage`` is what the step would have been charged.
    """

    decidability: Decidability
    because: str
    trips: bool | None = None
    trip: Trip | None = None
    position: int | None = None
    calls: int | None = None
    usage: Usage | None = None
    unreached: int | None = None
    savings: Decimal | None = None
    side: Side | None = None
    changes: bool = False
    charged: bool = True

    def row(self, record: StepRecord) -> dict[str, Any]:
        """Columns of the answer."""
        call = record.step.answered[self.position] if self.position is not None else None
        path, line = answer_place(call) if call else (None, None)
        over = self.trip and (
            self.trip.overshoot_usd if self.trip.overshoot_tokens is None else self.trip.overshoot_tokens
        )
        return {
            "whatif_trips": self.trips,
            "whatif_limit": self.trip and self.trip.limit.value,
            "whatif_calls": self.calls,
            "whatif_tokens": self.usage and self.usage.total_tokens,
            "whatif_cost_usd": self.usage.cost_usd if self.usage and self.charged else None,
            "overshoot": over,
            "overshoot_unit": self.trip and _UNIT[self.trip.limit],
            "tripping_call_id": call and call["call_id"],
            "tripping_seq": call and call["seq"],
            "tripping_source_path": path,
            "tripping_source_line": line,
            "unreached_calls": self.unreached,
            "savings_usd": None if self.savings is None else float(self.savings),
            "savings_side": self.side and self.side.value,
            "decidability": self.decidability.value,
            "because": self.because,
        }


def answer(
    record: StepRecord, *, max_tokens: int | None, max_usd: float | None, position: int | None
) -> StepAnswer:
    """Decide one question.

    Parameters
    ----------
    record : StepRecord
        The step.
    max_tokens, max_usd : int and float, optional
        The limits asked about.
    position : int, optional
        First recorded call that breaks one of them, as far as the calls can be trusted.
    """
    limits = record.limits(max_tokens=max_tokens, max_usd=max_usd)
    declared = record.step.definition
    if declared and (limits.max_tokens, limits.max_usd) == (declared.max_tokens, declared.max_usd):
        return _as_recorded(record, "these are the limits it ran with")
    asked = StepDefinition(name="", function="", max_tokens=max_tokens, max_usd=max_usd)
    if not record.calls_add_up(tokens=max_tokens is not None, usd=max_usd is not None):
        return _by_total(record, asked)
    return _by_calls(record, asked) if position is None else _at_call(record, limits, position)


def _at_call(record: StepRecord, limits: StepDefinition, position: int) -> StepAnswer:
    usage = record.step.usage
    trip = exceeded_limit(limits, usage[position])
    if record.proved and record.proved[0] == position and trip:
        return _as_recorded(record, "the same call breaks this limit", trip=trip)
    unreached = len(usage) - position - 1
    told = _trip_told(record, trip, position)
    charged = record.calls_add_up(tokens=False, usd=True)
    if not charged:
        told += "; savings are at the prices of the calls, which the step itself was not charged"
    if record.went_on:
        told += ", but the recorded step went on after breaking its own limit and might have done so here"
    return StepAnswer(
        decidability=Decidability.BOUND if record.went_on else Decidability.EXACT,
        because=told,
        trips=True,
        trip=trip,
        position=position,
        calls=position + 1,
        usage=usage[position],
        unreached=unreached,
        savings=record.cost_from[position + 1],
        side=Side.AT_MOST if record.went_on else None,
        changes=unreached > 0 or not record.is_cut,
        charged=charged,
    )


def _by_calls(record: StepRecord, asked: StepDefinition) -> StepAnswer:
    """No recorded call breaks a limit asked about."""
    return _past_the_end(record, asked) or _as_recorded(
        record, "no call breaks the limit, and the step ended by itself"
    )


def _by_total(record: StepRecord, asked: StepDefinition) -> StepAnswer:
    recorded, cost = record.step.recorded, record.step.record["cost_usd"]
    if recorded is None or (asked.max_usd is not None and cost is None):
        because = "neither the usage of its calls nor the total that is asked about is recorded"
        return StepAnswer(decidability=Decidability.INSUFFICIENT, because=because)
    if broken := trip_of(asked, [recorded]):
        return _broken_total(recorded, broken[1])
    if ended := _past_the_end(record, asked):
        return ended
    because = f"its recorded total, {_total_told(recorded)}, is within the limit; its calls are not known"
    return StepAnswer(
        decidability=Decidability.BOUND,
        because=because,
        trips=False,
        calls=record.step.record["llm_calls"],
        usage=recorded,
        unreached=0,
        savings=Decimal(0),
    )


def _broken_total(recorded: Usage, trip: Trip) -> StepAnswer:
    usd = trip.limit is StepLimit.MAX_USD
    savings = exact_sum([recorded.cost_usd, -trip.limit_value]) if usd else None
    because = (
        f"its recorded total, {_total_told(recorded)}, breaks {trip.limit.value} of "
        f"{_amount(trip.limit_value, trip.limit)}; at which call is not known"
        f"{', so no more than the difference was saved' if usd else ''}"
    )
    return StepAnswer(
        decidability=Decidability.BOUND,
        because=because,
        trips=True,
        trip=Trip(limit=trip.limit, limit_value=trip.limit_value),
        savings=savings,
        side=Side.AT_MOST if usd else None,
    )


def _past_the_end(record: StepRecord, asked: StepDefinition) -> StepAnswer | None:
    """Answer where nothing recorded breaks a limit asked about; ``None`` where the step ended by itself."""
    if record.cut_by_another:
        return _as_recorded(record, "the error of a step inside it ended it, not a limit of its own")
    if record.limit is not None and getattr(asked, record.limit.value) is None:
        return _as_recorded(record, f"its {record.limit.value} is not asked about and still cuts it")
    if record.is_cut:
        used = record.step.recorded or record.step.usage[-1]
        limit = f"its {record.limit.value}" if record.limit else "a budget error"
        because = f"{limit} cut it at {_total_told(used)}; what it would have used beyond is not known"
        return StepAnswer(decidability=Decidability.CENSORED, because=because)
    if record.status is None:
        because = "nothing recorded breaks the limit, but nothing says that the step finished"
        return StepAnswer(decidability=Decidability.INSUFFICIENT, because=because)
    return None


def _as_recorded(record: StepRecord, because: str, *, trip: Trip | None = None) -> StepAnswer:
    step = record.step
    position = record.proved[0] if record.proved else None
    calls = step.record["llm_calls"]
    return StepAnswer(
        decidability=Decidability.EXACT,
        because=f"nothing changes: {because}",
        trips=record.trips,
        trip=trip or record.trip,
        position=position,
        calls=len(step.usage) if calls is None else calls,
        usage=step.recorded or (step.usage[-1] if step.usage else None),
        unreached=0,
        savings=Decimal(0),
    )


def _trip_told(record: StepRecord, trip: Trip | None, position: int) -> str:
    usage = record.step.usage
    told = f"call {position + 1} of {len(usage)} breaks it"
    if trip is None:  # pragma: no cover - the fast path and the core agree, as a property test says
        return told
    tokens = trip.limit is StepLimit.MAX_TOKENS
    used = float(usage[position].total_tokens) if tokens else usage[position].cost_usd
    before = record.step.answered[: position + 1]
    unpriced = sum(call["cost_usd"] is None for call in before)
    told = (
        f"call {position + 1} of {len(usage)} takes it to {_amount(used, trip.limit)}, over {trip.limit.value} of "
        f"{_amount(trip.limit_value, trip.limit)}; that call is paid, later ones are not made"
    )
    if unpriced and not tokens:
        told += f" ({unpriced} without a known price up to it counted as 0)"
    return told


def _total_told(usage: Usage) -> str:
    tokens = _amount(float(usage.total_tokens), StepLimit.MAX_TOKENS)
    return f"{tokens} and {_amount(usage.cost_usd, StepLimit.MAX_USD)}"


def _amount(amount: float, limit: StepLimit) -> str:
    if limit is StepLimit.MAX_TOKENS:
        return f"{amount:,.0f} tokens"
    return f"{digits(round(Decimal(repr(amount)), 10))} USD" if math.isfinite(amount) else f"{amount} USD"
