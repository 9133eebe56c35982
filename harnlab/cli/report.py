"""``harnlab report``: the findings as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from harnlab.reports import write_report
from harnlab.runs import load


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("harnlab-report.html"),
    show_default=True, help="File to write.",
)  # fmt: skip
def command(paths: tuple[str, ...], output: Path) -> None:
    """Write what is under each PATH as one HTML file that opens with the network off.

    Example: harnlab report sample_transcripts -o report.html
    """
    click.echo(f"report written to {write_report(load(list(paths)), output)}")
