"""Every reader as a fuzz target: bytes in, and what must hold whatever the bytes are.

Used by the tests here and by ``benchmarks/fuzz_readers.py``. A target writes its input where its kind of file lies,
reads it, and checks that nothing is lost: every line is an event or a lost line, every JSON object a record.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from harnlab.errors import UnreadablePath
from harnlab.frames import SCHEMAS
from harnlab.ingest import personas, receipts, run_records, skill_evidence, state_folders, step_logs, trust
from harnlab.ingest.collect import collect
from harnlab.ingest.event_log import read_event_logs
from harnlab.ingest.skill_turns import skill_cards
from harnlab.ingest.sources import Source, SourceKind, problems_frame
from harnlab.ingest.transcripts import read_transcripts
from harnlab.vocabulary import LOST_LINE_KINDS

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
#: Bytes that a JSON or TOML reader has an opinion on.
TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b"\\", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-0.0",
        b"0.5",
        b'""',
        b"{}",
        b"[]",
        b"[[personas]]\n",
    ),
    *(
        b"18446744073709551616",
        b"9223372036854775808",
        b"-1",
        b"4294967296",
        b"1" * 400,
        b"1" * 5000,
        b"253402300800",
    ),
    *(
        b'"\\ud800"',
        b'"_type":"skill_activation_evidence"',
        b'"_type":"run_record",',
        b'"schema":"harn.receipt.v1",',
    ),
    *(
        b'"id":',
        b'"type":',
        b'"call_id":',
        b'"timestamp":"1e999"',
        b'"cards":[{}]',
        b'"turn":',
        b"[" * 2000,
        b":" + b"9" * 400,
        b":1e400",
        b": -1e-400",
        b":[1]",
        b":{}",
        b':"x"',
        b":true",
    ),
    *(
        b'{"a":' * 600,
        b"\xed\xa0\x80",
        "é".encode(),
        b"# comment\n",
        b'"2026-05-01T10:00:00.25Z"',
        b"\xe2\x80\xa8",
    ),
)


@dataclass(frozen=True)
class Target:
    """One reader: where its input lies, what to start from, and the check."""

    name: str
    file: str
    seeds: Callable[[], list[bytes]]
    check: Callable[[Path, bytes], None]

    def run(self, folder: Path, content: bytes) -> None:
        """Write the bytes and check what the reader makes of them."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.check(path, content)


def _source(path, kind):
    return Source(path=path, shown=path.name, kind=kind, run_id="folder", project=str(path.parent))


def _frames(found, *names):
    return [found.get(name, SCHEMAS[name].empty()) for name in names]


def _check_places(frame, content):
    for row in frame.select("source_line", "source_offset", "length").iter_rows():
        line, offset, length = row
        assert line is None or line >= 1
        if offset is not None:
            assert 0 <= offset <= len(content)
            assert length is None or 0 <= length <= len(content) - offset


def _check_lines(content, events, problems):
    """Every line is an event or a lost line, and never both."""
    body = content.removeprefix(b"\xef\xbb\xbf")
    count = body.count(b"\n") + (1 if body and not body.endswith(b"\n") else 0)
    lost = problems.filter(pl.col("kind").is_in([kind.value for kind in LOST_LINE_KINDS]))
    told = events["source_line"].to_list() + lost["source_line"].unique().to_list()
    assert sorted(told) == list(range(1, count + 1))
    _check_places(events, content)
    _check_places(problems, content)


def _check_document(content, events, problems):
    """Every object of a document is an event; a document that gives none says why."""
    _check_places(events, content)
    _check_places(problems, content)
    assert events.height or problems.height
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        assert events.height == 1
    elif isinstance(document, list):
        assert events.height == sum(isinstance(one, dict) for one in document)
    for offset, length in events.select("source_offset", "length").iter_rows():
        assert isinstance(json.loads(content[offset : offset + length]), dict)


def _document(read, kind):
    def check(path, content):
        source = _source(path, kind)
        part = read(source)
        events = part.frames.get("events", SCHEMAS["events"].empty())
        _check_document(content, events, problems_frame(source, part.problems))
        found = part if kind is SourceKind.SKILL_EVIDENCE else skill_evidence.in_document(source)
        cards = found.frames.get("skill_evidence", skill_evidence.FOUND.empty())
        _check_places(cards, content)
        turned = skill_cards(cards)
        assert not turned.select(pl.struct("run_id", "turn", "position").is_duplicated().any()).item()

    return check


def _check_manifest(path, content):
    source = _source(path, SourceKind.PERSONA)
    part = personas.read(source)
    assert part.frames or part.problems or b"personas" not in content


def _check_transcript(path, content):
    source = _source(path, SourceKind.TRANSCRIPT)
    found = read_transcripts([source])
    _check_lines(content, *_frames(found, "events", "problems"))


def _log(kind):
    def check(path, content):
        parts = read_event_logs([_source(path, kind)])
        _check_lines(content, *_frames(parts.frames.concat(), "events", "problems"))
        parts.entries.concat()

    return check


def _check_receipt_of_a_log(path, content):
    found = read_event_logs([_source(path, SourceKind.PROVENANCE_RECEIPT)]).frames.concat()
    events, problems = _frames(found, "events", "problems")
    _check_places(events, content)
    assert events.height or problems.height


def _check_database(path, content):
    for beside in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    read_event_logs([_source(path, SourceKind.EVENT_LOG_SQLITE)]).frames.concat()


def _check_payload(path, content):
    """The bytes are the payload and the headers of a row, as text and as a blob."""
    path.unlink()
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("PRAGMA journal_mode=OFF")
        log.execute("PRAGMA synchronous=OFF")
        log.execute(
            "CREATE TABLE events (topic TEXT, event_id INTEGER, kind TEXT, payload, headers, occurred_at_ms INTEGER)"
        )
        text = content.decode("utf-8", "replace")
        kind = "hitl.approval_requested"
        rows = [("triggers.lifecycle", 1, "autonomy.budget_exceeded", content, b"{}", 1)]
        rows += [
            ("agent.transcript.llm", 1, "message", text, content, 2),
            ("hitl.approvals", 1, kind, text, text, 3),
        ]
        rows += [("trust_graph", 1, "trust_recorded", content, "{}", 4)]
        log.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
    found = read_event_logs([_source(path, SourceKind.EVENT_LOG_SQLITE)]).frames.concat()
    events, problems = _frames(found, "events", "problems")
    lost = problems.filter(pl.col("kind").is_in([kind.value for kind in LOST_LINE_KINDS]))
    assert sorted(events["source_line"].to_list() + lost["source_line"].unique().to_list()) == [1, 2, 3, 4]


def _check_metadata(path, content):
    session = path.parent.parent
    (session / "plan.md").write_text("plan")
    part = state_folders.read(_source(session, SourceKind.STATE_FOLDER))
    [row] = part.frames["state_entries"].rows(named=True)
    assert (row["key"], row["state"], row["content_bytes"]) == ("plan.md", "value", 4)
    nothing = row["writer_id"] is row["updated_at"] is row["extra"] is None
    assert part.problems or not nothing or _is_unsigned(content)


def _is_unsigned(content):
    """Metadata that names nobody and no time, in order."""
    written = json.loads(content)
    return isinstance(written, dict) and written.get("updated_at") is None and written.get("extra") is None


def _check_handoff(path, content):
    part = state_folders.read(_source(path.parent, SourceKind.STATE_FOLDER))
    [row] = part.frames["state_entries"].rows(named=True)
    assert (row["key"], row["content_bytes"]) == ("__handoff.json", len(content))
    assert "handoffs" in part.frames or part.problems


def _check_load(path, content):
    """The whole way: the file is found, told, read and joined. The first byte chooses its name."""
    names = (
        *("llm_transcript.jsonl", ".harn-runs/run.json", "receipts/r.json", "steps.jsonl", "harn.toml"),
        *(
            ".harn/events/topics/trust_graph.jsonl",
            "event_log-s.jsonl",
            "chain.json",
            "evidence.json",
            "x.sqlite",
        ),
    )
    path.unlink()
    folder = path.parent / "loaded"
    for old in sorted(folder.rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    named = folder / names[content[0] % len(names) if content else 0]
    named.parent.mkdir(parents=True, exist_ok=True)
    named.write_bytes(content[1:])
    try:
        found = collect([folder]).frames
    except UnreadablePath:
        return
    for name, frame in found.items():
        assert frame.schema == SCHEMAS[name].empty().schema


def _sample(*paths, lines=6):
    def seeds():
        contents = [path.read_bytes() for pattern in paths for path in sorted(SAMPLES.glob(pattern))[:4]]
        return [
            b"".join(content.splitlines(keepends=True)[:lines]) if lines else content for content in contents
        ]

    return seeds


def _json(*values):
    texts = [json.dumps(value).encode() for value in values]
    pretty = [json.dumps(value, indent=2).encode() for value in values]
    return lambda: [*texts, *pretty, b"\n".join(texts) + b"\n"]


STEP = {
    "name": "verify",
    "function": "verify_area",
    "status": "failed",
    "llm_calls": 3,
    "cost_usd": 0.25,
    "error": "e",
}
STEP |= {"model": "m", "input_tokens": 5, "output_tokens": 7, "started_at": "1777629600", "extra": {"a": [1]}}
CALL = {"step": "verify", "cost_usd": 0.5, "input_tokens": 2}
RECEIPT = {
    "schema": "harn.receipt.v1",
    "id": "r",
    "parent_run_id": "run",
    "persona": "p",
    "model_calls": [CALL],
}
RECEIPT |= {"trace_id": "t", "started_at": "2026-05-01T10:00:00Z", "status": "success", "error": {"k": 1}}
PERSONA_STEP = {
    "name": "s",
    "function": "f",
    "error_boundary": "fail",
    "budget": {"max_tokens": 5, "max_usd": 0.5},
}
PERSONA = {"name": "p", "steps": [PERSONA_STEP], "budget": {"run_usd": 1.5}, "autonomy_tier": "shadow"}
CARD = {"id": "a/b", "name": "b", "source": "host", "description": "d", "when_to_use": "w", "selected": True}
CARD |= {"disable_model_invocation": False, "omitted_reason": None, "char_estimate": 40, "token_estimate": 10}
CARD |= {"lifecycle": "used", "matched": {"score": 1.5, "reason": "r"}}
EVIDENCE = {"_type": "skill_activation_evidence", "schema_version": 1, "budget_chars": 260, "used_chars": 243}
EVIDENCE |= {
    "budget_tokens": 65,
    "used_tokens": 61,
    "shown": ["a/b"],
    "omitted": [],
    "cards": [CARD],
    "turn": 3,
}
SPAN = {"span_id": 2, "parent_id": 1, "kind": "step", "name": "s", "start_ms": 5, "duration_ms": 9}
SPAN |= {"metadata": {"persona": "p", "call_id": "c", "cost_usd": 0.5, "evidence": EVIDENCE}}
EVENT = {
    "id": "e1",
    "kind": "skill_matched",
    "role": "system",
    "text": "a",
    "metadata": {"candidates": [], "score": 1},
}
TRANSCRIPT = {"id": "session", "events": [EVENT], "messages": [{"role": "user", "content": [{"text": "é"}]}]}
RUN = {
    "_type": "run_record",
    "id": "run",
    "status": "completed",
    "trace_spans": [SPAN],
    "transcript": TRANSCRIPT,
}
RUN |= {"stages": [{"id": "st", "transcript": TRANSCRIPT, "attempts": []}], "started_at": "1777629600"}
RUN |= {
    "usage": {"total_cost": 0.5, "models": ["m"]},
    "tool_recordings": [{"tool_name": "t", "iteration": 1}],
}
WRITER = {"writer_id": "w", "stage_id": "s", "session_id": "session", "worker_id": "k"}
METADATA = {"writer": WRITER, "updated_at": 1777629600}
HANDOFF = {
    "_type": "agent_state_handoff",
    "version": 1,
    "session_id": "session",
    "root": "/r",
    "writer": WRITER,
}
HANDOFF |= {"key": "__handoff.json", "summary": {"done": ["a"]}, "written_at": 1777629600}
TRUST = {"schema": "opentrustgraph/v0", "record_id": "r", "agent": "a", "action": "x", "outcome": "success"}
TRUST |= {
    "autonomy_tier": "shadow",
    "timestamp": "2026-05-01T10:00:00Z",
    "chain_index": 0,
    "entry_hash": "sha256:0",
}
CHAIN = {"schema": "opentrustgraph-chain/v0", "records": [TRUST, TRUST]}
LOGGED = {"topic": "t", "event_id": 1, "kind": "k", "payload": {"a": 1}, "headers": {}, "occurred_at_ms": 5}
SIGNED = {"schema": "harn-provenance-receipt-v1", "receipt_id": "r", "event_log": {"events": [LOGGED]}}
AGENT = {"index": 0, "emitted_at_ms": 1777629600000, "frame_depth": 1, "type": "tool_call", "session_id": "s"}
DENIED = {
    "request_id": "h",
    "agent": "a",
    "payload": {"detail": {"autonomous_decisions_hour": 3}},
    "trace_id": "t",
}
ENTRY = {"type": "note", "timestamp": "1777629600.123", "call_id": "c", "nested": {"deep": [EVIDENCE]}}


def _transcripts():
    found = _sample("cost-overrun/**/llm_transcript.jsonl", "damaged/**/llm_transcript.jsonl", lines=4)()
    return [*found, json.dumps(ENTRY).encode() + b"\n"]


def _logs():
    found = _sample("autonomy-pressure/europe/.harn/events/topics/*.jsonl", lines=3)()
    return [
        *found,
        json.dumps({"id": 1, "event": {"kind": "k", "payload": ENTRY, "occurred_at_ms": 5}}).encode(),
    ]


def _toml():
    step = '[[personas.steps]]\nfunction = "f"\nbudget = { max_tokens = 5, max_usd = 0.5 }\n'
    return [f'[[personas]]\nname = "p"\n{step}'.encode(), *_sample("regression/**/harn.toml", lines=0)()]


def _loads():
    kinds = (_transcripts(), _json(RUN)(), _json(RECEIPT)(), _json(STEP)(), _toml(), _logs(), _json(AGENT)())
    kinds += (_json(CHAIN)(), _json({"held": [EVIDENCE]}, [EVIDENCE])(), [b"SQLite format 3\x00"])
    return [bytes([number]) + content for number, kind in enumerate(kinds) for content in kind]


TARGETS = {
    target.name: target
    for target in (
        Target("transcript", "llm_transcript.jsonl", _transcripts, _check_transcript),
        Target("run_record", "run.json", _json(RUN), _document(run_records.read, SourceKind.RUN_RECORD)),
        Target("receipt", "receipt.json", _json(RECEIPT), _document(receipts.read, SourceKind.RECEIPT)),
        Target(
            "steps_json", "steps.json", _json([STEP]), _document(step_logs.read, SourceKind.COMPLETED_STEPS)
        ),
        Target("persona_json", "persona.json", _json(PERSONA), _document(personas.read, SourceKind.PERSONA)),
        Target("persona_toml", "harn.toml", _toml, _check_manifest),
        Target("event_log_file", "topics/trust_graph.jsonl", _logs, _log(SourceKind.EVENT_LOG_FILE)),
        Target("agent_events", "event_log-s.jsonl", _json(AGENT), _log(SourceKind.AGENT_EVENTS)),
        Target("provenance_receipt", "signed.json", _json(SIGNED), _check_receipt_of_a_log),
        Target(
            "sqlite",
            "events.sqlite",
            _sample("autonomy-pressure/america/.harn/*.sqlite", lines=0),
            _check_database,
        ),
        Target("sqlite_payload", "payload.sqlite", _json(TRUST, DENIED, ENTRY), _check_payload),
        Target(
            "trust_chain", "chain.json", _json(CHAIN), _document(trust.read_chain, SourceKind.TRUST_CHAIN)
        ),
        Target(
            "skill_evidence",
            "evidence.json",
            _json(EVIDENCE, [EVIDENCE, {"held": {"in": [EVIDENCE]}}]),
            _document(skill_evidence.read, SourceKind.SKILL_EVIDENCE),
        ),
        Target("state_metadata", "session/.agent_state_meta/plan.md.json", _json(METADATA), _check_metadata),
        Target("state_handoff", "handed/__handoff.json", _json(HANDOFF), _check_handoff),
        Target("load", "loaded.bin", _loads, _check_load),
    )
}
