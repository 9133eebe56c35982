"""What is recorded of one run of a step, as far as another limit could change it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Final

from harnlab.core.steps import StepDefinition, Trip
from harnlab.money import exact_sum
from harnlab.replay.step_instances import StepInstance, proved_trip, trip_of
from harnlab.vocabulary import StepLimit, StepStatus

_CUT: Final = frozenset({StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.ESCALATED})


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step, and what ended it."""

    step: StepInstance

    @property
    def name(self) -> str:
        """Name of the step."""
        return str(self.step.record["step"])

    @property
    def status(self) -> str | None:
        """Status it finished with; ``None`` where no record says that it finished."""
        status: str | None = self.step.record["status"]
        return status

    @cached_property
    def proved(self) -> tuple[int, Trip] | None:
        """Call that broke a declared limit, where the calls prove it."""
        return proved_trip(self.step)

    @cached_property
    def trip(self) -> Trip | None:
        """How it broke a declared limit, by its calls or by its total."""
        if self.proved:
            return self.proved[1]
        by_total = trip_of(self.step.definition, [self.step.recorded]) if self.step.recorded else None
        return by_total[1] if by_total else None

    @cached_property
    def limit(self) -> StepLimit | None:
        """Which of its own limits broke, as far as that is known."""
        if self.trip:
            return self.trip.limit
        error = self.step.record["error"] or ""
        own = (limit for limit in StepLimit if error.startswith(f"step `{self.name}` exceeded {limit} "))
        return next(own, None)

    @property
    def is_cut(self) -> bool:
        """Whether something kept the step from going on."""
        return self.status in _CUT or self.limit is not None

    @property
    def cut_by_another(self) -> bool:
        """Whether the error that ended it was that of a step inside it."""
        error = self.step.record["error"] or ""
        return self.limit is None and error.startswith("step `")

    @property
    def trips(self) -> bool | None:
        """Whether one of its own limits broke."""
        if self.limit is not None:
            return True
        return False if self.status == StepStatus.COMPLETED or self.cut_by_another else None

    @cached_property
    def cost_from(self) -> list[Decimal]:
        """Known cost of its calls from each one on, USD, exact; the last member is 0."""
        costs = [call["cost_usd"] for call in reversed(self.step.answered)]
        known = (0.0 if cost is None or not math.isfinite(cost) else cost for cost in costs)
        sums = accumulate(known, lambda some, cost: exact_sum((some, cost)), initial=Decimal(0))
        return list(sums)[::-1]

    @property
    def went_on(self) -> bool:
        """Whether calls follow the one that broke a limit: a step may catch the error in a function it calls."""
        return self.proved is not None and self.proved[0] < len(self.step.usage) - 1

    def calls_add_up(self, *, tokens: bool, usd: bool) -> bool:
        """Whether the calls sum to the totals the runtime recorded, in what is asked about."""
        usage, recorded = self.step.usage, self.step.recorded
        if not usage or recorded is None:
            return bool(usage)
        if tokens and usage[-1].total_tokens != recorded.total_tokens:
            return False
        cost = self.step.record["cost_usd"]
        if not usd:
            return True
        if cost is None:
            return not math.isfinite(usage[-1].cost_usd)
        return math.isclose(usage[-1].cost_usd, cost, rel_tol=1e-9)

    def limits(self, *, max_tokens: int | None, max_usd: float | None) -> StepDefinition:
        """The declared limits, those asked about in their place."""
        record = self.step.record
        declared = self.step.definition or StepDefinition(
            name=self.name, function=record["function"] or self.name
        )
        return replace(
            declared,
            max_tokens=declared.max_tokens if max_tokens is None else max_tokens,
            max_usd=declared.max_usd if max_usd is None else max_usd,
        )
