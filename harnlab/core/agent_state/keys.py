"""Which keys durable state accepts, and the one spelling of each (agent_state 0.7.26, FORMATS 5)."""

from __future__ import annotations

from typing import Final

from harnlab.core.rust_semantics import trim
from harnlab.errors import HarnRuntimeError

#: Folder beside a session's values that holds the writer of each.
META_DIR: Final = ".agent_state_meta"
#: Part of the name of every file that is still being written.
TEMP_MARKER: Final = ".agent_state_tmp"
#: Key of the handoff envelope.
HANDOFF_KEY: Final = "__handoff.json"


def is_reserved(component: str) -> bool:
    """Whether a path component belongs to the store itself, never to a key or a listing."""
    return component == META_DIR or TEMP_MARKER in component


def normalise_key(key: str) -> str:
    """Spell a key as its path below the session: trimmed, ``.`` and doubled ``/`` dropped.

    Parameters
    ----------
    key : str
        Key as the script wrote it.

    Returns
    -------
    str
        Components joined by ``/``; never empty, never absolute, never with ``..``.

    Raises
    ------
    HarnRuntimeError
        The key is blank, absolute, climbs with ``..`` (even where it would stay inside), names no component,
        or uses a component the store keeps for itself.
    """
    trimmed = trim(key)
    if not trimmed:
        raise HarnRuntimeError("agent_state: key must be a non-empty relative path")
    if trimmed.startswith("/"):
        raise HarnRuntimeError(f"agent_state: key '{trimmed}' must be relative")
    components = [component for component in trimmed.split("/") if component not in {"", "."}]
    for component in components:
        if component == "..":
            raise HarnRuntimeError(f"agent_state: key '{trimmed}' must not escape the session root")
        if is_reserved(component):
            raise HarnRuntimeError(f"agent_state: key '{trimmed}' uses a reserved internal path")
    if not components:
        raise HarnRuntimeError("agent_state: key must contain at least one path component")
    return "/".join(components)
