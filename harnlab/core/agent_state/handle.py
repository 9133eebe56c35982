"""Handles: the dict a script holds for one session's state (ported from agent_state 0.7.26).

A handle is an ordinary dict which the script may have changed, so every operation reads it anew through the
display form: a nil root is the relative path ``nil``, a session id 5 is the session ``5``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harnlab.core.agent_state.backend import Scope, WriteOptions
from harnlab.core.agent_state.conflict import parse_policy
from harnlab.core.agent_state.keys import HANDOFF_KEY
from harnlab.core.agent_state.paths import join_path
from harnlab.core.agent_state.surroundings import Surroundings
from harnlab.core.agent_state.writer import WriterIdentity, option_text, writer_identity
from harnlab.core.values import Value, display
from harnlab.errors import HarnRuntimeError
from harnlab.vocabulary import ConflictPolicy

HANDLE_TYPE: Final = "state_handle"

Options = Mapping[str, Value] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleRequest:
    """A session asked for by ``init`` or ``resume``: its place, its writer and its policy."""

    scope: Scope
    writer: WriterIdentity
    conflict_policy: ConflictPolicy


def init_request(args: Sequence[Value], surroundings: Surroundings) -> HandleRequest:
    """Read ``init(root, options?)`` or ``init(session_id, root, options?)``.

    Raises
    ------
    HarnRuntimeError
        The arguments have neither form, or the policy is unknown.
    """
    match [*args[:3], None, None, None][:3]:
        case [str(root), dict() | None as options, _]:
            session_id = option_text(options, "session_id")
        case [str(session_id), str(root), last]:
            options = last if isinstance(last, dict) else None
        case _:
            raise HarnRuntimeError(
                "__agent_state_init: expected `(root, options?)` or `(session_id, root, options?)`"
            )
    if session_id is None:
        session_id = surroundings.default_session_id()
    return _request(root, session_id, options, surroundings)


def resume_request(args: Sequence[Value], surroundings: Surroundings) -> HandleRequest:
    """Read ``resume(root, session_id, options?)``; anything but a dict counts as no options.

    Raises
    ------
    HarnRuntimeError
        An argument is missing, or the policy is unknown.
    """
    root = required_text(args, 0, "__agent_state_resume", "root")
    session_id = required_text(args, 1, "__agent_state_resume", "session_id")
    options = args[2] if len(args) > 2 else None
    return _request(root, session_id, options if isinstance(options, dict) else None, surroundings)


def handle_value(backend_name: str, request: HandleRequest) -> dict[str, Value]:
    """Build the dict a script receives."""
    return {
        "_type": HANDLE_TYPE,
        "backend": backend_name,
        "root": request.scope.root,
        "session_id": request.scope.namespace,
        "handoff_key": HANDOFF_KEY,
        "conflict_policy": str(request.conflict_policy),
        "writer": request.writer.as_dict(),
    }


def handle_argument(args: Sequence[Value], function: str) -> dict[str, Value]:
    """First argument of ``function``, if it is a handle.

    Raises
    ------
    HarnRuntimeError
        It is missing, or is no dict whose ``_type`` displays as ``state_handle``.
    """
    if not args:
        raise HarnRuntimeError(f"{function}: `handle` is required")
    handle = args[0]
    if not isinstance(handle, dict) or "_type" not in handle or display(handle["_type"]) != HANDLE_TYPE:
        raise HarnRuntimeError(f"{function}: `handle` must be a state_handle dict")
    return handle


def required_text(args: Sequence[Value], index: int, function: str, name: str) -> str:
    """Displayed text of an argument that must be there; an empty string passes.

    Raises
    ------
    HarnRuntimeError
        There is no such argument.
    """
    if index >= len(args):
        raise HarnRuntimeError(f"{function}: `{name}` must be a non-empty string")
    return display(args[index])


def handle_scope(handle: Mapping[str, Value]) -> Scope:
    """Place a handle points at.

    Raises
    ------
    HarnRuntimeError
        ``root`` or ``session_id`` is missing or empty.
    """
    return Scope(root=_member(handle, "root"), namespace=_member(handle, "session_id"))


def handle_writer(handle: Mapping[str, Value]) -> WriterIdentity:
    """Writer a handle names; a nil part is the name ``nil``, a blank one is none."""
    writer = handle.get("writer")
    named = writer if isinstance(writer, dict) else None
    return WriterIdentity(
        writer_id=option_text(named, "writer_id"),
        stage_id=option_text(named, "stage_id"),
        session_id=option_text(named, "session_id"),
        worker_id=option_text(named, "worker_id"),
    )


def handle_write_options(handle: Mapping[str, Value], now_s: int) -> WriteOptions:
    """Writer, policy and time of a write through a handle; ``ignore`` where the handle has no policy.

    Raises
    ------
    HarnRuntimeError
        The policy is unknown; nil is unknown.
    """
    policy = parse_policy(display(handle.get("conflict_policy", "ignore")))
    return WriteOptions(writer=handle_writer(handle), conflict_policy=policy, now_s=now_s)


def _request(root: str, session_id: str, options: Options, surroundings: Surroundings) -> HandleRequest:
    return HandleRequest(
        scope=Scope(root=join_path(surroundings.working_dir, root), namespace=session_id),
        writer=writer_identity(options, session_id, surroundings),
        conflict_policy=_policy_option(options),
    )


def _policy_option(options: Options) -> ConflictPolicy:
    for name in ("conflict_policy", "two_writer"):
        if options is not None and name in options:
            return parse_policy(display(options[name]))
    return ConflictPolicy.IGNORE


def _member(handle: Mapping[str, Value], name: str) -> str:
    text = display(handle[name]) if name in handle else ""
    if not text:
        raise HarnRuntimeError(f"state_handle is missing `{name}`")
    return text
