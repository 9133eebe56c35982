from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn
from harnlab.core.agent_state import Scope, Surroundings
from harnlab.core.agent_state.handoff import handoff_text
from harnlab.core.agent_state.writer import writer_identity
from harnlab.core.rust_semantics import byte_len
from harnlab.replay import state

AT = datetime(2026, 6, 22, 8, 31, tzinfo=UTC)
WRITER = {
    "writer_id": "planner",
    "writer_stage_id": "plan",
    "writer_session_id": "s-1",
    "writer_worker_id": "w-1",
}
PARTS = ("writer_id", "stage_id", "session_id", "worker_id")


def entry(key="plan.md", **more):
    return (
        {"root": "state", "session_id": "s-1", "key": key, "state": "value", "updated_at": AT} | WRITER | more
    )


def envelope(**more):
    """Row of ``handoffs`` as the core writes it."""
    writer = writer_identity({"writer_id": "planner", "stage_id": "plan", "worker_id": "w-1"}, "s-1", NOWHERE)
    text = handoff_text(
        Scope(root="/srv", namespace="s-1"), writer, {"done": ["plan.md"]}, int(AT.timestamp())
    )
    told = {"root": "state", "session_id": "s-1", "version": 1, "summary": '{"done":["plan.md"]}'}
    return told | WRITER | {"written_at": AT, "extra": '{"root":"/srv"}', "length": byte_len(text)} | more


NOWHERE = Surroundings(new_id=lambda: "", now_s=0, working_dir="")


def replay(*entries, handoffs=()):
    frames = StandIn(state_entries=entries, handoffs=handoffs)
    return [(row["verdict"], row["field"]) for row in state(frames).to_dicts()]


MATCH = ("match", None)


def test_a_key_with_a_whole_writer_matches():
    assert replay(entry(), entry("notes/übergabe.md")) == [MATCH, MATCH]


def test_names_nobody_gave_stand_in_as_the_runtime_fills_them():
    bare = {"writer_stage_id": None, "writer_worker_id": None}
    assert replay(entry(**bare)) == [MATCH]
    assert replay(entry(**bare, writer_id="s-1")) == [MATCH]
    assert replay(entry(writer_id=None)) == [("mismatch", "writer_id")]
    assert replay(entry(writer_stage_id=None)) == [("mismatch", "writer_stage_id")]
    assert replay(entry(writer_session_id="s-2")) == [("mismatch", "writer_session_id")]


def test_a_value_without_a_writer_is_not_decided():
    assert replay(entry(**dict.fromkeys(WRITER))) == [("insufficient", "writer_id")]


def test_files_the_store_keeps_for_itself_are_no_keys():
    left = dict.fromkeys(WRITER)
    name = ".plan.md..agent_state_tmp.019e"
    assert replay(entry(name, state="crash_leftover", **left)) == [MATCH]
    assert replay(entry(name, **left)) == [("mismatch", "state")]
    assert replay(entry(state="crash_leftover")) == [("mismatch", "state")]
    assert replay(entry(state="orphan_metadata")) == [("insufficient", "state")]


@pytest.mark.parametrize("key", ["./plan.md", "/plan.md", "../plan.md", " plan.md", "a//b"])
def test_a_key_is_listed_under_its_one_spelling(key):
    assert replay(entry(key)) == [("mismatch", "key")]


def test_a_handoff_is_held_against_its_own_bytes_and_the_metadata_of_its_key():
    metadata = entry("__handoff.json")
    assert replay(metadata, handoffs=[envelope()]) == [MATCH, MATCH]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"writer_id": "reviewer"}, "writer_id"),
        ({"writer_worker_id": "w-2"}, "writer_worker_id"),
        ({"version": 2}, "version"),
        ({"written_at": AT.replace(second=1)}, "written_at"),
        ({"summary": '{"done":["plan.md","more.md"]}'}, "content_bytes"),
        ({"length": 9}, "content_bytes"),
    ],
)
def test_one_changed_member_of_a_handoff_is_found(changed, field):
    assert replay(entry("__handoff.json"), handoffs=[envelope(**changed)])[1] == ("mismatch", field)


def test_a_handoff_without_metadata_is_not_decided_by_it():
    assert replay(handoffs=[envelope()]) == [("insufficient", "writer_id")]
    assert replay(handoffs=[envelope(version=3)]) == [("mismatch", "version")]


@pytest.mark.parametrize("lost", [{"summary": "5"}, {"summary": "{"}, {"extra": '{"root":null}'}])
def test_an_envelope_that_cannot_be_made_again_is_not_decided(lost):
    told = replay(entry("__handoff.json"), handoffs=[envelope(**lost)])
    assert told[1] == ("insufficient", "content_bytes")


names = st.one_of(st.none(), st.text("ab", min_size=1, max_size=3))


@given(st.fixed_dictionaries(dict.fromkeys(("writer_id", "stage_id", "worker_id"), names)))
def test_every_writer_a_handle_can_have_matches(given_):
    options = {name: value for name, value in given_.items() if value is not None}
    named = writer_identity(options, "s-1", NOWHERE).as_dict()
    row = {column: named[part] for column, part in zip(WRITER, PARTS, strict=True)}
    assert replay(entry(**row)) == [MATCH]
