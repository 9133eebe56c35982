"""What happens when two writers meet on one key (ported from agent_state 0.7.26, FORMATS 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harnlab.core.agent_state.writer import WriterIdentity
from harnlab.core.rust_semantics import ascii_lower, trim
from harnlab.core.values import Value
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

_POLICY_OF_WORD: Final = {
    "": ConflictPolicy.IGNORE,
    "ignore": ConflictPolicy.IGNORE,
    "off": ConflictPolicy.IGNORE,
    "warn": ConflictPolicy.WARN,
    "warning": ConflictPolicy.WARN,
    "error": ConflictPolicy.ERROR,
    "strict": ConflictPolicy.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRecord:
    """Two writers on one key; ``key`` is spelled as the later writer spelled it."""

    key: str
    previous: WriterIdentity
    current: WriterIdentity

    @property
    def message(self) -> str:
        """The sentence the runtime warns or refuses with."""
        return (
            f"agent_state.write: key '{self.key}' was previously written by '{self.previous.display_name}' "
            f"and is now being written by '{self.current.display_name}'"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWarning:
    """A warning for the host's log; the store itself keeps no trace of it."""

    category: str
    message: str
    metadata: dict[str, Value]

    def as_dict(self) -> dict[str, Value]:
        """The warning as the runtime's log sinks receive it."""
        return {
            "level": "warn",
            "category": self.category,
            "message": self.message,
            "metadata": self.metadata,
        }


def parse_policy(word: str) -> ConflictPolicy:
    """Policy a word names, whatever its case and the blanks around it.

    Raises
    ------
    HarnRuntimeError
        The word names none.
    """
    spelled = ascii_lower(trim(word))
    if spelled not in _POLICY_OF_WORD:
        raise HarnRuntimeError(f"agent_state: unknown conflict policy '{spelled}'")
    return _POLICY_OF_WORD[spelled]


def conflict_between(key: str, previous: WriterIdentity, current: WriterIdentity) -> ConflictRecord | None:
    """Conflict of a writer with the one before it: both have a ``writer_id`` and they differ."""
    if previous.writer_id is None or current.writer_id is None or previous.writer_id == current.writer_id:
        return None
    return ConflictRecord(key=key, previous=previous, current=current)


def enforce_policy(policy: ConflictPolicy, conflict: ConflictRecord | None) -> StateWarning | None:
    """Decide what a conflict means: nothing, a warning, or an error.

    Raises
    ------
    HarnRuntimeError
        There is a conflict and the policy is ``error``. A store asks before it writes: the old content
        stays.
    """
    if conflict is None or policy is ConflictPolicy.IGNORE:
        return None
    if policy is ConflictPolicy.ERROR:
        raise HarnRuntimeError(conflict.message)
    return StateWarning(
        category="agent_state.write",
        message=conflict.message,
        metadata={
            "key": conflict.key,
            "previous_writer": conflict.previous.as_dict(),
            "current_writer": conflict.current.as_dict(),
        },
    )
