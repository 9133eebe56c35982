"""Which keys are accepted, and how each is spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.keys import META_DIR, TEMP_MARKER, is_reserved, normalise_key
from harnlab.errors import HarnRuntimeError

NOT_EMPTY = "agent_state: key must be a non-empty relative path"
NO_COMPONENT = "agent_state: key must contain at least one path component"


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        ("plan.md", "plan.md"),
        ("  plan.md\n", "plan.md"),
        ("\x85a\u3000", "a"),
        ("\x1ca", "\x1ca"),
        ("\ufeffa", "\ufeffa"),
        ("./a/./b/.", "a/b"),
        ("a//b///", "a/b"),
        ("a/ b", "a/ b"),
        ("...", "..."),
        ("a/..b", "a/..b"),
        ("~", "~"),
        ("C:\\x", "C:\\x"),
        (".agent_state_meta2", ".agent_state_meta2"),
        ("agent_state_tmp", "agent_state_tmp"),
        ("__handoff.json", "__handoff.json"),
        ("é/😀", "é/😀"),
    ],
)
def test_a_key_has_one_spelling(key, spelled):
    assert normalise_key(key) == spelled


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", NOT_EMPTY),
        (" \t\u3000", NOT_EMPTY),
        (".", NO_COMPONENT),
        (" ././/. ", NO_COMPONENT),
        ("/", "agent_state: key '/' must be relative"),
        (" //a/.. ", "agent_state: key '//a/..' must be relative"),
        ("..", "agent_state: key '..' must not escape the session root"),
        ("a/..", "agent_state: key 'a/..' must not escape the session root"),
        ("a/b/../c", "agent_state: key 'a/b/../c' must not escape the session root"),
        (META_DIR, f"agent_state: key '{META_DIR}' uses a reserved internal path"),
        (f"a/{META_DIR}/b", f"agent_state: key 'a/{META_DIR}/b' uses a reserved internal path"),
        (f"x{TEMP_MARKER}y", f"agent_state: key 'x{TEMP_MARKER}y' uses a reserved internal path"),
        (f"{META_DIR}/..", f"agent_state: key '{META_DIR}/..' uses a reserved internal path"),
        (f"../{META_DIR}", f"agent_state: key '../{META_DIR}' must not escape the session root"),
    ],
)
def test_a_bad_key_is_refused_for_the_first_thing_wrong(key, message):
    with pytest.raises(HarnRuntimeError) as caught:
        normalise_key(key)
    assert caught.value.message == message


@given(st.text(st.sampled_from("ab./ \u3000é"), max_size=12))
def test_a_spelling_is_its_own_spelling_and_stays_below_the_session(key):
    try:
        spelled = normalise_key(key)
    except HarnRuntimeError:
        return
    assert all(part not in {"", ".", ".."} for part in spelled.split("/"))
    if spelled == spelled.strip("\u3000 "):  # a blank before a "/" that is dropped comes to the end
        assert normalise_key(spelled) == spelled


def test_names_the_store_keeps_for_itself():
    assert [is_reserved(name) for name in (META_DIR, f".a.{TEMP_MARKER}.1", ".agent_state", "a")] == [
        True,
        True,
        False,
        False,
    ]
