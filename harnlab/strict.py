"""Strict readers: one file of a kind the caller names, and an error at the first thing that is not as it should be.

:func:`harnlab.load` collects what is wrong in ``problems`` and reads on; a reader here raises
:class:`~harnlab.errors.MalformedRecord` instead. What it gives has the same frames.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from harnlab.errors import HarnlabError, InvalidArgument, MalformedRecord, UnreadablePath
from harnlab.ingest.collect import collect_sources
from harnlab.ingest.discover import as_source, discover, kind_of
from harnlab.ingest.sources import Source, SourceKind
from harnlab.runs import Runs
from harnlab.vocabulary import ProblemKind

OnePath = str | os.PathLike[str]

#: Kind of file -> what a person calls it, and its reader.
_READERS: Final[Mapping[SourceKind, tuple[str, str]]] = MappingProxyType(
    {
        SourceKind.TRANSCRIPT: ("a transcript", "read_transcript"),
        SourceKind.RUN_RECORD: ("a run record", "read_run_record"),
        SourceKind.RECEIPT: ("a receipt", "read_receipt"),
        SourceKind.COMPLETED_STEPS: ("a step log", "read_step_log"),
        SourceKind.PERSONA: ("a persona manifest", "read_persona_manifest"),
        SourceKind.EVENT_LOG_FILE: ("a topic of an event log", "read_event_log"),
        SourceKind.EVENT_LOG_SQLITE: ("a SQLite event log", "read_event_log"),
        SourceKind.AGENT_EVENTS: ("an agent event log", "read_event_log"),
        SourceKind.PROVENANCE_RECEIPT: ("a signed provenance receipt", "read_provenance_receipt"),
        SourceKind.TRUST_CHAIN: ("a trust chain export", "read_trust_chain"),
        SourceKind.SKILL_EVIDENCE: ("skill activation evidence", "read_skill_evidence"),
        SourceKind.STATE_FOLDER: ("a folder of durable state", "read_state_folder"),
    }
)
_LOGS: Final = (SourceKind.EVENT_LOG_FILE, SourceKind.EVENT_LOG_SQLITE, SourceKind.AGENT_EVENTS)
#: What should have stood where a problem of some kind is, unless its reason says so itself.
_EXPECTED: Final = {
    ProblemKind.TORN: "a last line that is whole",
    ProblemKind.BAD: "JSON",
    ProblemKind.BLANK: "a record",
    ProblemKind.DRIFT: "a value as the format has it",
    ProblemKind.DUPLICATE_KEY: "each member once",
    ProblemKind.UNSUPPORTED: "what this version reads",
}
_says_expected: Final = re.compile(r"expected (?P<expected>.+?), found (?P<found>.+)", re.DOTALL).fullmatch
#: What the lenient reader did about it all the same.
_LENIENCY: Final = re.compile(
    r"; (?:read as .*|kept\b.*|raw value kept here only|a run may still be writing it|the last value counts)$",
    re.DOTALL,
)


def read_transcript(path: OnePath) -> Runs:
    """Read a transcript strictly: ``llm_transcript.jsonl`` (FORMATS 1).

    Parameters
    ----------
    path : path-like
        The file, whatever its name.

    Returns
    -------
    Runs
        Frames as :func:`harnlab.load` gives them (``.calls``, ``.dispatches``, ``.messages``, ``.tool_calls``, …),
        with no row in ``problems``. ``.to_pandas("calls")`` is the pandas frame.

    Raises
    ------
    MalformedRecord
        At the first line that is torn, blank, no JSON or has a member given twice or of another type; ``where`` is
        ``path:line``.
    UnreadablePath
        When there is no such file, or it cannot be read.
    InvalidArgument
        When it is a file of another kind.

    Examples
    --------
    >>> import harnlab as hl
    >>> hl.read_transcript("sample_transcripts/cost-overrun/llm_transcript.jsonl").calls.height
    48
    """
    return _read(path, SourceKind.TRANSCRIPT)


def read_run_record(path: OnePath) -> Runs:
    """Read a run record strictly: ``.harn-runs/<id>.json`` (FORMATS 4.5).

    Gives ``runs, stages, spans, steps, tool_calls, messages, skill_events``; raises as :func:`read_transcript`.
    """
    return _read(path, SourceKind.RUN_RECORD)


def read_receipt(path: OnePath) -> Runs:
    """Read a receipt strictly: ``harn.receipt.v1`` (FORMATS 4.1).

    Gives ``receipts`` and ``steps``; raises as :func:`read_transcript`.
    """
    return _read(path, SourceKind.RECEIPT)


def read_step_log(path: OnePath) -> Runs:
    """Read completed steps strictly: a JSON array of them, or one a line (FORMATS 4.1).

    Gives ``steps``; raises as :func:`read_transcript`.
    """
    return _read(path, SourceKind.COMPLETED_STEPS)


def read_persona_manifest(path: OnePath) -> Runs:
    """Read step definitions strictly: ``harn persona inspect --json``, ``harn.toml`` or a mapping (FORMATS 9).

    Gives ``step_definitions``; raises as :func:`read_transcript`.
    """
    return _read(path, SourceKind.PERSONA)


def read_event_log(path: OnePath) -> Runs:
    """Read an event log strictly (FORMATS 2).

    Parameters
    ----------
    path : path-like
        ``events.sqlite``, the file of one topic, an agent event log, or the folder of a file log (all topics).

    Returns
    -------
    Runs
        ``events`` with topic and event id, ``approvals``, ``trust_records``, ``autonomy_checks``, ``skill_events``,
        and the frames of a transcript from ``agent.transcript.llm``.

    Raises
    ------
    MalformedRecord, UnreadablePath, InvalidArgument
        As :func:`read_transcript`; the line of a SQLite log is a row.
    """
    return _read(path, *_LOGS)


def read_provenance_receipt(path: OnePath) -> Runs:
    """Read a signed provenance receipt strictly: ``harn-provenance-receipt-v1`` (FORMATS 4.7).

    Gives what :func:`read_event_log` gives of the log inside; signatures are not checked. Raises as
    :func:`read_transcript`.
    """
    return _read(path, SourceKind.PROVENANCE_RECEIPT)


def read_trust_chain(path: OnePath) -> Runs:
    """Read a chain export strictly: ``opentrustgraph-chain/v0`` (FORMATS 3.4).

    Gives ``trust_records``, which :func:`harnlab.trust.verified` holds against their hashes; raises as
    :func:`read_transcript`.
    """
    return _read(path, SourceKind.TRUST_CHAIN)


def read_skill_evidence(path: OnePath) -> Runs:
    """Read skill activation evidence strictly: JSON, one a line, or inside anything (FORMATS 6).

    Gives ``skill_cards``; raises as :func:`read_transcript`.
    """
    return _read(path, SourceKind.SKILL_EVIDENCE)


def read_state_folder(path: OnePath) -> Runs:
    """Read durable state strictly: the folder of one session, or of many (FORMATS 5).

    Gives ``state_entries`` and ``handoffs``; raises as :func:`read_transcript`, and at whatever would not be
    followed, waited for or read whole.
    """
    return _read(path, SourceKind.STATE_FOLDER)


def _read(path: OnePath, *kinds: SourceKind) -> Runs:
    sources, told = _sources(_path(path), kinds)
    collected = collect_sources(sources)
    wrong = collected.frames["problems"]
    hint = _hint(told, kinds)
    if wrong.height:
        first = wrong.sort("source_path", "source_line", "source_offset", maintain_order=True)
        raise _error(first.row(0, named=True), hint)
    if told and told not in kinds:
        name, expected = _READERS[told][0], _READERS[kinds[0]][0]
        raise InvalidArgument(name, where=os.fspath(path), expected=expected, hint=hint)
    return Runs(collected.frames, collected.sources)


def _path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise InvalidArgument(repr(path), where="path", expected="the path of one file")
    found = Path(path)
    if not os.path.lexists(found):
        raise UnreadablePath("no such file or folder", where=os.fspath(path), hint="check the spelling")
    return found


def _sources(path: Path, kinds: tuple[SourceKind, ...]) -> tuple[list[Source], SourceKind | None]:
    """What to read, and the kind that a single file looks like."""
    folder = SourceKind.STATE_FOLDER in kinds
    if path.is_dir():
        inside = _inside(path, kinds)
        if inside or folder:
            # a session without metadata looks like any folder
            return inside or [as_source(path, SourceKind.STATE_FOLDER)], None
    elif path.is_file() and not folder:
        told = kind_of(path)
        return [as_source(path, told if told in kinds else kinds[0])], told
    found = "a folder" if path.is_dir() else "a file" if path.is_file() else "not a regular file"
    raise UnreadablePath(
        found, where=os.fspath(path), expected=_READERS[kinds[0]][0], hint="`hl.load` searches folders"
    )


def _inside(path: Path, kinds: tuple[SourceKind, ...]) -> list[Source]:
    if not {SourceKind.STATE_FOLDER, SourceKind.EVENT_LOG_FILE} & {*kinds}:
        return []
    try:
        return [source for source in discover([path]) if source.kind in kinds]
    except UnreadablePath:
        return []


def _hint(told: SourceKind | None, kinds: tuple[SourceKind, ...]) -> str:
    if not told or told in kinds:
        return "`hl.load`, which reads on and lists every such place in `runs.problems`"
    return f"`hl.{_READERS[told][1]}`, for it looks like {_READERS[told][0]}"


def _error(problem: Mapping[str, Any], hint: str) -> HarnlabError:
    """The problem a lenient reader would have written down, as an error."""
    line, reason, member = problem["source_line"], problem["reason"], problem["field"]
    where = problem["source_path"] if line is None else f"{problem['source_path']}:{line}"
    if problem["kind"] == ProblemKind.UNREADABLE:
        return UnreadablePath(reason, where=where)
    expected: str | None = _EXPECTED.get(problem["kind"])
    found = _LENIENCY.sub("", reason)
    if said := _says_expected(found):
        expected, found = said["expected"], f"found {said['found']}"
    return MalformedRecord(
        f"{member}: {found}" if member else found, where=where, expected=expected, hint=hint
    )
