"""The size of a text is the size its bytes would have, whatever stands in it and however it is escaped."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.ingest import text_sizes as sizes_of_texts
from harnlab.ingest.text_sizes import text_sizes

PIECES = [
    "a",
    "é",
    "日",
    "😀",
    '\\"',
    "\\\\",
    "\\\\n",
    "\\n",
    "\\/",
    "\\u00e9",
    "\\u65e5",
    "\\ud83d\\ude00",
    "\\ud800",
    "u",
]
texts = st.lists(st.sampled_from(PIECES), max_size=6).map(lambda pieces: '"' + "".join(pieces) + '"')
others = st.sampled_from(["", "null", "0", "true", "[]", '{"a":"\\n"}', '["\\u0041","\\\\"]'])


def size_of(value):
    """The plain, slow way."""
    if value in ("", "null"):
        return None
    if not value.startswith('"'):
        return len(value.encode())
    return len(json.loads(value).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=300)
@given(st.lists(texts | others, max_size=8), st.sampled_from([1, 2, 3, 1 << 16]))
def test_every_size_is_that_of_the_bytes_a_text_stands_for(values, stretch):
    raws = [msgspec.Raw(value.encode()) for value in values]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizes_of_texts, "_STRETCH", stretch)
        assert text_sizes(raws).to_list() == [size_of(value) for value in values]


@pytest.mark.parametrize("values", [[], [""], ["", "null", ""], ['""']])
def test_no_value_has_no_size_and_an_empty_text_has_none_to_speak_of(values):
    sizes = text_sizes([msgspec.Raw(value.encode()) for value in values])
    assert sizes.to_list() == [0 if value == '""' else None for value in values]
    assert str(sizes.dtype) == "Int64"
