"""The sections of the report: what each asks, draws and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import altair as alt
import polars as pl

from harnlab import charts
from harnlab.analysis import autonomy, costs, routes, skills, state
from harnlab.replay import whatif
from harnlab.reports.headlines import worst_of_each_step
from harnlab.runs import Runs

#: A chart that is drawn once its frames are known to be fit to show.
Drawing = tuple[tuple[pl.DataFrame, ...], Callable[..., alt.TopLevelMixin]]
#: Steps that are told and drawn, by their worst overrun; the table has them all.
_TOLD: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table to be: its caption, its rows with ``source_path`` and ``source_line``, and the columns to show."""

    caption: str
    rows: pl.DataFrame
    columns: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: its place, title, sentences, charts and table, and what is said where there is no row."""

    anchor: str
    title: str
    said: str = ""
    told: Sequence[str] = ()
    nothing: str = "Nothing recorded."
    drawings: list[Drawing] = field(default_factory=list)
    listing: Listing | None = None


def sections(runs: Runs) -> Iterator[Section]:
    """Every section, in reading order."""
    yield _overruns(runs)
    yield _money(runs)
    yield _routes(runs)
    yield _skills(runs)
    yield _autonomy(runs)
    yield _state(runs)
    yield Section(
        anchor="runs",
        title="Runs",
        nothing="No run is on record.",
        listing=Listing(
            caption="Every run, and what to look at in it",
            rows=runs.summary.with_columns(noticed=_noticed()),
            columns=("run_id", "task", "status", "started_at", "calls", "cost_usd", "noticed"),
        ),
    )
    yield Section(
        anchor="problems",
        title="Problems",
        said="Every line that could not be read as it should; nothing was left out in silence.",
        nothing="Every line was read.",
        listing=Listing(
            caption="What could not be read",
            rows=runs.problems,
            columns=("kind", "field", "reason"),
        ),
    )


#: Column of a run's summary -> what is counted in it.
_NOTICED: Final = {
    "steps_stopped": ("step stopped", "steps stopped"),
    "inherited_calls": ("inherited call", "inherited calls"),
    "unpriced_calls": ("unpriced call", "unpriced calls"),
    "problems": ("problem", "problems"),
}


def _noticed() -> pl.Expr:
    """Counts of a run that are not zero, in one column: four of mostly zeros would not fit beside the others."""
    said = [
        pl.when(pl.col(name) == 1)
        .then(pl.lit(f"1 {one}"))
        .when(pl.col(name) > 1)
        .then(pl.format(f"{{}} {many}", name))
        for name, (one, many) in _NOTICED.items()
    ]
    return pl.concat_str(said, separator=", ", ignore_nulls=True).replace("", None)


def _overruns(runs: Runs) -> Section:
    over = costs.overruns(runs)
    places = over.with_columns(
        source_path=pl.coalesce("tripping_source_path", "source_path"),
        source_line=pl.when(pl.col("tripping_source_path").is_not_null())
        .then("tripping_source_line")
        .otherwise("source_line"),
    )
    columns = ("step", "status", "limit", "limit_value", "observed", "overshoot", "tripping_call_id")
    drawings: list[Drawing] = []
    worst = worst_of_each_step(over).head(_TOLD)
    for (unit,), rows in worst.group_by("unit", maintain_order=True):
        running = costs.running(runs).join(
            rows.select("run_id", "span_id"), on=["run_id", "span_id"], how="semi", maintain_order="left"
        )
        if running.height:
            drawings.append(((running,), _running_in("tokens" if unit == "tokens" else "USD")))
    return Section(
        anchor="overruns",
        title="Steps over their limit",
        said="The limit is tested after each call and strictly: the call that breaks it is already paid.",
        told=[f"`{row['step']}` ({row['status']}): {row['because']}." for row in worst.to_dicts()],
        nothing="No step went over a limit.",
        drawings=drawings,
        listing=Listing(caption="Steps that went over a declared limit", rows=places, columns=columns),
    )


def _running_in(unit: str) -> Callable[[pl.DataFrame], alt.TopLevelMixin]:
    return lambda rows: charts.costs.running_total(rows, unit=unit)


def _money(runs: Runs) -> Section:
    known = runs.frame("calls").height or runs.frame("steps").height
    names = ("persona", "step", "model")
    by = costs.by(runs, *names)
    drawings: list[Drawing] = []
    if known:
        drawings = [
            ((costs.nested(runs, *names),), charts.costs.icicle),
            ((costs.trend(runs, every=_window(runs), by="model"),), charts.costs.over_time),
        ]
    columns = (*names, "calls", "unpriced_calls", "input_tokens", "output_tokens", "cost_usd", "share_pct")
    return Section(
        anchor="money",
        title="Where the money went",
        said="Recorded costs, added up exactly. Calls without a price are counted and not guessed.",
        drawings=drawings,
        listing=Listing(caption="Cost by persona, step and model", rows=by, columns=columns)
        if known
        else None,
    )


def _routes(runs: Runs) -> Section:
    inherited = routes.inherited(runs)
    drawings: list[Drawing] = []
    if inherited.height:
        drawings = [
            ((routes.matrix(runs),), charts.routes.provenance_matrix),
            ((routes.trend(runs, every=_window(runs)),), charts.routes.inherited_share),
            ((routes.outcomes(runs, by=["model", "origin"]),), _outcomes),
        ]
    columns = (
        "timestamp", "model", "provider", "wire_format", "inherited_fields", "outcome_kind", "cost_usd",
    )  # fmt: skip
    return Section(
        anchor="routes",
        title="Inherited routes",
        said="Each call is sent to a provider and a model, in a wire format. These calls took one of those from "
        "the route of the primary model, and not one chosen for them; nothing announces it. For a ticket:",
        told=[routes.incident(runs).paragraph],
        nothing="No call inherited its route."
        if runs.frame("dispatches").height
        else "No route is on record.",
        drawings=drawings,
        listing=Listing(caption="Inherited dispatches, oldest first", rows=inherited, columns=columns),
    )


def _outcomes(rows: pl.DataFrame) -> alt.TopLevelMixin:
    return charts.routes.outcome_mix(rows, top=6)


def _window(runs: Runs) -> str:
    """Width of a window of time that leaves its bars wide enough to be seen."""
    times = runs.frame("calls")["requested_at"].drop_nulls()
    first, last = times.min(), times.max()
    span = last - first if isinstance(first, datetime) and isinstance(last, datetime) else timedelta()
    widths = {"1h": timedelta(days=4), "1d": timedelta(days=90), "1w": timedelta(days=600)}
    return next((width for width, most in widths.items() if span <= most), "30d")


def _skills(runs: Runs) -> Section:
    omitted = skills.omitted(runs)
    drawings: list[Drawing] = []
    cards = runs.frame("skill_cards")
    if cards.height:
        worst = (omitted if omitted.height else cards)["run_id"][0]
        lifecycle = skills.lifecycle(runs[worst])
        if lifecycle.height <= charts.costs.MOST_ROWS:
            drawings.append(((lifecycle,), charts.skills.lifecycle_matrix))
    columns = (
        "skill_id", "omitted_reason", "omitted_turns", "turns_recorded", "in_use_turns", "budget_needed",
    )  # fmt: skip
    return Section(
        anchor="skills",
        title="Skills left out",
        said="A skill whose card does not fit the catalog's budget is not shown to the model in that turn. "
        "budget_needed is the smallest budget, in bytes, that shows the card in every turn.",
        nothing="No skill was left out." if cards.height else "No skill catalog is on record.",
        drawings=drawings,
        listing=Listing(caption="Skills that were not shown in some turn", rows=omitted, columns=columns),
    )


def _autonomy(runs: Runs) -> Section:
    usage, denials = autonomy.usage(runs), autonomy.denials(runs)
    columns = ("at", "agent_key", "reason", "per_hour", "per_day", "approval_status", "waited_s")
    return Section(
        anchor="autonomy",
        title="Autonomy denied",
        said="An agent may decide so often alone; beyond its quota a person is asked. Quotas are counted in UTC "
        "hours and days that do not roll.",
        nothing="No decision was denied." if usage.height else "No autonomy quota is on record.",
        drawings=[((usage,), charts.autonomy.hours)] if usage.height else [],
        listing=Listing(caption="Decisions that needed an approval", rows=denials, columns=columns),
    )


def _state(runs: Runs) -> Section:
    entries, handoffs = state.entries(runs), state.handoffs(runs)
    timed = entries.filter(pl.col("state") == "value")["updated_at"].count()
    fits = timed > 0 and entries.height + handoffs.height <= charts.costs.MOST_ROWS
    columns = ("kind", "session_id", "key", "previous_writer", "current_writer", "at", "because")
    return Section(
        anchor="state",
        title="Durable state",
        said="What agents leave for each other under a key. In a conflict one agent writes where another had "
        "written.",
        nothing="No conflict." if entries.height + handoffs.height else "No durable state is on record.",
        drawings=[((entries, handoffs), charts.state.writer_lanes)] if fits else [],
        listing=Listing(
            caption="Conflicts between writers, recorded or suspected",
            rows=state.conflicts(runs),
            columns=columns,
        ),
    )


def decidability() -> list[dict[str, Any]]:
    """What a record can decide, question by question."""
    return whatif.DECIDABILITY.to_dicts()
