"""``harnlab parity``: every recorded decision decided again."""

from __future__ import annotations

import click
import polars as pl

from harnlab.cli.options import as_json, chosen, form, paths
from harnlab.cli.output import Format, envelope, rows, table, write_frame
from harnlab.cli.reading import loaded
from harnlab.replay import Verdict, counts, parity
from harnlab.replay.parity import CORES


@click.command(short_help="Every recorded decision decided again.")
@paths
@click.option("--core", type=click.Choice([*CORES]), help="Only decisions of this core.")
@click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    type=click.Choice([verdict.value for verdict in Verdict]),
    help="Rows to print (repeatable). Default: all but match.",
)
@form
@as_json
def command(
    paths: tuple[str, ...], core: str | None, verdicts: tuple[str, ...], form: str, as_json: bool
) -> None:
    """Decide every recorded decision again and say which come out otherwise.

    Example: harnlab parity sample_transcripts/autonomy-pressure

    Example: harnlab parity runs/ --verdict mismatch --format csv
    """
    with loaded(paths) as runs:
        found = parity(runs) if core is None else parity(runs).filter(pl.col("core") == core)
    wanted = verdicts or tuple(verdict.value for verdict in Verdict if verdict is not Verdict.MATCH)
    counted, listed = counts(found), found.filter(pl.col("verdict").is_in(wanted))
    match chosen(form, as_json=as_json):
        case Format.JSON:
            click.echo(envelope("parity", {"counts": rows(counted), "rows": rows(listed)}))
        case Format.TABLE:
            click.echo(table(counted))
            if listed.height:
                click.echo(f"\n{table(listed)}")
        case other:
            write_frame(listed, other, command="parity")
