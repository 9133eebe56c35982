"""``harnlab cache`` tells what is kept, where, and removes it."""

import json

import pytest

import harnlab as hl
from cache.kept import LINES
from harnlab.cache import transcripts
from harnlab.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(transcripts, "SMALLEST_FILE_BYTES", 1)
    monkeypatch.setenv("HARNLAB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def log(tmp_path, folder):
    path = tmp_path / "llm_transcript.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in LINES))
    hl.load(path)
    return path


def told(capsys, *arguments):
    assert main(["cache", *arguments]) == 0
    return capsys.readouterr().out


def data(capsys, *arguments):
    return json.loads(told(capsys, *arguments, "--json"))["data"]


def test_show_lists_each_file_with_its_size_and_what_is_kept_of_it(log, folder, capsys):
    kept = sum(path.stat().st_size for path in folder.iterdir())
    found = data(capsys)
    [file] = found["files"]
    assert (found["folder"], found["kept_bytes"], found["most_bytes"]) == (str(folder), kept, 2_000_000_000)
    assert (file["path"], file["log_bytes"], file["kept_bytes"]) == (str(log), log.stat().st_size, kept)
    assert str(log) in told(capsys, "show")
    assert f"of 2,000.0 MB at most in {folder}" in told(capsys)


def test_show_names_what_cannot_be_read(log, folder, capsys):
    [entry] = folder.iterdir()
    entry.write_bytes(b"torn")
    assert data(capsys)["files"][0] | {"used_at": ""} == {
        "path": None,
        "log_bytes": 0,
        "kept_bytes": 4,
        "used_at": "",
    }
    assert "(damaged or unfinished)" in told(capsys)


def test_clear_removes_what_is_kept_and_not_the_log(log, folder, capsys):
    kept = sum(path.stat().st_size for path in folder.iterdir())
    assert data(capsys, "clear") == {"folder": str(folder), "freed_bytes": kept}
    assert list(folder.iterdir()) == []
    assert log.exists()
    assert told(capsys, "clear") == f"0.0 MB freed in {folder}\n"


def test_an_empty_cache_is_told_of_and_not_made(folder, capsys):
    assert told(capsys) == f"0.0 MB of 2,000.0 MB at most in {folder}\n"
    assert told(capsys, "path") == f"{folder}\n"
    assert data(capsys, "path") == {"folder": str(folder)}
    assert not folder.exists()
