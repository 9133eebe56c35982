"""Paths as Rust joins and climbs them; the answers were taken from ``std::path``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.paths import file_name, join_path, parent_path


@pytest.mark.parametrize(
    ("base", "rest", "joined"),
    [
        ("/r", "a", "/r/a"),
        ("/r/", "a", "/r/a"),
        ("/r", "./a", "/r/./a"),
        ("/r", "../a", "/r/../a"),
        ("/r", "", "/r/"),
        ("/r/", "", "/r/"),
        ("/r", "/a", "/a"),
        ("", "a", "a"),
        ("", "", ""),
    ],
)
def test_joining_keeps_what_it_joins(base, rest, joined):
    assert join_path(base, rest) == joined


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("/a/b", "/a"),
        ("/a/b/", "/a"),
        ("/a/b/.", "/a"),
        ("/a/b/././/", "/a"),
        ("/a//b", "/a"),
        ("/a/./b", "/a"),
        ("/a/..", "/a"),
        ("/a/../b", "/a/.."),
        ("/a", "/"),
        ("//a", "/"),
        ("/./a", "/"),
        ("/", None),
        ("//", None),
        ("/.", None),
        ("", None),
        ("a", ""),
        ("a/b", "a"),
        (".", ""),
        ("./a", "."),
        ("a/.", ""),
    ],
)
def test_climbing_forgets_the_last_component(path, parent):
    assert parent_path(path) == parent


def test_the_file_name_is_what_follows_the_last_slash():
    assert [file_name(path) for path in ("a", "a/b.c", "/x/y/z")] == ["a", "b.c", "z"]


@given(st.text(st.sampled_from("ab./"), max_size=10))
def test_climbing_ends(path):
    while path is not None and path != "":
        above = parent_path(path)
        assert above is None or len(above) < len(path)
        path = above
