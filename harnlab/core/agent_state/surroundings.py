"""What durable state must be told about the moment it runs in; the runtime reads these from thread-locals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationSession:
    """The mutation session in force: who the runtime is changing things for."""

    session_id: str = ""
    run_id: str | None = None
    worker_id: str | None = None
    execution_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Sessions, clock, ids and working directory of one call.

    Parameters
    ----------
    new_id : callable
        Gives a fresh id each time; the runtime uses UUIDs of version 7.
    now_s : int
        UTC time in whole seconds since 1970.
    working_dir : str
        Directory a relative root is taken from.
    current_session : str, optional
        Id of the agent session that runs.
    mutation : MutationSession, optional
        The mutation session that runs.
    """

    new_id: Callable[[], str]
    now_s: int
    working_dir: str
    current_session: str | None = None
    mutation: MutationSession | None = None

    def default_session_id(self) -> str:
        """Session a handle gets when none is named: the agent's, else the mutation's, else a new one."""
        if self.current_session is not None:
            return self.current_session
        if self.mutation is not None and self.mutation.session_id:
            return self.mutation.session_id
        return self.new_id()
