"""Records read at once have the values, and the problems, that reading them one by one gives."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from harnlab.ingest import transcripts
from harnlab.ingest.families import FAMILIES, REQUEST, RESPONSE
from harnlab.ingest.plain_records import PlainDecoder
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
