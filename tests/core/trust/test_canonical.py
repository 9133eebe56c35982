import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.trust import as_written, canonical_json, compact_json, sha256_text
from harnlab.core.values import Duration
from harnlab.errors import InvalidArgument

whole = st.integers(-(2**63), 2**64 - 1)
texts = st.text(st.characters(exclude_categories=("Cs",)))


def trees(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=15,
    )


plain = trees(st.none() | st.booleans() | whole | texts)
any_json = trees(st.none() | st.booleans() | whole | texts | st.floats(allow_nan=False, allow_infinity=False))


@given(plain)
def test_without_floats_canonical_json_is_pythons_sorted_compact_json(value):
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_json(value) == expected


@given(plain)
def test_written_json_keeps_members_as_they_stand(value):
    assert compact_json(value) == json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@given(any_json)
def test_canonical_json_reads_back_as_it_was(value):
    assert repr(json.loads(canonical_json(value))) == repr(json.loads(json.dumps(value, sort_keys=True)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "1e-7"),
        (1e-5, "0.00001"),
        (1.5e-9, "1.5e-9"),
        (1e16, "1e16"),
        (1e15, "1000000000000000.0"),
        (1.2345678901234567e30, "1.2345678901234567e30"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (5e-324, "5e-324"),
    ],
)
def test_floats_are_spelled_as_the_runtime_spells_them(value, text):
    assert canonical_json({"cost_usd": value}) == f'{{"cost_usd":{text}}}'
    assert compact_json([value]) == f"[{text}]"


def test_a_whole_number_and_a_float_of_the_same_size_are_two_texts():
    assert canonical_json([1, 1.0, True]) == "[1,1.0,true]"


def test_an_integer_beyond_64_bits_is_read_as_a_float():
    assert canonical_json([2**64 - 1, 2**64]) == "[18446744073709551615,1.8446744073709552e19]"
    assert canonical_json([-(2**63), -(2**63) - 1]) == "[-9223372036854775808,-9.223372036854776e18]"


def test_keys_are_sorted_at_every_depth_by_code_point():
    value = {"\U0001f600": 1, "\uffff": 2, "é": 3, "z": [{"b": 1, "a": 2}], "Z": 4, "": 5}
    assert canonical_json(value) == '{"":5,"Z":4,"z":[{"a":2,"b":1}],"é":3,"\uffff":2,"\U0001f600":1}'


def test_only_what_json_must_escape_is_escaped():
    assert canonical_json('"\\/\b\f\n\r\t\x00\x1f\x7f\x85\u2028é') == (
        '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\x85\u2028é"'
    )


def test_a_number_no_float_can_hold_is_written_as_null_and_has_no_hash():
    for lost in (float("nan"), float("inf"), float("-inf"), 10**400, -(10**400)):
        assert compact_json({"cost_usd": lost}) == '{"cost_usd":null}'
        assert as_written([lost]) == [None]
        with pytest.raises(InvalidArgument) as refused:
            sha256_text({"cost_usd": lost})
        assert str(refused.value) == (
            "a number that is not finite has no JSON form; expected a finite number"
        )


@pytest.mark.parametrize(
    ("value", "kind"), [(Duration(5), "Duration"), ({1, 2}, "set"), (b"bytes", "bytes"), (object(), "object")]
)
def test_what_json_does_not_have_is_refused(value, kind):
    with pytest.raises(InvalidArgument) as refused:
        canonical_json([value])
    assert str(refused.value) == f"a {kind} has no JSON form; expected what json.loads returns"


@pytest.mark.parametrize("write", [canonical_json, compact_json])
def test_a_key_that_is_no_text_is_refused(write):
    with pytest.raises(InvalidArgument) as refused:
        write({"a": {1: 2, "b": 3}})
    assert str(refused.value) == "an object has a key that is not text; expected what json.loads returns"


def test_a_hash_names_its_algorithm_and_is_taken_over_utf8():
    # echo -n '{"a":"é"}' | sha256sum
    assert (
        sha256_text({"a": "é"}) == "sha256:b3a092a6af48807fa9482b2ee140105575daa26d5b24b3c0e60a7e2dee6683b1"
    )


def test_a_lone_surrogate_still_has_a_hash():
    assert sha256_text("\ud800") != sha256_text("?")


@given(any_json)
def test_what_is_written_is_what_is_hashed(value):
    assert sha256_text(as_written(value)) == sha256_text(json.loads(compact_json(value)))
    assert as_written(as_written(value)) == as_written(value)


def test_tuples_are_written_as_lists():
    assert as_written({"reviewers": ("a", "b")}) == {"reviewers": ["a", "b"]}
