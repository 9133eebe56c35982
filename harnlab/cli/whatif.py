"""``harnlab whatif``: what another limit, budget, quota or route would have changed, and how far that is proved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import polars as pl

from harnlab.cli.options import as_json, chosen, form, paths
from harnlab.cli.output import Format, table, write_frame
from harnlab.cli.reading import loaded
from harnlab.errors import HarnlabError
from harnlab.replay import whatif
from harnlab.runs import Runs


class _Several(click.ParamType[Any]):
    """One value or several, as ``0.1,0.2,0.4``; whole numbers also as ``100:500:50``."""

    def __init__(self, of: Callable[[str], Any], name: str) -> None:
        self.of, self.name = of, name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            if self.of is int and ":" in value:
                return list(range(*(int(part) for part in value.split(":"))))
            return [self.of(part) for part in value.split(",")]
        except (TypeError, ValueError):
            self.fail(f"{value!r} is no {self.name}.", param, ctx)


_AMOUNTS = _Several(float, "amount, such as 0.1,0.2,0.4")
_COUNTS = _Several(int, "count, such as 100,200 or 100:500:50")

#: An argument of a function in an error's text.
_ARGUMENT: Final = re.compile(r"\b([a-z]+(?:_[a-z]+)*)=(?=\S)")

#: Columns of each question that a text table shows.
_SHOWN: Final = {
    "step-budget": (
        "step", "asked_max_usd", "asked_max_tokens", "recorded_status", "recorded_cost_usd", "whatif_trips",
        "whatif_cost_usd", "overshoot", "savings_usd", "savings_side", "decidability",
    ),
    "catalog": (
        "turn", "asked_budget", "asked_limit", "recorded_shown", "whatif_shown", "whatif_used_chars", "entered",
        "left", "decidability",
    ),
    "autonomy": (
        "agent_key", "at", "asked_per_hour", "asked_per_day", "recorded_decision", "whatif_decision", "whatif_reason",
        "decidability",
    ),
    "route": ("call_id", "field", "recorded", "whatif", "decidability", "because"),
}  # fmt: skip


@click.group(short_help="What another limit, budget, quota or route would have changed.")
def command() -> None:
    """Ask what another limit, budget, quota or route would have changed.

    Every answer says in `decidability` how far the record proves it, and in `because` why.

    Example: harnlab whatif step-budget runs/ --step verify --max-usd 0.1,0.2,0.4
    """


def _write(frame: pl.DataFrame, question: str, form: str, *, as_json: bool) -> None:
    """Every column for a program; for a person those that fit a screen, and where the row stands."""
    asked = chosen(form, as_json=as_json)
    if asked is Format.TABLE and question in _SHOWN:
        place = pl.format("{}:{}", "source_path", pl.col("source_line").fill_null(1)).alias("place")
        click.echo(table(frame.select(*_SHOWN[question], place)))
        if frame.is_empty():
            click.echo("(no rows: these runs record nothing that this question could change)")
        return
    write_frame(frame, asked, command=f"whatif {question}")


@contextmanager
def _asked_of(paths: tuple[str, ...], question: str) -> Iterator[Runs]:
    """Runs under some paths; errors name options of the command line where they named arguments of the function."""
    with loaded(paths) as runs:
        try:
            yield runs
        except HarnlabError as error:
            if (error.where or "").startswith("whatif."):
                _in_options(error, f"whatif {question}")
            raise


def _in_options(error: HarnlabError, command: str) -> None:
    def told(text: str) -> str:
        return _ARGUMENT.sub(lambda name: f"--{name[1].replace('_', '-')} ", text)

    error.where, error.found = command, told(error.found)
    error.expected, error.hint = (text and told(text) for text in (error.expected, error.hint))


@command.command("step-budget")
@paths
@click.option("--step", help="Only steps of this name.")
@click.option("--persona", help="Only steps of this persona.")
@click.option(
    "--max-usd", type=_AMOUNTS, metavar="USD,...", help="Ceilings on spend, such as 0.1,0.2; inf for none."
)
@click.option(
    "--max-tokens",
    type=_COUNTS,
    metavar="N,...",
    help="Ceilings on tokens, such as 1000,2000 or 1000:9000:500.",
)
@form
@as_json
def step_budget(paths: tuple[str, ...], form: str, as_json: bool, **question: Any) -> None:
    """Ask what steps would have done under other ceilings.

    Example: harnlab whatif step-budget sample_transcripts/cost-overrun --step verify --max-usd 0.1,0.2
    """
    with _asked_of(paths, "step-budget") as runs:
        _write(whatif.step_budget(runs, **question), "step-budget", form, as_json=as_json)


@command.command("catalog")
@paths
@click.option(
    "--budget",
    type=_COUNTS,
    metavar="N,...",
    help="Catalog budgets, UTF-8 bytes, such as 500,900 or 400:1200:100.",
)
@click.option("--limit", type=_COUNTS, metavar="N,...", help="Most cards a catalog may hold.")
@form
@as_json
def catalog(paths: tuple[str, ...], form: str, as_json: bool, **question: Any) -> None:
    """Ask which skill cards other budgets would have shown.

    Example: harnlab whatif catalog sample_transcripts/skill-catalog --budget 400:1200:100
    """
    with _asked_of(paths, "catalog") as runs:
        _write(whatif.catalog(runs, **question), "catalog", form, as_json=as_json)


@command.command("autonomy")
@paths
@click.option(
    "--per-hour", type=_COUNTS, metavar="N,...", help="Decisions alone in a UTC hour, such as 2,4,6."
)
@click.option("--per-day", type=_COUNTS, metavar="N,...", help="Decisions alone in a UTC day, such as 8,12.")
@click.option("--agent-key", help="Only attempts of this key.")
@form
@as_json
def autonomy(paths: tuple[str, ...], form: str, as_json: bool, **question: Any) -> None:
    """Ask which decisions other quotas would have denied.

    Example: harnlab whatif autonomy sample_transcripts/autonomy-pressure --per-hour 2,4,6
    """
    with _asked_of(paths, "autonomy") as runs:
        _write(whatif.autonomy(runs, **question), "autonomy", form, as_json=as_json)


@command.command("route")
@paths
@click.option("--provider", help="Provider the calls should have gone to.")
@click.option("--model", help="Model that should have been called.")
@form
@as_json
def route(paths: tuple[str, ...], form: str, as_json: bool, **question: Any) -> None:
    """Ask where inherited calls would have gone had their route been pinned.

    Example: harnlab whatif route sample_transcripts/inherited-route
    """
    with _asked_of(paths, "route") as runs:
        _write(whatif.route(runs, **question), "route", form, as_json=as_json)


@command.command("decidability")
@form
@as_json
def decidability(form: str, as_json: bool) -> None:
    """Print what a record can prove about each question, and why.

    Example: harnlab whatif decidability
    """
    _write(whatif.DECIDABILITY, "decidability", form, as_json=as_json)
