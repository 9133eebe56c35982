"""Strict readers: the frames of ``hl.load`` for one file of the kind asked for, or an error that names the place."""

import inspect
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import harnlab as hl
from fuzz.targets import TARGETS
from harnlab import strict
from harnlab.ingest.sources import SourceKind

SAMPLES = Path(__file__).parent.parent / "sample_transcripts"
READER = {
    SourceKind.TRANSCRIPT: hl.read_transcript,
    SourceKind.RUN_RECORD: hl.read_run_record,
    SourceKind.RECEIPT: hl.read_receipt,
    SourceKind.COMPLETED_STEPS: hl.read_step_log,
    SourceKind.PERSONA: hl.read_persona_manifest,
    SourceKind.EVENT_LOG_FILE: hl.read_event_log,
    SourceKind.EVENT_LOG_SQLITE: hl.read_event_log,
    SourceKind.AGENT_EVENTS: hl.read_event_log,
    SourceKind.PROVENANCE_RECEIPT: hl.read_provenance_receipt,
    SourceKind.TRUST_CHAIN: hl.read_trust_chain,
    SourceKind.SKILL_EVIDENCE: hl.read_skill_evidence,
    SourceKind.STATE_FOLDER: hl.read_state_folder,
}
#: A folder, and a manifest whose suffix says whether it is TOML.
TOLD_BY_PLACE = {SourceKind.STATE_FOLDER, SourceKind.PERSONA}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A good file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    found = {}
    for sample in ("cost-overrun", "autonomy-pressure", "skill-catalog", "two-writers"):
        found |= {source.kind: source.path for source in hl.load(SAMPLES / sample).sources}
    for kind in SourceKind:
        if kind not in found:
            target = TARGETS[kind.value]
            found[kind] = folder / target.file
            found[kind].write_bytes(target.seeds()[0])
    return found


def test_every_kind_of_file_has_a_strict_reader():
    assert set(READER) == set(SourceKind)
    public = {
        name for name, value in inspect.getmembers(strict, inspect.isfunction) if name.startswith("read_")
    }
    assert {reader.__name__ for reader in READER.values()} == public <= set(hl.__all__)


@pytest.mark.parametrize("kind", SourceKind)
def test_a_good_file_gives_the_frames_that_load_gives(one, kind):
    strictly, leniently = READER[kind](one[kind]), hl.load(one[kind])
    for name in hl.frames.SCHEMAS:
        assert_frame_equal(strictly.frame(name), leniently.frame(name))
    assert strictly.problems.is_empty()
    row = next(frame for name in hl.frames.SCHEMAS if (frame := strictly.frame(name)).height).head(1)
    assert strictly.record(row) is not None


BAD = [
    ("read_transcript", b'{"type":"message"}\n{"type":', 2, "a last line that is whole"),
    ("read_transcript", b'{"type":"message"}\n\n', 2, "a record"),
    ("read_transcript", b'{"type":"message"}\n[1]\n', 2, "a JSON object"),
    ("read_transcript", b'{"type":"message","role":7}\n', 1, "text"),
    ("read_transcript", b'{"type":"message","role":"a","role":"b"}\n', 1, "each member once"),
    ("read_transcript", b'{"type":"message","content":NaN}\n', 1, "a value as the format has it"),
    ("read_transcript", b'{"type":"message","content":"\xff"}\n', 1, "a value as the format has it"),
    ("read_run_record", b'{\n "_type": "run_record",\n "id": "r", }', 3, "JSON"),
    ("read_receipt", b'{"schema":"harn.receipt.v1","cost_usd":"1"}', 1, "a number"),
    ("read_step_log", b'{"name":"a","function":"f","status":"completed","llm_calls":1.5}', 1, "an integer"),
    ("read_persona_manifest", b'{"name":"p","steps":[{"name":"s","budget":7}]}', 1, None),
    ("read_event_log", b'{"id":1,"event":{"kind":"k","payload":1,"occurred_at_ms":"x"}}\n', 1, "an integer"),
    ("read_provenance_receipt", b'{"schema":"harn-provenance-receipt-v1","event_log":7}', 1, None),
    ("read_trust_chain", b'{"schema":"opentrustgraph-chain/v0","records":[7]}', 1, None),
    ("read_skill_evidence", b'{"_type":"skill_activation_evidence","cards":7}', 1, None),
]


@pytest.mark.parametrize(("name", "content", "line", "expected"), BAD)
def test_the_first_thing_that_is_wrong_is_an_error_with_its_place(tmp_path, name, content, line, expected):
    path = tmp_path / ("log.jsonl" if name in {"read_transcript", "read_event_log"} else "file.json")
    path.write_bytes(content)
    with pytest.raises(hl.MalformedRecord) as caught:
        getattr(hl, name)(path)
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.expected
    assert expected in {None, caught.value.expected}
    assert "Try: `hl.load`" in str(caught.value)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(
        st.sampled_from([b'{"type":"message"}', b"", b"7", b'{"type":"message","role":1}', b'{"type":"x"']),
        min_size=1,
        max_size=6,
    ),
    whole=st.booleans(),
)
def test_a_strict_reader_raises_exactly_where_load_has_its_first_problem(tmp_path_factory, lines, whole):
    path = tmp_path_factory.mktemp("t") / "llm_transcript.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n" * whole)
    wrong = hl.load(path).problems["source_line"]
    if wrong.is_empty():
        assert hl.read_transcript(path).events.height == len(path.read_bytes().splitlines())
    else:
        with pytest.raises(hl.MalformedRecord) as caught:
            hl.read_transcript(path)
        assert caught.value.where == f"{path}:{wrong.min()}"


def test_a_file_of_another_kind_is_named_with_its_reader(tmp_path, one):
    path = tmp_path / "receipt.json"
    path.write_bytes(b'{"schema":"harn.receipt.v1","id":"r"}')
    with pytest.raises(hl.HarnlabError, match=r"Try: `hl\.read_receipt`, for it looks like a receipt"):
        hl.read_transcript(path)
    for kind, other in one.items():
        if kind not in {SourceKind.RECEIPT, SourceKind.STATE_FOLDER}:
            with pytest.raises(hl.HarnlabError, match=rf"Try: `hl\.{READER[kind].__name__}`"):
                hl.read_receipt(other)


@pytest.mark.parametrize("kind", [kind for kind in SourceKind if kind not in TOLD_BY_PLACE])
def test_a_file_is_read_whatever_its_name(tmp_path, one, kind):
    copy = tmp_path / "saved copy.txt"
    shutil.copy(one[kind], copy)
    runs = READER[kind](copy)
    assert runs.events.height > 0
    assert runs.problems.is_empty()


def test_a_folder_of_topics_is_one_event_log(one):
    topics = one[SourceKind.EVENT_LOG_FILE].parent
    runs = hl.read_event_log(topics.parent)
    assert {source.path for source in runs.sources} == set(topics.glob("*.jsonl"))


def test_a_session_without_metadata_is_read_when_it_is_named(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "plan.md").write_text("read")
    assert hl.read_state_folder(tmp_path).state_entries["key"].to_list() == ["notes/plan.md"]


def test_a_path_that_cannot_be_read_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in ("missing.jsonl", "", "pipe.jsonl"):
        with pytest.raises(hl.UnreadablePath):
            hl.read_transcript(tmp_path / path)
    for argument in (None, "", [tmp_path]):
        with pytest.raises(hl.InvalidArgument):
            hl.read_transcript(argument)
    (tmp_path / "events.sqlite").write_bytes(b"SQLite format 3\x00" + b"x" * 100)
    with pytest.raises(hl.UnreadablePath, match="not a database"):
        hl.read_event_log(tmp_path / "events.sqlite")
