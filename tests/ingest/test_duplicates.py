"""Which members named twice are found: all that reading every pair finds, at the top and in records read inside."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.ingest.duplicates import DuplicateFinder, repeated_members
from harnlab.ingest.families import FAMILIES
from ingest.transcript_lines import line, read

REQUEST, RESPONSE, ERROR, DISPATCH, MESSAGE, *_ = FAMILIES
NESTED = {
    family.type: {
        reading.path.partition(".")[0] for reading in family.columns.values() if "." in reading.path
    }
    | ({family.inside} if family.inside else set())
    for family in FAMILIES
}

names = st.sampled_from(
    [
        "type",
        "timestamp",
        "thinking",
        "mode",
        "outcome",
        "message",
        "role",
        "cost_usd",
        "x",
        "é",
        'a"b',
        "a\\",
    ]
)
scalars = st.sampled_from(
    ["null", "0", "1e5", "100000.0", "-0", '""', '"a"', '"\\u0041"', '"\\":"', '"},{"', "[]", "{}"]
)
gaps = st.sampled_from(["", "", "", " ", "  "])


@st.composite
def objects(draw, depth=2):
    """Text of a JSON object, in any dress, that may name members twice."""
    values = scalars if depth == 0 else st.one_of(scalars, objects(depth - 1), arrays(depth - 1))
    pairs = draw(st.lists(st.tuples(names, values), max_size=5))
    comma, colon, rim = draw(gaps), draw(gaps), draw(gaps)
    written = (json.dumps(name, ensure_ascii=draw(st.booleans())) for name, _ in pairs)
    return (
        "{"
        + rim
        + f",{comma}".join(f"{n}:{colon}{v}" for n, (_, v) in zip(written, pairs, strict=True))
        + "}"
    )


@st.composite
def arrays(draw, depth):
    return "[" + ",".join(draw(st.lists(objects(depth), max_size=2))) + "]"


class Pairs(list):
    """Members of an object as they are written."""


def levels(value):
    """Every object of a value, the outermost first; the plain, slow way."""
    if isinstance(value, Pairs):
        yield value
        value = [inner for _, inner in value]
    for inner in value if isinstance(value, list) else ():
        yield from levels(inner)


def named_twice(objects):
    return {name for pairs in objects for name in dict(pairs) if [n for n, _ in pairs].count(name) > 1}


@settings(deadline=None, max_examples=300)
@given(text=objects(), family=st.sampled_from(FAMILIES))
def test_every_member_named_twice_where_it_counts_is_found_and_no_other(text, family):
    pairs = json.loads(text, object_pairs_hook=Pairs)
    inside = [v for name, v in dict(pairs).items() if name in NESTED[family.type] and isinstance(v, Pairs)]
    found = {name for _, name in DuplicateFinder(family).find([text.encode()])}
    assert named_twice([pairs, *inside]) <= found <= named_twice(levels(pairs))


@settings(deadline=None)
@given(text=objects())
def test_a_record_of_no_family_is_looked_at_from_the_top(text):
    pairs = json.loads(text, object_pairs_hook=Pairs)
    found = [name for _, name in DuplicateFinder().find([text.encode()])]
    assert found == repeated_members(text.encode())
    assert named_twice([pairs]) <= set(found) <= named_twice(levels(pairs))


def test_a_member_given_again_is_found_though_the_others_look_spaced_by_as_much():
    # without the second pair, a space after each comma and colon would fill the record just as well
    record = b'{"a":1,"b":2,"c":3,"d":4,"e":5,"e":0}'
    compact = json.dumps(json.loads(record), separators=(",", ":"))
    assert len(record) != len(compact)
    for pad in range(1, 12):
        padded = record.replace(b'"e":0', b'"e":' + b"1" * pad)
        assert repeated_members(padded) == ["e"]


def test_a_number_that_grows_when_it_is_written_hides_nothing():
    assert repeated_members(b'{"cost_usd":1e5,"x":1,"x":1}') == ["x"]
    ((number, name),) = DuplicateFinder(RESPONSE).find([b'{"cost_usd":1e5,"type":"a","type":"b"}'])
    assert (number, name) == (0, "type")


def test_names_are_given_with_the_number_of_their_record():
    records = [
        line(type="message"),
        b'{"type":"message","role":"a","role":"b"}',
        line(type="message", role="a"),
    ]
    assert list(DuplicateFinder(MESSAGE).find(records)) == [(1, "role")]


@pytest.mark.parametrize(
    ("record", "member"),
    [
        (b'{"type":"provider_call_request","thinking":{"mode":"a","enabled":true,"mode":"b"}}', "mode"),
        (b'{"type":"resolved_dispatch","outcome":{"kind":"served","kind":"served"}}', "kind"),
        (b'{"type":"message","message":{"role":"user","role":"system"}}', "role"),
    ],
)
def test_a_member_given_twice_in_a_record_inside_is_a_problem_row(tmp_path, record, member):
    (problem,) = read(tmp_path / "t.jsonl", record)["problems"].rows(named=True)
    assert (problem["kind"], problem["field"]) == ("duplicate_key", member)
