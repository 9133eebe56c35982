"""Whatever happens to what is kept, the rows are those of the file."""

import errno
import logging
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.kept import LINES, assert_as_cold, cached, source, stretches_read
from harnlab.cache import entry, transcripts
from harnlab.cache.folder import CacheFolder, _say_once
from harnlab.errors import InvalidArgument

ALL_LINES = b"".join(line + b"\n" for line in LINES)
TESTS = Path(__file__).parents[1]

#: Loads a file as a process of its own; ``python -c … PATH FOLDER [slow]`` writes slowly and says when it does.
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from cache.kept import cached, source
from harnlab.cache import entry, transcripts
transcripts.SMALLEST_FILE_BYTES = 1
write = entry._parquet
def slowly(frame):
    print("writing", flush=True)
    time.sleep(30)
    return write(frame)
if sys.argv[3:] == ["slow"]:
    entry._parquet = slowly
else:
    sys.stdin.readline()
frames = cached(Path(sys.argv[2]))([source(Path(sys.argv[1]))])
print(sum(frame.height for frame in frames.values()), flush=True)
"""


def child(path, folder, *more):
    program = CHILD.format(tests=str(TESTS))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program, str(path), str(folder), *more], **pipes)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log" / "llm_transcript.jsonl"
    path.parent.mkdir()
    path.write_bytes(ALL_LINES)
    return path


def entries(folder):
    return sorted(path for path in folder.iterdir() if path.suffix == entry.SUFFIX)


def edit_unseen(path, at, content):
    """Write into a file and leave its size and times as they were."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_second_look_reads_nothing_of_the_file(log, tmp_path):
    reader = cached(tmp_path / "cache")
    assert_as_cold(reader, log)
    with stretches_read() as read:
        assert_as_cold(reader, log)
    assert read == []


def test_the_place_of_a_row_is_the_one_of_today(log, tmp_path):
    reader = cached(tmp_path / "cache")
    reader([source(log, run_id="before")])
    frames = reader([source(log, run_id="after")])
    assert {run for frame in frames.values() for run in frame["run_id"]} == {"after"}


def test_small_and_large_files_stand_in_the_order_they_were_given(tmp_path, monkeypatch):
    monkeypatch.setattr(transcripts, "SMALLEST_FILE_BYTES", 1000)
    paths = [tmp_path / f"{number}.jsonl" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(LINES[number] + b"\n[]\n" + (ALL_LINES if number % 2 else b""))
    paths[2].unlink()
    reader = cached(tmp_path / "cache")
    sources = [source(path) for path in paths]
    cold = transcripts.read_transcripts(sources)
    for _ in range(2):
        found = reader(sources)
        assert {name: frame.to_dicts() for name, frame in found.items()} == {
            name: frame.to_dicts() for name, frame in cold.items()
        }


def test_a_change_in_the_middle_is_seen_by_its_time(tmp_path):
    log, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    log.write_bytes(ALL_LINES * 60)
    reader([source(log)])
    edit_unseen(log, len(ALL_LINES) * 30, b"[1]" + b" " * 40)
    os.utime(log, ns=(0, log.stat().st_mtime_ns + 1))
    assert_as_cold(reader, log)


@pytest.mark.parametrize("end", ["head", "tail"])
def test_a_change_at_an_end_is_seen_though_size_and_time_are_as_before(tmp_path, end):
    log, reader = tmp_path / "t.jsonl", cached(tmp_path / "cache")
    log.write_bytes(ALL_LINES * 60)
    reader([source(log)])
    edit_unseen(log, 0 if end == "head" else log.stat().st_size - 2, b"!")
    assert_as_cold(reader, log)


def test_a_change_in_the_middle_with_size_and_time_as_before_is_found_by_comparing_all(tmp_path):
    log, folder = tmp_path / "t.jsonl", tmp_path / "cache"
    log.write_bytes(ALL_LINES * 60)
    reader, careful = cached(folder), cached(folder, whole=True)
    careful([source(log)])
    with stretches_read() as read:
        assert_as_cold(careful, log)
        assert read == []
        middle = len(ALL_LINES) * 30
        edit_unseen(log, middle, b"[1]" + b" " * 40)
        reader([source(log)])
        assert read == []  # the ends alone do not tell
        assert_as_cold(careful, log)
        assert read == [(0, log.stat().st_size)]
        assert_as_cold(reader, log)
    with log.open("ab") as file:
        file.write(ALL_LINES)
    for _ in range(2):
        assert_as_cold(careful, log)


def test_what_was_kept_unverified_is_not_trusted_when_all_is_to_be_compared(tmp_path):
    log, folder = tmp_path / "t.jsonl", tmp_path / "cache"
    log.write_bytes(ALL_LINES * 60)
    cached(folder)([source(log)])
    edit_unseen(log, len(ALL_LINES) * 30, b"[1]" + b" " * 40)
    assert_as_cold(cached(folder, whole=True), log)


def test_refreshing_reads_anew_and_keeps_it(log, tmp_path):
    folder = tmp_path / "cache"
    cached(folder)([source(log)])
    with stretches_read() as read:
        assert_as_cold(cached(folder, refresh=True), log)
        assert read == [(0, log.stat().st_size)]
        assert_as_cold(cached(folder), log)
    assert len(read) == 1


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(["cut", "flip", "zero", "longer"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_entry_is_replaced(kept_once, place, damage):
    log, whole = kept_once
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, whole.name)
        content = bytearray(whole.read_bytes())
        at = int(place * len(content))
        match damage:
            case "cut":
                del content[at:]
            case "flip":
                content[at] ^= 0x55
            case "zero":
                content[at : at + 200] = bytes(len(content[at : at + 200]))
            case "longer":
                content[at:at] = b"PK\x05\x06 longer"
        kept.write_bytes(content)
        reader = cached(Path(folder))
        assert_as_cold(reader, log)
        with stretches_read() as read:
            assert_as_cold(reader, log)
        assert read == []


@pytest.fixture(scope="module")
def kept_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    log = folder / "t.jsonl"
    log.write_bytes(ALL_LINES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcripts, "SMALLEST_FILE_BYTES", 1)
        cached(folder / "cache")([source(log)])
    return log, entries(folder / "cache")[0]


@pytest.mark.parametrize(
    "foreign", ["text", "archive", "of another file", "of another form", "of another version", "a folder"]
)
def test_a_foreign_entry_is_no_entry(tmp_path, foreign, monkeypatch):
    log, folder = tmp_path / "t.jsonl", tmp_path / "cache"
    log.write_bytes(ALL_LINES * 60)
    reader = cached(folder)
    reader([source(log)])
    [kept] = entries(folder)
    match foreign:
        case "text":
            kept.write_text("not an entry")
        case "archive":
            with zipfile.ZipFile(kept, "w") as archive:
                archive.writestr("about.json", '{"form": 1}')
        case "of another file":  # that looks the same
            other = tmp_path / "other.jsonl"
            other.write_bytes(log.read_bytes())
            edit_unseen(other, len(ALL_LINES) * 30, b"[1]" + b" " * 40)
            os.utime(other, ns=(0, log.stat().st_mtime_ns))
            reader([source(other)])
            [theirs] = set(entries(folder)) - {kept}
            kept.write_bytes(theirs.read_bytes())
        case "of another form":
            monkeypatch.setattr(entry, "_FORM", 99)
        case "of another version":
            about = entry.read_about(kept)
            frames = entry.read_frames(kept, about, run_id="run", source_path="path")
            entry.write_entry(replace(about, reader="another"), frames, kept)
        case "a folder":
            kept.unlink()
            kept.mkdir()
    with stretches_read() as read:
        assert_as_cold(reader, log)
    assert read == [(0, log.stat().st_size)]


def test_code_that_reads_otherwise_does_not_use_what_was_kept(log, tmp_path, monkeypatch):
    reader = cached(tmp_path / "cache")
    reader([source(log)])
    monkeypatch.setattr(transcripts, "reader_version", lambda: "another")
    with stretches_read() as read:
        assert_as_cold(reader, log)
    assert len(read) == 1


def test_an_entry_holds_parquet_and_json_only(log, tmp_path):
    cached(tmp_path / "cache")([source(log)])
    [kept] = entries(tmp_path / "cache")
    names = zipfile.ZipFile(kept).namelist()
    assert {name.rpartition(".")[2] for name in names} == {"json", "parquet"}


def test_of_more_than_the_cache_may_hold_the_least_used_goes(tmp_path):
    folder, logs = tmp_path / "cache", [tmp_path / f"{n}.jsonl" for n in range(4)]
    for log in logs:
        log.write_bytes(ALL_LINES)
    cached(folder)([source(logs[0])])
    size = entries(folder)[0].stat().st_size
    reader = cached(folder, most_bytes=int(3.5 * size))
    for number, log in enumerate(logs[:3]):
        reader([source(log)])
        for path in entries(folder):
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**9 * (number + 1)))
    reader([source(logs[0])])  # is used again
    reader([source(logs[3])])
    assert sum(path.stat().st_size for path in folder.iterdir()) <= reader.folder.most_bytes
    kept = {one.entry.path for one in reader.folder.kept()}
    assert kept == {str(logs[n]) for n in (0, 2, 3)}


def test_an_entry_larger_than_the_cache_is_not_kept(log, tmp_path):
    reader = cached(tmp_path / "cache", most_bytes=100)
    assert_as_cold(reader, log)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_once_and_changes_nothing(log, tmp_path, caplog):
    _say_once.cache_clear()
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert_as_cold(cached(tmp_path / "file" / "cache"), log)
    assert len(caplog.messages) == 1
    assert str(tmp_path / "file" / "cache") in caplog.messages[0]


def test_a_full_disk_is_said_once_and_leaves_nothing_half_written(log, tmp_path, monkeypatch, caplog):
    _say_once.cache_clear()
    write = zipfile.ZipFile.writestr

    def until_full(archive, name, content):
        if name == "problems.parquet":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(archive, name, content)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", until_full)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert_as_cold(cached(tmp_path / "cache"), log)
    assert [message.endswith("No space left on device") for message in caplog.messages] == [True]
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_processes_at_once_do_not_disturb_each_other(log, tmp_path):
    folder = tmp_path / "cache"
    both = [child(log, folder) for _ in range(2)]
    told = [one.communicate("go\n", timeout=120)[0] for one in both]
    assert told[0] == told[1]
    assert [path.suffix for path in folder.iterdir()] == [entry.SUFFIX]
    with stretches_read() as read:
        assert_as_cold(cached(folder), log)
    assert read == []


def test_a_process_killed_while_it_writes_leaves_nothing_that_is_read(log, tmp_path):
    folder = tmp_path / "cache"
    with child(log, folder, "slow") as one:
        assert one.stdout.readline() == "writing\n"
        one.send_signal(signal.SIGKILL)
    [left] = folder.iterdir()
    reader = cached(folder)
    for _ in range(2):
        assert_as_cold(reader, log)
    assert len(entries(folder)) == 1
    os.utime(left, ns=(0, 0))
    cached(folder, refresh=True)([source(log)])
    assert not left.exists()


def test_nothing_but_entries_is_ever_removed(log, tmp_path):
    folder = tmp_path / "cache"
    reader = cached(folder, most_bytes=1)
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    (folder / "notes.frames").write_text("mine")
    reader([source(log)])
    reader.folder.clear()
    assert {path.name for path in folder.iterdir()} == {"thesis.tex", "notes.frames"}


@pytest.mark.parametrize(
    ("asked", "size"),
    [("500MB", 500_000_000), ("2g", 2_000_000_000), ("1.5 kB", 1500), ("0", 0), ("", 2 * 10**9)],
)
def test_the_size_of_the_cache_can_be_asked_for(monkeypatch, asked, size):
    monkeypatch.setenv("HARNLAB_CACHE_MAX", asked)
    assert CacheFolder().most_bytes == size


def test_a_size_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("HARNLAB_CACHE_MAX", "plenty")
    with pytest.raises(InvalidArgument, match=r"HARNLAB_CACHE_MAX.*500MB"):
        CacheFolder()
