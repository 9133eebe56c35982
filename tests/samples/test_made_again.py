from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .conftest import SAMPLES

INCIDENTS = sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


#: READMEs and rules are written by hand; a reader of a WAL database may leave its two companions behind.
NOT_MADE = ("README.md", "rules.toml", ".sqlite-shm", ".sqlite-wal")


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(NOT_MADE))
    return {path.relative_to(folder).as_posix(): _content(path) for path in files}


def _content(path: Path) -> bytes:
    """Bytes of a file; of a database its rows, since another SQLite may lay out its pages differently."""
    content = path.read_bytes()
    if path.suffix != ".sqlite" or len(content) < 4096:
        return content
    copy = sqlite3.connect(":memory:")
    copy.deserialize(content[:18] + b"\x01\x01" + content[20:])
    rows = "\n".join(copy.iterdump())
    copy.close()
    return rows.encode()


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_script_makes_the_committed_bytes_again(name: str, made_again: Path) -> None:
    committed, made = _contents(SAMPLES / name), _contents(made_again / name)
    assert sorted(committed) == sorted(made)
    assert [path for path in committed if committed[path] != made[path]] == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_is_small_and_explained(name: str) -> None:
    assert sum(map(len, _contents(SAMPLES / name).values())) < 1_500_000
    assert (SAMPLES / name / "README.md").read_text("utf-8").startswith(f"# {name}: ")
