"""Writer metadata: what the runtime's own parser says of some 170 texts, and files that come back as written.

``serde_json_answers.json`` was made by serde_json 1.0.154 itself, over the two structs of the seed's backend.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.agent_state.metadata import StoredWriter, metadata_text, read_metadata
from harnlab.core.agent_state.runtime_json import UnreadableJson
from harnlab.core.agent_state.writer import WriterIdentity

ANSWERS = json.loads(Path(__file__).with_name("serde_json_answers.json").read_text())

names = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
writers = st.builds(WriterIdentity, writer_id=names, stage_id=names, session_id=names, worker_id=names)
seconds = st.none() | st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("answer", ANSWERS, ids=[repr(answer["text"][:40]) for answer in ANSWERS])
def test_a_text_is_read_or_refused_as_the_runtime_does(answer):
    if "error" in answer:
        with pytest.raises(UnreadableJson) as caught:
            read_metadata(answer["text"])
        assert str(caught.value) == answer["error"]
    else:
        stored = read_metadata(answer["text"])
        writer = stored.writer
        assert [writer.writer_id, writer.stage_id, writer.session_id, writer.worker_id] == answer["writer"]
        assert stored.updated_at == answer["updated_at"]


@given(st.builds(StoredWriter, writer=writers, updated_at=seconds))
def test_what_was_written_is_read_back(stored):
    assert read_metadata(metadata_text(stored)) == stored


@given(st.text(st.sampled_from('{}[]",:\\u0159.eE+-ntrfalse é\x01"writer_id"'), max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text):
    try:
        told = str(read_metadata(text))
    except UnreadableJson as refused:
        told = str(refused)
    assert told.startswith("StoredWriter(") or " at line 1 column " in told


@given(st.builds(StoredWriter, writer=writers, updated_at=seconds), st.data())
def test_a_file_cut_short_is_refused(stored, data):
    text = metadata_text(stored)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(UnreadableJson, match="EOF while parsing"):
        read_metadata(text[:cut])


def test_unknown_parts_of_a_writer_are_left_out_and_an_unknown_time_is_null():
    assert metadata_text(StoredWriter(writer=WriterIdentity(worker_id="w", writer_id="é"))) == (
        '{\n  "writer": {\n    "writer_id": "é",\n    "worker_id": "w"\n  },\n  "updated_at": null\n}'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '"e\u0301\u20dd"',
            'string "e\\u{301}\\u{20dd}", expected struct StoredWriterMeta at line 1 column 8',
        ),
        (
            '{"writer": "\u09be\uff9e\U0001d165"}',
            'string "\\u{9be}\\u{ff9e}\\u{1d165}", expected struct WriterIdentity',
        ),
        ('{"updated_at": "🏳\ufe0f"}', 'string "🏳\\u{fe0f}", expected u64'),
    ],
)
def test_a_refusal_spells_out_characters_that_would_combine(text, told):
    with pytest.raises(UnreadableJson) as caught:
        read_metadata(text)
    assert str(caught.value).startswith(f"invalid type: {told}")


def test_a_refused_number_has_the_sign_of_its_exponent():
    with pytest.raises(UnreadableJson, match=r"floating point `1e\+16`, expected u64"):
        read_metadata('{"updated_at": 1e16}')
