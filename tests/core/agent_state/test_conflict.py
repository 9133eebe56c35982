"""Two writers on one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.conflict import ConflictRecord, conflict_between, enforce_policy, parse_policy
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

ALICE, BOB = WriterIdentity(writer_id="alice"), WriterIdentity(writer_id="bob")
CONFLICT = ConflictRecord(key="./k", previous=ALICE, current=BOB)
MESSAGE = "agent_state.write: key './k' was previously written by 'alice' and is now being written by 'bob'"


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        (["", " ", "ignore", "IGNORE", " Off\n"], ConflictPolicy.IGNORE),
        (["warn", "Warning", "warn\x85"], ConflictPolicy.WARN),
        (["error", "Error ", "STRICT"], ConflictPolicy.ERROR),
    ],
)
def test_a_policy_has_several_words_in_any_case(words, policy):
    assert {parse_policy(word) for word in words} == {policy}


def test_only_the_letters_a_to_z_are_lowered():
    with pytest.raises(HarnRuntimeError, match="unknown conflict policy 'strÉict'"):
        parse_policy("STRÉICT")


@pytest.mark.parametrize("word", ["nil", "ignored", "block", "\u212aeep", "warn\x1c", "warn\ufeff"])
def test_an_unknown_policy_is_refused(word):
    with pytest.raises(HarnRuntimeError) as caught:
        parse_policy(f" {word}")
    assert caught.value.message == f"agent_state: unknown conflict policy '{word}'"


@pytest.mark.parametrize(
    ("previous", "current"),
    [
        (NOBODY, BOB),
        (ALICE, NOBODY),
        (ALICE, ALICE),
        (WriterIdentity(stage_id="st"), BOB),
        (ALICE, WriterIdentity(stage_id="st")),
        (WriterIdentity(writer_id="x", session_id="s"), WriterIdentity(writer_id="x", session_id="t")),
    ],
)
def test_there_is_no_conflict_unless_both_writers_have_ids_that_differ(previous, current):
    assert conflict_between("k", previous, current) is None


def test_a_blank_id_is_an_id():
    conflict = conflict_between("k", WriterIdentity(writer_id=""), BOB)
    assert conflict.message == (
        "agent_state.write: key 'k' was previously written by '' and is now being written by 'bob'"
    )


def test_under_error_a_conflict_is_refused():
    with pytest.raises(HarnRuntimeError) as caught:
        enforce_policy(ConflictPolicy.ERROR, conflict_between("./k", ALICE, BOB))
    assert caught.value.message == MESSAGE


def test_under_warn_a_conflict_is_a_record_for_the_log():
    writer = {"stage_id": None, "session_id": None, "worker_id": None}
    assert enforce_policy(ConflictPolicy.WARN, CONFLICT).as_dict() == {
        "level": "warn",
        "category": "agent_state.write",
        "message": MESSAGE,
        "metadata": {
            "key": "./k",
            "previous_writer": writer | {"writer_id": "alice"},
            "current_writer": writer | {"writer_id": "bob"},
        },
    }


def test_under_ignore_a_conflict_is_nothing_and_no_conflict_is_nothing_ever():
    assert enforce_policy(ConflictPolicy.IGNORE, CONFLICT) is None
    assert [enforce_policy(policy, None) for policy in ConflictPolicy] == [None, None, None]


@given(st.none() | st.text(max_size=2), st.none() | st.text(max_size=2))
def test_a_conflict_is_mutual(one, other):
    first, second = WriterIdentity(writer_id=one), WriterIdentity(writer_id=other)
    assert (conflict_between("k", first, second) is None) == (conflict_between("k", second, first) is None)
