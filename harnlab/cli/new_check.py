"""``harnlab new-check``: rules, a baseline, a test and a notebook for some runs, ready to commit."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import click

from harnlab.cli.check_template import Check, notebook_json, rules_toml, test_module
from harnlab.cli.output import envelope
from harnlab.errors import HarnlabError, InvalidArgument, UnreadablePath
from harnlab.gate import baseline_of, check, exit_code, parse_rules, write_baseline
from harnlab.runs import load

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@click.command(short_help="Rules, baseline, test and notebook from runs that are fine.")
@click.argument("name")
@click.option(
    "--runs",
    "runs_paths",
    multiple=True,
    required=True,
    metavar="PATH",
    help="Runs that are fine (repeatable).",
)
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="Folder to write to. Default: NAME."
)
@click.option("--no-record", is_flag=True, help="Leave the notebook without outputs.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON.")
def command(
    name: str, *, runs_paths: tuple[str, ...], into: Path | None, no_record: bool, as_json: bool
) -> None:
    """Write rules, their baseline, a test and a notebook that hold the next runs to what these runs did.

    The rules allow nothing above the baseline; write your own tolerances into them. Then commit the folder.

    Example: harnlab new-check reviews --runs runs/ --into checks/reviews
    """
    if not _NAME.fullmatch(name):
        raise InvalidArgument(repr(name), where="NAME", expected="letters, digits, - and _, a letter first")
    written = write_check(name, list(runs_paths), into or Path(name), record=not no_record)
    folder = written[0].parent
    if as_json:
        told = {"folder": folder.as_posix(), "written": [path.name for path in written]}
        click.echo(envelope("new-check", told))
        return
    click.echo("\n".join(f"written: {path}" for path in written))
    click.echo(f"Next: read {written[0]}, commit {folder}, run `pytest {folder}` (and --harnlab-notebooks).")


def write_check(name: str, paths: list[str], folder: Path, *, record: bool) -> list[Path]:
    """Write the files of a check; the rules first.

    Raises
    ------
    UnreadablePath
        For runs that cannot be read, or a folder that cannot be written.
    InvalidArgument
        When the folder holds such files already.
    """
    runs = load(paths)
    module = name.replace("-", "_").lower()
    files = {kind: folder / file for kind, file in _files(name, module).items()}
    if taken := [path for path in files.values() if path.exists()]:
        raise InvalidArgument(f"{taken[0]} is there already", where="--into", hint="another NAME or folder")
    described = Check(name=name, runs=tuple(_from(folder, path) for path in paths))
    text = rules_toml(described, runs)
    rules = parse_rules(text, path=files["rules"].as_posix())
    baseline = baseline_of(runs, rules)
    if exit_code(check(runs, rules=rules, baseline=baseline)):
        raise HarnlabError("these runs do not pass their own rules", where=name, hint="report this as a bug")
    write_baseline(baseline, files["baseline"])
    try:
        files["rules"].write_text(text, encoding="utf-8")
        files["test"].write_text(test_module(described), encoding="utf-8")
        files["notebook"].write_text(notebook_json(described), encoding="utf-8")
    except OSError as error:
        raise UnreadablePath(f"cannot be written: {error.strerror}", where=str(folder)) from None
    if record:
        _record(files["notebook"])
    return list(files.values())


def _files(name: str, module: str) -> dict[str, str]:
    return {
        "rules": "rules.toml",
        "baseline": "baseline.json",
        "test": f"test_{module}.py",
        "notebook": f"{name}.ipynb",
    }


def _from(folder: Path, path: str) -> str:
    """Path as the rules write it: from their folder, or absolute where another drive leaves no way."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return Path(path).absolute().as_posix()


def _record(notebook: Path) -> None:
    try:
        from harnlab.nbcheck.record import record  # noqa: PLC0415 - nbclient comes with JupyterLab or not at all
    except ImportError:
        raise InvalidArgument(
            "recording a notebook needs nbclient",
            where="new-check",
            hint="pip install nbclient, or --no-record",
        ) from None
    record(notebook)
