import pytest

from harnlab.cache import transcripts


@pytest.fixture(autouse=True)
def _everything_is_worth_keeping(monkeypatch):
    monkeypatch.setattr(transcripts, "SMALLEST_FILE_BYTES", 1)
    monkeypatch.setattr(transcripts, "SMALLEST_GROWTH_BYTES", 1)
