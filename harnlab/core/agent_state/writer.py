"""Who writes a key, and what stands in for the parts nobody named (ported from agent_state 0.7.26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from harnlab.core.agent_state.surroundings import MutationSession, Surroundings
from harnlab.core.rust_semantics import trim
from harnlab.core.values import Value, display


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterIdentity:
    """Who writes: four names, each of which may be missing. The empty text is a name."""

    writer_id: str | None = None
    stage_id: str | None = None
    session_id: str | None = None
    worker_id: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no part is known; such a writer leaves no metadata and is in no conflict."""
        return self == NOBODY

    @property
    def display_name(self) -> str:
        """The name a conflict message shows."""
        names = (self.writer_id, self.worker_id, self.stage_id, self.session_id)
        return next((name for name in names if name is not None), "unknown")

    def as_dict(self) -> dict[str, Value]:
        """All four parts, nil where unknown."""
        return asdict(self)


#: The writer of whom nothing is known.
NOBODY: Final = WriterIdentity()


def option_text(options: Mapping[str, Value] | None, name: str) -> str | None:
    """Displayed text of an option, or ``None`` where it is missing or blank.

    A nil option is the text ``nil``: the runtime displays before it asks.
    """
    if options is None or name not in options:
        return None
    text = display(options[name])
    return text if trim(text) else None


def writer_identity(
    options: Mapping[str, Value] | None, session_id: str | None, surroundings: Surroundings
) -> WriterIdentity:
    """Name the writer of a new handle.

    Parameters
    ----------
    options : mapping, optional
        Options of the call; ``writer_id``, ``stage_id`` and ``worker_id`` are read.
    session_id : str, optional
        Session of the handle; the surroundings' where ``None``. The empty session is no name.
    surroundings : Surroundings
        Sessions in force.

    Returns
    -------
    WriterIdentity
        A worker also names its stage, and a worker, stage or session its writer. Names that come from the
        mutation session are taken as they are, blank ones too.
    """
    mutation = surroundings.mutation or MutationSession()
    if session_id is None:
        session_id = surroundings.current_session
    if session_id is None:
        session_id = mutation.session_id
    session_id = session_id or None
    worker_id = _first(option_text(options, "worker_id"), mutation.worker_id)
    stage_id = _first(option_text(options, "stage_id"), worker_id, mutation.run_id, mutation.execution_kind)
    return WriterIdentity(
        writer_id=_first(option_text(options, "writer_id"), worker_id, stage_id, session_id),
        stage_id=stage_id,
        session_id=session_id,
        worker_id=worker_id,
    )


def _first(*names: str | None) -> str | None:
    return next((name for name in names if name is not None), None)
