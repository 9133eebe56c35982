"""``harnlab report``: the findings as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from harnlab.cli.options import paths
from harnlab.cli.output import envelope
from harnlab.cli.reading import loaded
from harnlab.reports import report_page, write_report


@click.command(short_help="The findings as one HTML file.")
@paths
@click.option(
    "-o",
    "--output",
    default="harnlab-report.html",
    show_default=True,
    help="File to write; - for standard output.",
)
@click.option(
    "--redact", is_flag=True, help="Mask texts of messages, keys, tokens, passwords and e-mail addresses."
)
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON.")
def command(paths: tuple[str, ...], output: str, redact: bool, as_json: bool) -> None:
    """Write what is under each PATH as one HTML file that opens with the network off.

    Example: harnlab report sample_transcripts -o report.html
    """
    with loaded(paths) as runs:
        if output == "-":
            click.echo(report_page(runs, beside=Path.cwd(), redact=redact), nl=False)
            return
        written = write_report(runs, output, redact=redact)
    told = {"written": str(written), "runs": len(runs), "redacted": redact}
    click.echo(envelope("report", told) if as_json else f"report written to {written}")
