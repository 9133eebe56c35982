"""A folder of every kind of file, damaged ones too, and parts so small that it takes many."""

from pathlib import Path

import pytest

from harnlab.lake import plan

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"


@pytest.fixture
def samples():
    return SAMPLES


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(plan, "PART_BYTES", 300_000)


@pytest.fixture
def runs_of_their_own(tmp_path):
    """Eight runs that nothing ties together, in a folder of their own."""
    folder = tmp_path / "runs"
    lines = (SAMPLES / "inherited-route").rglob("*.jsonl")
    content = max((path.read_bytes() for path in lines), key=len)
    for number in range(8):
        place = folder / f"run_{number}"
        place.mkdir(parents=True)
        end = b'{"type": "torn' if number % 3 == 0 else b""
        (place / "llm_transcript.jsonl").write_bytes(content + end)
    return folder
