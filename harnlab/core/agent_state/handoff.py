"""The envelope one session leaves for the next (ported from agent_state 0.7.26)."""

from __future__ import annotations

from collections.abc import Sequence

from harnlab.core.agent_state.backend import Scope
from harnlab.core.agent_state.keys import HANDOFF_KEY
from harnlab.core.agent_state.runtime_json import in_key_order, pretty_json
from harnlab.core.agent_state.writer import WriterIdentity
from harnlab.core.values import Value
from harnlab.errors import HarnRuntimeError


def summary_argument(args: Sequence[Value]) -> dict[str, Value]:
    """Second argument of a handoff: the summary.

    Raises
    ------
    HarnRuntimeError
        It is missing or is no dict.
    """
    if len(args) < 2:
        raise HarnRuntimeError("__agent_state_handoff: `summary` is required")
    summary = args[1]
    if not isinstance(summary, dict):
        raise HarnRuntimeError("__agent_state_handoff: `summary` must be a JSON object")
    return summary


def handoff_text(scope: Scope, writer: WriterIdentity, summary: dict[str, Value], now_s: int) -> str:
    """Text of the envelope, its members sorted at every level.

    Parameters
    ----------
    scope : Scope
        Session that hands off.
    writer : WriterIdentity
        Who writes; unknown parts are null here, unlike in metadata.
    summary : dict
        What is handed over, kept as it is.
    now_s : int
        UTC second of the handoff.
    """
    envelope: dict[str, Value] = {
        "_type": "agent_state_handoff",
        "version": 1,
        "session_id": scope.namespace,
        "root": scope.root,
        "key": HANDOFF_KEY,
        "summary": summary,
        "writer": writer.as_dict(),
        "written_at": now_s,
    }
    return pretty_json(in_key_order(envelope))
