"""The store in memory, where it differs from the one on disk: in its name and in what it leaves behind."""

import pytest

from harnlab.backends.memory import MemoryBackend, MemoryDisk
from harnlab.core.agent_state import Scope, Surroundings, WriteOptions, init_state, read_state, write_state

SCOPE = Scope(root="/root", namespace="s")


def test_handles_name_the_store():
    handle = init_state(
        MemoryBackend(), ["s", "r"], Surroundings(new_id=str, now_s=0, working_dir="/somewhere")
    )
    assert (handle["backend"], handle["root"]) == ("memory", "/somewhere/r")


def test_two_stores_share_nothing_unless_they_share_a_disk():
    first, stranger = MemoryBackend(), MemoryBackend()
    first.write(SCOPE, "k", "v", WriteOptions())
    assert stranger.read(SCOPE, "k") is None
    assert MemoryBackend(disk=first.disk).read(SCOPE, "k") == "v"


def test_a_path_may_start_at_the_top_or_not():
    backend = MemoryBackend()
    backend.write(Scope(root="root", namespace="s"), "k", "v", WriteOptions())
    assert backend.read(SCOPE, "k") == "v"


def test_nothing_reaches_the_machines_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    surroundings = Surroundings(new_id=str, now_s=0, working_dir=str(tmp_path))
    backend = MemoryBackend()
    handle = init_state(backend, ["s", "r"], surroundings)
    write_state(backend, [handle, "k", "v"], surroundings)
    assert read_state(backend, [handle, "k"]) == "v"
    assert list(tmp_path.iterdir()) == []


def test_the_disk_refuses_as_linux_does():
    disk = MemoryDisk()
    disk.make_dir("d")
    disk.write_new("f", b"")
    for refused, error in [
        (lambda: disk.make_dir("d"), FileExistsError),
        (lambda: disk.make_dir("d/.."), FileExistsError),
        (lambda: disk.make_dir("/"), FileExistsError),
        (lambda: disk.make_dir("f/d"), NotADirectoryError),
        (lambda: disk.write_new("f", b""), FileExistsError),
        (lambda: disk.write_new("f/", b""), FileExistsError),
        (lambda: disk.read("f/"), NotADirectoryError),
        (lambda: disk.remove_dir("f"), NotADirectoryError),
        (lambda: disk.remove_dir("d/x"), FileNotFoundError),
        (lambda: disk.remove_file("d"), IsADirectoryError),
        (lambda: disk.replace("f", "d"), IsADirectoryError),
        (lambda: disk.entries("f"), NotADirectoryError),
    ]:
        with pytest.raises(error):
            refused()
    assert disk.top == {"d": {}, "f": b""}
    assert disk.is_dir("d/../../d/.")
