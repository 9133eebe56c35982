"""A process that dies in the middle of a write leaves the old value or the new one, never a part of either.

Two ways to die, each at every point there is: by SIGKILL before, within and after each call on the disk (runs
anywhere), and by SIGKILL at the entry of each system call, sent by strace. The children are forks of the test,
so what is killed is the store itself and not an interpreter starting up.
"""

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harnlab.backends.filesystem import FilesystemBackend, OsDisk
from harnlab.core.agent_state import Scope, WriteOptions, WriterIdentity, handoff_state
from harnlab.core.agent_state.metadata import read_metadata
from harnlab.core.agent_state.surroundings import Surroundings

FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None  # no fsync to wait for
SCOPE = Scope(root="root", namespace="s")
OLD, NEW = "old " * 2000, "new, and longer " * 2000
ALICE = WriteOptions(writer=WriterIdentity(writer_id="alice"), now_s=1)
BOB = WriteOptions(writer=WriterIdentity(writer_id="bob"), now_s=2)
NOBODY = WriteOptions(now_s=2)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forks of the test")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An operation that dies, on a store prepared for it, and the ends it may leave."""

    key: str
    operation: object
    prepare: object = lambda backend: None
    ends: set = field(default_factory=set)  # (content, writer_id) of the key


def overwrite(options):
    return lambda backend: backend.write(SCOPE, "plan.md", NEW, options)


def written_before(key):
    return lambda backend: backend.write(SCOPE, key, OLD, ALICE)


def hand_off(backend):
    handle = {"_type": "state_handle", "root": "root", "session_id": "s", "writer": {"writer_id": "bob"}}
    handoff_state(backend, [handle, {}], Surroundings(new_id=str, now_s=2, working_dir=""))


SCENES = {
    "first write": Scene(
        key="plan.md",
        operation=lambda backend: backend.write(SCOPE, "plan.md", NEW, BOB),
        ends={(None, None), (NEW, None), (NEW, "bob")},
    ),
    "write in new folders": Scene(
        key="notes/deep/plan.md",
        operation=lambda backend: backend.write(SCOPE, "notes/deep/plan.md", NEW, BOB),
        ends={(None, None), (NEW, None), (NEW, "bob")},
    ),
    "write over another's": Scene(
        key="plan.md",
        operation=overwrite(BOB),
        prepare=written_before("plan.md"),
        # the middle one is the runtime's own order: content first, writer second
        ends={(OLD, "alice"), (NEW, "alice"), (NEW, "bob")},
    ),
    "write by nobody": Scene(
        key="plan.md",
        operation=overwrite(NOBODY),
        prepare=written_before("plan.md"),
        ends={(OLD, "alice"), (NEW, "alice")},
    ),
    "handoff": Scene(
        key="__handoff.json",
        operation=hand_off,
        prepare=written_before("__handoff.json"),
        ends={(OLD, "alice"), ("envelope", "alice"), ("envelope", "bob")},
    ),
    "delete": Scene(
        key="notes/plan.md",
        operation=lambda backend: backend.delete(SCOPE, "notes/plan.md"),
        prepare=written_before("notes/plan.md"),
        ends={(OLD, "alice"), (None, "alice"), (None, None)},
    ),
}


class LethalDisk:
    """A disk that kills its process at the n-th of the points before, within and after each call."""

    def __init__(self, disk, fatal):
        self.disk = disk
        self.left = fatal

    def point(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write_new(self, path, content):
        self.point()
        self.disk.write_new(path, content[: len(content) // 2])
        self.point()
        self.disk.remove_file(path)
        self.disk.write_new(path, content)
        self.point()

    def __getattr__(self, name):
        call = getattr(self.disk, name)

        def dying_call(*args):
            self.point()
            answer = call(*args)
            self.point()
            return answer

        return dying_call


@pytest.fixture
def fresh_folder():
    folders = []

    def make():
        folders.append(tempfile.mkdtemp(dir=FASTEST))
        return folders[-1]

    yield make
    for folder in folders:
        shutil.rmtree(folder)


def store_in(folder):
    return FilesystemBackend(disk=OsDisk(working_dir=folder))


def child_does(work):
    """Fork; run ``work`` in the child. Returns the child's pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def was_killed(pid):
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def prepared(scene, folder):
    backend = store_in(folder)
    backend.ensure_scope(SCOPE)
    backend.write(SCOPE, "other.md", "untouched", ALICE)
    scene.prepare(backend)
    return backend


def check_the_wreck(scene, folder):
    """The store, opened anew, is as one of the scene's ends says, and works on."""
    backend = store_in(folder)
    content = backend.read(SCOPE, scene.key)
    meta = Path(folder, "root/s/.agent_state_meta", f"{scene.key}.json")
    writer = read_metadata(meta.read_text()).writer.writer_id if meta.exists() else None
    shown = "envelope" if content and content.startswith('{\n  "_type": "agent_state_handoff"') else content
    assert (shown, writer) in scene.ends
    assert backend.list(SCOPE) == sorted(["other.md", *([scene.key] if content is not None else [])])
    assert backend.read(SCOPE, "other.md") == "untouched"
    backend.write(SCOPE, scene.key, "again", BOB)
    assert backend.read(SCOPE, scene.key) == "again"
    return shown, writer


def kill_at_every_point(scene, fresh_folder):
    """Die at point 1, 2, 3 … until the operation comes through; the number of deaths and the ends seen."""
    seen, deaths = set(), 0
    while True:
        folder = fresh_folder()
        backend = prepared(scene, folder)
        lethal = FilesystemBackend(disk=LethalDisk(backend.disk, fatal=deaths + 1))
        killed = was_killed(child_does(lambda lethal=lethal: scene.operation(lethal)))
        seen.add(check_the_wreck(scene, folder))
        if not killed:
            return deaths, seen
        deaths += 1


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_killed_at_any_point_of_an_operation_the_store_is_whole(scene, fresh_folder):
    deaths, seen = kill_at_every_point(scene, fresh_folder)
    assert deaths >= 8
    assert seen == scene.ends, "the points must reach every end that is allowed"


@pytest.mark.ported_from("agent_state_0.7.26.rs::crash_helper_aborts_after_temp_write")
@pytest.mark.ported_from("agent_state_0.7.26.rs::atomic_write_survives_abort_without_partial_content")
def test_atomic_write_survives_abort_without_partial_content(tmp_path):
    scope = Scope(root=str(tmp_path), namespace="session-crash")
    target_file = tmp_path / "session-crash" / "plan.md"
    target_file.parent.mkdir()
    target_file.write_text("before")

    class AbortsAfterTempWrite(OsDisk):
        def replace(self, source, target):
            os.kill(os.getpid(), signal.SIGKILL)

    backend = FilesystemBackend(disk=AbortsAfterTempWrite())
    assert was_killed(child_does(lambda: backend.write(scope, "plan.md", "after", ALICE)))
    assert target_file.read_text() == "before"
    (temp,) = (path for path in target_file.parent.iterdir() if path != target_file)
    assert temp.name.startswith(".plan.md..agent_state_tmp.")
    assert temp.read_text() == "after"
    assert FilesystemBackend().list(scope) == ["plan.md"]


def test_a_write_returns_only_once_bytes_and_name_are_safe(tmp_path):
    calls = []

    class Recording(OsDisk):
        def __getattribute__(self, name):
            if not name.startswith("_") and name not in {"working_dir", "is_dir"}:
                calls.append(name)
            return super().__getattribute__(name)

    backend = FilesystemBackend(disk=Recording(working_dir=str(tmp_path)))
    backend.write(SCOPE, "k", "1", NOBODY)
    calls.clear()
    backend.write(SCOPE, "k", "2", BOB)
    replaced = ["write_new", "replace", "sync_dir"]  # and once more, for the new folder of the metadata
    assert [call for call in calls if call in replaced] == [*replaced, "sync_dir", *replaced]


def traced(scene, folder, *options):
    """Run the scene's operation in a child under strace; whether it was killed."""
    backend = prepared(scene, folder)
    go, starter = os.pipe()

    def work():
        os.close(starter)
        os.read(go, 1)
        scene.operation(backend)

    pid = child_does(work)
    os.close(go)
    command = ["strace", "-f", "-p", str(pid), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        greeting = tracer.stderr.readline()
        os.close(starter)  # the child's read returns and the operation begins
        killed = was_killed(pid)
        tracer.communicate()
    if "attached" not in greeting:
        pytest.skip(f"strace may not attach to a process here: {greeting.strip()}")
    return killed


def system_calls_of(scene, folder):
    """Names of the system calls the operation makes."""
    log = Path(folder, "strace.log")
    assert not traced(scene, folder, "-o", str(log))
    return set(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))


@pytest.mark.skipif(
    shutil.which("strace") is None, reason="no strace; the kills at each call on the disk ran"
)
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_killed_at_any_system_call_the_store_is_whole(scene, fresh_folder):
    deaths = 0
    for name in sorted(system_calls_of(scene, fresh_folder())):
        for nth in itertools.count(1):
            folder = fresh_folder()
            inject = f"inject={name}:signal=SIGKILL:when={nth}"
            killed = traced(scene, folder, "-o", os.devnull, "-e", inject)
            check_the_wreck(scene, folder)
            if not killed:
                break
            deaths += 1
    assert deaths >= 5
