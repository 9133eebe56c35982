"""What durable state asks of a store, and the values that pass between them (agent_state 0.7.26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harnlab.core.agent_state.conflict import ConflictRecord
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity
from harnlab.vocabulary import ConflictPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where one session's keys live: a root, and the session id as a path below it.

    The session id is joined as a path, with everything that follows: ``../up`` climbs, and an absolute id
    leaves the root. The runtime trusts its scripts here; keys are what it checks.
    """

    root: str
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Who writes, what a conflict means, and the UTC second the metadata will name."""

    writer: WriterIdentity = NOBODY
    conflict_policy: ConflictPolicy = ConflictPolicy.IGNORE
    now_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What a write that went through found; the conflict is there under every policy."""

    conflict: ConflictRecord | None = None


class DurableStateBackend(Protocol):
    """A store of text by session and key.

    Where the store or a key refuses, every method raises :class:`~harnlab.errors.HarnRuntimeError` with the
    runtime's text.
    """

    @property
    def name(self) -> str:
        """Word for the store in handles: ``filesystem``, ``memory``."""
        ...

    def ensure_scope(self, scope: Scope) -> None:
        """Make the session's place unless it is there."""
        ...

    def resume_scope(self, scope: Scope) -> None:
        """Raise unless the session's place is there."""
        ...

    def write(self, scope: Scope, key: str, content: str, options: WriteOptions) -> WriteOutcome:
        """Replace a key's content whole, then its writer; under ``error`` refuse a conflict before."""
        ...

    def read(self, scope: Scope, key: str) -> str | None:
        """Content of a key, ``None`` where there is none."""
        ...

    def list(self, scope: Scope) -> list[str]:
        """Keys in order of their UTF-8 bytes; none for a session that is not there."""
        ...

    def delete(self, scope: Scope, key: str) -> None:
        """Remove a key and its writer, if there, and the folders this leaves empty."""
        ...
