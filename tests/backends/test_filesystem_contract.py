"""What every store of durable state does: one suite, run over the machine's disk and over memory."""

import re

import pytest

from harnlab.backends.filesystem import FilesystemBackend, OsDisk
from harnlab.backends.memory import MemoryBackend
from harnlab.core.agent_state import Scope, WriteOptions, WriterIdentity
from harnlab.core.agent_state.metadata import StoredWriter, read_metadata
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

META = ".agent_state_meta"


def written_by(name, policy=ConflictPolicy.IGNORE, now_s=7):
    return WriteOptions(writer=WriterIdentity(writer_id=name), conflict_policy=policy, now_s=now_s)


ALICE, BOB = written_by("alice"), written_by("bob")


@pytest.fixture(params=["filesystem", "memory"])
def backend(request, tmp_path):
    if request.param == "memory":
        return MemoryBackend()
    return FilesystemBackend(disk=OsDisk(working_dir=str(tmp_path)))


@pytest.fixture
def scope(backend):
    scope = Scope(root="root", namespace="s")
    backend.ensure_scope(scope)
    return scope


def refusal(operation, *args):
    with pytest.raises(HarnRuntimeError) as caught:
        operation(*args)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "$ID", caught.value.message)


def names_in(backend, path):
    return sorted(entry.name for entry in backend.disk.entries(path))


@pytest.mark.ported_from("agent_state_0.7.26.rs::filesystem_round_trip_delete_and_list")
def test_filesystem_round_trip_delete_and_list(backend, scope):
    backend.write(scope, "plan.md", "plan", ALICE)
    backend.write(scope, "evidence/a.json", '{"ok":true}', ALICE)
    assert backend.read(scope, "plan.md") == "plan"
    assert backend.list(scope) == ["evidence/a.json", "plan.md"]
    backend.delete(scope, "plan.md")
    assert backend.read(scope, "plan.md") is None
    assert backend.list(scope) == ["evidence/a.json"]


@pytest.mark.ported_from("agent_state_0.7.26.rs::filesystem_rejects_parent_escape_keys")
def test_filesystem_rejects_parent_escape_keys(backend, scope):
    assert "must not escape" in refusal(backend.write, scope, "../oops", "bad", WriteOptions())


@pytest.mark.ported_from("agent_state_0.7.26.rs::filesystem_detects_two_writer_conflicts")
def test_filesystem_detects_two_writer_conflicts(backend, scope):
    assert backend.write(scope, "ledger.md", "one", ALICE).conflict is None
    message = refusal(backend.write, scope, "ledger.md", "two", written_by("bob", ConflictPolicy.ERROR))
    assert "alice" in message
    assert "bob" in message
    assert backend.read(scope, "ledger.md") == "one"


@pytest.mark.parametrize("policy", [ConflictPolicy.IGNORE, ConflictPolicy.WARN])
def test_a_conflict_is_reported_and_written_over_unless_the_policy_is_error(backend, scope, policy):
    backend.write(scope, "k", "one", ALICE)
    conflict = backend.write(scope, "./k", "two", written_by("bob", policy)).conflict
    assert (conflict.key, conflict.previous.writer_id, conflict.current.writer_id) == ("./k", "alice", "bob")
    assert backend.read(scope, "k") == "two"


def test_one_key_has_one_place_however_it_is_spelled(backend, scope):
    backend.write(scope, " ./a//b/ ", "1", ALICE)
    assert backend.read(scope, "a/./b") == "1"
    assert backend.list(scope) == ["a/b"]


@pytest.mark.parametrize("operation", ["write", "read", "delete"])
def test_every_operation_on_a_key_refuses_a_bad_one(backend, scope, operation):
    more = ("x", ALICE) if operation == "write" else ()
    assert (
        refusal(getattr(backend, operation), scope, "/abs", *more)
        == "agent_state: key '/abs' must be relative"
    )


def test_metadata_names_the_last_writer_and_its_second(backend, scope):
    backend.write(scope, "notes/plan.md", "1", written_by("alice", now_s=41))
    backend.write(scope, "notes/plan.md", "2", written_by("bob", now_s=42))
    text = backend.disk.read(f"root/s/{META}/notes/plan.md.json").decode()
    assert read_metadata(text) == StoredWriter(writer=WriterIdentity(writer_id="bob"), updated_at=42)


def test_a_write_by_nobody_leaves_the_old_writer_named(backend, scope):
    backend.write(scope, "new", "1", WriteOptions())
    assert META not in names_in(backend, "root/s")
    backend.write(scope, "k", "1", ALICE)
    assert backend.write(scope, "k", "2", WriteOptions()).conflict is None
    assert backend.write(scope, "k", "3", BOB).conflict.previous.writer_id == "alice"


def test_deleting_forgets_the_writer(backend, scope):
    backend.write(scope, "k", "1", ALICE)
    backend.delete(scope, "k")
    assert backend.write(scope, "k", "2", BOB).conflict is None


def test_deleting_what_is_not_there_is_no_error(backend, scope):
    backend.delete(scope, "a/b/c")
    backend.delete(Scope(root="elsewhere", namespace="t"), "k")


def test_deleting_prunes_empty_folders_up_to_the_session_and_its_metadata(backend, scope):
    backend.write(scope, "a/b/c", "1", ALICE)
    backend.write(scope, "a/d", "1", ALICE)
    backend.delete(scope, "a/b/c")
    assert names_in(backend, "root/s/a") == ["d"]
    assert names_in(backend, f"root/s/{META}/a") == ["d.json"]
    backend.delete(scope, "a/d")
    assert names_in(backend, "root/s") == [META]
    assert names_in(backend, f"root/s/{META}") == []


def test_pruning_ends_at_the_session_even_where_its_name_is_spelled_oddly(backend):
    scope = Scope(root="root/", namespace="s/./")
    backend.ensure_scope(Scope(root="root", namespace="s"))
    backend.write(scope, "a/k", "1", WriteOptions())
    backend.delete(scope, "a/k")
    assert names_in(backend, "root") == ["s"]


def test_a_session_that_is_not_there_lists_nothing_and_is_made_by_a_write(backend):
    scope = Scope(root="root", namespace="later")
    assert backend.list(scope) == []
    assert backend.read(scope, "k") is None
    backend.write(scope, "k", "1", ALICE)
    assert backend.list(scope) == ["k"]


def test_keys_are_listed_by_their_bytes_without_temp_files_and_metadata(backend, scope):
    for key in ("é", "a/b", "a.b", "Z", "__handoff.json"):
        backend.write(scope, key, "1", ALICE)
    backend.disk.write_new("root/s/.a.b..agent_state_tmp.1", b"half")
    backend.disk.write_new("root/s/a/.b..agent_state_tmp.2", b"half")
    backend.disk.make_dir(f"root/s/a/{META}")
    backend.disk.write_new(f"root/s/a/{META}/x", b"")
    assert backend.list(scope) == ["Z", "__handoff.json", "a.b", "a/b", "é"]


def test_a_key_that_is_a_folder_is_refused_and_leaves_the_temp_file(backend, scope):
    backend.write(scope, "a/b", "1", ALICE)
    isdir = "Is a directory (os error 21)"
    assert refusal(backend.read, scope, "a") == f"agent_state.read: failed to read root/s/a: {isdir}"
    assert refusal(backend.delete, scope, "a") == f"agent_state.delete: failed to delete root/s/a: {isdir}"
    temp = "root/s/.a..agent_state_tmp.$ID"
    assert (
        refusal(backend.write, scope, "a", "2", ALICE)
        == f"agent_state.write: failed to rename {temp} to root/s/a: {isdir}"
    )
    assert len(names_in(backend, "root/s")) == 3
    assert backend.list(scope) == ["a/b"]


def test_a_key_below_a_file_is_refused(backend, scope):
    backend.write(scope, "a", "1", ALICE)
    notdir = "Not a directory (os error 20)"
    assert refusal(backend.read, scope, "a/b") == f"agent_state.read: failed to read root/s/a/b: {notdir}"
    assert (
        refusal(backend.delete, scope, "a/b") == f"agent_state.delete: failed to delete root/s/a/b: {notdir}"
    )
    assert (
        refusal(backend.write, scope, "a/b", "2", ALICE)
        == "agent_state.write: failed to create root/s/a: File exists (os error 17)"
    )
    assert backend.read(scope, "a") == "1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "failed to parse metadata {}: EOF while parsing a value at line 1 column 0"),
        (b"5", "failed to parse metadata {}: invalid type: integer `5`, expected struct StoredWriterMeta at line 1 column 1"),  # noqa: E501
        (b"\xff", "failed to read metadata {}: stream did not contain valid UTF-8"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_read_stops_a_write_under_every_policy(backend, scope, content, problem):
    backend.write(scope, "k", "old", ALICE)
    meta = f"root/s/{META}/k.json"
    backend.disk.remove_file(meta)
    backend.disk.write_new(meta, content)
    for policy in ConflictPolicy:
        message = refusal(backend.write, scope, "k", "new", written_by("bob", policy))
        assert message == f"agent_state: {problem.format(meta)}"
    assert backend.read(scope, "k") == "old"


def test_content_that_is_no_utf8_is_refused(backend, scope):
    backend.disk.write_new("root/s/k", b"\xc3")
    assert (
        refusal(backend.read, scope, "k")
        == "agent_state.read: failed to read root/s/k: stream did not contain valid UTF-8"
    )


def test_half_a_surrogate_pair_is_no_content(backend, scope):
    with pytest.raises(UnicodeEncodeError):
        backend.write(scope, "k", "\ud800", ALICE)
    assert backend.list(scope) == []


def test_a_key_with_a_nul_is_refused_in_the_words_of_the_runtime(backend, scope):
    nul = "file name contained an unexpected NUL byte"
    assert refusal(backend.read, scope, "a\0b") == f"agent_state.read: failed to read root/s/a\0b: {nul}"
    assert (
        refusal(backend.delete, scope, "a\0b") == f"agent_state.delete: failed to delete root/s/a\0b: {nul}"
    )
    assert (
        refusal(backend.write, scope, "a\0b", "", ALICE)
        == f"agent_state: failed to read metadata root/s/{META}/a\0b.json: {nul}"
    )
    assert refusal(backend.ensure_scope, Scope(root="r", namespace="\0")) == f"agent_state mkdir error: {nul}"
    with pytest.raises(HarnRuntimeError, match="not found under r"):
        backend.resume_scope(Scope(root="r", namespace="\0"))


def test_a_name_too_long_for_the_disk_is_refused(backend, scope):
    toolong = "File name too long (os error 36)"
    assert refusal(backend.read, scope, "k" * 256).endswith(toolong)
    assert refusal(backend.write, scope, "k" * 240, "", ALICE).endswith(toolong)
    assert refusal(backend.ensure_scope, Scope(root="r", namespace="k" * 256)).endswith(toolong)
    assert refusal(backend.ensure_scope, Scope(root="r/" * 2100, namespace="k")).endswith(toolong)
    assert refusal(backend.read, scope, "k/" * 2100).endswith(toolong)


@pytest.mark.parametrize(
    ("namespace", "made"),
    [
        ("s", ["s"]),
        ("", []),
        ("x/y", ["x"]),
        ("x/../y", ["x", "y"]),
        ("x/./y", ["x"]),
        ("x//", ["x"]),
        ("../up", []),
    ],
)
def test_a_session_id_is_a_path_below_the_root(backend, namespace, made):
    scope = Scope(root="top/root", namespace=namespace)
    backend.ensure_scope(scope)
    assert names_in(backend, "top/root") == made
    backend.resume_scope(scope)
    assert names_in(backend, "top") == ["root", *(["up"] if namespace == "../up" else [])]


@pytest.mark.parametrize("namespace", [".", "x/."])
def test_a_session_ending_in_a_dot_needs_its_folder_first(backend, namespace):
    scope = Scope(root="root", namespace=namespace)
    assert refusal(backend.ensure_scope, scope) == (
        "agent_state mkdir error: No such file or directory (os error 2)"
    )
    backend.ensure_scope(Scope(root="root", namespace="x"))
    backend.ensure_scope(scope)


def test_depth_is_limited_by_the_disk_alone():
    backend = MemoryBackend()  # pytest could not clear such a tree from the machine's disk
    scope = Scope(root="root", namespace="s")
    backend.write(scope, "k/" * 1010, "deeper than Python recurses", WriteOptions())
    assert backend.list(scope) == ["/".join("k" * 1010)]
    backend.delete(scope, "k/" * 1010)
    assert backend.list(scope) == []


def test_only_a_folder_can_be_resumed(backend):
    scope = Scope(root="root", namespace="s")
    missing = "agent_state.resume: session 's' not found under root"
    assert refusal(backend.resume_scope, scope) == missing
    backend.disk.make_dir("root")
    backend.disk.write_new("root/s", b"i am a file")
    assert refusal(backend.resume_scope, scope) == missing
    assert refusal(backend.ensure_scope, scope) == "agent_state mkdir error: File exists (os error 17)"
    assert (
        refusal(backend.list, scope)
        == "agent_state.list: failed to read root/s: Not a directory (os error 20)"
    )


def test_metadata_that_is_a_folder_is_refused(backend, scope):
    backend.disk.make_dir(f"root/s/{META}")
    backend.disk.make_dir(f"root/s/{META}/k.json")
    meta = f"root/s/{META}/k.json: Is a directory (os error 21)"
    assert refusal(backend.write, scope, "k", "", ALICE) == f"agent_state: failed to read metadata {meta}"
    assert refusal(backend.delete, scope, "k") == f"agent_state: failed to delete metadata {meta}"


def test_of_two_keys_whose_metadata_would_share_a_name_the_second_is_refused(backend, scope):
    backend.write(scope, "a", "1", ALICE)
    backend.write(scope, "a.json", "2", ALICE)
    backend.delete(scope, "a.json")
    assert "failed to read metadata" in refusal(backend.write, scope, "a.json/b", "3", ALICE)
    assert backend.list(scope) == ["a"]
    backend.write(scope, "c.json/d", "4", ALICE)
    assert "Is a directory" in refusal(backend.write, scope, "c", "5", ALICE)
    assert backend.list(scope) == ["a", "c.json/d"]


def test_a_refused_write_leaves_the_folder_it_made_as_the_original_does(backend):
    scope = Scope(root="root", namespace="s")
    backend.ensure_scope(scope)
    backend.write(scope, "a/b", "1", ALICE)
    backend.disk.remove_file("root/s/a/b")
    backend.disk.remove_dir("root/s/a")
    strict = written_by("bob", ConflictPolicy.ERROR)
    assert "was previously written by" in refusal(backend.write, scope, "a/b", "2", strict)
    assert backend.disk.is_dir("root/s/a")
