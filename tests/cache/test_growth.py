"""A log that grows is read on from where it was left, and every row is as if it had been read whole."""

import os
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cache.kept import LINES, assert_as_cold, cached, source, stretches_read
from harnlab.cache import transcripts
from harnlab.ingest import windows

BOM = "\ufeff".encode()


@st.composite
def pieces(draw):
    """A damaged file in the pieces in which it is written, cut anywhere."""
    lines = draw(st.lists(st.sampled_from(LINES), max_size=12))
    content = draw(st.sampled_from([b"", BOM])) + b"\n".join(lines) + draw(st.sampled_from([b"", b"\n"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=4)))
    return [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


@given(pieces(), st.sampled_from([2, 3, 8]))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example([LINES[0] + b"\n" + LINES[4][:20], LINES[4][20:], b"\n"], 8)
@example([BOM, LINES[0], b"\n" + LINES[1] + b"\n"], 8)
@example([line + b"\n" for line in LINES], 3)
def test_after_each_piece_the_rows_are_those_of_the_whole_file(monkeypatch, pieces, most):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", most)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "llm_transcript.jsonl")
        reader = cached(Path(folder, "cache"))
        for piece in pieces:
            with path.open("ab") as file:
                file.write(piece)
            assert_as_cold(reader, path)
            assert_as_cold(reader, path)


def test_only_what_was_appended_is_read(tmp_path):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(b"".join(line + b"\n" for line in LINES))
    size = path.stat().st_size
    assert_as_cold(reader, path)
    with path.open("ab") as file:
        file.write(LINES[0] + b"\n")
    with stretches_read() as read:
        assert_as_cold(reader, path)
        assert_as_cold(reader, path)
    assert read == [(size, path.stat().st_size)]


def test_a_torn_last_line_is_read_again_until_it_has_an_end(tmp_path):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(LINES[0] + b"\n" + LINES[1][:30])
    start = len(LINES[0]) + 1
    frames = reader([source(path)])
    assert frames["problems"]["kind"].to_list() == ["torn"]
    with path.open("ab") as file:
        file.write(LINES[1][30:] + b"\n")
    with stretches_read() as read:
        frames = reader([source(path)])
        reader([source(path)])
    assert frames["events"].height == 2
    assert "problems" not in frames
    assert read == [(start, path.stat().st_size)]


def test_few_new_lines_are_not_kept_but_read_again(tmp_path, monkeypatch):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(LINES[0] + b"\n")
    reader([source(path)])
    monkeypatch.setattr(transcripts, "SMALLEST_GROWTH_BYTES", 10_000)
    with path.open("ab") as file:
        file.write(LINES[1] + b"\n")
    reader([source(path)])
    assert_as_cold(reader, path)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_many_appendings_do_not_become_many_entries(tmp_path):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    counts = []
    for line in LINES:
        with path.open("ab") as file:
            file.write(line + b"\n")
        reader([source(path)])
        counts.append(len(list((tmp_path / "cache").iterdir())))
    assert max(counts) < transcripts.MOST_ENTRIES
    with stretches_read() as read:
        assert_as_cold(reader, path)
    assert read == []


def test_a_line_that_is_too_long_is_told_of_in_both(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "LONGEST_LINE_BYTES", 1000)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 400)
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(LINES[0] + b"\n" + b"x" * 5000 + b"\n" + LINES[1] + b"\n" + b"y" * 3000)
    for _ in range(2):
        assert_as_cold(reader, path)
    with path.open("ab") as file:
        file.write(b"y" * 3000 + b"\n" + LINES[1])
    for _ in range(2):
        assert_as_cold(reader, path)


@pytest.mark.parametrize("change", ["replaced", "truncated", "rewritten"])
def test_a_file_that_did_not_just_grow_is_read_anew(tmp_path, change):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(LINES[0] + b"\n" + LINES[1] + b"\n")
    reader([source(path)])
    match change:
        case "replaced":  # another file that begins alike, as a rotated log may
            (tmp_path / "new").write_bytes(path.read_bytes() + LINES[4] + b"\n")
            (tmp_path / "new").rename(path)
        case "truncated":
            os.truncate(path, len(LINES[0]) + 1)
        case "rewritten":
            path.write_bytes(LINES[4] + b"\n" + LINES[3] + b"\n" + LINES[2] + b"\n" + LINES[1] + b"\n")
    with stretches_read() as read:
        assert_as_cold(reader, path)
        assert_as_cold(reader, path)
    assert read == [(0, path.stat().st_size)]


def test_a_file_that_is_written_while_it_is_read_is_not_taken_for_what_it_was(tmp_path, monkeypatch):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(b"".join(line + b"\n" for line in LINES) * 60)
    read = transcripts.read_stretch

    def and_write(*args, **stretch):
        frames = read(*args, **stretch)
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\n\n[1]\n")
        return frames

    with monkeypatch.context() as patch:
        patch.setattr(transcripts, "read_stretch", and_write)
        reader([source(path)])
    with path.open("ab") as file:
        file.write(LINES[0] + b"\n")
    assert_as_cold(reader, path)


def test_a_file_that_grows_while_it_is_read_is_kept_as_far_as_it_was_read(tmp_path, monkeypatch):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    path.write_bytes(LINES[0] + b"\n")
    size = path.stat().st_size
    read = transcripts.read_stretch

    def and_append(*args, **stretch):
        with path.open("ab") as file:
            file.write(LINES[1] + b"\n")
        return read(*args, **stretch)

    with monkeypatch.context() as patch:
        patch.setattr(transcripts, "read_stretch", and_append)
        assert reader([source(path)])["events"].height == 1
    with stretches_read() as stretches:
        assert_as_cold(reader, path)
    assert stretches == [(size, path.stat().st_size)]


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_file_that_grew_behind_a_damaged_entry_is_read_from_there_on(tmp_path, damaged):
    path, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    ends = [0]
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in LINES))
        reader([source(path)])
        ends.append(path.stat().st_size)
    kept = sorted((tmp_path / "cache").iterdir(), key=lambda one: int(one.stem.rpartition("-")[2]))
    with zipfile.ZipFile(kept[damaged]) as archive:
        member = archive.getinfo("message.parquet")
    with kept[damaged].open("r+b") as file:
        # what tells of what the entry is stays whole
        file.seek(member.header_offset + 100)
        file.write(bytes(8))
    with path.open("ab") as file:
        file.write(LINES[3] + b"\n")
    with stretches_read() as read:
        assert_as_cold(reader, path)
    assert read[-1] == (ends[damaged], path.stat().st_size)
    assert_as_cold(reader, path)
