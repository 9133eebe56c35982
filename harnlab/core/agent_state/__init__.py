"""Durable state: handles, keys, writers, conflicts and handoffs over a store (agent_state 0.7.26).

Stores live in :mod:`harnlab.backends`; sessions, clock and ids come in as :class:`Surroundings`.
"""

from __future__ import annotations

from harnlab.core.agent_state.backend import DurableStateBackend, Scope, WriteOptions, WriteOutcome
from harnlab.core.agent_state.conflict import ConflictRecord, StateWarning
from harnlab.core.agent_state.operations import (
    delete_state,
    handoff_state,
    init_state,
    list_state,
    read_state,
    resume_state,
    write_state,
)
from harnlab.core.agent_state.surroundings import MutationSession, Surroundings
from harnlab.core.agent_state.writer import WriterIdentity

__all__ = [
    "ConflictRecord",
    "DurableStateBackend",
    "MutationSession",
    "Scope",
    "StateWarning",
    "Surroundings",
    "WriteOptions",
    "WriteOutcome",
    "WriterIdentity",
    "delete_state",
    "handoff_state",
    "init_state",
    "list_state",
    "read_state",
    "resume_state",
    "write_state",
]
