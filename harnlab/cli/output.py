"""How results leave the command line: as text for a person, or as JSON, CSV or Parquet for a program."""

from __future__ import annotations

import io
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import click
import polars as pl

from harnlab import __version__
from harnlab.cli.plain import plain_json, plain_lines
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.invisible import blanked
from harnlab.plurals import counted

#: Changes when a member of the envelope changes its name or meaning.
ENVELOPE_VERSION: Final = 1
#: A cell of a text table is cut after so many characters; a path with its line still fits.
_WIDEST: Final = 110


class Format(StrEnum):
    """Forms in which rows come out."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def envelope(command: str, data: Any) -> str:
    """JSON text of a result: what made it, in which version of the envelope, and the data."""
    told = {"harnlab": __version__, "envelope": ENVELOPE_VERSION, "command": command, "data": data}
    return plain_json(json.dumps(told, ensure_ascii=False, indent=2, default=str))


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as JSON values; times as RFC 3339 text."""
    plain = frame.with_columns(pl.selectors.datetime().dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ"))
    listed: list[dict[str, Any]] = json.loads(plain.write_json())
    return listed


def write_frame(frame: pl.DataFrame, form: Format, *, command: str) -> None:
    """Write a frame to standard output."""
    match form:
        case Format.TABLE:
            click.echo(table(frame))
            if frame.is_empty():
                click.echo("(no rows)")
        case Format.JSON:
            click.echo(envelope(command, rows(frame)))
        case Format.CSV:
            nested = pl.selectors.list().list.join(";")
            text = frame.with_columns(nested).write_csv()
            click.echo(plain_lines(text) if sys.stdout.isatty() else text, nl=False)
        case Format.PARQUET:
            if sys.stdout.isatty():
                raise InvalidArgument(
                    "Parquet is binary", where="--format", hint="redirect it: `… > rows.parquet`"
                )
            # first to memory: Polars itself would call a closed pipe a broken file
            kept = io.BytesIO()
            frame.write_parquet(kept)
            sys.stdout.buffer.write(kept.getbuffer())
            sys.stdout.buffer.flush()


def write_text(text: str, target: str) -> None:
    """Write a text to a file, or to standard output for ``-``.

    Raises
    ------
    UnreadablePath
        When the file cannot be written.
    """
    if target == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UnreadablePath(
            f"cannot be written: {error.strerror}", where=target, hint="a file in a folder you may write to"
        ) from None


def table(frame: pl.DataFrame, *, limit: int = 40) -> str:
    """Frame as an aligned text table: columns without values left out, long texts cut, numbers to the right."""
    shown = frame.head(limit)
    kept = [column for column in shown if column.null_count() < len(column) or shown.height == 0]
    cells = [[column.name, *map(_cell, column.to_list())] for column in kept]
    right = [column.dtype.is_numeric() for column in kept]
    widths = [max(map(len, texts)) for texts in cells]
    lines = []
    for row in zip(*cells, strict=True):
        padded = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    if frame.height > limit:
        lines.append(f"… {counted(frame.height - limit, 'more row')}; --format csv gives them all")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    shown = f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "isoformat") else blanked(str(value))
    text = " ".join(shown.split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
