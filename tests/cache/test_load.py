"""``hl.load`` with a cache gives every frame it gives without."""

import pytest
from polars.testing import assert_frame_equal

import harnlab as hl
from cache.kept import LINES, stretches_read
from harnlab.cache import transcripts
from harnlab.frames import SCHEMAS
from ingest.transcript_lines import line, request, response


def damaged_log(path, turns=40):
    """Calls of many ids, with every kind of damaged line between them."""
    with path.open("wb") as file:
        for turn in range(turns):
            ids = {"call_id": f"call-{turn}"}
            written = (line(**request(**ids)), LINES[turn % len(LINES)], line(**response(**ids)))
            file.write(b"\n".join(written) + b"\n")
        file.write(LINES[0][:50])
    return path


def assert_equal(found, expected):
    for name in SCHEMAS:
        assert_frame_equal(found.frame(name), expected.frame(name))
    assert found.sources == expected.sources


@pytest.fixture
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNLAB_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def log(tmp_path, _own_folder):
    (tmp_path / "run").mkdir()
    return damaged_log(tmp_path / "run" / "llm_transcript.jsonl")


def test_cold_kept_and_grown_are_equal_in_every_frame(log):
    cold = hl.load(log, cache=False)
    assert cold.problems.height
    for asked in ({}, {}, {"verify": "full"}, {"verify": "full"}, {"cache": "refresh"}):
        assert_equal(hl.load(log, **asked), cold)
    with log.open("ab") as file:
        file.write(LINES[0][50:] + b"\n" + LINES[3] + b"\n")
    with stretches_read() as read:
        grown = hl.load(log)
    assert len(read) == 1
    assert read[0][0] > 0
    assert_equal(grown, hl.load(log, cache=False))


def test_a_row_of_the_cache_leads_home(log):
    hl.load(log)
    runs = hl.load(log)
    rows = runs.calls.head(1)
    assert runs.record(rows)["call_id"] == rows["call_id"][0]


def test_nothing_is_written_beside_the_log_and_nothing_at_all_without_a_cache(log, tmp_path):
    hl.load(log, cache=False)
    assert not (tmp_path / "cache").exists()
    hl.load(log)
    assert [path.name for path in log.parent.iterdir()] == [log.name]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_only_large_files_are_kept(log, tmp_path, monkeypatch):
    monkeypatch.setattr(transcripts, "SMALLEST_FILE_BYTES", log.stat().st_size + 1)
    hl.load(log)
    assert not (tmp_path / "cache").exists()


def test_a_cache_of_no_size_is_none(log, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNLAB_CACHE_MAX", "0")
    hl.load(log)
    assert not (tmp_path / "cache").exists()


def test_the_folder_is_for_its_owner_only(log, tmp_path):
    hl.load(log)
    kept = tmp_path / "cache"
    assert [oct(path.stat().st_mode & 0o077) for path in (kept, *kept.iterdir())] == ["0o0", "0o0"]


def test_a_file_that_cannot_be_read_is_a_problem_with_a_cache_too(log, monkeypatch):
    def broken(*args, **stretch):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(transcripts, "read_stretch", broken)
    assert_equal(hl.load(log), hl.load(log, cache=False))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cache": "yes"}, "cache: 'yes'; expected True, False or"),
        ({"verify": "all"}, "verify: 'all'; expected"),
    ],
)
def test_any_other_argument_is_refused(log, asked, told):
    with pytest.raises(hl.InvalidArgument, match=told):
        hl.load(log, **asked)
