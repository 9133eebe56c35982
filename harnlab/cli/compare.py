"""``harnlab compare``: what changed from one set of runs to another."""

from __future__ import annotations

import click

from harnlab.analysis.compare import Alignment, compare
from harnlab.analysis.comparison.facts import KINDS
from harnlab.cli.options import as_json, chosen, form
from harnlab.cli.output import Format, envelope, rows, table, write_frame
from harnlab.cli.reading import loaded
from harnlab.plurals import counted

_SHOWN = ("kind", "what", "a_count", "b_count", "a_cost_usd", "b_cost_usd", "change_usd", "first_task")


@click.command(short_help="What changed from one set of runs to another.")
@click.argument("before")
@click.argument("after")
@click.option(
    "--by",
    type=click.Choice([one.value for one in Alignment]),
    default=Alignment.TASK.value,
    show_default=True,
    help="How runs are paired.",
)
@click.option("--kind", type=click.Choice([*KINDS]), help="Only differences of this kind.")
@form
@as_json
def command(before: str, after: str, *, by: str, kind: str | None, form: str, as_json: bool) -> None:
    """Say what differs between the runs under BEFORE and AFTER: costs, routes, outcomes, decisions, words.

    Example: harnlab compare sample_transcripts/regression/baseline sample_transcripts/regression/candidate
    """
    with loaded([before]) as a, loaded([after]) as b:
        found = compare(a, b, by=by)
    differences = found.differences if kind is None else found.of(kind)
    match chosen(form, as_json=as_json):
        case Format.JSON:
            told = {"aligned": found.aligned, "pairs": rows(found.pairs), "differences": rows(differences)}
            click.echo(envelope("compare", told))
        case Format.TABLE:
            click.echo(f"{found.aligned} of {counted(found.pairs.height, 'pair')} with a run on either side")
            click.echo(table(differences.select(_SHOWN)) if differences.height else "nothing differs")
        case other:
            write_frame(differences, other, command="compare")
