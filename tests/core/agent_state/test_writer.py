"""Who writes, and what stands in for the parts nobody named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.surroundings import MutationSession, Surroundings
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity, option_text, writer_identity
from harnlab.core.values import Duration


def surroundings(**known):
    return Surroundings(**({"new_id": lambda: "fresh", "now_s": 0, "working_dir": "/w"} | known))


MUTATION = MutationSession(session_id="mut", run_id="run", worker_id="mworker", execution_kind="kind")


@pytest.mark.ported_from("agent_state_0.7.26.rs::writer_identity_defaults_to_current_session")
def test_writer_identity_defaults_to_current_session():
    writer = writer_identity(None, None, surroundings(current_session="session_writer"))
    assert writer == WriterIdentity(writer_id="session_writer", session_id="session_writer")


@pytest.mark.ported_from("agent_state_0.7.26.rs::default_session_id_prefers_active_agent_session")
def test_default_session_id_prefers_active_agent_session():
    assert (
        surroundings(current_session="session_test", mutation=MUTATION).default_session_id() == "session_test"
    )


def test_the_default_session_is_the_mutations_unless_blank_and_else_a_new_one():
    assert surroundings(mutation=MUTATION).default_session_id() == "mut"
    assert surroundings(mutation=MutationSession(session_id="")).default_session_id() == "fresh"
    assert surroundings().default_session_id() == "fresh"
    assert surroundings(current_session="").default_session_id() == ""


@pytest.mark.parametrize(
    ("options", "mutation", "expected"),
    [
        (None, None, ("s", None, None)),
        ({"writer_id": "w"}, None, ("w", None, None)),
        ({"stage_id": "st"}, None, ("st", "st", None)),
        ({"worker_id": "k"}, None, ("k", "k", "k")),
        ({"worker_id": "k", "stage_id": "st"}, None, ("k", "st", "k")),
        ({"worker_id": "k", "stage_id": "st", "writer_id": "w"}, None, ("w", "st", "k")),
        ({"worker_id": 7, "stage_id": None, "writer_id": Duration(5000)}, None, ("5s", "nil", "7")),
        ({"worker_id": " ", "stage_id": "", "writer_id": "\t"}, None, ("s", None, None)),
        ({"worker_id": " pad "}, None, (" pad ", " pad ", " pad ")),
        (None, MUTATION, ("mworker", "mworker", "mworker")),
        (None, MutationSession(session_id="mut", run_id="run", execution_kind="kind"), ("run", "run", None)),
        (None, MutationSession(session_id="mut", execution_kind="kind"), ("kind", "kind", None)),
        (None, MutationSession(session_id="mut", run_id="", execution_kind="kind"), ("", "", None)),
        (None, MutationSession(session_id="mut", worker_id=""), ("", "", "")),
        ({"worker_id": "k"}, MUTATION, ("k", "k", "k")),
        ({"writer_id": "w"}, MUTATION, ("w", "mworker", "mworker")),
    ],
)
def test_a_part_nobody_named_is_taken_from_the_next_who_has_one(options, mutation, expected):
    writer = writer_identity(options, "s", surroundings(mutation=mutation, current_session="cur"))
    assert (writer.writer_id, writer.stage_id, writer.worker_id) == expected
    assert writer.session_id == "s"


def test_the_session_of_a_writer_is_the_named_one_else_the_agents_else_the_mutations():
    both = surroundings(current_session="cur", mutation=MUTATION)
    assert writer_identity(None, "named", both).session_id == "named"
    assert writer_identity(None, None, both).session_id == "cur"
    assert writer_identity(None, None, surroundings(mutation=MUTATION)).session_id == "mut"
    assert writer_identity(None, None, surroundings()) == NOBODY
    assert writer_identity(None, "", both).session_id is None


@pytest.mark.parametrize(
    ("writer", "shown"),
    [
        (WriterIdentity(writer_id="a", worker_id="b", stage_id="c", session_id="d"), "a"),
        (WriterIdentity(worker_id="b", stage_id="c", session_id="d"), "b"),
        (WriterIdentity(stage_id="c", session_id="d"), "c"),
        (WriterIdentity(session_id="d"), "d"),
        (WriterIdentity(writer_id="", session_id="d"), ""),
        (NOBODY, "unknown"),
    ],
)
def test_a_writer_is_shown_by_its_closest_name(writer, shown):
    assert writer.display_name == shown


def test_only_a_writer_without_any_name_is_empty():
    assert NOBODY.is_empty
    assert not WriterIdentity(session_id="").is_empty


def test_an_option_is_displayed_before_it_is_asked_whether_it_is_blank():
    options = {"nil": None, "blank": " \u3000", "list": [], "text": " x "}
    assert [option_text(options, name) for name in (*options, "missing")] == ["nil", None, "[]", " x ", None]
    assert option_text(None, "nil") is None


@given(st.dictionaries(st.sampled_from(["writer_id", "stage_id", "worker_id"]), st.text(max_size=2)))
def test_a_writer_with_a_session_always_has_a_name(options):
    writer = writer_identity(options, "s", surroundings())
    assert writer.display_name == writer.writer_id
    assert list(writer.as_dict()) == ["writer_id", "stage_id", "session_id", "worker_id"]
