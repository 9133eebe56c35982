"""Every record of a document is found with its place, and damage is reported where it stands."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.ingest import documents
from harnlab.ingest.documents import ELEMENTS, LEAF, Record, read_document
from ingest.document_files import kinds, source, written

SPANS = {"spans": {ELEMENTS: LEAF}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def document(tmp_path, content, inside=SPANS, name="d.json"):
    return read_document(written(tmp_path / name, content), inside)


def plain(value):
    """A walked value as ``json.loads`` would have given it."""
    match value:
        case Record():
            return plain(value.value)
        case dict():
            return {name: plain(inner) for name, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
    return value


@pytest.mark.parametrize("style", [{"indent": 2}, {}, {"separators": (",", ":")}, {"indent": "\t"}])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_nested_record_is_found_at_its_line_and_byte_whatever_stands_before_it(tmp_path, style, bom):
    value = {"é": "ünï\n\U0001f600", "spans": [{"id": 1}, {"id": 2, "name": "naïve"}]}
    content = bom + json.dumps(value, ensure_ascii=False, **style).encode()
    (record,) = document(tmp_path, content).records
    spans = record.value["spans"].value
    assert plain(record) == value
    for span, wanted in zip(spans, value["spans"], strict=True):
        assert json.loads(content[span.offset : span.offset + span.length]) == wanted
        assert span.line == content[: span.offset].count(b"\n") + 1
        assert span.path == "spans[]"
    assert (record.line, record.offset, record.length) == (1, len(bom), len(content) - len(bom))


@given(
    others=st.dictionaries(st.text().filter(lambda name: name != "spans"), json_values, max_size=4),
    spans=st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=4),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_walking_a_document_gives_the_values_json_gives(tmp_path_factory, others, spans, indent, ascii_only):
    value = {**others, "spans": spans, "last": 1}
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    content = text.encode()
    found = document(tmp_path_factory.mktemp("walk"), content)
    assert found.findings.lost == []
    assert plain(found.records) == [value]
    for span in found.records[0].value["spans"].value:
        assert plain(span) == json.loads(content[span.offset : span.offset + span.length])


def test_an_array_gives_each_of_its_objects_and_reports_what_is_none(tmp_path):
    found = document(tmp_path, b'[{"a": 1},\n 5,\n {"a": 2}]')
    assert [record.value for record in found.records] == [{"a": 1}, {"a": 2}]
    assert [record.line for record in found.records] == [1, 3]
    (problem,) = found.findings.problems()
    assert (problem.kind, problem.line, problem.offset, problem.length) == ("bad", 2, 12, 1)
    assert problem.reason == "expected a JSON object, found 5"


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "blank", "the file is empty"),
        (b" \r\n\t", "blank", "the file is blank"),
        (b"\xef\xbb\xbf", "blank", "the file is empty"),
        (b"[]", "blank", "an empty array: no records"),
        (b"nope", "bad", "not JSON (Expecting value at byte 0)"),
        (b"7", "bad", "expected a JSON object, found 7"),
        (b'{"a": }', "bad", "not JSON (Expecting value at byte 6)"),
        (b"{'a': 1}", "bad", "not JSON (Expecting property name enclosed in double quotes at byte 1)"),
        (b'{"a" 1}', "bad", "not JSON (Expecting ':' delimiter at byte 5)"),
        (b'{"a": 1 "b"}', "bad", "not JSON (Expecting ',' delimiter at byte 8)"),
        (b'{"spans": [{} {}]}', "bad", "not JSON (Expecting ',' delimiter at byte 14)"),
        (b'{"a": "\x01"}', "bad", "not JSON (Invalid control character at at byte 7)"),
        (b"\x00\x01\x02", "bad", "not JSON (Expecting value at byte 0)"),
        ("{}".encode("utf-16"), "bad", "not JSON (Expecting value at byte 0)"),
    ],
)
def test_what_is_no_document_is_reported_in_the_parsers_words(tmp_path, content, kind, reason):
    (problem,) = document(tmp_path, content).findings.problems()
    assert (problem.kind, problem.reason) == (kind, reason)
    assert problem.line == 1


def test_a_document_cut_short_keeps_what_stands_before_the_cut(tmp_path):
    whole = json.dumps({"id": "r", "spans": [{"n": 1}, {"n": 2}, {"n": 3}]}, indent=1)
    cut = whole[: whole.index('"n": 3')].encode()
    found = document(tmp_path, cut)
    (record,) = found.records
    assert not record.complete
    assert record.value["id"] == "r"
    assert [plain(span) for span in record.value["spans"].value if span.complete] == [{"n": 1}, {"n": 2}]
    (problem,) = found.findings.problems()
    assert (problem.kind, problem.line, problem.offset) == ("bad", 11, len(cut))


def test_a_value_behind_the_document_is_reported_and_the_document_kept(tmp_path):
    found = document(tmp_path, b'{"a":\n1}\n{"b": 2}\n')
    assert [(record.value, record.complete) for record in found.records] == [({"a": 1}, True)]
    (problem,) = found.findings.problems()
    assert (problem.kind, problem.line, problem.offset) == ("bad", 3, 9)
    assert "Extra data" in problem.reason


@pytest.mark.parametrize("member", ["spans", "other"])
def test_a_document_nested_without_end_is_a_problem_not_a_crash(tmp_path, member):
    levels = 100_000
    content = b'{"id": "r", "%s": [{"x": %s}]}' % (member.encode(), b"[" * levels + b"]" * levels)
    found = document(tmp_path, content)
    (problem,) = found.findings.problems()
    assert problem.kind == "bad"
    assert "nested too deeply" in problem.reason
    assert found.records[0].value["id"] == "r"


def test_a_number_too_long_to_read_is_kept_as_text_and_named(tmp_path):
    digits = "9" * 5000
    found = document(
        tmp_path, f'{{"id": 1,\n"é": [-7, {{"n": {digits}}}], "last": -{digits}, "m": 8}}'.encode()
    )
    problems = [(one.kind, one.field, one.reason) for one in found.findings.problems()]
    assert problems == [
        ("drift", "é[].n", "an integer of 5,000 digits; kept as text"),
        ("drift", "last", "an integer of 5,001 digits; kept as text"),
    ]
    value = found.records[0].value
    assert (value["é"], value["last"], value["m"]) == ([-7, {"n": digits}], f"-{digits}", 8)


def test_of_a_member_given_twice_the_last_counts_and_the_path_is_named(tmp_path):
    content = b'{"a": 1, "a": 2,\n"spans": [\n{"m": {"list": [{"k": 1, "k": 2}]}, "z": 0, "z": 1}]}'
    found = document(tmp_path, content)
    assert plain(found.records[0]) == json.loads(content)
    reported = {(p.kind.value, p.field, p.line) for p in found.findings.problems()}
    assert reported == {
        ("duplicate_key", "a", 1),
        ("duplicate_key", "spans[].m.list[].k", 3),
        ("duplicate_key", "spans[].z", 3),
    }


def test_a_list_of_records_given_twice_is_the_last_one(tmp_path):
    found = document(tmp_path, b'{"spans": [{"n": 1}], "spans": null}')
    assert plain(found.records[0]) == {"spans": None}
    assert kinds(found.findings.problems()) == ["duplicate_key"]


def test_members_that_only_look_alike_as_bytes_are_not_taken_for_repeats(tmp_path):
    content = '{"a": {"é": 1, "\\u00c3\\u00a9": 2}}'.encode()
    found = document(tmp_path, content)
    assert found.findings.problems() == []
    assert plain(found.records[0]) == {"a": {"é": 1, "Ã©": 2}}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_json_does_not_have_is_kept_and_reported(tmp_path, word):
    found = document(tmp_path, b'{"spans": [{"m": {"cost": %s}}]}' % word.encode())
    (problem,) = found.findings.problems()
    assert (problem.kind, problem.field) == ("drift", "spans[].m.cost")
    assert problem.reason == f"{word} is not JSON; read as a number"
    kept = found.records[0].value["spans"].value[0].value["m"]["cost"]
    assert repr(kept) == {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[word]


def test_bytes_that_are_not_utf_8_are_replaced_and_reported_where_they_stand(tmp_path):
    found = document(tmp_path, b'{"spans": [{"n": "ok"},\n{"n": "a\xffb"}]}')
    assert plain(found.records[0]) == {"spans": [{"n": "ok"}, {"n": "a\ufffdb"}]}
    (problem,) = found.findings.problems()
    assert (problem.kind, problem.line, problem.field) == ("drift", 2, "spans[]")
    assert "0xff is not UTF-8" in problem.reason


def test_lines_are_told_by_name_or_by_a_first_line_that_is_whole(tmp_path):
    content = b'{"n": 1}\n{"n": 2}\r\n{"n": 3}'
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        found = document(tmp_path, content, name=name)
        assert [record.value["n"] for record in found.records] == [1, 2, 3]
        assert [record.line for record in found.records] == [1, 2, 3]
        assert [record.offset for record in found.records] == [0, 9, 19]


def test_each_bad_line_is_a_problem_of_its_own_and_the_rest_is_kept(tmp_path):
    content = b'{"n": 1}\n\n{"n": \n[1]\n{"n": 2}\n{"n": 3'
    found = document(tmp_path, content, name="a.jsonl")
    assert [record.value.get("n") for record in found.records if record.complete] == [1, 2]
    problems = found.findings.problems()
    assert [(p.line, p.kind.value) for p in problems] == [(2, "blank"), (3, "bad"), (4, "bad"), (6, "torn")]
    assert "the file ends inside this line" in problems[-1].reason


def test_a_file_that_is_gone_or_no_file_is_reported(tmp_path):
    for path in (tmp_path / "gone.json", tmp_path):
        found = read_document(source(path))
        (problem,) = found.findings.problems()
        assert problem.kind == "unreadable"
        assert problem.reason.startswith("cannot be read: ")


def test_a_document_too_large_to_hold_is_reported_with_both_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "LARGEST_DOCUMENT_BYTES", 1_000)
    (problem,) = document(tmp_path, b'{"a": "' + b"x" * 1_000 + b'"}').findings.problems()
    assert problem.kind == "unreadable"
    assert problem.reason == "a document of 1,009 bytes; the largest that is read is 1,000"
