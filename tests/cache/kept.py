"""Transcripts to keep, a cache to keep them in, and what was read of a file in spite of it."""

import json
from contextlib import contextmanager

import pytest
from polars.testing import assert_frame_equal

from harnlab.cache import transcripts
from harnlab.cache.folder import CacheFolder
from harnlab.cache.transcripts import CachedTranscripts
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.transcripts import read_transcripts
from ingest.transcript_lines import line, request, response

EVIDENCE = {
    "_type": "skill_activation_evidence",
    "schema_version": 1,
    "turn": 1,
    "budget_chars": 100,
    "used_chars": 10,
    "cards": [{"id": "tidy", "name": "tidy", "selected": True, "lifecycle": "shown"}],
    "shown": ["tidy"],
    "omitted": [],
}
#: Lines a transcript may hold, without their ends.
LINES = (
    line(**request()),
    line(**response()),
    line(**response(new_member={"a": 1.50})),
    line(**response(cost_usd="0.25", other_member=[1])),
    line(type="message", timestamp="1777629600.002", role="user", content="naïve 日本語", zeta=1, alpha=2),
    line(type="message", timestamp="soon", message={"role": "assistant", "content": None}),
    line(type="resolved_dispatch", call_id="c", provider="p", provenance={"provider": "operator_pin"}),
    line(type="tool_call", call_id="t", tool_name="shell", arguments={"a": "b"}),
    line(type="tool_result", call_id="t", ok=True, tool_name="shell"),
    line(type="note", evidence=EVIDENCE),
    line(type="system_prompt", hash=2**64 - 1),
    b'{"type": "message", "timestamp": "1.5", "timestamp": 2, "iteration": 5333.5}',
    b'{"type": "message", "content": NaN}',
    b'{"type": "message", "content": "\xff\xfe"}',
    b'{"type": "message"} {"type": "message"}',
    b'{"type": "message", "content": "',
    b"[1, 2]",
    b"",
    b"  \r",
    b"\x00\x00",
    "\ufeff".encode(),
    json.dumps({"type": "message", "content": "lone \ud800"}).encode(),
)


def source(path, *, run_id="run"):
    return Source(
        path=path, shown=path.as_posix(), kind=SourceKind.TRANSCRIPT, run_id=run_id, project=str(path.parent)
    )


def cached(folder, *, most_bytes=1 << 30, **asked):
    return CachedTranscripts(folder=CacheFolder(path=folder, most_bytes=most_bytes), **asked)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        assert_frame_equal(found[name], frame)


def assert_as_cold(reader, path):
    """A reader gives what is read from the file itself."""
    assert_same(reader([source(path)]), read_transcripts([source(path)]))


@contextmanager
def stretches_read():
    """Stretches that are read of files all the same, as pairs of offsets."""
    read, found = transcripts.read_stretch, []

    def noted(source, file, **stretch):
        found.append((stretch["offset"], stretch["stop"]))
        return read(source, file, **stretch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcripts, "read_stretch", noted)
        yield found
