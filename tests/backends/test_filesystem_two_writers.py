"""Two processes that write the same keys at the same time: every value read is one of theirs, whole."""

import os
import tempfile
from pathlib import Path

import pytest

from harnlab.backends.filesystem import FilesystemBackend, OsDisk
from harnlab.core.agent_state import Scope, WriteOptions, WriterIdentity
from harnlab.core.agent_state.metadata import read_metadata
from harnlab.vocabulary import ConflictPolicy

FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None  # no fsync to wait for
SCOPE = Scope(root="root", namespace="s")
KEYS = ("ledger.md", "notes/plan.md", "notes/deep/evidence.json")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forks of the test")


def value_of(writer, number):
    """A value whose parts give away a mixture: every line names the writer and the number, lengths differ."""
    return f"{writer} {number}\n" * (1 + number % 300)


def is_whole(value):
    first, *others = value.splitlines()
    return all(line == first for line in others) and value == value_of(
        first.split()[0], int(first.split()[1])
    )


def write_all(folder, writer, writes):
    backend = FilesystemBackend(disk=OsDisk(working_dir=folder))
    options = WriteOptions(
        writer=WriterIdentity(writer_id=writer), conflict_policy=ConflictPolicy.WARN, now_s=1
    )
    for number in range(writes):
        backend.write(SCOPE, KEYS[number % len(KEYS)], value_of(writer, number), options)


def forked(work, *args):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(*args)
            status = 0
        finally:
            os._exit(status)
    return pid


@pytest.mark.parametrize(
    "writes",
    [pytest.param(10_000, marks=pytest.mark.nightly), 400],
    ids=["ten thousand writes", "400 writes"],
)
def test_no_value_is_ever_torn_while_two_processes_write(writes):
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        reader = FilesystemBackend(disk=OsDisk(working_dir=folder))
        running = {forked(write_all, folder, writer, writes) for writer in ("alice", "bob")}
        reads = 0
        while running:
            for key in reader.list(SCOPE):
                assert key in KEYS
                value = reader.read(SCOPE, key)
                assert is_whole(value), value[:80]
                reads += 1
            for pid in [*running]:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    assert status == 0
                    running.remove(pid)
        assert reads > 0
        assert reader.list(SCOPE) == sorted(KEYS)
        session = Path(folder, "root/s")
        assert not [path for path in session.rglob("*") if "agent_state_tmp" in path.name]
        for key in KEYS:
            stored = read_metadata((session / ".agent_state_meta" / f"{key}.json").read_text())
            assert stored.writer.writer_id in {"alice", "bob"}
