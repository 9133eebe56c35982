from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import SAMPLES

INCIDENTS = sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "README.md")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_script_makes_the_committed_bytes_again(name: str, made_again: Path) -> None:
    committed, made = _contents(SAMPLES / name), _contents(made_again / name)
    assert sorted(committed) == sorted(made)
    assert [path for path in committed if committed[path] != made[path]] == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_is_small_and_explained(name: str) -> None:
    assert sum(map(len, _contents(SAMPLES / name).values())) < 1_500_000
    assert (SAMPLES / name / "README.md").read_text("utf-8").startswith(f"# {name}: ")
