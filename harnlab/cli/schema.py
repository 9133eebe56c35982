"""``harnlab schema``: what the frames are."""

from __future__ import annotations

import click

from harnlab.cli.output import envelope
from harnlab.frames import ALL_FRAMES, SCHEMA_VERSION, FrameSchema, schema


@click.command()
@click.argument("frame", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(frame: str | None, as_json: bool) -> None:
    """Print every frame, or FRAME: what a row is, its key, each column's type, unit and meaning.

    Example: harnlab schema calls
    """
    chosen = [schema(frame)] if frame else list(ALL_FRAMES)
    if as_json:
        click.echo(envelope("schema", {"schema_version": SCHEMA_VERSION, "frames": [*map(_plain, chosen)]}))
    elif frame:
        click.echo(_described(chosen[0]))
    else:
        width = max(len(one.name) for one in chosen)
        click.echo("\n".join(f"{one.name:<{width}}  {one.row}" for one in chosen))
        click.echo("\n`harnlab schema FRAME` lists a frame's columns.")


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
