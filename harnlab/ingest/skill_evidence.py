"""Skill activation evidence (FORMATS 6): which cards a turn's catalog held, wherever a host wrote that down.

No runtime writes evidence by itself: it is a value that hosts and scripts keep, in files of their own or inside
anything else. So it is looked for by its ``_type``, at any depth of every JSON object that could be read. Text in
which JSON is quoted is not searched: that is what a model saw, not a record.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl

from harnlab.frames import SKILL_CARDS, Column, FrameSchema, Int, Text
from harnlab.ingest.document_rows import Row, Rows, event, json_text, objects, part, reading, typed_member
from harnlab.ingest.documents import (
    ELEMENTS,
    LEAF,
    Findings,
    Inside,
    Record,
    is_lines,
    read_content,
    read_document,
    read_value,
    shown_safely,
)
from harnlab.ingest.recorded_twice import entry_digest
from harnlab.ingest.sources import Part, Source, SourceKind, problems_frame
from harnlab.ingest.windows import Lines, Window
from harnlab.vocabulary import ProblemKind

TYPE: Final = "skill_activation_evidence"
SCHEMA_VERSION: Final = 1
#: Cards as they are found: ``turn`` is the payload's own, and evidence without cards has a row too.
FOUND: Final = FrameSchema(
    name="skill_evidence",
    row="one card of evidence, or evidence without a card",
    key=("source_path", "source_line", "inside", "position"),
    columns=(
        *SKILL_CARDS.columns,
        Column("inside", Int, "where the evidence starts in its line, document or payload", "bytes"),
        Column("digest", Text, "digest of the evidence"),
        Column("holder", Text, "kind of file, and the part of a run record, that holds it"),
    ),
)

#: What stands in any bytes that hold evidence.
MARK: Final = TYPE.encode()
#: Brackets, strings that end on their line, and the mark: enough to tell which object has the mark.
_token: Final = re.compile(
    rb'("_type"\s*:\s*"skill_activation_evidence")'
    rb'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(?:"|\\?(?=\n)|\\?\Z)'
    rb"|[{}\[\]]"
)
#: Brackets open at once; a decoder gives up long before.
_DEEPEST: Final = 100_000

_EVIDENCE: Final[Inside] = {"cards": {ELEMENTS: LEAF}}
_TURN: Final = reading(
    SKILL_CARDS,
    "schema_version budget_chars used_chars budget_tokens used_tokens",
    kept_in_file="_type shown omitted cards turn",
)
_CARD: Final = reading(
    SKILL_CARDS,
    "name source description when_to_use disable_model_invocation selected omitted_reason char_estimate "
    "token_estimate lifecycle",
    skill_id="id",
    matched_score="matched.score",
    matched_reason="matched.reason",
)
#: Members of a run record that hold the same transcript twice.
_HOLDERS: Final[Inside] = {"id": LEAF, "parent_run_id": LEAF, "stages": LEAF, "transcript": LEAF}
_RUN_MEMBER: Final = {SourceKind.RUN_RECORD: "id", SourceKind.RECEIPT: "parent_run_id"}


def read(source: Source) -> Part:
    """Frames of a file of evidence.

    Parameters
    ----------
    source : Source
        Evidence as an object, an array of it or one a line, or inside other objects; damaged in any way.

    Returns
    -------
    Part
        ``skill_evidence`` (:data:`FOUND`) and ``events``, where there are rows.
    """
    document = read_document(source, _HOLDERS)
    rows: Rows = {"events": []}
    for record in document.records:
        rows["events"] += event(
            source, record, document.findings, session_id="session_id", timestamp="timestamp"
        )
    found = in_document(source)
    read_rows = part(rows, document.findings)
    return Part(frames={**found.frames, **read_rows.frames}, problems=read_rows.problems + found.problems)


def in_document(source: Source) -> Part:
    """``skill_evidence`` inside a file that is read whole; what is wrong with the file itself is not told here."""
    content = read_content(source, Findings())
    if content is None or MARK not in content:
        return Part()
    search = _Search(source)
    roots = read_document(source, _HOLDERS).records
    starts = [root.offset for root in roots]
    by_line = is_lines(content, source)
    for start, end in evidence_places(content):
        number = bisect_right(starts, start) - 1
        if number < 0 or start >= starts[number] + roots[number].length:
            continue
        root = roots[number]
        # of a line that is lost nothing is kept; of a document what stands before the damage
        if root.complete or not by_line:
            line = content.count(b"\n", 0, start) + 1
            search.add(content[start:end], offset=start, line=line, inside=start, root=root)
    return search.part()


def in_window(
    sources: Sequence[Source], window: Window, lines: Lines, rows: Iterable[int]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """``skill_evidence`` and ``problems`` of those lines of a window that are records."""
    whole = window.buffer.obj
    if not isinstance(whole, bytes | bytearray) or whole.find(MARK, 0, len(window.buffer)) < 0:
        return
    records = frozenset(rows)
    for row in _rows_with_mark(whole, len(window.buffer), lines):
        if row in records:
            start, offset = int(lines.starts[row]), int(lines.offsets[row])
            content = bytes(whole[start : int(lines.ends[row])])
            source = sources[int(lines.files[row])]
            yield from in_record(source, content, line=int(lines.numbers[row]), offset=offset)


def in_record(
    source: Source, content: bytes, *, line: int, offset: int | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """``skill_evidence`` and ``problems`` of one line or payload; ``offset`` is null where there is none."""
    search = _Search(source, in_file=offset is not None)
    for start, end in evidence_places(content):
        search.add(content[start:end], offset=(offset or 0) + start, line=line, inside=start)
    yield from _told(source, search.part())


def in_log_document(source: Source) -> Iterator[tuple[str, pl.DataFrame]]:
    """``skill_evidence`` and ``problems`` inside an event log that is one document."""
    yield from _told(source, in_document(source))


def _told(source: Source, found: Part) -> Iterator[tuple[str, pl.DataFrame]]:
    yield from found.frames.items()
    yield "problems", problems_frame(source, found.problems)


def evidence_places(content: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of every object of the evidence's type; of bytes that are no JSON, of what looks like one."""
    if MARK not in content:
        return
    opened: list[int] = []
    marked: list[int] = []
    for token in _token.finditer(content):
        first = content[token.start()]
        if first in b"{[":
            opened.append(token.start())
            if len(opened) > _DEEPEST:
                return
        elif first in b"}]":
            start = opened.pop() if opened else -1
            if marked and marked[-1] == start:
                yield marked.pop(), token.end()
        elif token[1] and opened and marked[-1:] != opened[-1:]:
            marked.append(opened[-1])


def _rows_with_mark(content: bytes | bytearray, size: int, lines: Lines) -> Iterator[int]:
    at, last = content.find(MARK, 0, size), -1
    while at >= 0:
        row = int(np.searchsorted(lines.starts, at, "right")) - 1
        if row > last:
            yield row
        last = row
        at = content.find(MARK, int(lines.ends[row]), size)


@dataclass(slots=True)
class _Search:
    """Rows of the evidence found in one source."""

    source: Source
    in_file: bool = True
    rows: list[Row] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def add(self, content: bytes, *, offset: int, line: int, inside: int, root: Record | None = None) -> None:
        """Add what looks like evidence, if it is."""
        records = read_value(content, _EVIDENCE, offset=offset, line=line).records
        evidence = records[0] if records else None
        if evidence is None or not evidence.complete or evidence.member("_type") != TYPE:
            return
        holder = _holder(self.source, offset, root)
        shared = self._turn(evidence, _run_of(self.source, root))
        shared |= {"inside": inside, "digest": entry_digest(content), "holder": holder}
        cards = list(objects(evidence, "cards", self.findings))
        if evidence.member("cards") is None:
            self.findings.note(evidence, "cards", "expected a list, found null")
        self._note_contradiction(evidence, cards)
        for position, card in enumerate(cards):
            extra = {**_TURN.unknown(evidence), **_CARD.unknown(card)}
            row = _CARD.row(self.source, card, self.findings) | shared | {"position": position}
            row["extra"] = json_text(card, "", extra or None, self.findings)
            self.rows.append(row)
        if not cards:
            self.rows.append(shared)

    def _turn(self, evidence: Record, run_id: str) -> Row:
        row = _TURN.row(self.source, evidence, self.findings, run_id=run_id)
        row.pop("extra", None)
        row["turn"] = typed_member(evidence, "turn", SKILL_CARDS.dtypes["turn"], self.findings)
        if row["schema_version"] != SCHEMA_VERSION:
            found = shown_safely(evidence.member("schema_version"))
            reason = f"expected version {SCHEMA_VERSION}, found {found}; read all the same"
            self.findings.note(evidence, "schema_version", reason, kind=ProblemKind.UNSUPPORTED)
        if not self.in_file:
            row |= {"source_offset": None, "length": None}
        return row

    def _note_contradiction(self, evidence: Record, cards: Iterable[Record]) -> None:
        told = evidence.member("shown")
        shown = [card.member("id") for card in cards if card.member("selected") is True]
        if isinstance(told, list) and told != shown:
            reason = f"shown names {shown_safely(told)}, but the selected cards are {shown_safely(shown)}"
            self.findings.note(evidence, "shown", reason)

    def part(self) -> Part:
        """What was found; nothing where there was none."""
        problems = self.findings.problems()
        if not self.in_file:
            problems = [replace(problem, offset=None, length=None) for problem in problems]
        return Part(frames={FOUND.name: FOUND.build(self.rows)} if self.rows else {}, problems=problems)


def _run_of(source: Source, root: Record | None) -> str:
    member = _RUN_MEMBER.get(source.kind) if root else None
    # as the document's own reader, which reports what is odd about it
    run = typed_member(root, member, Text, Findings()) if root and member else None
    return run or source.run_id


def _holder(source: Source, offset: int, root: Record | None) -> str:
    if root and source.kind is SourceKind.RUN_RECORD:
        for name in ("stages", "transcript"):
            member = root.value.get(name)
            if isinstance(member, Record) and member.offset <= offset < member.offset + member.length:
                return f"{source.kind.value}.{name}"
    return source.kind.value
