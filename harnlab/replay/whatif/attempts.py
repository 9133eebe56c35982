"""Recorded attempts of each agent at acting alone, in the order its process counted them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from harnlab.core.autonomy import AutonomyBudget
from harnlab.ingest.trust import log_of
from harnlab.replay.inputs import Frames
from harnlab.replay.whatif.quota_windows import DAY_S, HOUR_S, FixedWindows

ADMITTED: Final = "admitted"
DENIED: Final = "denied"

Row = Mapping[str, Any]


@dataclass(slots=True)
class Attempts:
    """Attempts of one key in one log; counters are kept by process, so logs are never added up.

    Attributes
    ----------
    key : str
        Whose quota was asked.
    rows : sequence of mapping
        Rows of ``autonomy_checks``, in order.
    limits : set of tuple
        ``(per_hour, per_day)`` as its denials record them.
    """

    key: str
    rows: Sequence[Row] = ()
    limits: set[tuple[int | None, int | None]] = field(default_factory=set)

    @property
    def recorded(self) -> tuple[int | None, int | None]:
        """The quota it had; nulls where no denial tells one, or several do."""
        return next(iter(self.limits)) if len(self.limits) == 1 else (None, None)

    def doubtful(self) -> dict[int, str]:
        """UTC days in which a denial counted other decisions than the log holds, and what it says."""
        counting = FixedWindows(AutonomyBudget(key=self.key))
        found: dict[int, str] = {}
        for row in self.rows:
            now_s = second(row)
            if row["decision"] == ADMITTED:
                counting.ask(now_s)
                continue
            count = counting.count(now_s)
            told = row["autonomous_decisions_hour"], row["autonomous_decisions_today"]
            if None not in told and told != (count.this_hour, count.today):
                found[now_s // DAY_S] = (
                    f"the denial on line {row['source_line']} counts {told[0]} in the hour and {told[1]} in the day, "
                    f"the log holds {count.this_hour} and {count.today}"
                )
        return found


def attempts(runs: Frames) -> Iterator[Attempts]:
    """Attempts by log, producer and key; those without a time or key are left out.

    In one file they stand in the order they were made, whatever the clock did; over several files only the time
    orders them, and of two at one moment the admitted one came first.
    """
    checks = runs.frame("autonomy_checks").drop_nulls(["at", "agent_key"])
    checks = checks.filter(pl.col("decision").is_in([ADMITTED, DENIED])).with_columns(log=log_of())
    streams = checks.with_row_index("order").partition_by("log", "producer", "agent_key", maintain_order=True)
    for stream in streams:
        by_line = stream["source_path"].n_unique() == 1 and not stream["source_line"].has_nulls()
        keys = ["source_line", "order"] if by_line else ["at", pl.col("decision") == DENIED, "order"]
        rows = stream.sort(keys).to_dicts()
        limits = {
            (row["per_hour"], row["per_day"])
            for row in rows
            if row["per_hour"] is not None or row["per_day"] is not None
        }
        yield Attempts(key=rows[0]["agent_key"], rows=rows, limits=limits)


def second(row: Row) -> int:
    """UTC second of an attempt."""
    return int(row["at"].timestamp() // 1)


def window_of(at_s: int, *, by_day: bool) -> int:
    """UTC day, or UTC hour where no daily quota joins the hours."""
    return at_s // (DAY_S if by_day else HOUR_S)
