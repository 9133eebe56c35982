"""``harnlab tail``: what is appended to a log, as it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from harnlab.cli.plain import plain_json
from harnlab.invisible import blanked
from harnlab.tailing import tail


@click.command(short_help="Events of a growing log as they come.")
@click.argument("path")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more at the end.")
@click.option(
    "--interval",
    default=0.2,
    type=click.FloatRange(min=0, min_open=True),
    show_default=True,
    help="Seconds between two looks at the file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each event as one JSON object in a line.")
def command(path: str, follow: bool, interval: float, as_json: bool) -> None:
    """Print the events of a growing transcript or event log; Ctrl-C ends it.

    With --json these are JSON Lines: each a row of `events`, as `harnlab schema tail` describes it.

    Example: harnlab tail runs/llm_transcript.jsonl --json | jq .type
    """
    with tail(path, follow=follow, interval_s=interval) as rows:
        for row in rows:
            click.echo(_json(row) if as_json else _line(row))


def _json(row: dict[str, Any]) -> str:
    return plain_json(json.dumps(row, ensure_ascii=False, default=_instant))


def _instant(at: datetime) -> str:
    """Time as every other command writes it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _line(row: dict[str, Any]) -> str:
    at = f"{row['timestamp']:%Y-%m-%d %H:%M:%S}" if row["timestamp"] else "-" * 19
    about = [row["type"] or "?", row["call_id"] or row["request_id"] or row["session_id"] or ""]
    return blanked("  ".join([at, f"{row['source_path']}:{row['source_line']}", *about]).rstrip())
