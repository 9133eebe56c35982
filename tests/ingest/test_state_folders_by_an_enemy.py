"""A state folder that someone filled with whatever could lead a reader out of it, hold it up or fill its memory."""

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

import harnlab as hl
from harnlab.errors import UnreadablePath
from harnlab.ingest import state_folders
from harnlab.ingest.sources import SourceKind
from harnlab.ingest.state_folders import read, read_entry
from harnlab.ingest.untrusted_folders import Allowance
from ingest.document_files import rows, source

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, FIFOs and devices of POSIX")
META = ".agent_state_meta"


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "state" / "s"
    (folder / META).mkdir(parents=True)
    return folder


def loaded(folder):
    """Entries as (key, state), and problems as (path below the folder, kind, reason)."""
    part = read(source(folder, SourceKind.STATE_FOLDER))
    entries = [(row["key"], row["state"]) for row in rows(part, "state_entries")]
    shown = f"shown/{folder.name}"
    problems = [((p.path or shown).removeprefix(shown), p.kind.value, p.reason) for p in part.problems]
    return entries, problems


@pytest.fixture
def opened(monkeypatch):
    """Real paths of everything that is opened, seen by the descriptor."""
    seen = []
    really_open = os.open

    def noting(path, flags, mode=0o777, *, dir_fd=None):
        descriptor = really_open(path, flags, mode, dir_fd=dir_fd)
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        return descriptor

    monkeypatch.setattr(os, "open", noting)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_links_are_named_and_never_followed(session, tmp_path, opened):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (session / "out").symlink_to(outside / "secret")
    (session / "up").symlink_to("../..")
    (session / "self").symlink_to("self")
    (session / "dangling").symlink_to("nowhere")
    (session / "__handoff.json").symlink_to(outside / "secret")
    (session / "k").write_text("k")
    (session / META / "k.json").symlink_to(outside / "secret")
    (session / META / "folder").symlink_to(outside)
    entries, problems = loaded(session)
    assert entries == [
        ("__handoff.json", "link"),
        ("dangling", "link"),
        ("k", "value"),
        ("out", "link"),
        ("self", "link"),
        ("up", "link"),
    ]
    assert all(kind == "unsupported" for _, kind, _ in problems)
    assert {path for path, _, _ in problems} == {
        *(f"/{name}" for name in ("__handoff.json", "dangling", "out", "self", "up")),
        f"/{META}/k.json",
        f"/{META}/folder",
    }
    assert (
        "/out",
        "unsupported",
        f"a symbolic link to {str(outside / 'secret')!r}; links are not followed",
    ) in problems
    assert len(opened) >= 2
    assert all(path == session or session in path.parents for path in opened)


def test_a_metadata_folder_that_is_a_link_is_not_entered(session, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/k.json").write_text('{"writer": {"writer_id": "enemy"}}')
    (session / META).rmdir()
    (session / META).symlink_to(tmp_path / "elsewhere")
    (session / "k").write_text("k")
    part = read(source(session, SourceKind.STATE_FOLDER))
    [row] = rows(part, "state_entries")
    assert row["writer_id"] is None
    [problem] = part.problems
    assert (problem.path, problem.kind.value) == (f"shown/s/{META}", "unreadable")


def test_the_record_of_a_link_is_refused(session, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (session / "out").symlink_to(tmp_path / "secret")
    runs = hl.load(session)
    with pytest.raises(UnreadablePath, match="not a regular file"):
        runs.text(runs.state_entries)


@pytest.mark.parametrize("swapped", ["k", "folder"])
def test_a_file_or_folder_swapped_for_a_link_after_loading_is_refused(session, tmp_path, swapped):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/k").write_text("secret")
    (session / "folder").mkdir()
    for key in ("k", "folder/k"):
        (session / key).write_text("fine")
    runs = hl.load(session)
    (session / swapped).rename(tmp_path / "away")
    (session / swapped).symlink_to(tmp_path / "elsewhere" / ("k" if swapped == "k" else ""))
    key = "k" if swapped == "k" else "folder/k"
    with pytest.raises(UnreadablePath):
        runs.text(f"{session}/{key}:1")


def test_a_path_that_climbs_out_is_refused(session, tmp_path):
    (session / "k").write_text("k")
    (tmp_path / "state/secret").write_text("secret")
    found = source(session, SourceKind.STATE_FOLDER)
    assert read_entry(found, "shown/s/k", 0, 9) == b"k"
    with pytest.raises(OSError, match="is not a name in a folder"):
        read_entry(found, "shown/s/../secret", 0, 9)


def test_fifos_sockets_and_devices_are_named_and_never_opened(session):
    os.mkfifo(session / "fifo")
    os.mkfifo(session / META / "k.json")
    os.mkfifo(session / "__handoff.json")
    (session / "k").write_text("k")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(session)  # the path of a socket must be short
        listening.bind("socket")
        os.chdir(here)
        start = time.monotonic()
        entries, problems = loaded(session)
    assert time.monotonic() - start < 5
    assert entries == [("k", "value")]
    assert sorted(problems) == [
        (f"/{META}/k.json", "unsupported", "a FIFO; only regular files are read"),
        ("/__handoff.json", "unsupported", "a FIFO; only regular files are read"),
        ("/fifo", "unsupported", "a FIFO; only regular files are read"),
        ("/socket", "unsupported", "a socket; only regular files are read"),
    ]


def test_a_device_is_named_and_never_opened(session):
    try:
        os.mknod(session / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except OSError:
        pytest.skip("this user must not make devices")
    assert loaded(session) == ([], [("/zero", "unsupported", "a device; only regular files are read")])


def test_a_file_that_becomes_a_fifo_before_it_is_opened_holds_nobody_up(session, monkeypatch):
    (session / META / "k.json").write_text("{}")
    really_open = os.open

    def swapping(path, flags, mode=0o777, *, dir_fd=None):
        if path == "k.json":
            (session / META / "k.json").unlink()
            os.mkfifo(session / META / "k.json")
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping)
    _, [(path, kind, reason)] = loaded(session)
    assert (path, kind, reason) == (f"/{META}/k.json", "unreadable", "cannot be read: not a regular file")


def test_names_that_are_no_text_are_shown_with_escapes_and_lead_back(session):
    names = [b"\xff.md", b"\\xff.md", "übergabe.md".encode(), b"a\xc3", b"new\nline", b"back\\slash"]
    for number, name in enumerate(names):
        (session / os.fsdecode(name)).write_text(f"value {number}")
        (session / META / os.fsdecode(name + b".json")).write_text(
            f'{{"writer": {{"writer_id": "w{number}"}}}}'
        )
    runs = hl.load(session)
    assert runs.problems.height == 0
    found = {row["key"]: (row["writer_id"], runs.text(row)) for row in runs.state_entries.rows(named=True)}
    shown = ["\\xff.md", "\\\\xff.md", "übergabe.md", "a\\xc3", "new\nline", "back\\slash"]
    assert found == {key: (f"w{number}", f"value {number}") for number, key in enumerate(shown)}


def test_a_folder_whose_own_name_is_no_text_is_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"st\xffte") / os.fsdecode(b"s\xfe")
    (folder / META).mkdir(parents=True)
    (folder / "k").write_text("k")
    (folder.parent / "llm_transcript.jsonl").write_text('{"type": "message"}\n')
    runs = hl.load(tmp_path)
    [row] = runs.state_entries.rows(named=True)
    assert row["session_id"] == "s\\xfe"
    assert row["root"].endswith("/st\\xffte")
    assert runs.text(row) == "k"
    assert runs.record(runs.events) == {"type": "message"}


def test_a_sparse_value_of_ten_gigabytes_is_listed_by_its_size(session):
    with (session / "huge").open("wb") as file:
        try:
            file.truncate(10 << 30)
        except OSError:
            pytest.skip("this disk takes no sparse file of 10 GiB")
    start = time.monotonic()
    tracemalloc.start()
    runs = hl.load(session)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    [row] = runs.state_entries.rows(named=True)
    assert (row["key"], row["content_bytes"], row["length"]) == ("huge", 10 << 30, 10 << 30)
    assert peak < 64 << 20
    with pytest.raises(UnreadablePath, match="a value of 10,737,418,240 bytes"):
        runs.record(row)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(("name", "what"), [(f"{META}/k.json", "metadata"), ("__handoff.json", "a handoff")])
def test_metadata_and_handoffs_that_are_too_large_are_not_read(session, name, what):
    (session / "k").write_text("k")
    with (session / name).open("wb") as file:
        file.truncate(5 << 30)
    tracemalloc.start()
    _, problems = loaded(session)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    [(path, kind, reason)] = problems
    assert (path, kind) == (f"/{name}", "unsupported")
    assert reason.startswith(f"{what} of 5,368,709,120 bytes; the largest that is read is ")


def test_what_is_read_of_one_folder_has_a_limit(session, monkeypatch):
    monkeypatch.setattr(state_folders, "Allowance", lambda: Allowance(bytes=100))
    content = json.dumps({"writer": {"writer_id": "w" * 40}})
    for key in "abc":
        (session / key).write_text("")
        (session / META / f"{key}.json").write_text(content)
    part = read(source(session, SourceKind.STATE_FOLDER))
    assert [row["writer_id"] for row in rows(part, "state_entries")] == ["w" * 40, None, None]
    assert {problem.reason.partition(";")[2] for problem in part.problems} == {
        " too much has been read of this folder already"
    }


def test_a_hundred_thousand_names_are_listed_and_the_rest_counted(session, monkeypatch):
    monkeypatch.setattr(state_folders, "Allowance", lambda: Allowance(most_names=50))
    for number in range(60):
        (session / f"{number:03}").touch()
    for number in range(70):
        (session / META / f"{number:03}.json").write_text("{}")
    entries, problems = loaded(session)
    # with keys left out, metadata without a value would be a guess
    assert len(entries) == 50
    assert {state for _, state in entries} == {"value"}
    assert problems == [
        ("", "unsupported", "10 files are not listed; 50 names are taken of one folder"),
        ("", "unsupported", "20 metadata files are not listed; 50 names are taken of one folder"),
    ]


def test_names_beyond_the_limit_are_counted_to_a_limit_too(session, monkeypatch):
    monkeypatch.setattr(state_folders, "Allowance", lambda: Allowance(most_names=5, most_counted=20))
    for number in range(60):
        (session / f"{number:03}").touch()
    _, [(_, _, reason)] = loaded(session)
    assert reason == "20 or more files are not listed; 5 names are taken of one folder"


@pytest.mark.nightly
def test_a_hundred_thousand_small_files_take_seconds_and_little_memory(session):
    for number in range(100_000):
        (session / f"{number:06}").touch()
    start = time.monotonic()
    entries, problems = loaded(session)
    assert (len(entries), problems) == (100_000, [])
    assert time.monotonic() - start < 60


@pytest.fixture
def nest():
    """Nests folders, and removes them: they are deeper than shutil, and so pytest, can go."""
    made = []

    def nested(folder, depth):
        made.append(folder / "d")
        inside = os.open(folder, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir("d", dir_fd=inside)
            deeper = os.open("d", os.O_RDONLY, dir_fd=inside)
            os.close(inside)
            inside = deeper
        os.close(inside)

    yield nested
    subprocess.run(["rm", "-rf", *made], check=True)


def test_folders_nested_by_the_thousand_end_at_a_limit(session, nest):
    nest(session, 1_200)
    (session / "k").write_text("k")
    runs = hl.load(session.parent)
    assert runs.state_entries["key"].to_list() == ["k"]
    [problem] = runs.problems.rows(named=True)
    assert problem["source_path"].endswith("/d" * 64)
    assert problem["reason"] == "folders nested deeper than 64 are not searched"


def test_a_project_nested_by_the_thousand_is_searched_all_the_same(tmp_path, nest):
    nest(tmp_path, 1_200)
    (tmp_path / "llm_transcript.jsonl").write_text('{"type": "message"}\n')
    assert hl.load(tmp_path).events.height == 1


@pytest.mark.parametrize("where", ["closed", f"{META}/closed"])
def test_a_folder_that_must_not_be_read_is_a_problem(session, monkeypatch, where):
    (session / where).mkdir()
    (session / "k").write_text("k")
    really_open = os.open

    def refusing(path, flags, mode=0o777, *, dir_fd=None):
        if path == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    entries, problems = loaded(session)
    assert entries == [("k", "value")]
    assert problems == [(f"/{where}", "unreadable", "cannot be read: Permission denied")]


@pytest.mark.parametrize("name", [f"{META}/k.json", "__handoff.json"])
def test_metadata_and_handoffs_that_must_not_be_read_are_problems(session, monkeypatch, name):
    (session / "k").write_text("k")
    (session / name).write_text("{}")
    really_open = os.open

    def refusing(path, flags, mode=0o777, *, dir_fd=None):
        if path == Path(name).name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    entries, problems = loaded(session)
    assert ("k", "value") in entries
    assert problems == [(f"/{name}", "unreadable", "cannot be read: Permission denied")]


def test_a_folder_that_went_away_is_a_problem(tmp_path):
    entries, problems = loaded(tmp_path / "gone")
    assert entries == []
    assert problems == [("", "unreadable", "cannot be read: No such file or directory")]


def test_names_the_store_keeps_for_itself_are_no_keys(session):
    (session / "a").mkdir()
    (session / "a" / META).write_text("a file where a folder should be")
    (session / "x.agent_state_tmp.y").mkdir()
    (session / "x.agent_state_tmp.y/k").write_text("k")
    (session / META / "stray.txt").write_text("{}")
    entries, problems = loaded(session)
    assert entries == []
    reserved = "a reserved name; the runtime takes it for no key"
    assert problems == [
        (f"/{META}/stray.txt", "unsupported", "no metadata: its name does not end in .json"),
        (f"/a/{META}", "unsupported", reserved),
        ("/x.agent_state_tmp.y/k", "unsupported", reserved),
    ]


def test_a_temp_file_of_another_form_names_no_write(session):
    (session / "plan.agent_state_tmp").write_text("")
    [row] = rows(read(source(session, SourceKind.STATE_FOLDER)), "state_entries")
    assert (row["state"], row["extra"]) == ("crash_leftover", None)


def test_a_time_no_calendar_holds_is_null():
    assert state_folders._instant(300_000_000_000 * 10**9) is None
    assert state_folders._instant(-(10**9)) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
