"""The store on disk and the store in memory answer any script of operations alike, and leave the same tree."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harnlab.backends.filesystem import FilesystemBackend, OsDisk
from harnlab.backends.memory import MemoryBackend
from harnlab.core.agent_state import Scope, WriteOptions, WriterIdentity
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None  # no fsync to wait for
NAMESPACES = ("s", "t", "s/x", "s/../t", "s/.", ".", "", "../up", "s/.agent_state_meta")
# keys that meet: a folder and a file of one name, a value that is another's metadata, names that are refused
COMPONENTS = (
    "a",
    "b",
    "a.json",
    "..",
    ".",
    "",
    ".agent_state_meta",
    "x.agent_state_tmp",
    "é",
    "k" * 240,
    "\0",
)
METADATA = ("", "{", "[]", '{"writer":{"writer_id":"w1"}}', '{"writer":["w2"],"updated_at":-1}', "[[]]x")

namespaces = st.sampled_from(NAMESPACES)
plain_keys = st.sampled_from(["a", "b", "a/b", "a/a", "b/a/b", "a.json", "a.json/b"])
keys = plain_keys | st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=4).map("/".join)
writers = st.sampled_from([None, "w1", "w2"])
policies = st.sampled_from(ConflictPolicy)
steps = st.one_of(
    st.tuples(st.just("write"), namespaces, keys, st.text("01é", max_size=2), writers, policies),
    st.tuples(st.sampled_from(["read", "delete"]), namespaces, keys),
    st.tuples(st.sampled_from(["list", "ensure_scope", "resume_scope"]), namespaces),
    st.tuples(st.just("spoil_metadata"), st.sampled_from(["s", "t"]), plain_keys, st.sampled_from(METADATA)),
    st.tuples(st.just("make_dir"), st.sampled_from(["s/a", "s/a/b", "t", "s/.agent_state_meta"])),
)


class Ids:
    """Ids in order, so that both stores name their temp files alike."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return str(self.made)


def answer(backend, step):
    name, *rest = step
    if name == "make_dir":
        return attempt(lambda: backend.disk.make_dir(f"root/{rest[0]}"))
    if name == "spoil_metadata":
        session, key, text = rest
        path = f"root/{session}/.agent_state_meta/{key}.json"
        attempt(lambda: backend.disk.remove_file(path))
        return attempt(lambda: backend.disk.write_new(path, text.encode()))
    namespace, *rest = rest
    scope = Scope(root="root", namespace=namespace)
    if name == "write":
        key, content, writer, policy = rest
        options = WriteOptions(writer=WriterIdentity(writer_id=writer), conflict_policy=policy, now_s=9)
        return attempt(lambda: backend.write(scope, key, content, options))
    return attempt(lambda: getattr(backend, name)(scope, *rest))


def attempt(operation):
    try:
        return operation()
    except HarnRuntimeError as refused:
        return refused.message
    except OSError as refused:
        return refused.errno


def tree(disk, folder="root"):
    if not disk.is_dir(folder):
        return {}
    found = {}
    for entry in disk.entries(folder):
        path = f"{folder}/{entry.name}"
        found[path] = None if entry.is_dir else disk.read(path)
        if entry.is_dir:
            found |= tree(disk, path)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=25))
def test_disk_and_memory_agree_on_any_script(script):
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        on_disk = FilesystemBackend(disk=OsDisk(working_dir=folder), new_id=Ids())
        in_memory = MemoryBackend(new_id=Ids())
        for step in script:
            assert answer(on_disk, step) == answer(in_memory, step), step
        assert tree(on_disk.disk, ".") == tree(in_memory.disk, ".")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "delete"]),
            st.sampled_from(["a", "b/c", "b/d", "é"]),
            st.text(max_size=3).filter(str.isprintable),
        ),
        max_size=30,
    )
)
def test_a_store_is_a_mapping_as_long_as_no_key_meets_a_folder(script):
    backend, scope, expected = MemoryBackend(), Scope(root="r", namespace="s"), {}
    for name, key, content in script:
        if name == "write":
            backend.write(scope, key, content, WriteOptions())
            expected[key] = content
        else:
            backend.delete(scope, key)
            expected.pop(key, None)
        assert {key: backend.read(scope, key) for key in backend.list(scope)} == expected
        assert backend.list(scope) == sorted(expected, key=str.encode)
