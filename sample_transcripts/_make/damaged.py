"""``damaged``: logs as a crash, a full disk, two writers, an editor and a proxy leave them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from .clock import Clock
from .files import Project, compact, pretty
from .routes import Json, Origins, Route, Tokens
from .runtime import Run
from .session import Session, ToolUse
from .transcript import tool_schema

HAIKU: Final = Route(
    provider="anthropic",
    model="claude-haiku-4-5",
    origins=Origins(provider="operator_pin", model="operator_pin", wire_format="catalog_default"),
)
TOOLS: Final = [tool_schema("read_file", "Read a file of the checkout.", path="path from the root")]
BIGGEST: Final = 2**64 - 1
PICTURE: Final = b"\x89PNG\r\n\x1a\n" + b"".join(hashlib.sha256(bytes([i])).digest() for i in range(64))
STEP_LOG: Final = (
    '{"name":"translate","function":"translate_page","model":"claude-haiku-4-5","input_tokens":5333.0,'
    '"output_tokens":420,"cost_usd":"0.0074","llm_calls":3,"status":"completed","error":null}\n'
    '{"name":"proofread","function":"proofread_page","model":null,"input_tok'
)


@dataclass(kw_only=True)
class Log:
    """A file under damage: its bytes so far, and what a reader must make of them."""

    path: str
    story: str
    content: bytes = b""
    facts: list[Json] = field(default_factory=list)

    @property
    def next_line(self) -> int:
        return self.content.count(b"\n") + 1

    def put(self, line: bytes | str, *, end: bytes = b"\n") -> None:
        self.content += (line if isinstance(line, bytes) else line.encode()) + end

    def lost(self, kind: str, line: bytes | str, *, why: str, end: bytes = b"\n") -> None:
        self.facts.append({"line": self.next_line, "lost": kind, "why": why})
        self.put(line, end=end)

    def drift(self, member: str, line: str, *, raw: str, kept: Any) -> None:
        self.facts.append({"line": self.next_line, "drift": member, "raw": raw, "kept": kept})
        self.put(line)

    def odd(self, what: str, line: bytes | str, *, end: bytes = b"\n", **also: Any) -> None:
        self.facts.append({"line": self.next_line, "kept": what, **also})
        self.put(line, end=end)

    def expected(self) -> Json:
        lines = self.content.count(b"\n") + (not self.content.endswith(b"\n") and bool(self.content))
        lost = [fact["lost"] for fact in self.facts if "lost" in fact]
        return {
            "story": self.story,
            "lines": lines,
            "bytes": len(self.content),
            "events": lines - len(lost),
            "lost": {kind: lost.count(kind) for kind in sorted(set(lost))},
            "facts": self.facts,
        }


def make(project: Project) -> None:
    logs = [
        _power_cut(),
        _two_writers(),
        _windows_editor(),
        _proxy(),
        _bad_disk(),
        Log(path=_path("empty"), story="the run was killed before its first event"),
    ]
    for log in logs:
        project.write(log.path, log.content)
    whole_files = _whole_files(project)
    lost = [fact["lost"] for log in logs for fact in log.facts if "lost" in fact]
    expected = {
        "files": {log.path: log.expected() for log in logs},
        "lost_by_kind": {kind: lost.count(kind) for kind in sorted(set(lost))},
        "drift": sum("drift" in fact for log in logs for fact in log.facts),
        "duplicate_key": sum("duplicate_key" in fact for log in logs for fact in log.facts),
        "also_allowed": "drift on a line named in `kept` (NaN, invalid UTF-8, a surrogate) or lost; never a lost row",
        "invariant": "for every file: lines == rows in events + problems of kind torn, bad, blank",
        "whole_files": whole_files,
    }
    project.write_json("expected.json", expected)


def _path(name: str) -> str:
    return f"transcripts/run_{name}/llm_transcript.jsonl"


def _healthy(name: str, start: str, *, turns: int = 3) -> Run:
    """A short run with nothing wrong, as material to damage."""
    run = Run(
        clock=Clock(start, f"damaged-{name}"), workflow="translate_docs", task="Translate the install page"
    )
    run.id = f"run_{name}"
    pages = (
        ("Ich lese die Installationsseite.", "docs/install.md", "# Install\nRun `make install`."),
        ("Übersetzung der Überschrift: „Einrichten“.", "docs/de/install.md", "# Einrichten"),
        ("Größere Änderung: das Kapitel über Schlüssel fehlt noch.", "docs/keys.md", "# Keys"),
        ("Fertig: drei Seiten übersetzt.", "", ""),
    )
    system = "You translate documentation into German. Keep code as it is."
    with run.span("pipeline", "translate_docs"):
        session = Session(run, system=system, tools=TOOLS, task=run.task, sized=False)
        for position, (say, path, result) in enumerate(pages[:turns]):
            tools = (ToolUse(name="read_file", arguments={"path": path}, result=result),) if path else ()
            used = Tokens(input=1800 + 700 * position, output=140 + 30 * position)
            session.turn(HAIKU, used, say, tools=tools)
    run.status = "completed"
    return run


def _power_cut() -> Log:
    """The machine went off inside a write, in the middle of an ``Ü``."""
    log = Log(path=_path("power_cut"), story="the power went during the second answer")
    lines = _healthy("power_cut", "2026-06-01T07:12:00.000Z").transcript.lines
    answers = [i for i, line in enumerate(lines) if '"type":"provider_call_response"' in line]
    for line in lines[: answers[1]]:
        log.put(line)
    whole = lines[answers[1]].encode()
    cut = whole.index("Übersetzung".encode()) + 1
    log.lost("torn", whole[:cut], why="ends inside a two-byte character, no newline", end=b"")
    return log


def _two_writers() -> Log:
    """Two processes were given the same transcript folder and append without a lock."""
    log = Log(path=_path("two_writers"), story="two processes wrote one file without a lock")
    ours = _healthy("two_writers", "2026-06-01T08:00:00.000Z").transcript.lines
    theirs = _healthy("two_writers_b", "2026-06-01T08:00:00.400Z", turns=1).transcript.lines
    for line in ours[:4]:
        log.put(line)
    log.lost("bad", ours[4] + theirs[0], why="two whole records on one line")
    half = len(ours[5]) // 2
    log.lost("bad", ours[5][:half] + theirs[1], why="a record begins inside another")
    log.lost("bad", ours[5][half:], why="the rest of the record that was interrupted")
    log.lost("blank", "", why="a newline alone: the other writer's flush")
    log.put(theirs[2])
    log.lost("bad", ours[6][: half // 2], why="a line cut short, with its newline")
    for line in ours[7:]:
        log.put(line)
    log.lost("blank", "   ", why="spaces only")
    return log


def _windows_editor() -> Log:
    """Somebody opened the file in an editor and saved it."""
    log = Log(
        path=_path("windows_editor"), story="saved by an editor: byte order mark, CRLF, no last newline"
    )
    lines = _healthy("windows_editor", "2026-06-01T09:30:00.000Z", turns=2).transcript.lines
    log.odd("byte order mark", b"\xef\xbb\xbf" + lines[0].encode(), end=b"\r\n")
    for line in lines[1:5]:
        log.put(line, end=b"\r\n")
    log.lost("blank", "", why="an empty line with CRLF", end=b"\r\n")
    for line in lines[5:-1]:
        log.put(line, end=b"\r\n")
    log.odd("whole last line without a newline", lines[-1], end=b"")
    return log


def _proxy() -> Log:
    """A proxy parsed every event and wrote it again, each member with its own ideas of a number."""
    log = Log(path=_path("proxy"), story="re-serialised by a proxy; also lines that are JSON but no record")
    lines = _healthy("proxy", "2026-06-01T10:00:00.000Z", turns=4).transcript.lines
    for line in lines:
        log.put(line)
    answer = next(json.loads(line) for line in lines if '"type":"provider_call_response"' in line)
    dispatch = next(json.loads(line) for line in lines if '"type":"resolved_dispatch"' in line)
    _wrong_numbers(log, answer)
    _odd_records(log, answer, dispatch)
    for text, why in (("[1,2]", "an array"), ("42", "a number"), ("null", "null"), ('"text"', "a text")):
        log.lost("bad", text, why=f"JSON, but {why} is no record")
    return log


class _Copies:
    """Copies of one event, each under its own call id."""

    def __init__(self, event: Json, tag: str) -> None:
        self._event = event
        self._tag = tag
        self._made = 0

    def __call__(self, member: str, raw: str) -> str:
        """Text of the next copy with ``member`` replaced by raw JSON."""
        self._made += 1
        call_id = f"{self._event['call_id'][:-4]}{self._tag}{self._made:03x}"
        text = compact({**self._event, "call_id": call_id, member: "\0"})
        return text.replace(json.dumps("\0"), raw)


def _wrong_numbers(log: Log, answer: Json) -> None:
    copy = _Copies(answer, "a")
    log.drift("input_tokens", copy("input_tokens", "5333.0"), raw="5333.0", kept=5333)
    log.drift("input_tokens", copy("input_tokens", "5333.5"), raw="5333.5", kept=None)
    log.drift("input_tokens", copy("input_tokens", '"5333"'), raw='"5333"', kept=5333)
    log.drift("output_tokens", copy("output_tokens", str(BIGGEST)), raw=str(BIGGEST), kept=None)
    log.drift("iteration", copy("iteration", "true"), raw="true", kept=None)
    log.drift("cache_hit", copy("cache_hit", "1"), raw="1", kept=None)
    log.odd("NaN for cost_usd: not JSON, but kept and never added to a total", copy("cost_usd", "NaN"))
    log.odd("integer 0 for cost_usd: recorded zero, not unknown", copy("cost_usd", "0"))
    log.odd("null for cost_usd: unknown price", copy("cost_usd", "null"))


def _odd_records(log: Log, answer: Json, dispatch: Json) -> None:
    copy, routed = _Copies(answer, "b"), _Copies(dispatch, "d")
    log.odd("lone surrogate in text", copy("text", '"half a smile \\ud83d"'))
    log.odd("null provenance: five nulls, not five unknowns", routed("provenance", "null"))
    log.odd("null outcome", routed("outcome", "null"))
    slim = {key: answer[key] for key in ("type", "call_id", "timestamp")}
    slim["call_id"] = slim["call_id"][:-4] + "c001"
    log.odd("members missing: a response with three", compact(slim))
    newer = '{"lane":"blue","probability":0.25}'
    log.odd("a member nobody knows: routing_hint", copy("routing_hint", newer), extra="routing_hint")
    probe = {"type": "lane_probe", "timestamp": answer["timestamp"], "lane": "blue", "ok": True}
    log.odd("an event type nobody knows: stays in events", compact(probe), type="lane_probe")
    twice = copy("model", '"claude-haiku-4-5","model":"claude-haiku-4-6"')
    log.facts.append({"line": log.next_line, "duplicate_key": "model", "kept": "claude-haiku-4-6"})
    log.put(twice)
    log.odd("timestamp as a number", copy("timestamp", "1780308003.5"))


def _bad_disk() -> Log:
    """A disk that lost a block and flipped bits in another."""
    log = Log(path=_path("bad_disk"), story="a block of NULs after a crash, and bytes that are no UTF-8")
    lines = _healthy("bad_disk", "2026-06-01T11:45:00.000Z").transcript.lines
    for line in lines[:3]:
        log.put(line)
    answer = next(i for i, line in enumerate(lines) if '"type":"provider_call_response"' in line)
    for line in lines[3:answer]:
        log.put(line)
    flipped = lines[answer].encode().replace(b"Installationsseite", b"Install\xffation\xc3seite")
    log.odd("invalid UTF-8 inside text: the numbers of the line are kept", flipped)
    log.lost("bad", b"\0" * 512, why="512 NUL bytes where a block was never written")
    for line in lines[answer + 1 :]:
        log.put(line)
    return log


def _whole_files(project: Project) -> Json:
    """Files that are wrong as a whole: no rows, and at least one problem each."""
    record = _record()
    text = pretty(record)
    members = {**record, "id": "run_typed", "usage": {**record["usage"], "total_cost": "0.02"}}
    receipt = {"schema": "acme.receipt.v7", "id": "receipt_7", "persona": "translator", "total": "0.12"}
    files: list[tuple[str, str | bytes, str]] = [
        (_path("binary"), PICTURE, "a picture under the name of a log"),
        (".harn-runs/run_cut.json", text[: len(text) * 2 // 3], "cut at two thirds: the disk was full"),
        (".harn-runs/run_zero.json", b"", "no bytes: renamed before it was synced"),
        (".harn-runs/run_list.json", "[]\n", "JSON, but no run record"),
        (".harn/events.sqlite", b"SQLite format 3\0" + b"\0" * 84, "a database header and nothing else"),
        ("receipts/receipt_7.json", pretty(receipt), "a receipt of another program"),
    ]
    for path, content, _ in files:
        project.write(path, content)
    project.write(".harn-runs/run_power_cut.json.tmp", text[:400])
    project.write(".harn-runs/run_windows_editor.json", text)
    project.write(".harn-runs/run_typed.json", pretty(members))
    project.write("completed_steps.jsonl", STEP_LOG)
    return {
        "no_rows": {path: why for path, _, why in files},
        "leftovers": {
            ".harn-runs/run_power_cut.json.tmp": "a run record that was never renamed: not a record"
        },
        "run_records_read": [".harn-runs/run_typed.json", ".harn-runs/run_windows_editor.json"],
        "run_record_drift": {
            "file": ".harn-runs/run_typed.json",
            "field": "usage.total_cost",
            "raw": '"0.02"',
        },
        "completed_steps.jsonl": {
            "lines": 2,
            "steps": 1,
            "lost": {"torn": 1},
            "drift": {"input_tokens": 5333, "cost_usd": 0.0074},
        },
    }


def _record() -> Json:
    run = _healthy("windows_editor", "2026-06-01T09:30:00.000Z", turns=2)
    return run.record(transcript_path=_path("windows_editor"), stage="translate")
