"""The seven operations, over a store in memory."""

import json

import pytest

from harnlab.backends.memory import MemoryBackend
from harnlab.core.agent_state import (
    Surroundings,
    delete_state,
    handoff_state,
    init_state,
    list_state,
    read_state,
    resume_state,
    write_state,
)
from harnlab.errors import HarnRuntimeError

NOW = Surroundings(new_id=lambda: "fresh", now_s=1_777_400_000, working_dir="/w")
OPERATIONS = {
    "write": write_state,
    "read": lambda backend, args, _: read_state(backend, args),
    "list": lambda backend, args, _: list_state(backend, args),
    "delete": lambda backend, args, _: delete_state(backend, args),
    "handoff": handoff_state,
}


@pytest.fixture
def backend():
    return MemoryBackend()


def opened(backend, writer, policy="ignore"):
    return init_state(backend, ["s", "/r", {"writer_id": writer, "conflict_policy": policy}], NOW)


def refusal(function, *args):
    with pytest.raises(HarnRuntimeError) as caught:
        function(*args)
    return caught.value.message


def test_what_one_session_writes_another_resumes(backend):
    handle = opened(backend, "alice")
    assert write_state(backend, [handle, "plan.md", "step one"], NOW) is None
    resumed = resume_state(backend, ["/r", "s", {"writer_id": "bob"}], NOW)
    assert (resumed["backend"], resumed["writer"]["writer_id"]) == ("memory", "bob")
    assert read_state(backend, [resumed, "plan.md"]) == "step one"
    assert list_state(backend, [resumed]) == ["plan.md"]
    assert delete_state(backend, [resumed, "plan.md"]) is None
    assert list_state(backend, [handle]) == []


def test_an_unknown_session_is_not_resumed(backend):
    assert refusal(resume_state, backend, ["r", "s"], NOW) == (
        "agent_state.resume: session 's' not found under /w/r"
    )


def test_with_an_unknown_policy_nothing_is_made(backend):
    assert "unknown conflict policy" in refusal(init_state, backend, ["s", "/r", {"two_writer": "x"}], NOW)
    assert not backend.disk.is_dir("/r")


def test_other_values_are_written_as_displayed(backend):
    handle = opened(backend, "alice")
    write_state(backend, [handle, 5, {"b": 1, "a": None}], NOW)
    write_state(backend, [handle, None, ""], NOW)
    assert read_state(backend, [handle, 5]) == "{a: nil, b: 1}"
    assert list_state(backend, [handle]) == ["5", "nil"]


def test_under_warn_a_second_writer_is_reported_and_writes(backend):
    write_state(backend, [opened(backend, "alice"), "k", "1"], NOW)
    bob = opened(backend, "bob", "warn")
    warning = write_state(backend, [bob, "./k", "2"], NOW)
    assert (warning.category, warning.metadata["key"]) == ("agent_state.write", "./k")
    assert warning.metadata["previous_writer"]["writer_id"] == "alice"
    assert write_state(backend, [bob, "k", "3"], NOW) is None
    assert read_state(backend, [bob, "k"]) == "3"


def test_under_error_a_second_writer_is_refused_and_the_content_stays(backend):
    write_state(backend, [opened(backend, "alice"), "k", "1"], NOW)
    bob = opened(backend, "bob", "error")
    assert refusal(write_state, backend, [bob, "k", "2"], NOW) == (
        "agent_state.write: key 'k' was previously written by 'alice' and is now being written by 'bob'"
    )
    assert read_state(backend, [bob, "k"]) == "1"


def test_a_handoff_is_a_value_with_a_writer_and_conflicts_like_one(backend):
    alice, bob = opened(backend, "alice"), opened(backend, "bob", "warn")
    assert handoff_state(backend, [alice, {"done": ["plan"]}], NOW) is None
    envelope = json.loads(read_state(backend, [bob, "__handoff.json"]))
    assert (envelope["root"], envelope["session_id"], envelope["written_at"]) == ("/r", "s", 1_777_400_000)
    assert envelope["writer"]["writer_id"] == "alice"
    assert handoff_state(backend, [bob, {}], NOW).metadata["key"] == "__handoff.json"
    assert list_state(backend, [bob]) == ["__handoff.json"]
    strict = opened(backend, "carol", "error")
    assert "previously written by 'bob'" in refusal(handoff_state, backend, [strict, {}], NOW)


def test_metadata_carries_the_second_of_the_write(backend):
    write_state(backend, [opened(backend, "alice"), "k", "1"], NOW)
    handoff_state(backend, [opened(backend, "alice"), {}], NOW)
    for name in ("k", "__handoff.json"):
        assert b'"updated_at": 1777400000' in backend.disk.read(f"/r/s/.agent_state_meta/{name}.json")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_needs_a_handle(backend, name):
    function = f"__agent_state_{name}"
    assert refusal(OPERATIONS[name], backend, [], NOW) == f"{function}: `handle` is required"
    assert (
        refusal(OPERATIONS[name], backend, [{}], NOW) == f"{function}: `handle` must be a state_handle dict"
    )


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("write", [], "__agent_state_write: `key` must be a non-empty string"),
        ("write", ["k"], "__agent_state_write: `content` must be a non-empty string"),
        ("write", ["k", "v"], "state_handle is missing `root`"),
        ("read", [], "__agent_state_read: `key` must be a non-empty string"),
        ("read", ["k"], "state_handle is missing `root`"),
        ("list", [], "state_handle is missing `root`"),
        ("delete", [], "__agent_state_delete: `key` must be a non-empty string"),
        ("delete", ["k"], "state_handle is missing `root`"),
        ("handoff", [], "__agent_state_handoff: `summary` is required"),
        ("handoff", [5], "__agent_state_handoff: `summary` must be a JSON object"),
        ("handoff", [{}], "state_handle is missing `root`"),
    ],
)
def test_the_first_thing_wrong_is_reported(backend, name, args, message):
    handle = {"_type": "state_handle", "conflict_policy": "bogus"}
    assert refusal(OPERATIONS[name], backend, [handle, *args], NOW) == message


@pytest.mark.parametrize(("name", "args"), [("write", ["../x", "v"]), ("handoff", [{}])])
def test_a_policy_is_read_before_the_key(backend, name, args):
    handle = opened(backend, "alice") | {"conflict_policy": "bogus"}
    assert refusal(OPERATIONS[name], backend, [handle, *args], NOW) == (
        "agent_state: unknown conflict policy 'bogus'"
    )
