"""Which file of a folder is which, and which run it belongs to by its place (FORMATS 0).

Files are told by what is in them; a name only decides where the content cannot (a torn or empty transcript).
Links are not followed out of the folder given, and nothing but regular files is opened.
"""

from __future__ import annotations

import glob
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harnlab.errors import UnreadablePath
from harnlab.ingest.agent_events import log_name
from harnlab.ingest.documents import LARGEST_DOCUMENT_BYTES
from harnlab.ingest.file_names import shown_path
from harnlab.ingest.skill_evidence import MARK as EVIDENCE_MARK
from harnlab.ingest.sources import Source, SourceKind
from harnlab.ingest.state_folders import META_FOLDER, TEMP_MARK
from harnlab.ingest.state_metadata import HANDOFF_FILE

_SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".ipynb_checkpoints",
        "raw-provider",
        "consumers",
    }
)
_PROJECT_MARKS: Final = (".harn-runs", ".harn", "harn.toml")
_RUN_RECORD_FOLDER: Final = ".harn-runs"
#: Folders nested deeper than this are not searched.
_DEEPEST: Final = 64
_SNIFFED_BYTES: Final = 64 << 10
_MARKS_BY_WORD: Final = {
    "run_record": SourceKind.RUN_RECORD,
    "harn.receipt.v1": SourceKind.RECEIPT,
    "harn-provenance-receipt-v1": SourceKind.PROVENANCE_RECEIPT,
    "opentrustgraph-chain/v0": SourceKind.TRUST_CHAIN,
    "skill_activation_evidence": SourceKind.SKILL_EVIDENCE,
}
_MARK: Final = re.compile(rb'"(?:_type|schema)"\s*:\s*"([^"]{1,80})"')
#: Members that tell a document or a first line without a mark of its own.
_MEMBERS: Final = (
    ({"index", "emitted_at_ms", "type"}, SourceKind.AGENT_EVENTS),
    ({"id", "event"}, SourceKind.EVENT_LOG_FILE),
    ({"function", "status", "llm_calls"}, SourceKind.COMPLETED_STEPS),
    ({"type", "timestamp"}, SourceKind.TRANSCRIPT),
    ({"trace_spans"}, SourceKind.RUN_RECORD),
    ({"workflow_id", "stages"}, SourceKind.RUN_RECORD),
    ({"name", "steps"}, SourceKind.PERSONA),
    ({"personas"}, SourceKind.PERSONA),
    ({"type"}, SourceKind.TRANSCRIPT),
)
#: Folders and files whose name says what they hold, not which run.
_NAMELESS: Final = frozenset({_RUN_RECORD_FOLDER, "receipts", "llm_transcript", "completed_steps"})
#: Kinds of file that belong to all runs of a project.
_OF_A_PROJECT: Final = frozenset(
    {
        SourceKind.EVENT_LOG_FILE,
        SourceKind.EVENT_LOG_SQLITE,
        SourceKind.PROVENANCE_RECEIPT,
        SourceKind.TRUST_CHAIN,
    }
)
#: Kinds that are read line by line: a document written over several lines is none of them.
_LINES: Final = {SourceKind.AGENT_EVENTS, SourceKind.EVENT_LOG_FILE, SourceKind.TRANSCRIPT}
_LONGEST_NAME: Final = 40
_SUFFIXES: Final = {".json", ".jsonl", ".ndjson", ".toml", ".sqlite", ".sqlite3", ".db"}


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    root: Path
    kind: SourceKind | None


def discover(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """Every file harnlab knows under some paths, in a stable order.

    Parameters
    ----------
    paths : iterable of path-like
        Files, folders (searched whole) or glob patterns.

    Returns
    -------
    list of Source
        Each file once, with the run and project its place tells.

    Raises
    ------
    UnreadablePath
        For a path that is missing, or where nothing harnlab knows was found.
    """
    found: dict[str, _Found] = {}
    for path in _expanded(paths):
        for one in _search(path):
            if one.kind is not None:
                found.setdefault(os.path.realpath(one.path), one)
    if not found:
        shown = ", ".join(str(path) for path in paths)
        raise UnreadablePath(
            "no file that harnlab knows",
            where=shown,
            expected="llm_transcript.jsonl, .harn-runs/*.json, .harn/events*, receipts, step logs or personas",
            hint="name the file itself, or the folder the runtime ran in",
        )
    return _named(list(found.values()))


def as_source(path: Path, kind: SourceKind) -> Source:
    """One file or folder as a kind that the caller knows, whatever it looks like."""
    return _named([_Found(path, path.parent, kind)])[0]


def _expanded(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for path in paths:
        text = os.fspath(path)
        if text.startswith("~") and not os.path.lexists(text):
            text = os.path.expanduser(text)  # noqa: PTH111 - Path would drop the end of a pattern
        if os.path.lexists(text):
            yield Path(text)
        elif glob.has_magic(text):
            matches = sorted(glob.glob(text, recursive=True, include_hidden=True))  # noqa: PTH207 - Path.glob hides .harn
            if not matches:
                raise UnreadablePath("the pattern matches nothing", where=text)
            yield from map(Path, matches)
        else:
            raise UnreadablePath("no such file or folder", where=text, hint="check the spelling, or run `ls`")


def _search(path: Path) -> Iterator[_Found]:
    if not path.is_dir():
        if not path.is_file():
            raise UnreadablePath("not a regular file", where=str(path), expected="a file or a folder")
        kind = kind_of(path)
        if kind is None:
            raise UnreadablePath(
                "not a file harnlab knows",
                where=str(path),
                expected="a transcript, run record, receipt, step log, persona or event log",
                hint="the folder the runtime ran in, which is searched for all of them",
            )
        yield _Found(path, path.parent, kind)
        return
    if not os.access(path, os.R_OK | os.X_OK):
        raise UnreadablePath("permission denied", where=str(path))
    for file in _files(path):
        yield _Found(file, path, kind_of(file))


def _files(root: Path) -> Iterator[Path]:
    """Regular files below a folder; links only where they stay inside it."""
    inside = os.path.realpath(root)
    for folder, subfolders, names in _folders(root):
        if META_FOLDER in subfolders or HANDOFF_FILE in names or any(TEMP_MARK in name for name in names):
            yield folder
            subfolders.clear()
            continue
        subfolders[:] = sorted(set(subfolders) - _SKIPPED_FOLDERS)
        yield from (file for name in sorted(names) if _is_inside(file := folder / name, inside))


def _folders(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder with its subfolders and files, as ``os.walk``, which gives up on trees nested by the thousand."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        _, subfolders, names = next(os.walk(folder), (folder, [], []))
        yield folder, subfolders, names
        if depth < _DEEPEST:
            inner = (folder / name for name in reversed(subfolders))
            waiting += [(path, depth + 1) for path in inner if not path.is_symlink()]


def _is_inside(file: Path, inside: str) -> bool:
    """Whether a file is a regular one, or a link to one in the same folder tree."""
    if file.suffix.lower() not in _SUFFIXES:
        return False
    try:
        mode = file.lstat().st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        target = os.path.realpath(file)
        return os.path.commonpath([inside, target]) == inside and os.path.isfile(target)  # noqa: PTH113
    return stat.S_ISREG(mode)


def kind_of(path: Path) -> SourceKind | None:
    """Kind of a file, as it looks; ``None`` when it is not one harnlab reads."""
    if path.is_dir():
        return SourceKind.STATE_FOLDER
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        # a file that cannot be opened is a problem row of the kind its name promises
        return SourceKind.TRANSCRIPT if suffix in {".jsonl", ".ndjson"} else _kind_by_folder(path)
    if head.startswith(b"SQLite format 3\x00"):
        return SourceKind.EVENT_LOG_SQLITE
    if suffix == ".toml":
        return SourceKind.PERSONA if b"[[personas" in head or b"[personas" in head else None
    if suffix in {".jsonl", ".ndjson"}:
        return _kind_of_lines(head, path)
    if suffix == ".json":
        return _kind_of_document(head, path)
    # a file under a name of its own, which only its user gives
    return _kind_by_first_line(head) or _kind_by_members(head)


def _kind_by_folder(path: Path) -> SourceKind | None:
    """Kind of a document that says nothing of itself but lies where the runtime or a host puts such files."""
    return {_RUN_RECORD_FOLDER: SourceKind.RUN_RECORD, "receipts": SourceKind.RECEIPT}.get(path.parent.name)


def _kind_of_lines(head: bytes, path: Path) -> SourceKind:
    """Kind of a JSON Lines file by its first readable line; a transcript where no line tells."""
    if "topics" in path.parts[-3:-1]:
        return SourceKind.EVENT_LOG_FILE
    if kind := _kind_by_first_line(head):
        return kind
    if path.name.startswith("event_log-"):
        return SourceKind.AGENT_EVENTS
    return SourceKind.TRANSCRIPT


def _kind_by_first_line(head: bytes) -> SourceKind | None:
    for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        record = _json(line)
        if isinstance(record, dict) and (kind := _kind_of_object(record)):
            return kind
    return None


def _kind_of_document(head: bytes, path: Path) -> SourceKind | None:
    """Kind of a JSON document: by its own members, by a mark inside, by its folder; at last by evidence inside."""
    kind = _kind_by_members(head) or _kind_by_mark(head) or _kind_by_folder(path)
    return kind or (SourceKind.SKILL_EVIDENCE if _holds_evidence(path) else None)


def _kind_by_members(head: bytes) -> SourceKind | None:
    document = _json(head) if len(head) < _SNIFFED_BYTES else None
    if isinstance(document, dict):
        return _kind_of_one(document, head) or _kind_of_mapping(document)
    elements = document if isinstance(document, list) else _leading_elements(head)
    kinds = (_kind_of_one(element, head) for element in elements if isinstance(element, dict))
    return next(filter(None, kinds), None)


def _kind_of_one(record: dict[str, Any], head: bytes) -> SourceKind | None:
    kind = _kind_of_object(record)
    return None if kind in _LINES and b"\n" in head.strip() else kind


def _leading_elements(head: bytes) -> Iterator[Any]:
    """Elements at the start of an array that is longer than its head, or torn."""
    text = head.decode("utf-8-sig", "ignore").lstrip()
    if not text.startswith("["):
        return
    decode, at = json.JSONDecoder().raw_decode, 1
    while True:
        at = next((i for i in range(at, len(text)) if text[i] not in " \t\r\n,"), len(text))
        try:
            element, at = decode(text, at)
        except (ValueError, RecursionError):
            return
        yield element


def _kind_by_mark(head: bytes) -> SourceKind | None:
    # evidence may be inside anything, so it does not tell what a document is
    kinds = (_MARKS_BY_WORD.get(mark[1].decode("utf-8", "replace")) for mark in _MARK.finditer(head))
    return next((kind for kind in kinds if kind not in {None, SourceKind.SKILL_EVIDENCE}), None)


def _holds_evidence(path: Path) -> bool:
    try:
        if path.stat().st_size > LARGEST_DOCUMENT_BYTES:
            return False
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(1 << 20):
                if EVIDENCE_MARK in before + chunk:
                    return True
                before = chunk[-len(EVIDENCE_MARK) :]
    except OSError:
        pass
    return False


def _kind_of_object(record: dict[str, Any]) -> SourceKind | None:
    for mark in (record.get("_type"), record.get("schema")):
        if isinstance(mark, str) and mark in _MARKS_BY_WORD:
            return _MARKS_BY_WORD[mark]
    return next((kind for members, kind in _MEMBERS if members <= record.keys()), None)


def _kind_of_mapping(document: dict[str, Any]) -> SourceKind | None:
    """A plain mapping of functions to step definitions (FORMATS 9)."""
    steps = list(document.values())
    declared = {"name", "model", "error_boundary", "budget"}
    if steps and all(
        isinstance(step, dict) and "budget" in step and step.keys() <= declared for step in steps
    ):
        return SourceKind.PERSONA
    return None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _named(found: Sequence[_Found]) -> list[Source]:
    """Sources with the run their place tells: the nearest folder, as much longer as keeps two folders apart."""
    names: dict[Path, str] = {}
    unnamed = list(found)
    depth = 0
    while unnamed:
        depth += 1
        folders: dict[str, set[Path]] = {}
        for one in unnamed:
            names[one.path] = _run_name(one, depth)
            folders.setdefault(names[one.path], set()).add(_run_folder(one))
        unnamed = [one for one in unnamed if len(folders[names[one.path]]) > 1 and depth < _LONGEST_NAME]
    return [
        Source(
            path=one.path.absolute(),
            shown=shown_path(one.path.as_posix()),
            kind=one.kind or SourceKind.TRANSCRIPT,
            run_id=shown_path(names[one.path]),
            project=shown_path(_project(one).as_posix()),
        )
        for one in sorted(found, key=lambda one: one.path.as_posix())
    ]


def _run_folder(one: _Found) -> Path:
    if one.kind in _OF_A_PROJECT:
        return _project(one)
    folder = one.path.parent.parent if one.path.parent.name in _NAMELESS else one.path.parent
    if one.path.suffix in {".jsonl", ".ndjson"} and one.path.stem not in _NAMELESS:
        folder /= log_name(one.path)
    return folder.absolute()


def _run_name(one: _Found, depth: int) -> str:
    return "/".join(_run_folder(one).parts[1:][-depth:])


def _project(one: _Found) -> Path:
    """Nearest folder, up to the one that was given, where the runtime left its marks."""
    for folder in (one.path.parent, *one.path.parent.parents):
        if any((folder / mark).exists() for mark in _PROJECT_MARKS):
            return folder.absolute()
        if folder == one.root:
            break
    return one.root.absolute()
