"""``harnlab lab``: the notebooks, copied to a folder of one's own, in JupyterLab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from harnlab.cli.output import envelope
from harnlab.cli.shipped import shipped
from harnlab.errors import UnreadablePath
from harnlab.plurals import counted

_COPIED = ("notebooks", "sample_transcripts")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "_make", "make.py", "*.sqlite-*")


@click.command(short_help="The notebooks, in JupyterLab.")
@click.argument("folder", default="harnlab-lab", type=click.Path(file_okay=False, path_type=Path))
@click.option("--copy-only", is_flag=True, help="Do not open JupyterLab.")
@click.option("--no-browser", is_flag=True, help="Start JupyterLab without opening a browser.")
@click.option("--json", "as_json", is_flag=True, help="Say what was copied as JSON.")
def command(folder: Path, copy_only: bool, no_browser: bool, as_json: bool) -> None:
    """Copy the notebooks and their samples to FOLDER (default: harnlab-lab) and open JupyterLab there.

    Files that are there already are left as they are.

    Example: harnlab lab investigations
    """
    copied = copy_notebooks(folder)
    told = {"folder": str(folder.absolute()), "copied": copied}
    text = (
        f"{counted(len(copied), 'file')} copied to {folder}"
        if copied
        else f"nothing to copy: {folder} has all"
    )
    click.echo(envelope("lab", told) if as_json else text)
    if not copy_only:
        _open(folder, no_browser=no_browser)


def copy_notebooks(folder: Path) -> list[str]:
    """Copy what comes with harnlab, except over files that are there; the paths of the copies in the folder.

    Raises
    ------
    UnreadablePath
        When the folder cannot be written.
    """
    copied: list[str] = []

    def copy(source: str, target: str) -> None:
        if not Path(target).exists():
            shutil.copyfile(source, target)
            copied.append(Path(target).relative_to(folder).as_posix())

    source = shipped()
    try:
        for name in _COPIED:
            shutil.copytree(
                source / name, folder / name, dirs_exist_ok=True, ignore=_LEFT_OUT, copy_function=copy
            )
    except (OSError, shutil.Error) as error:
        # the failures of a whole tree come as a list, without a word for all of them
        raise UnreadablePath(
            f"cannot be written: {error.strerror or 'some files could not be copied'}",
            where=str(folder),
            hint="a folder you may write to",
        ) from None
    return sorted(copied)


def _open(folder: Path, *, no_browser: bool) -> None:
    options = [
        f"--ServerApp.root_dir={folder.absolute()}",
        "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb",
    ]
    if no_browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    subprocess.run([sys.executable, "-m", "jupyterlab", *options], check=False)
