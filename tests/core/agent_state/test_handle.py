"""Handles: read from arguments, built, and read again after a script changed them."""

import pytest

from harnlab.core.agent_state.backend import Scope, WriteOptions
from harnlab.core.agent_state.handle import (
    handle_argument,
    handle_scope,
    handle_value,
    handle_write_options,
    handle_writer,
    init_request,
    required_text,
    resume_request,
)
from harnlab.core.agent_state.surroundings import MutationSession, Surroundings
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity
from harnlab.core.values import Duration
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

HERE = Surroundings(new_id=lambda: "fresh", now_s=0, working_dir="/w")


def refusal(function, *args):
    with pytest.raises(HarnRuntimeError) as caught:
        function(*args)
    return caught.value.message


@pytest.mark.parametrize(
    ("args", "root", "session_id"),
    [
        (["/r"], "/r", "fresh"),
        (["/r", None], "/r", "fresh"),
        (["/r", None, {"session_id": "x"}], "/r", "fresh"),
        (["/r", {}], "/r", "fresh"),
        (["/r", {"session_id": "x"}], "/r", "x"),
        (["/r", {"session_id": "x"}, {"session_id": "y"}], "/r", "x"),
        (["/r", {"session_id": None}], "/r", "nil"),
        (["/r", {"session_id": " "}], "/r", "fresh"),
        (["/r", {"session_id": " x "}], "/r", " x "),
        (["/r", {"session_id": 1.0}], "/r", "1.0"),
        (["s", "/r"], "/r", "s"),
        (["s", "/r", None], "/r", "s"),
        (["s", "/r", 5, "more"], "/r", "s"),
        (["s", "/r", {"session_id": "ignored"}], "/r", "s"),
        (["", "/r"], "/r", ""),
        (["r"], "/w/r", "fresh"),
        (["./r/../q"], "/w/./r/../q", "fresh"),
        ([""], "/w/", "fresh"),
    ],
)
def test_init_takes_a_root_or_a_session_and_a_root(args, root, session_id):
    assert init_request(args, HERE).scope == Scope(root=root, namespace=session_id)


@pytest.mark.parametrize(
    "args", [[], [None], [5], ["/r", 5], ["/r", True], ["/r", []], [None, "/r"], [{}, "/r"]]
)
def test_init_refuses_any_other_arguments(args):
    assert refusal(init_request, args, HERE) == (
        "__agent_state_init: expected `(root, options?)` or `(session_id, root, options?)`"
    )


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ({}, ConflictPolicy.IGNORE),
        ({"conflict_policy": "warn"}, ConflictPolicy.WARN),
        ({"two_writer": "strict"}, ConflictPolicy.ERROR),
        ({"conflict_policy": "error", "two_writer": "bogus"}, ConflictPolicy.ERROR),
    ],
)
def test_the_policy_has_two_names_and_the_first_one_counts(options, policy):
    assert init_request(["/r", options], HERE).conflict_policy is policy
    assert init_request(["s", "/r", options], HERE).conflict_policy is policy
    assert resume_request(["/r", "s", options], HERE).conflict_policy is policy


def test_a_nil_policy_is_unknown():
    unknown = "agent_state: unknown conflict policy 'nil'"
    assert refusal(init_request, ["/r", {"conflict_policy": None, "two_writer": "warn"}], HERE) == unknown


def test_the_writer_of_a_handle_is_named_by_options_and_session():
    mutating = Surroundings(
        new_id=str, now_s=0, working_dir="/w", current_session="cur", mutation=MutationSession(worker_id="k")
    )
    expected = WriterIdentity(writer_id="w", stage_id="k", session_id="s", worker_id="k")
    assert init_request(["s", "/r", {"writer_id": "w"}], mutating).writer == expected
    assert resume_request(["/r", "s", {"writer_id": "w"}], mutating).writer == expected
    assert init_request(["/r"], mutating).scope.namespace == "cur"


def test_resume_displays_what_it_is_given():
    assert resume_request([None, 5], HERE).scope == Scope(root="/w/nil", namespace="5")
    assert resume_request(["", "", "no options"], HERE).scope == Scope(root="/w/", namespace="")
    assert refusal(resume_request, [], HERE) == "__agent_state_resume: `root` must be a non-empty string"
    assert refusal(resume_request, ["/r"], HERE) == (
        "__agent_state_resume: `session_id` must be a non-empty string"
    )


def test_a_handle_holds_all_that_the_operations_read_back():
    request = init_request(["s", "/r", {"worker_id": "k", "conflict_policy": "warning"}], HERE)
    handle = handle_value("filesystem", request)
    assert handle == {
        "_type": "state_handle",
        "backend": "filesystem",
        "root": "/r",
        "session_id": "s",
        "handoff_key": "__handoff.json",
        "conflict_policy": "warn",
        "writer": {"writer_id": "k", "stage_id": "k", "session_id": "s", "worker_id": "k"},
    }
    assert type(handle["conflict_policy"]) is str
    assert handle_argument([handle], "f") is handle
    assert handle_scope(handle) == request.scope
    assert handle_write_options(handle, 9) == WriteOptions(
        writer=request.writer, conflict_policy=ConflictPolicy.WARN, now_s=9
    )


@pytest.mark.parametrize(
    "handle", [None, 5, "state_handle", [], {}, {"_type": "other"}, {"_type": " state_handle"}]
)
def test_only_a_dict_of_the_type_is_a_handle(handle):
    assert refusal(handle_argument, [handle], "f") == "f: `handle` must be a state_handle dict"


def test_a_missing_handle_is_missing():
    assert refusal(handle_argument, [], "f") == "f: `handle` is required"


@pytest.mark.parametrize(
    ("handle", "missing"),
    [
        ({}, "root"),
        ({"root": "", "session_id": "s"}, "root"),
        ({"root": "/r"}, "session_id"),
        ({"root": "/r", "session_id": ""}, "session_id"),
    ],
)
def test_a_handle_needs_its_place(handle, missing):
    assert refusal(handle_scope, handle) == f"state_handle is missing `{missing}`"


def test_the_place_of_a_handle_is_displayed_and_not_resolved_again():
    assert handle_scope({"root": None, "session_id": Duration(60_000)}) == Scope(root="nil", namespace="1m")


@pytest.mark.parametrize(
    "handle", [{}, {"writer": None}, {"writer": "alice"}, {"writer": {"writer_id": " "}}]
)
def test_a_handle_may_name_no_writer(handle):
    assert handle_writer(handle) == NOBODY


def test_a_nil_part_of_a_handles_writer_is_the_name_nil():
    parts = {"writer_id": None, "stage_id": 1, "session_id": [], "worker_id": "k"}
    assert handle_writer({"writer": parts}) == WriterIdentity(
        writer_id="nil", stage_id="1", session_id="[]", worker_id="k"
    )


def test_a_handle_without_a_policy_ignores_and_a_nil_one_is_refused():
    assert handle_write_options({}, 0).conflict_policy is ConflictPolicy.IGNORE
    assert refusal(handle_write_options, {"conflict_policy": None}, 0) == (
        "agent_state: unknown conflict policy 'nil'"
    )


def test_a_required_text_is_displayed_and_may_be_empty():
    args = ["", None, 1.5]
    assert [required_text(args, index, "f", "key") for index in range(3)] == ["", "nil", "1.5"]
    assert refusal(required_text, args, 3, "f", "key") == "f: `key` must be a non-empty string"
