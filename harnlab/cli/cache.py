"""``harnlab cache``: what is kept of large transcripts, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import click
import polars as pl

from harnlab.cache.folder import CacheFolder, Kept
from harnlab.cli.output import envelope, table

Action = Literal["show", "clear", "path"]


@click.command(short_help="What is kept of large transcripts.")
@click.argument("action", type=click.Choice(["show", "clear", "path"]), default="show")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(action: Action, as_json: bool) -> None:
    """Show what is kept of large transcripts to look at them again at once, remove it, or tell where it lies.

    Nothing is lost by `clear`: the logs are read again. HARNLAB_CACHE_DIR names another folder, HARNLAB_CACHE_MAX how
    much it may hold (2GB; 0 for no cache).

    Example: harnlab cache

    Example: harnlab cache clear
    """
    folder = CacheFolder()
    told: dict[str, Any] = {"folder": str(folder.path)}
    if action == "path":
        text = str(folder.path)
    elif action == "clear":
        told["freed_bytes"] = folder.clear()
        text = f"{_megabytes(told['freed_bytes'])} freed in {folder.path}"
    else:
        files = _by_file(folder.kept())
        held = sum(one["kept_bytes"] for one in files)
        told |= {"most_bytes": folder.most_bytes, "kept_bytes": held, "files": files}
        text = _shown(files)
        text += f"{_megabytes(held)} of {_megabytes(folder.most_bytes)} at most in {folder.path}"
    click.echo(envelope(f"cache {action}", told) if as_json else text)


def _by_file(kept: Iterable[Kept]) -> list[dict[str, Any]]:
    """A row for each file; one without a path for what no entry of this version is."""
    files: dict[str | None, dict[str, Any]] = {}
    for one in kept:
        path = one.entry.path if one.entry else None
        row = files.setdefault(
            path, {"path": path, "log_bytes": 0, "kept_bytes": 0, "used_at": one.used_at.isoformat()}
        )
        row["kept_bytes"] += one.size
        row["log_bytes"] = max(row["log_bytes"], one.entry.end.offset if one.entry else 0)
    return list(files.values())


def _shown(files: list[dict[str, Any]]) -> str:
    if not files:
        return ""
    rows = [
        {
            "file": one["path"] or "(damaged or unfinished)",
            "log": _megabytes(one["log_bytes"]) if one["path"] else None,
            "kept": _megabytes(one["kept_bytes"]),
            "used": one["used_at"][:16].replace("T", " "),
        }
        for one in files
    ]
    return f"{table(pl.DataFrame(rows, infer_schema_length=None), limit=len(rows))}\n\n"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
