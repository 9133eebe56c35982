"""Records read at once have the values, and the problems, that reading them one by one gives."""

import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from harnlab.ingest import plain_records, transcripts
from harnlab.ingest.families import FAMILIES, REQUEST, RESPONSE
from harnlab.ingest.plain_records import PlainDecoder
from harnlab.ingest.windows import Piece, Window, index_lines
from ingest.transcript_lines import dispatch, line, request, response, source

MESSAGE = {
    "type": "message",
    "message_index": 3,
    "timestamp": "1777629600.002",
    "message": {"role": "tool", "content": "é\n", "tool_call_id": "t"},
}
TOLD = (request(), response(), dispatch(), MESSAGE, {"type": "tool_call", "call_id": "t", "arguments": {}})
ODD = st.sampled_from(
    [None, 0, 7, 5.0, 5.5, 2**63, True, "", "7", "2026-05-01T10:00:00Z", "1777629600.004", [], ["a"], {}]
)
NAMES = st.sampled_from(sorted({name for record in TOLD for name in record} | {"new", "request_id", "role"}))


@st.composite
def lines(draw):
    """A line as the runtime writes it, or with a member changed, added, given again or taken away."""
    members = list(draw(st.sampled_from(TOLD)).items())
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(members)))
        if draw(st.booleans()):
            members.insert(place, (draw(NAMES), draw(ODD)))
        else:
            members = members[:place] + members[place + 1 :]
    space = draw(st.sampled_from(["", "", "", " "]))
    return "{" + f",{space}".join(f"{json.dumps(n)}:{space}{compact(v)}" for n, v in members) + "}"


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def one_by_one(window, lines):
    return {b"": list(range(len(lines)))}


@settings(deadline=None, max_examples=60)
@given(written=st.lists(lines(), min_size=1, max_size=8), ends=st.sampled_from(["\n", "", "\nnot JSON\n"]))
def test_all_at_once_gives_what_one_by_one_gives(tmp_path_factory, written, ends):
    path = tmp_path_factory.mktemp("log") / "llm_transcript.jsonl"
    path.write_text("\n".join(written) + ends, encoding="utf-8")
    found = transcripts.read_transcripts([source(path)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcripts, "rows_by_guess", one_by_one)
        exact = transcripts.read_transcripts([source(path)])
    assert found.keys() == exact.keys()
    for name, frame in exact.items():
        assert_frame_equal(found[name], frame, check_exact=True)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.type)
def test_a_record_of_a_type_alone_is_plain(family):
    assert PlainDecoder(family).read([line(type=family.type)], [0]).rows == [0]


def test_what_the_runtime_writes_is_plain():
    found = PlainDecoder(REQUEST).read([line(**request()), line(**request(iteration=2))], [4, 9])
    assert found.rows == [4, 9]
    assert list(found.columns["iteration"]) == [1, 2]
    assert found.extras is None


@given(st.text())
def test_a_text_is_never_written_longer_than_it_can_be_read(text):
    assert len(msgspec.json.encode(text)) <= len(compact(text).encode())


def test_a_number_that_grows_when_it_is_written_makes_no_room_for_a_member_given_again():
    # written as 100000.0 the number would take the place of `,"x":0`
    record = b'{"type":"provider_call_response","cost_usd":1e5,"":0}'
    assert PlainDecoder(RESPONSE).read([record], [0]) is None
    twice = b'{"type":"provider_call_response","cost_usd":1e5,"call_id":"","call_id":""}'
    assert PlainDecoder(RESPONSE).read([twice], [0]) is None


@pytest.mark.parametrize(
    "record",
    [
        b'{"type":"provider_call_request","call_id":"a"}',
        b'{"call_id":"a"}',
        b'{"type":"provider_call_response","cost_usd":"dear"}',
        b'{"type":"provider_call_response","request_id":"r"}',
        b'{"type":"provider_call_response","call_id":"a" }',
        b'{"type":"provider_call_response","call_id":"a","call_id":"a"}',
        b'{"type":"provider_call_response","iteration":9223372036854775808}',
        b'{"type":"provider_call_response"',
    ],
    ids=lambda record: record.decode()[1:60],
)
def test_what_is_odd_about_a_record_is_left_to_the_exact_way(record):
    assert PlainDecoder(RESPONSE).read([record], [0]) is None


def test_members_met_for_the_first_time_are_kept_as_they_are_written():
    decoder = PlainDecoder(RESPONSE)
    records = [
        b'{"type":"provider_call_response","zeta":{"a":1.50},"alpha":1e2}',
        line(type="provider_call_response"),
    ]
    assert decoder.read(records, [0, 1]).extras == ['{"alpha":1e2,"zeta":{"a":1.50}}', None]


def test_one_record_of_many_that_is_odd_takes_no_other_with_it():
    records = [
        line(type="provider_call_response", cost_usd=0.5),
        line(type="provider_call_response", cost_usd="dear"),
        line(type="provider_call_response"),
    ]
    found = PlainDecoder(RESPONSE).read(records, [0, 1, 2])
    assert found.rows == [0, 2]
    assert list(found.columns["cost_usd"]) == [0.5, None]


def test_one_odd_record_among_many_read_together_takes_no_other_with_it():
    records = [line(type="provider_call_response", iteration=number) for number in range(300)]
    records[70] = line(type="provider_call_response", cost_usd="dear")
    records[131] = b'{"type":"provider_call_response","iteration":1,"iteration":1}'
    records[200] = line(type="provider_call_response", iteration="seven")
    rows = list(range(1000, 1300))
    found = PlainDecoder(RESPONSE).read(records, rows)
    odd = {1070, 1131, 1200}
    assert found.rows == [row for row in rows if row not in odd]
    assert list(found.columns["iteration"]) == [row - 1000 for row in found.rows]


def test_a_member_met_late_is_kept_for_the_records_before_it_too():
    records = [line(type="provider_call_response", iteration=number) for number in range(200)]
    records[150] = line(type="provider_call_response", novel=1)
    extras = PlainDecoder(RESPONSE).read(records, range(200)).extras
    assert [(row, extra) for row, extra in enumerate(extras) if extra] == [(150, '{"novel":1}')]


TYPES = [
    "message",
    "tool_call",
    "tool_result",
    "x",
    "",
    "é",
    "provider_call_request",
    "provider_call_response",
]
members = st.sampled_from(['"a":1', '"type":"tool_call"', '"text":"\\"type\\":\\"x\\""', '"b":{"type":"y"}'])


@st.composite
def typed_lines(draw):
    """Type first, last, between other members, repeated, cut off or not there."""
    kind = f'"type":"{draw(st.sampled_from(TYPES))}"'
    around = draw(st.lists(members, max_size=3))
    around.insert(draw(st.integers(0, len(around))), draw(st.sampled_from([kind, kind, kind, '"c":0'])))
    written = "{" + ",".join(around) + "}"
    return written[: draw(st.sampled_from([None, None, -1, -2, 9, 3]))]


def types_in(content):
    """All that a line may be taken for; one that says its type once can be taken for nothing else."""
    named = set(re.findall(rb'"type":"([^"]{0,63})"', content))
    return named if named and content.endswith(b"}") else named | {b""}


@given(written=st.lists(typed_lines(), max_size=30), shapes=st.sampled_from([1, 2, 64]))
def test_every_line_is_guessed_once_to_be_of_a_type_it_names(written, shapes):
    content = "".join(f"{text}\n" for text in written).encode()
    piece = Piece(file=0, start=0, stop=len(content), offset=0, first_line=1, ends_torn=False)
    window = Window(buffer=memoryview(content), pieces=(piece,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_records, "_MOST_SHAPES", shapes)
        guessed = plain_records.rows_by_guess(window, index_lines(window))
    kinds = {row: kind for kind, rows in guessed.items() for row in rows}
    assert sorted(row for rows in guessed.values() for row in rows) == list(range(len(written)))
    assert all(rows == sorted(rows) for rows in guessed.values())
    assert [text for row, text in enumerate(written) if kinds[row] not in types_in(text.encode())] == []


def test_lines_of_one_shape_are_told_from_the_first_of_them(monkeypatch):
    looked_at = []

    def shape(*place):
        looked_at.append(place)
        return found(*place)

    found = plain_records._shape
    monkeypatch.setattr(plain_records, "_shape", shape)
    first = b'{"type":"message","text":"%s"}\n'
    last = b'{"text":"%s","type":"tool_call","span_id":7}\n'
    content = b"".join(first % (b"a" * n) + last % (b"b" * n) for n in range(100))
    piece = Piece(file=0, start=0, stop=len(content), offset=0, first_line=1, ends_torn=False)
    window = Window(buffer=memoryview(content), pieces=(piece,))
    guessed = plain_records.rows_by_guess(window, index_lines(window))
    assert guessed == {b"message": list(range(0, 200, 2)), b"tool_call": list(range(1, 200, 2))}
    assert len(looked_at) == 2
