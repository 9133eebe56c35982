import fnmatch
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.core.matching import glob_match, parse_glob, simple_match
from harnlab.errors import InvalidArgument

#: What globset 0.4.21 answered: for each pattern the names it matched, or null where it is no valid glob.
ANSWERS = json.loads(Path(__file__).with_name("globset_answers.json").read_text(encoding="utf-8"))

GLOB_TEXT = st.text(alphabet="ab/é*?[]{},!^-\\", max_size=12)
NAMES = st.text(alphabet="ab/é*[{,", max_size=8)


@pytest.mark.parametrize("pattern", ANSWERS["matched"], ids=ascii)
def test_a_glob_matches_the_names_that_globset_matched(pattern):
    matched = ANSWERS["matched"][pattern]
    if matched is None:
        with pytest.raises(InvalidArgument):
            parse_glob(pattern)
    else:
        glob = parse_glob(pattern)
        assert [name for name in ANSWERS["names"] if glob.matches(name)] == matched


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[a", "the end instead of ']' in '[a'"),
        ("a\\", "the end instead of the escaped character in 'a\\\\'"),
        ("{a", "an unclosed '{' in '{a'"),
        ("a}", "a '}' without its '{' in 'a}'"),
        ("[b-a]", "the backward range 'b-a' in '[b-a]'"),
        ("{" * 249 + "}" * 249, "braces nested too deep"),
    ],
)
def test_an_invalid_glob_says_what_is_wrong(pattern, found):
    with pytest.raises(InvalidArgument) as caught:
        parse_glob(pattern)
    assert caught.value.found.startswith(found)
    assert caught.value.where == "pattern"
    assert caught.value.expected == "a shell glob"


def test_braces_nest_as_deep_as_the_runtime_can_compile():
    assert parse_glob("{" * 248 + "a*" + "}" * 248).matches("abc")


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("merge_*", "merge_captain", True),
        ("merge_*", "Merge_captain", False),
        ("*_bot", "merge_bot", True),
        ("*_bot", "merge_bots", False),
        ("m*n", "merge_captain", True),
        ("merge_[bc]*", "merge_captain", True),
        ("merge_[bc]*", "merge_dave", False),
        ("{rev,captain}", "rev", False),
        ("{rev,captain}", "{rev,captain}", True),
        ("{rev,captain}*", "captain_1", True),
        ("{rev,captain}*", "{rev,captain}_1", True),
        ("re[", "re[", True),
        ("re[*", "re[view", True),
        ("*[", "re[", True),
        ("?", "?", True),
        ("?", "é", False),
        ("??", "é", True),
        ("[x]", "[x]", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "a\\*b", True),
        ("a\\*b", "axb", False),
    ],
)
def test_a_pattern_is_a_glob_first_and_a_prefix_suffix_or_name_second(pattern, name, matches):
    assert glob_match(pattern, name) is matches


@given(GLOB_TEXT, NAMES)
@example("[", "[")
def test_the_later_rule_matches_whatever_the_earlier_one_did(pattern, name):
    assert glob_match(pattern, name) or not simple_match(pattern, name)


@given(st.text(alphabet="ab{},\\é", max_size=8), NAMES)
def test_a_pattern_without_wildcards_is_a_plain_name(pattern, name):
    assert glob_match(pattern, name) is (pattern == name)


@given(st.text(max_size=12))
def test_an_escaped_name_matches_itself_only(name):
    glob = parse_glob("".join(f"\\{character}" for character in name))
    assert glob.matches(name)
    assert not glob.matches(name + "x")


@given(st.text(alphabet="ab*?", max_size=10), st.text(alphabet="abc", max_size=10))
def test_stars_and_question_marks_mean_what_a_shell_means(pattern, name):
    assert parse_glob(pattern).matches(name) is fnmatch.fnmatchcase(name, pattern)


@given(
    st.text(alphabet="ab*?", min_size=1, max_size=4), st.text(alphabet="ab*?", min_size=1, max_size=4), NAMES
)
def test_alternates_match_what_either_choice_matches(left, right, name):
    either = parse_glob(f"x{left}").matches("x" + name) or parse_glob(f"x{right}").matches("x" + name)
    assert parse_glob(f"x{{{left},{right}}}").matches("x" + name) is either


@given(st.text(alphabet="abcé/!^", min_size=1, max_size=5), st.integers(0, 127).map(chr))
def test_a_class_and_its_negation_split_the_bytes_between_them(members, character):
    members = members.lstrip("!^") or "a"
    inside = parse_glob(f"[{members}]")
    outside = parse_glob(f"[!{members}]")
    assert inside.matches(character) is not outside.matches(character)


@given(GLOB_TEXT, NAMES)
def test_matching_never_fails_on_any_text(pattern, name):
    assert glob_match(pattern, name) in {True, False}


def test_names_with_lone_surrogates_are_matched_too():
    assert glob_match("a*", "a\ud800")


def test_many_stars_do_not_blow_up():
    assert not glob_match("*a" * 60 + "?[b]", "a" * 400)
