"""Whole JSON documents, with the place of every record inside: line, byte offset, byte length.

The bytes are viewed as Latin-1 text, so a position in the text is a byte offset, and the C scanner of ``json``
runs over it member by member, going into the members a reader names. A value that is not ASCII is then decoded
again as what it is, UTF-8. Reading stops at the first error and keeps what stands before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from harnlab.ingest.fields import shown
from harnlab.ingest.sources import Problem, Source
from harnlab.vocabulary import ProblemKind

#: A document larger than this is not read: its values are held in memory all at once.
LARGEST_DOCUMENT_BYTES: Final = 128 << 20

#: Which members of a document are records of their own: by name, :data:`ELEMENTS` or :data:`ANY_MEMBER`.
Inside: TypeAlias = "Mapping[str, Inside]"
LEAF: Final[Inside] = MappingProxyType({})
ELEMENTS: Final = "[]"
ANY_MEMBER: Final = "*"

#: Digits of the longest integer that Python reads; the time it takes grows with their square.
LONGEST_INTEGER: Final = 4_300

_BOM: Final = b"\xef\xbb\xbf"
_LINES_SUFFIXES: Final = (".jsonl", ".ndjson")
_after_space: Final = re.compile(r"[ \t\n\r]*").match


@dataclass(slots=True, eq=False)
class Record:
    """One JSON value and where it stands in its file.

    ``value`` is plain, except that members and elements which are records of their own are :class:`Record`.
    ``length`` runs to the end of the file where the file is cut inside the record (``complete`` is false).
    ``path`` names the member that holds it, such as ``stages[].transcript``; empty for the document.
    """

    line: int
    offset: int
    length: int
    path: str = ""
    value: Any = None
    complete: bool = False

    def member(self, name: str) -> Any:
        """Plain value of a member, or ``None``."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return value.value if isinstance(value, Record) else value

    def named(self, member: str) -> str:
        """Path of a member from the document's root; every index is ``[]``, the place says which."""
        return f"{self.path}.{member}" if self.path and member else self.path or member


@dataclass(slots=True)
class Findings:
    """What went wrong in one file: records lost, and oddities of records that were kept."""

    lost: list[Problem] = field(default_factory=list)
    _odd: dict[tuple[int, ProblemKind, str], tuple[Record, str]] = field(default_factory=dict)

    def note(
        self, record: Record, member: str, reason: str, *, kind: ProblemKind = ProblemKind.DRIFT
    ) -> None:
        """Report an oddity of a record; the first report on a member stands."""
        self._odd.setdefault((record.offset, kind, record.named(member)), (record, reason))

    def problems(self) -> list[Problem]:
        """Everything found, in order of place."""
        odd = [
            Problem(
                kind=kind,
                reason=reason,
                line=record.line,
                offset=record.offset,
                length=record.length,
                field=name or None,
            )
            for (_, kind, name), (record, reason) in self._odd.items()
        ]
        return sorted([*self.lost, *odd], key=lambda problem: problem.offset or 0)


@dataclass(slots=True)
class Document:
    """Records of one file (objects, each with its place), and what went wrong."""

    records: list[Record] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


def read_document(source: Source, inside: Inside = LEAF) -> Document:
    """Read a file that holds one JSON object, an array of them, or one a line.

    Parameters
    ----------
    source : Source
        Any file; nothing about it raises.
    inside : mapping, optional
        Members that are records of their own, nested; ``{"stages": {"[]": {}}}`` gives every stage its place.

    Returns
    -------
    Document
        Every value of the file is in ``records``, or in ``findings.lost``. A record cut by an error is in both:
        it holds the members before the error.
    """
    document = Document()
    content = read_content(source, document.findings)
    if content is None:
        return document
    start = len(_BOM) if content.startswith(_BOM) else 0
    if not content[start:].strip():
        reason = "the file is empty" if len(content) == start else "the file is blank"
        document.findings.lost.append(Problem(kind=ProblemKind.BLANK, reason=reason, line=1, offset=start))
    elif is_lines(content[start:], source):
        for line, (offset, text, torn) in enumerate(_lines(content, start), start=1):
            _Walk(text, offset=offset, line=line, document=document).read(inside, torn=torn)
    else:
        _Walk(content[start:], offset=start, line=1, document=document).read(inside)
    return document


def read_value(content: bytes, inside: Inside = LEAF, *, offset: int = 0, line: int = 1) -> Document:
    """Read bytes that hold one JSON value, which stand at ``offset`` and ``line`` of some file."""
    document = Document()
    _Walk(content, offset=offset, line=line, document=document).read(inside)
    return document


def read_content(source: Source, findings: Findings) -> bytes | None:
    """Bytes of a file; ``None``, and a finding, where it cannot be read or is too large."""
    try:
        size = source.path.stat().st_size
        if size <= LARGEST_DOCUMENT_BYTES:
            return source.path.read_bytes()
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        reason = f"a document of {size:,} bytes; the largest that is read is {LARGEST_DOCUMENT_BYTES:,}"
    findings.lost.append(Problem(kind=ProblemKind.UNREADABLE, reason=reason))
    return None


def is_lines(content: bytes, source: Source) -> bool:
    """Whether a file is one value a line: by its name, else by a first line that is a value with more behind."""
    if source.path.suffix.lower() in _LINES_SUFFIXES:
        return True
    first, _, rest = content.lstrip().partition(b"\n")
    if not rest.strip():
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(content: bytes, start: int) -> Iterator[tuple[int, bytes, bool]]:
    """Offset and bytes of every line, and whether the file ends inside it."""
    while start < len(content):
        newline = content.find(b"\n", start)
        stop = len(content) if newline < 0 else newline
        yield start, content[start:stop], newline < 0
        start = stop + 1


class _Walk:
    """One pass over the bytes of one document; records stand in their parents before they are read."""

    def __init__(self, content: bytes, *, offset: int, line: int, document: Document) -> None:
        self._content = content
        self._text = content.decode("latin-1")
        self._ascii = content.isascii()
        self._offset = offset
        self._line = line
        self._counted = 0
        self._document = document
        self._odd = False
        self._decode = self._decoder()

    def read(self, inside: Inside, *, torn: bool = False) -> None:
        """Add the document's records; ``torn`` when its end may be missing because it is still being written."""
        if not self._content.strip():
            self._lose(ProblemKind.BLANK, self._record(0), "blank line")
            return
        at = self._space(0)
        root = self._record(at)
        try:
            self._end(self._fill(root, at, {**inside, ELEMENTS: inside}))
        except JSONDecodeError as error:
            self._lose_rest(error, torn=torn)
        for record in root.value if self._text[at] == "[" and root.value else [root]:
            if isinstance(record.value, dict) and (record.complete or record.value):
                self._document.records.append(record)
            elif record.complete and record.value == []:
                self._lose(ProblemKind.BLANK, record, "an empty array: no records")
            elif record.complete:
                reason = f"expected a JSON object, found {shown_safely(record.value)}"
                self._lose(ProblemKind.BAD, record, reason)

    def _fill(self, record: Record, at: int, inside: Inside) -> int:
        """Read the value at a position into a record; gives the position behind it."""
        opening = self._text[at : at + 1]
        if opening == "{" and inside.keys() - {ELEMENTS}:
            end = self._object(record, at, inside)
        elif opening == "[" and ELEMENTS in inside:
            end = self._array(record, at, inside[ELEMENTS])
        else:
            record.value, end = self._leaf(record, "", at)
        record.length = end - at
        record.complete = True
        return end

    def _object(self, record: Record, at: int, inside: Inside) -> int:
        record.value = members = {}
        at = self._space(at + 1)
        if self._text[at : at + 1] == "}":
            return at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise JSONDecodeError("Expecting property name enclosed in double quotes", self._text, at)
            name, at = self._leaf(record, "", at)
            at = self._space(self._expect(":", self._space(at)))
            if name in members:
                reason = f"member {shown_safely(name)} is given more than once; the last value counts"
                self._document.findings.note(record, name, reason, kind=ProblemKind.DUPLICATE_KEY)
            deeper = inside.get(name, inside.get(ANY_MEMBER))
            if deeper is None:
                members[name], at = self._leaf(record, name, at)
            else:
                members[name] = child = self._record(at, record.named(name))
                at = self._fill(child, at, deeper)
            at = self._space(at)
            if self._text[at : at + 1] == "}":
                return at + 1
            at = self._space(self._expect(",", at))

    def _array(self, record: Record, at: int, inside: Inside) -> int:
        record.value = elements = []
        path = record.path + ELEMENTS
        at = self._space(at + 1)
        if self._text[at : at + 1] == "]":
            return at + 1
        while True:
            element = self._record(at, path)
            elements.append(element)
            at = self._space(self._fill(element, at, inside))
            if self._text[at : at + 1] == "]":
                return at + 1
            at = self._space(self._expect(",", at))

    def _leaf(self, record: Record, member: str, at: int) -> tuple[Any, int]:
        """Value at a position and the position behind it; its oddities are noted on the record around it."""
        self._odd = False
        note = self._document.findings.note
        try:
            value, end = self._value(at)
            raw = b"" if self._ascii else self._content[at:end]
            if not raw.isascii():
                value, _ = self._decode(raw.decode("utf-8", "replace"), 0)
        except RecursionError:
            raise JSONDecodeError("nested too deeply to read", self._text, at) from None
        except JSONDecodeError:
            raise
        except ValueError as error:
            raise JSONDecodeError(str(error), self._text, at) from None
        if reason := _not_utf8(raw):
            note(record, member, reason)
        for path, kind, oddity in _oddities(self._content[at:end]) if self._odd else ():
            note(record, f"{member}{path}" if member else path.removeprefix("."), oddity, kind=kind)
        return value, end

    def _decoder(self, **options: Any) -> Callable[[str, int], tuple[Any, int]]:
        decoder = json.JSONDecoder(object_pairs_hook=self._members, parse_constant=self._constant, **options)
        return decoder.raw_decode

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return self._decode(self._text, at)
        except JSONDecodeError:
            raise
        except ValueError:
            # an integer longer than Python reads: every later one is looked at too, which takes longer
            self._decode = self._decoder(parse_int=self._integer)
            return self._decode(self._text, at)

    def _integer(self, digits: str) -> int | str:
        if len(digits.removeprefix("-")) <= LONGEST_INTEGER:
            return int(digits)
        self._odd = True
        return digits

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        self._odd |= len(members) < len(pairs)
        return members

    def _constant(self, word: str) -> float:
        self._odd = True
        return float(word.replace("Infinity", "inf"))

    def _space(self, at: int) -> int:
        matched = _after_space(self._text, at)
        return matched.end() if matched else at

    def _expect(self, mark: str, at: int) -> int:
        if self._text[at : at + 1] != mark:
            raise JSONDecodeError(f"Expecting '{mark}' delimiter", self._text, at)
        return at + 1

    def _end(self, at: int) -> None:
        at = self._space(at)
        if at < len(self._text):
            raise JSONDecodeError("Extra data", self._text, at)

    def _record(self, at: int, path: str = "") -> Record:
        # records are met in the order they start, so newlines are counted once
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        return Record(line=self._line, offset=self._offset + at, length=len(self._text) - at, path=path)

    def _lose(self, kind: ProblemKind, record: Record, reason: str) -> None:
        line, offset, length = record.line, record.offset, record.length
        problem = Problem(kind=kind, reason=reason, line=line, offset=offset, length=length)
        self._document.findings.lost.append(problem)

    def _lose_rest(self, error: JSONDecodeError, *, torn: bool) -> None:
        reason = f"not JSON ({error.msg} at byte {self._offset + error.pos})"
        if torn:
            reason = f"the file ends inside this line: {reason}; a run may still be writing it"
        self._lose(ProblemKind.TORN if torn else ProblemKind.BAD, self._record(error.pos), reason)


def _not_utf8(raw: bytes) -> str | None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{raw[error.start]:02x} is not UTF-8; kept as U+FFFD"
    return None


class _Pairs(list[tuple[str, Any]]):
    """Members of an object as written, repeated ones too."""


def _oddities(raw: bytes) -> Iterator[tuple[str, ProblemKind, str]]:
    """Path, kind and reason of every repeated member and every NaN or infinity of one value."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_Pairs,
        parse_constant=lambda word: (f"{word} is not JSON; read as a number",),
        parse_int=lambda digits: (
            (too_long(digits),) if len(digits.removeprefix("-")) > LONGEST_INTEGER else 0
        ),
    )
    try:
        waiting = [("", decoder.decode(raw.decode("utf-8", "replace")))]
    except RecursionError:
        yield "", ProblemKind.DRIFT, "repeated members or NaN, nested too deeply to name"
        return
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, tuple):
            yield path, ProblemKind.DRIFT, value[0]
        elif isinstance(value, _Pairs):
            seen: set[str] = set()
            for name, inner in value:
                if name in seen:
                    reason = f"member {shown_safely(name)} is given more than once; the last value counts"
                    yield f"{path}.{name}", ProblemKind.DUPLICATE_KEY, reason
                seen.add(name)
                waiting.append((f"{path}.{name}", inner))
        elif isinstance(value, list):
            waiting.extend((f"{path}{ELEMENTS}", inner) for inner in value)


def too_long(digits: str) -> str:
    """What is said of an integer that is longer than Python reads."""
    return f"an integer of {len(digits):,} digits; kept as text"


def shown_safely(value: Any) -> str:
    """Text of a raw value for a report, whatever it is."""
    try:
        return shown(value)
    except RecursionError:
        return "something nested too deeply to show"
