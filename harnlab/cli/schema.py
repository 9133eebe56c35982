"""``harnlab schema``: what the frames are, which files are read, and what rules and JSON output look like."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from harnlab.cli.options import completed
from harnlab.cli.output import envelope
from harnlab.cli.source_kinds import SOURCES
from harnlab.frames import ALL_FRAMES, SCHEMA_VERSION, SCHEMAS, FrameSchema, schema


@click.command(short_help="What the frames and their columns mean.")
@click.argument("name", required=False, shell_complete=completed(lambda: [*SCHEMAS, *_OTHERS]))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(name: str | None, as_json: bool) -> None:
    """Print every frame, or one: what a row is, its key, each column's type, unit and meaning.

    NAME is a frame, or `sources` (files that are read), `rules` (JSON Schema of rules for `harnlab check`),
    `envelope` (JSON Schema of what --json prints) or `tail` (JSON Schema of a line of `harnlab tail --json`).

    Example: harnlab schema calls

    Example: harnlab schema rules > rules.schema.json
    """
    if name is not None and name in _OTHERS:
        _OTHERS[name](as_json)
        return
    chosen = [schema(name)] if name else list(ALL_FRAMES)
    if as_json:
        click.echo(envelope("schema", {"schema_version": SCHEMA_VERSION, "frames": [*map(_plain, chosen)]}))
    elif name:
        click.echo(_described(chosen[0]))
    else:
        width = max(len(one.name) for one in chosen)
        click.echo("\n".join(f"{one.name:<{width}}  {one.row}" for one in chosen))
        click.echo(f"\n`harnlab schema FRAME` lists a frame's columns. There is also: {', '.join(_OTHERS)}.")


def _sources(as_json: bool) -> None:
    if as_json:
        listed = [
            {"kind": kind.value, "found_as": found, "holds": holds}
            for kind, (found, holds) in SOURCES.items()
        ]
        click.echo(envelope("schema sources", listed))
        return
    width = max(len(kind.value) for kind in SOURCES)
    for kind, (found, holds) in SOURCES.items():
        click.echo(f"{kind.value:<{width}}  {holds}\n{'':<{width}}  {found}")


def _rules(as_json: bool) -> None:
    from harnlab.gate import rules_schema  # noqa: PLC0415 - only this needs the gate

    _print_schema("schema rules", rules_schema(), as_json=as_json)


def _envelope(as_json: bool) -> None:
    from harnlab.cli.payloads import envelope_schema  # noqa: PLC0415 - asks every question once

    _print_schema("schema envelope", envelope_schema(), as_json=as_json)


def _tail(as_json: bool) -> None:
    from harnlab.cli.payloads import tail_schema  # noqa: PLC0415

    _print_schema("schema tail", tail_schema(), as_json=as_json)


def _print_schema(name: str, found: dict[str, Any], *, as_json: bool) -> None:
    """A JSON Schema as it is, so that a file of it can be used; in an envelope only when that is asked for."""
    click.echo(envelope(name, found) if as_json else json.dumps(found, ensure_ascii=False, indent=2))


_OTHERS: Final[Mapping[str, Callable[[bool], None]]] = {
    "sources": _sources,
    "rules": _rules,
    "envelope": _envelope,
    "tail": _tail,
}


def _plain(one: FrameSchema) -> dict[str, object]:
    columns = [
        {"name": c.name, "dtype": str(c.dtype), "unit": c.unit, "nullable": c.nullable, "doc": c.doc}
        for c in one.columns
    ]
    return {"name": one.name, "row": one.row, "key": list(one.key), "columns": columns}


def _described(one: FrameSchema) -> str:
    width = max(map(len, one.names))
    lines = [f"{one.name}: {one.row}", f"key: {', '.join(one.key)}", ""]
    for column in one.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        lines.append(f"{column.name:<{width}}  {_dtype(column.dtype):<13}  {column.doc}{unit}")
    return "\n".join(lines)


def _dtype(dtype: object) -> str:
    return str(dtype).replace("Datetime(time_unit='us', time_zone='UTC')", "Datetime[UTC]")
