"""Durable state in a folder tree: whole values or none, whatever happens to the process (FORMATS 5).

A value is written to a temp file in its own folder, synced, renamed over the old one, and the folder synced;
then the same is done for the file that names its writer. Hence

- a reader, or a crash at any moment, finds the old content or the new, never a part of either;
- a crash between the two renames leaves new content beside the old writer. That is the runtime's order too: a
  content refused for its writer must not be there. A write by nobody leaves the old writer's file as it was;
- a crash before a rename, or a rename that fails, leaves the temp file. ``list`` never shows it, nothing uses it.

Symbolic links are the file system's business: ``read`` and everything below a linked folder follow them,
``write`` replaces a linked value by a file of its own, ``delete`` removes the link. ``list`` names a link to a
file and does not descend into a link to a folder. Whoever may write into the root may so lead a session out of it.

The runtime's own store was not at hand: its behaviour is known from the golden vectors. Inferred, because none
shows it, are the texts for a folder that cannot be listed and for a temp file that cannot be written, that a write
words a missing folder as ``init`` does, that pruning stops at a folder that is not there, and the treatment of
links.
"""

# os and not pathlib, which drops "./" and "/." from paths: the runtime does not, and mkdir("a/.") is an error
# ruff: noqa: PTH102, PTH105, PTH106, PTH108, PTH112, PTH123

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from secrets import randbits
from typing import Protocol
from uuid import UUID

from harnlab.core.agent_state.backend import Scope, WriteOptions, WriteOutcome
from harnlab.core.agent_state.conflict import conflict_between, enforce_policy
from harnlab.core.agent_state.keys import META_DIR, TEMP_MARKER, is_reserved, normalise_key
from harnlab.core.agent_state.metadata import StoredWriter, metadata_text, read_metadata
from harnlab.core.agent_state.paths import file_name, join_path, parent_path
from harnlab.core.agent_state.runtime_json import UnreadableJson
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity
from harnlab.errors import HarnRuntimeError


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """One name in a folder; a link to a folder is neither, a link to a file is a file."""

    name: str
    is_dir: bool
    is_file: bool


class Disk(Protocol):
    """The system calls a store needs; a test may stand in for them and fail where it likes.

    Each raises :class:`OSError` as the system does; a path with a NUL byte raises :class:`ValueError`.
    """

    def make_dir(self, path: str) -> None:
        """Make one folder; its parent must be there."""
        ...

    def is_dir(self, path: str) -> bool:
        """Whether a path leads to a folder."""
        ...

    def read(self, path: str) -> bytes:
        """Bytes of a file."""
        ...

    def write_new(self, path: str, content: bytes) -> None:
        """Make a file that must not be there, and return once its bytes are safe."""
        ...

    def replace(self, source: str, target: str) -> None:
        """Rename a file, over the target if it is there, in one step."""
        ...

    def sync_dir(self, path: str) -> None:
        """Make the names in a folder safe, as far as the platform can."""
        ...

    def remove_file(self, path: str) -> None:
        """Remove a file or a link."""
        ...

    def remove_dir(self, path: str) -> None:
        """Remove an empty folder."""
        ...

    def entries(self, path: str) -> list[FolderEntry]:
        """Names in a folder, in any order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OsDisk:
    """The machine's own disk.

    Parameters
    ----------
    working_dir : str
        Folder that relative paths start from; the process's own by default.
    """

    working_dir: str = ""

    def _at(self, path: str) -> str:
        return join_path(self.working_dir, path) or "."

    def make_dir(self, path: str) -> None:
        """Make one folder."""
        os.mkdir(self._at(path))

    def is_dir(self, path: str) -> bool:
        """Whether a path leads to a folder, links followed."""
        return os.path.isdir(self._at(path))

    def read(self, path: str) -> bytes:
        """Bytes of a file."""
        with open(self._at(path), "rb") as file:
            return file.read()

    def write_new(self, path: str, content: bytes) -> None:
        """Make a file and sync it; it is left there, half-written, if the disk is full."""
        with open(self._at(path), "xb", buffering=0) as file:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())

    def replace(self, source: str, target: str) -> None:
        """Rename over the target."""
        os.replace(self._at(source), self._at(target))

    def sync_dir(self, path: str) -> None:
        """Sync a folder; one that may not be opened cannot be, and what it holds is in place already."""
        with suppress(OSError):
            folder = os.open(self._at(path), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove_file(self, path: str) -> None:
        """Remove a file or a link."""
        os.unlink(self._at(path))

    def remove_dir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self._at(path))

    def entries(self, path: str) -> list[FolderEntry]:
        """Names in a folder."""
        with os.scandir(self._at(path)) as found:
            return [
                FolderEntry(name=one.name, is_dir=one.is_dir(follow_symlinks=False), is_file=one.is_file())
                for one in found
            ]


def uuid7() -> str:
    """A new id of the runtime's kind: a UUID of version 7, which sorts by the time it was made."""
    milliseconds = time.time_ns() // 1_000_000
    return str(UUID(int=milliseconds << 80 | 7 << 76 | randbits(12) << 64 | 0b10 << 62 | randbits(62)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemBackend:
    """A :class:`~harnlab.core.agent_state.DurableStateBackend` over a disk.

    Parameters
    ----------
    disk : Disk
        Where the files are; the machine's disk by default.
    new_id : callable
        Gives the unique part of a temp file's name.
    """

    disk: Disk = OsDisk()
    new_id: Callable[[], str] = uuid7
    name: str = "filesystem"

    def ensure_scope(self, scope: Scope) -> None:
        """Make the session's folder and those above it.

        Raises
        ------
        HarnRuntimeError
            The system refuses. A session ``.`` of a root that is not there is refused: there is no such folder
            yet to make ``.`` in.
        """
        self._make_dirs(_session_dir(scope), "agent_state mkdir error")

    def resume_scope(self, scope: Scope) -> None:
        """Raise unless the session's folder is there.

        Raises
        ------
        HarnRuntimeError
            There is no such folder; a file does not count.
        """
        if not self.disk.is_dir(_session_dir(scope)):
            raise HarnRuntimeError(
                f"agent_state.resume: session '{scope.namespace}' not found under {scope.root}"
            )

    def write(self, scope: Scope, key: str, content: str, options: WriteOptions) -> WriteOutcome:
        """Replace a key's content, then its writer.

        Raises
        ------
        HarnRuntimeError
            The key is not accepted, its metadata cannot be read, another writer was there before and the policy
            is ``error``, or the system refuses.
        """
        path = normalise_key(key)
        value, meta = _value_path(scope, path), _meta_path(scope, path)
        # before the conflict is decided, as the original does: a refused write may leave an empty folder
        self._make_parent(value, "agent_state.write: failed to create")
        conflict = conflict_between(key, self._stored_writer(meta), options.writer)
        enforce_policy(options.conflict_policy, conflict)
        self._replace_whole(value, content)
        if not options.writer.is_empty:
            stored = StoredWriter(writer=options.writer, updated_at=options.now_s)
            self._make_parent(meta, "agent_state: failed to create metadata dir")
            self._replace_whole(meta, metadata_text(stored))
        return WriteOutcome(conflict=conflict)

    def read(self, scope: Scope, key: str) -> str | None:
        """Content of a key, ``None`` where there is none.

        Raises
        ------
        HarnRuntimeError
            The key is not accepted, is a folder, lies below a file, or its content is not UTF-8.
        """
        return self._text(_value_path(scope, normalise_key(key)), "agent_state.read: failed to read")

    def list(self, scope: Scope) -> list[str]:
        """Keys of a session in order of their UTF-8 bytes.

        Raises
        ------
        HarnRuntimeError
            A folder cannot be read.
        """
        return sorted(_lossy(key) for key in self._keys_below(_session_dir(scope)))

    def delete(self, scope: Scope, key: str) -> None:
        """Remove a key, then its writer, then the folders left empty, up to the session's and the metadata's.

        Raises
        ------
        HarnRuntimeError
            The key is not accepted, is a folder, or the system refuses.
        """
        path = normalise_key(key)
        self._remove(_value_path(scope, path), "agent_state.delete: failed to delete")
        self._remove(_meta_path(scope, path), "agent_state: failed to delete metadata")
        self._prune(_session_dir(scope), path)
        self._prune(join_path(_session_dir(scope), META_DIR), path)

    def _make_parent(self, path: str, failure: str) -> None:
        folder = parent_path(path) or ""
        self._make_dirs(folder, f"{failure} {folder}")

    def _make_dirs(self, path: str, failure: str) -> None:
        missing: list[str] = []
        with _refusal(failure):
            while path and not self._make_dir(path):
                missing.append(path)
                path = parent_path(path) or ""
            for folder in reversed(missing):
                if not self._make_dir(folder):
                    raise FileNotFoundError(errno.ENOENT, "a parent went away, or never could be")

    def _make_dir(self, path: str) -> bool:
        """Make a folder unless it is there; ``False`` where its parent is not."""
        try:
            self.disk.make_dir(path)
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            if not self.disk.is_dir(path):
                raise
        else:
            self.disk.sync_dir(parent_path(path) or "")
        return True

    def _replace_whole(self, path: str, content: str) -> None:
        folder = parent_path(path) or ""
        temp = join_path(folder, f".{file_name(path)}.{TEMP_MARKER}.{self.new_id()}")
        data = content.encode()
        with _refusal(f"agent_state.write: failed to open temp file {temp}"):
            self.disk.write_new(temp, data)
        with _refusal(f"agent_state.write: failed to rename {temp} to {path}"):
            self.disk.replace(temp, path)
        self.disk.sync_dir(folder)

    def _stored_writer(self, meta: str) -> WriterIdentity:
        text = self._text(meta, "agent_state: failed to read metadata")
        if text is None:
            return NOBODY
        try:
            return read_metadata(text).writer
        except UnreadableJson as problem:
            raise HarnRuntimeError(f"agent_state: failed to parse metadata {meta}: {problem}") from problem

    def _text(self, path: str, failure: str) -> str | None:
        with _refusal(f"{failure} {path}"):
            try:
                return self.disk.read(path).decode()
            except FileNotFoundError:
                return None

    def _remove(self, path: str, failure: str) -> None:
        with _refusal(f"{failure} {path}"), suppress(FileNotFoundError):
            self.disk.remove_file(path)

    def _prune(self, top: str, path: str) -> None:
        folder = path.rpartition("/")[0]
        with suppress(OSError):  # the first folder that is not empty, or not there, ends it
            while folder:
                self.disk.remove_dir(join_path(top, folder))
                folder = folder.rpartition("/")[0]

    def _keys_below(self, session_dir: str) -> Iterator[str]:
        pending = [(session_dir, "")]
        while pending:
            folder, prefix = pending.pop()
            for entry in self._entries(folder):
                if is_reserved(entry.name):
                    continue
                if entry.is_dir:
                    pending.append((join_path(folder, entry.name), f"{prefix}{entry.name}/"))
                elif entry.is_file:
                    yield prefix + entry.name

    def _entries(self, folder: str) -> Sequence[FolderEntry]:
        with _refusal(f"agent_state.list: failed to read {folder}"):
            try:
                return self.disk.entries(folder)
            except FileNotFoundError:  # never made, or pruned by another process meanwhile
                return ()


def _session_dir(scope: Scope) -> str:
    return join_path(scope.root, scope.namespace)


def _value_path(scope: Scope, path: str) -> str:
    return join_path(_session_dir(scope), path)


def _meta_path(scope: Scope, path: str) -> str:
    return join_path(_session_dir(scope), f"{META_DIR}/{path}.json")


@contextmanager
def _refusal(failure: str) -> Iterator[None]:
    """Say what failed as the runtime does, with the words of Rust's ``io::Error``."""
    try:
        yield
    except (
        UnicodeEncodeError
    ):  # half a surrogate pair: text the runtime cannot hold, so it has no words for it
        raise
    except (OSError, ValueError) as problem:
        raise HarnRuntimeError(f"{failure}: {_io_text(problem)}") from problem


def _io_text(problem: OSError | ValueError) -> str:
    if isinstance(problem, UnicodeDecodeError):
        return "stream did not contain valid UTF-8"
    if isinstance(problem, OSError) and problem.errno is not None:
        return f"{os.strerror(problem.errno)} (os error {problem.errno})"
    return "file name contained an unexpected NUL byte"


def _lossy(name: str) -> str:
    # names that are no UTF-8 come from the system with surrogates in them; the runtime shows U+FFFD
    return os.fsencode(name).decode("utf-8", "replace")
