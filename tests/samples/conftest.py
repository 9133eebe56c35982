from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"


@pytest.fixture(scope="session")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every incident, made anew by the script in the project."""
    into = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, SAMPLES / "make.py", "--into", into], check=True, cwd=into)
    return into


class Incident:
    """One committed incident, read with nothing but the standard library."""

    def __init__(self, name: str) -> None:
        self.folder = SAMPLES / name
        self.expected: dict[str, Any] = json.loads((self.folder / "expected.json").read_text("utf-8"))

    def lines(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / path).read_text("utf-8").splitlines()]

    def json(self, pattern: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text("utf-8")) for path in sorted(self.folder.glob(pattern))]


@pytest.fixture
def incident(request: pytest.FixtureRequest) -> Incident:
    return Incident(request.param)
