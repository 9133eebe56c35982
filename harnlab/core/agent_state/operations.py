"""The seven operations on durable state, over any store (ported from agent_state 0.7.26).

Each takes the arguments as a script gave them and checks them in the runtime's order, so the first thing
wrong is the one reported. A warning is returned for the host to log; nothing is logged here.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnlab.core.agent_state.backend import DurableStateBackend
from harnlab.core.agent_state.conflict import StateWarning, enforce_policy
from harnlab.core.agent_state.handle import (
    handle_argument,
    handle_scope,
    handle_value,
    handle_write_options,
    handle_writer,
    init_request,
    required_text,
    resume_request,
)
from harnlab.core.agent_state.handoff import handoff_text, summary_argument
from harnlab.core.agent_state.keys import HANDOFF_KEY
from harnlab.core.agent_state.surroundings import Surroundings
from harnlab.core.values import Value


def init_state(
    backend: DurableStateBackend, args: Sequence[Value], surroundings: Surroundings
) -> dict[str, Value]:
    """Open a session's state, making its place, and return the handle.

    Parameters
    ----------
    backend : DurableStateBackend
        The store.
    args : sequence of values
        ``(root, options?)`` or ``(session_id, root, options?)``.
    surroundings : Surroundings
        Sessions, ids and working directory in force.

    Raises
    ------
    HarnRuntimeError
        Arguments, policy or store refuse; with an unknown policy nothing is made.
    """
    request = init_request(args, surroundings)
    backend.ensure_scope(request.scope)
    return handle_value(backend.name, request)


def resume_state(
    backend: DurableStateBackend, args: Sequence[Value], surroundings: Surroundings
) -> dict[str, Value]:
    """Open the state of a session that is there, ``(root, session_id, options?)``, and return the handle.

    Raises
    ------
    HarnRuntimeError
        Arguments or policy refuse, or there is no such session.
    """
    request = resume_request(args, surroundings)
    backend.resume_scope(request.scope)
    return handle_value(backend.name, request)


def write_state(
    backend: DurableStateBackend, args: Sequence[Value], surroundings: Surroundings
) -> StateWarning | None:
    """Write a key, ``(handle, key, content)``; other values than strings are written as displayed.

    Returns
    -------
    StateWarning or None
        The conflict, where the handle's policy is ``warn`` and another writer was there before.

    Raises
    ------
    HarnRuntimeError
        Arguments, key, policy or store refuse.
    """
    handle = handle_argument(args, "__agent_state_write")
    key = required_text(args, 1, "__agent_state_write", "key")
    content = required_text(args, 2, "__agent_state_write", "content")
    scope = handle_scope(handle)
    options = handle_write_options(handle, surroundings.now_s)
    outcome = backend.write(scope, key, content, options)
    return enforce_policy(options.conflict_policy, outcome.conflict)


def read_state(backend: DurableStateBackend, args: Sequence[Value]) -> str | None:
    """Read a key, ``(handle, key)``; ``None`` where there is none.

    Raises
    ------
    HarnRuntimeError
        Arguments, key or store refuse.
    """
    handle = handle_argument(args, "__agent_state_read")
    key = required_text(args, 1, "__agent_state_read", "key")
    return backend.read(handle_scope(handle), key)


def list_state(backend: DurableStateBackend, args: Sequence[Value]) -> list[str]:
    """List a session's keys, ``(handle)``, the handoff among them.

    Raises
    ------
    HarnRuntimeError
        The handle or the store refuses.
    """
    handle = handle_argument(args, "__agent_state_list")
    return backend.list(handle_scope(handle))


def delete_state(backend: DurableStateBackend, args: Sequence[Value]) -> None:
    """Delete a key and its writer, ``(handle, key)``; a key that is not there is no error.

    Raises
    ------
    HarnRuntimeError
        Arguments, key or store refuse.
    """
    handle = handle_argument(args, "__agent_state_delete")
    key = required_text(args, 1, "__agent_state_delete", "key")
    backend.delete(handle_scope(handle), key)


def handoff_state(
    backend: DurableStateBackend, args: Sequence[Value], surroundings: Surroundings
) -> StateWarning | None:
    """Leave a handoff, ``(handle, summary)``, under the key ``__handoff.json``; conflicts count as in a write.

    Returns
    -------
    StateWarning or None
        As :func:`write_state`.

    Raises
    ------
    HarnRuntimeError
        Arguments, policy or store refuse.
    """
    handle = handle_argument(args, "__agent_state_handoff")
    summary = summary_argument(args)
    scope = handle_scope(handle)
    content = handoff_text(scope, handle_writer(handle), summary, surroundings.now_s)
    options = handle_write_options(handle, surroundings.now_s)
    outcome = backend.write(scope, HANDOFF_KEY, content, options)
    return enforce_policy(options.conflict_policy, outcome.conflict)
