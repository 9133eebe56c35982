"""Notebooks and samples that come with harnlab: in its repository, or beside an installed wheel."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from harnlab.errors import UnreadablePath

_MARKER = "sample_transcripts/README.md"


def shipped() -> Path:
    """Folder that holds ``notebooks`` and ``sample_transcripts``.

    Raises
    ------
    UnreadablePath
        Where this installation came without them.
    """
    project = Path(__file__).parents[2]
    if (project / "pyproject.toml").is_file() and (project / _MARKER).is_file():
        return project
    for file in metadata.files("harnlab") or ():
        if file.as_posix().endswith(f"share/harnlab/{_MARKER}"):
            return Path(str(file.locate())).resolve().parents[1]
    raise UnreadablePath(
        "this installation came without notebooks",
        where="harnlab",
        hint="install the wheel, or clone the project",
    )
