"""``harnlab check``: runs against rules; the exit code is the verdict."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from harnlab.cli.judged import Judged
from harnlab.cli.options import as_json, chosen, form
from harnlab.cli.output import Format, envelope, table, write_frame, write_text
from harnlab.cli.reading import loaded
from harnlab.errors import InvalidArgument
from harnlab.gate import (
    Rules,
    baseline_of,
    blocking,
    check,
    exit_code,
    read_rules,
    to_junit,
    to_markdown,
    write_baseline,
)
from harnlab.gate.findings import count_told, place
from harnlab.gate.outputs import json_document
from harnlab.invisible import blanked
from harnlab.plurals import counted


@click.command(short_help="Runs against rules and a baseline; the exit code is the verdict.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--rules", "rules_path", default="rules.toml", show_default=True, help="Rules to hold the runs against."
)
@click.option(
    "--baseline", help="Baseline file, or folder of runs, to compare with. Default: what the rules name."
)
@click.option(
    "--update-baseline", is_flag=True, help="Write the runs as the new baseline instead of checking them."
)
@click.option("--junit", metavar="FILE", help="Also write JUnit XML (- for standard output).")
@click.option(
    "--markdown", metavar="FILE", help="Also write Markdown for a pull request (- for standard output)."
)
@form
@as_json
@click.pass_context
def command(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    rules_path: str,
    baseline: str | None,
    update_baseline: bool,
    junit: str | None,
    markdown: str | None,
    form: str,
    as_json: bool,
) -> None:
    """Hold the runs under each PATH (default: those the rules name) against rules.

    Exit code 0: nothing got worse; 1: findings; 2: wrong usage or rules; 3: something cannot be read.

    Example: harnlab check candidate/ --rules rules.toml --junit findings.xml

    Example: harnlab check runs/ --rules rules.toml --update-baseline
    """
    rules = read_rules(rules_path)
    named = paths or rules.runs
    if not named:
        raise InvalidArgument(
            "no runs to check", where=rules_path, hint='name a PATH, or runs = ["…"] in the rules'
        )
    with loaded(named) as runs:
        if update_baseline:
            kept = baseline_of(runs, rules)
            target = write_baseline(kept, _target(baseline, rules))
            told = {"written": target.as_posix(), "measures": len(kept.measures), "runs": len(kept.runs)}
            text = f"baseline of {counted(len(kept.runs), 'run')} written to {target}"
            click.echo(envelope("check --update-baseline", told) if as_json else text)
            return
        found = check(runs, rules=rules, baseline=baseline)
    code = context.ensure_object(Judged).code = exit_code(found)
    for file, written_as in ((junit, to_junit), (markdown, to_markdown)):
        if file:
            write_text(written_as(found), file)
    if "-" not in (junit, markdown):
        _print(found, chosen(form, as_json=as_json))
    context.exit(code)


def _target(given: str | None, rules: Rules) -> Path:
    name = given or rules.baseline
    if name is None:
        raise InvalidArgument(
            "no file to write the baseline to", where="--update-baseline", hint="--baseline FILE"
        )
    if Path(name).is_dir():
        raise InvalidArgument(
            "a folder of runs", where=name, expected="a file", hint="--baseline baseline.json"
        )
    return Path(name)


def _print(found: pl.DataFrame, form: Format) -> None:
    if form is Format.JSON:
        click.echo(envelope("check", json_document(found)))
    elif form is not Format.TABLE:
        write_frame(found, form, command="check")
    else:
        click.echo(table(found.select("rule", "scope", "observed", "baseline", "allowed", "unit", "verdict")))
        stopping = blocking(found)
        click.echo(f"\n{'FINDINGS' if stopping.height else 'PASSED'}: {count_told(found)}")
        for row in stopping.iter_rows(named=True):
            click.echo(blanked(f"- {row['rule']} ({row['scope']}): {row['because']}"))
            if where := place(row):
                click.echo(blanked(f"  {where}"))
