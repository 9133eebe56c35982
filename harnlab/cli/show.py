"""``harnlab show``: what is there, what is wrong with it, and the two findings an analyst came for."""

from __future__ import annotations

import textwrap
from typing import Any

import click
import polars as pl

from harnlab.analysis import costs, routes
from harnlab.cli.options import as_json, chosen, completed, form, paths
from harnlab.cli.output import Format, envelope, rows, table, write_frame
from harnlab.cli.plain import plain_lines
from harnlab.cli.reading import loaded
from harnlab.errors import InvalidArgument
from harnlab.frames import SCHEMAS
from harnlab.runs import Runs


@click.command(short_help="What is there, what is wrong with it, and the two findings.")
@paths
@click.option(
    "--frame",
    shell_complete=completed(lambda: ["summary", *SCHEMAS]),
    help="Print the rows of one frame instead (`harnlab schema` lists them).",
)
@form
@as_json
def command(paths: tuple[str, ...], frame: str | None, form: str, as_json: bool) -> None:
    """Say what is under each PATH (a file, a folder, a pattern, or - for a transcript), and what went wrong in it.

    Example: harnlab show sample_transcripts/cost-overrun
    """
    asked = chosen(form, as_json=as_json)
    if frame is None and asked not in (Format.TABLE, Format.JSON):
        raise InvalidArgument(
            f"{asked.value} without a frame",
            where="--format",
            expected="--frame NAME beside it",
            hint="--frame summary",
        )
    with loaded(paths) as runs:
        if frame is not None:
            rows_of = runs.summary if frame == "summary" else runs.frame(frame)
            write_frame(rows_of, asked, command=f"show {frame}")
            return
        findings = _Findings(runs)
        told = envelope("show", findings.plain()) if asked is Format.JSON else plain_lines(findings.text())
        click.echo(told)


class _Findings:
    """The first look at some runs."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.overruns = costs.overruns(runs)
        self.incident = routes.incident(runs)

    def plain(self) -> dict[str, object]:
        """Everything as JSON values."""
        incident = self.incident
        first = incident.first
        return {
            "files": [{"path": s.shown, "kind": s.kind.value, "run_id": s.run_id} for s in self.runs.sources],
            "frames": {name: self.runs.frame(name).height for name in SCHEMAS},
            "runs": rows(self.runs.summary),
            "problems": rows(self.runs.problems),
            "overruns": rows(self.overruns),
            "inherited": {
                "found": incident.found,
                "first": first and {"place": first.place, "call_id": first.call_id, "run_id": first.run_id},
                "fields": incident.fields,
                "calls": incident.calls,
                "runs": incident.runs,
                "cost_usd": str(incident.cost_usd),
                "unpriced_calls": incident.unpriced_calls,
                "paragraph": incident.paragraph,
            },
        }

    def text(self) -> str:
        """Everything as text."""
        parts = [
            self._there(),
            self._wrong(),
            self._over(),
            f"INHERITED ROUTE\n{_wrapped(self.incident.paragraph)}",
        ]
        return "\n\n".join(parts)

    def _there(self) -> str:
        kinds = pl.Series([source.kind.value for source in self.runs.sources]).value_counts(sort=True)
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.iter_rows())
        columns = [
            "run_id",
            "status",
            "started_at",
            "calls",
            "cost_usd",
            "unpriced_calls",
            "inherited_calls",
            "steps",
            "problems",
        ]
        return f"RUNS: {len(self.runs)} from {told}\n{table(self.runs.summary.select(columns))}"

    def _wrong(self) -> str:
        problems: pl.DataFrame = self.runs.problems
        if problems.is_empty():
            return "PROBLEMS: none, every line was read"
        counts = problems["kind"].value_counts(sort=True)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.iter_rows())
        shown = (
            problems.group_by("source_path", "kind", maintain_order=True)
            .agg(pl.col("source_line").first(), pl.col("reason").first(), rows=pl.len())
            .select(
                "rows",
                "kind",
                first=pl.format("{}:{}", "source_path", pl.col("source_line").fill_null(1)),
                reason="reason",
            )
        )
        return f"PROBLEMS: {told}\n{table(shown)}"

    def _over(self) -> str:
        if self.overruns.is_empty():
            return "STEPS OVER THEIR LIMIT: none"
        told = [_overrun(row) for row in self.overruns.iter_rows(named=True)]
        return "\n".join([f"STEPS OVER THEIR LIMIT: {len(told)}", *told])


def _overrun(row: dict[str, Any]) -> str:
    where = row["tripping_source_path"] or row["source_path"]
    line = row["tripping_source_line"] or row["source_line"]
    numbers = "no limit on record"
    if row["limit_value"] is not None:
        numbers = f"{row['limit']} {row['limit_value']:g}"
        if row["observed"] is not None:
            numbers += f", observed {row['observed']:g}, over by {row['overshoot']:g}"
    call = (
        f"tripped at call {row['tripping_call_id']}"
        if row["tripping_call_id"]
        else "the tripping call is not recorded"
    )
    return f"- {row['step']} ({row['status']}): {numbers}; {call}\n  {where}:{line}"


def _wrapped(text: str) -> str:
    # a path or a model name that is broken at a hyphen cannot be copied
    return textwrap.fill(text, 100, break_on_hyphens=False, break_long_words=False)
