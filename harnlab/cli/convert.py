"""``harnlab convert``: runs to a Parquet lake, which every other command reads as it reads the files."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from harnlab.cli.options import as_json, chosen, form, paths
from harnlab.cli.output import Format, envelope, rows, table, write_frame
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.lake.conversion import Converted, convert
from harnlab.plurals import counted

_CONNECT_S: Final = 10


@click.command(short_help="Runs as a Parquet lake, for thousands of them.")
@paths
@click.option(
    "-o",
    "--output",
    "lake",
    required=True,
    type=click.Path(path_type=Path),
    metavar="LAKE",
    help="Folder to write.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes that read. Default: this one alone.")
@click.option(
    "--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster that reads, such as tcp://host:8786."
)
@click.option("--drop-missing", is_flag=True, help="Let rows of files that are gone leave the lake.")
@form
@as_json
def command(
    *,
    paths: tuple[str, ...],
    lake: Path,
    workers: int | None,
    dask: str | None,
    drop_missing: bool,
    form: str,
    as_json: bool,
) -> None:
    """Write every frame of what is under each PATH as Parquet, for thousands of runs and for other tools.

    Run again, it does only what has changed; stopped half-way, it goes on where it was. LAKE stands for its files in
    every other command.

    Example: harnlab convert runs/ -o lake --workers 4

    Example: harnlab show lake
    """
    if "-" in paths:
        raise InvalidArgument(
            "standard input", where="convert", expected="files, whose rows can lead back to them"
        )
    if dask and workers:
        raise InvalidArgument("--workers beside --dask", where="convert", expected="one of them")
    with _executor(dask) as executor:
        done = _converted(paths, lake, executor, workers, drop_missing=drop_missing)
    match chosen(form, as_json=as_json):
        case Format.JSON:
            click.echo(envelope("convert", _plain(done)))
        case Format.TABLE:
            click.echo(_told(done))
        case other:
            write_frame(done.to_frame(), other, command="convert")


def _converted(
    paths: tuple[str, ...], lake: Path, executor: Executor | None, workers: int | None, *, drop_missing: bool
) -> Converted:
    try:
        return convert(list(paths), lake, executor=executor, workers=workers, drop_missing=drop_missing)
    except KeyboardInterrupt:
        click.echo("harnlab: what is done is kept; the same command goes on from here", err=True)
        raise


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    """Executor of a Dask cluster; ``None`` without an address."""
    if address is None:
        yield None
        return
    try:
        distributed = import_module("distributed")  # an extra
    except ImportError:
        raise InvalidArgument(
            "Dask is not installed", where="--dask", hint="pip install 'harnlab[dask]', or --workers"
        ) from None
    try:
        client = distributed.Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise UnreadablePath(
            f"no scheduler: {error}", where=address, hint="`dask scheduler` prints its address"
        ) from None
    with client:
        yield client.get_executor()


def _plain(done: Converted) -> dict[str, object]:
    counts = {"files": done.files, "rows": dict(done.rows), "parts": rows(done.to_frame())}
    return {"lake": str(done.lake), **counts}


def _told(done: Converted) -> str:
    written = [part for part in done.parts if part.part in done.written]
    kept = len(done.parts) - len(written)
    parts = f"{counted(len(written), 'part')} written, {kept:,} as before"
    counts = ", ".join(f"{name} {count:,}" for name, count in done.rows.items())
    text = f"{done.lake}: {counted(done.files, 'file')}; {parts}\nrows: {counts or 'none'}"
    if problems := done.rows.get("problems", 0):
        text += f"\n{counted(problems, 'problem')}: harnlab show {done.lake} --frame problems"
    return f"{text}\n\n{table(done.to_frame())}" if written else f"{text}\nnothing to do"
