"""Durable state folders (agent_state, FORMATS 5): every key of every session, who wrote it last, what a crash left.

A source is one session's folder: it holds ``.agent_state_meta``, ``__handoff.json`` or a temp file. The folder
around it is the root, unless an id that the session recorded itself has slashes and is the end of the path: then
the root is what stands before it. A folder inside a session with ``.agent_state_meta`` of its own is a session of
its own, named by its path from the root, and its files are not keys of the outer one. A session that never handed
over and was never written by anyone with a name has no such mark and cannot be told from other folders.

Values are not read: their size is the file system's word. ``updated_at`` is the runtime's time; ``modified_at`` is
the file system's, and becomes the time of the copy where a folder is copied or checked out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from harnlab.ingest.document_rows import Row, Rows, part
from harnlab.ingest.documents import Findings
from harnlab.ingest.file_names import actual_name, shown_name, shown_path
from harnlab.ingest.sources import Part, Problem, Source
from harnlab.ingest.state_metadata import HANDOFF_FILE, read_handoff, read_metadata, recorded_session
from harnlab.ingest.untrusted_folders import Allowance, File, Parts, Refused, Walk, read_inside
from harnlab.vocabulary import ProblemKind

META_FOLDER: Final = ".agent_state_meta"
TEMP_MARK: Final = ".agent_state_tmp"
#: The runtime writes a few hundred bytes of metadata; a file larger than this is not its own.
LARGEST_METADATA_BYTES: Final = 64 << 10
LARGEST_HANDOFF_BYTES: Final = 4 << 20
#: A value larger than this is listed but not given back.
LARGEST_VALUE_BYTES: Final = 128 << 20

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_temp_name: Final = re.compile(r"\.(.+)\.\.agent_state_tmp\..*", re.DOTALL).fullmatch


class EntryState(StrEnum):
    """What a row of ``state_entries`` stands for."""

    VALUE = "value"
    LINK = "link"
    ORPHAN_METADATA = "orphan_metadata"
    CRASH_LEFTOVER = "crash_leftover"


def read(source: Source) -> Part:
    """Frames of one session's folder, and of the sessions inside it.

    Parameters
    ----------
    source : Source
        A folder; what is in it may be anything, written by anyone.

    Returns
    -------
    Part
        ``state_entries`` (session by session, sorted by key), ``handoffs`` and ``events`` (the handoffs), where
        there are rows. A key without metadata has null writer columns; so has one whose metadata cannot be read,
        which is a problem too.
    """
    folder = _Folder(source, Allowance(), Allowance())
    sessions = [folder.session(())]
    root, name = sessions[0].named()
    for session in sessions:
        sessions += [folder.session(below) for below in sorted(session.inner)]
        session.add_rows(root, "/".join((name, *map(shown_name, session.below))))
    folder.note_what_was_left()
    return Part(frames=part(folder.rows, Findings()).frames, problems=folder.problems)


def read_entry(source: Source, path: str, offset: int, length: int) -> bytes:
    """Bytes of a file in a state folder; ``path`` is as in ``source_path``.

    Raises
    ------
    OSError
        It is no longer there, no longer a regular file, or must not be read.
    """
    names = path.removeprefix(f"{source.shown}/").split("/")
    return read_inside(source.path, tuple(map(actual_name, names)), offset, length)


@dataclass(slots=True)
class _Folder:
    """What is gathered from one source."""

    source: Source
    values: Allowance
    metadata: Allowance
    rows: Rows = field(default_factory=lambda: {"state_entries": [], "handoffs": [], "events": []})
    problems: list[Problem] = field(default_factory=list)

    def session(self, below: Parts) -> _Session:
        """A session, its files listed."""
        session = _Session(self, below)
        session.list_metadata()
        session.list_values()
        return session

    def shown(self, parts: Parts) -> str:
        return "/".join((self.source.shown, *map(shown_name, parts)))

    def note(self, parts: Parts, reason: str, *, kind: ProblemKind = ProblemKind.UNSUPPORTED) -> None:
        self.problems.append(Problem(kind=kind, reason=reason, path=self.shown(parts)))

    def note_refused(self, below: Parts, found: Refused) -> None:
        kind = ProblemKind.UNREADABLE if found.unreadable else ProblemKind.UNSUPPORTED
        self.note((*below, *found.parts), found.reason, kind=kind)

    def note_what_was_left(self) -> None:
        for allowance, what in ((self.values, "files"), (self.metadata, "metadata files")):
            if reason := allowance.shortage(what):
                self.note((), reason)


@dataclass(slots=True)
class _Metadata:
    """A metadata file and what it says."""

    file: File
    parts: Parts
    columns: Row


@dataclass(slots=True)
class _Session:
    """One session: its files, before they become rows."""

    folder: _Folder
    below: Parts
    files: list[File] = field(default_factory=list)
    inner: list[Parts] = field(default_factory=list)
    metadata: dict[Parts, _Metadata] = field(default_factory=dict)
    interrupted: list[tuple[Parts, File]] = field(default_factory=list)
    handoff: bytes | None = None
    recorded: str | None = None

    def list_values(self) -> None:
        """Take the names and sizes of all files, and the content of the handoff."""
        walk = Walk(self.folder.values, skipped=frozenset({META_FOLDER}), apart=META_FOLDER)
        try:
            for found in walk.files(self.folder.source.path, self.below):
                if isinstance(found, Refused):
                    self.folder.note_refused(self.below, found)
                else:
                    self._take(found)
        except OSError as error:
            self._note_unreadable(self.below, error)
        self.inner = [(*self.below, *parts) for parts in walk.found_apart]

    def _take(self, file: File) -> None:
        name = file.parts[-1]
        if any(_is_reserved(part) for part in file.parts[:-1]) or name == META_FOLDER:
            self.folder.note((*self.below, *file.parts), "a reserved name; the runtime takes it for no key")
        elif TEMP_MARK in name:
            self.interrupted.append((file.parts, file))
        else:
            self.files.append(file)
        if file.target is not None:
            self._note_link((*self.below, *file.parts), file.target)
        elif file.parts == (HANDOFF_FILE,):
            self._take_handoff(file)

    def _take_handoff(self, file: File) -> None:
        parts = (*self.below, *file.parts)
        if file.size > min(LARGEST_HANDOFF_BYTES, self.folder.metadata.bytes):
            self._note_size(parts, "a handoff", file.size, LARGEST_HANDOFF_BYTES)
            return
        try:
            self.handoff = read_inside(self.folder.source.path, parts, 0, file.size)
        except OSError as error:
            self._note_unreadable(parts, error)
            return
        self.folder.metadata.bytes -= file.size
        session = recorded_session(self.handoff)
        self.recorded = session if isinstance(session, str) else self.recorded

    def list_metadata(self) -> None:
        """Read who wrote what; there is no metadata at all where nobody with a name ever wrote."""
        walk = Walk(self.folder.metadata, read_up_to=LARGEST_METADATA_BYTES)
        try:
            for found in walk.files(self.folder.source.path, (*self.below, META_FOLDER)):
                if isinstance(found, Refused):
                    self.folder.note_refused((*self.below, META_FOLDER), found)
                else:
                    self._take_metadata(found)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._note_unreadable((*self.below, META_FOLDER), error)

    def _take_metadata(self, file: File) -> None:
        parts = (*self.below, META_FOLDER, *file.parts)
        *folders, name = file.parts
        columns: Row = {}
        if TEMP_MARK in name and file.target is None:
            self.interrupted.append(((META_FOLDER, *file.parts), file))
            return
        if file.target is not None:
            self._note_link(parts, file.target)
        elif not name.endswith(".json"):
            self.folder.note(parts, "no metadata: its name does not end in .json")
        elif file.content is None:
            self._note_size(parts, "metadata", file.size, LARGEST_METADATA_BYTES)
        else:
            columns, problems = read_metadata(self._named_source(parts), file.content)
            self.folder.problems += problems
            self.recorded = self.recorded or columns.get("writer_session_id")
        if name.endswith(".json"):
            key = (*folders, name.removesuffix(".json"))
            self.metadata[key] = _Metadata(replace(file, content=None), parts, columns)

    def named(self) -> tuple[str, str]:
        """Root and session id, from the folder's place and what the session recorded."""
        path = self.folder.source.path
        wanted = tuple((self.recorded or "").split("/"))
        depth = len(wanted) if path.parts[-len(wanted) :] == wanted else 1
        shown = Path(self.folder.source.shown)
        known = depth < len(shown.parts) or (depth == len(shown.parts) and not shown.is_absolute())
        if known and ".." not in shown.parts[-depth:]:
            root = shown.parents[depth - 1].as_posix()
        else:
            root = shown_path(path.parents[depth - 1].as_posix())
        return root, "/".join(map(shown_name, path.parts[-depth:]))

    def add_rows(self, root: str, session_id: str) -> None:
        """Turn everything into rows."""
        named = {"root": root, "session_id": session_id}
        rows = [row | named for row in self._entries()]
        self.folder.rows["state_entries"] += sorted(rows, key=lambda row: row["key"])
        if self.handoff is not None:
            source = self._named_source((*self.below, HANDOFF_FILE))
            found, problems = read_handoff(source, self.handoff, **named)
            self.folder.problems += problems
            for frame, added in found.items():
                self.folder.rows[frame] += added

    def _entries(self) -> Iterator[Row]:
        for file in self.files:
            row = self._row(file.parts, file, EntryState.VALUE if file.target is None else EntryState.LINK)
            metadata = self.metadata.pop(file.parts, None)
            yield row | (metadata.columns if metadata else {})
        for key, metadata in self.metadata.items() if not self.folder.values.left else ():
            row = self._row(key, metadata.file, EntryState.ORPHAN_METADATA, at=metadata.parts)
            yield row | metadata.columns | {"content_bytes": None}
        for parts, file in self.interrupted:
            row = self._row(parts, file, EntryState.CRASH_LEFTOVER, at=(*self.below, *parts))
            yield row | {"extra": _interrupted(parts)}

    def _row(self, key: Parts, file: File, state: EntryState, *, at: Parts = ()) -> Row:
        is_file = file.target is None
        return {
            "run_id": self.folder.source.run_id,
            "source_path": self.folder.shown(at or (*self.below, *key)),
            "source_line": 1,
            "source_offset": 0 if is_file else None,
            "length": file.size if is_file else None,
            "key": "/".join(map(shown_name, key)),
            "state": state.value,
            "content_bytes": file.size if is_file else None,
            "modified_at": _instant(file.modified_ns),
        }

    def _named_source(self, parts: Parts) -> Source:
        return replace(self.folder.source, shown=self.folder.shown(parts))

    def _note_unreadable(self, parts: Parts, error: OSError) -> None:
        reason = f"cannot be read: {error.strerror or error}"
        self.folder.note(parts, reason, kind=ProblemKind.UNREADABLE)

    def _note_link(self, parts: Parts, target: str) -> None:
        reason = f"a symbolic link to {shown_path(target)!r}; links are not followed"
        self.folder.note(parts, reason)

    def _note_size(self, parts: Parts, what: str, size: int, largest: int) -> None:
        reason = f"{what} of {size:,} bytes; the largest that is read is {largest:,}"
        if size <= largest:
            reason = f"{what} of {size:,} bytes; too much has been read of this folder already"
        self.folder.note(parts, reason)


def _is_reserved(name: str) -> bool:
    return name == META_FOLDER or TEMP_MARK in name


def _interrupted(parts: Parts) -> str | None:
    """Which write a temp file is left from, as JSON text."""
    *folders, name = parts
    found = _temp_name(name)
    if found is None:
        return None
    if folders[:1] == [META_FOLDER]:
        key = (*folders[1:], found[1].removesuffix(".json"))
        return json.dumps({"interrupted_metadata_of": "/".join(map(shown_name, key))})
    return json.dumps({"interrupted_write_of": "/".join(map(shown_name, (*folders, found[1])))})


def _instant(nanoseconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
