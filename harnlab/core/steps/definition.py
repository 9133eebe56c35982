"""What a ``@step`` or ``@persona`` declares (seed step_runtime 0.8.8; FORMATS 4.2 and 9)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from harnlab.core.rust_semantics import I64_MAX, float_to_u64
from harnlab.core.values import Value, is_int
from harnlab.errors import HarnThrownError
from harnlab.vocabulary import ErrorBoundary


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDefinition:
    """Static metadata of one ``@step`` function.

    Attributes
    ----------
    name : str
        The step's name; its function's name unless declared.
    function : str
        The function the step annotates.
    model : str, optional
        Model for calls that pin none.
    max_tokens : int, optional
        Ceiling on input plus output tokens, 0 to 2^64 - 1; none means unlimited.
    max_usd : float, optional
        Ceiling on spend, USD.
    error_boundary : str, optional
        The word as declared; :attr:`boundary` says what it means.
    """

    name: str
    function: str
    model: str | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    error_boundary: str | None = None

    @property
    def boundary(self) -> ErrorBoundary:
        """What happens to a budget error that leaves the step; an unknown word means ``fail``."""
        match self.error_boundary:
            case ErrorBoundary.CONTINUE | ErrorBoundary.ESCALATE as declared:
                return ErrorBoundary(declared)
            case _:
                return ErrorBoundary.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaDefinition:
    """Static metadata of one ``@persona`` function: the name its steps are charged to."""

    name: str


def read_step_definition(function: str, metadata: Mapping[str, Value]) -> StepDefinition:
    """Read a step's metadata as the runtime does: what it cannot use counts as not declared.

    Parameters
    ----------
    function : str
        Name of the annotated function.
    metadata : mapping
        ``name``, ``model``, ``error_boundary`` and ``budget {max_tokens, max_usd}``, all optional; other
        members are ignored. ``max_tokens`` must be above 0 and a float is truncated, so 0.5 becomes a
        ceiling of 0; ``max_usd`` must be 0 or more. Anything else means no ceiling.

    Returns
    -------
    StepDefinition
    """
    budget = metadata.get("budget")
    ceilings = budget if isinstance(budget, dict) else {}
    return StepDefinition(
        name=_text(metadata.get("name"), otherwise=function),
        function=function,
        model=_text(metadata.get("model")) or None,
        max_tokens=_max_tokens(ceilings.get("max_tokens")),
        max_usd=_max_usd(ceilings.get("max_usd")),
        error_boundary=_text(metadata.get("error_boundary")),
    )


def step_from_args(args: Sequence[Value]) -> StepDefinition:
    """Read the arguments of the ``__register_step`` builtin: function name, metadata dict.

    Raises
    ------
    HarnThrownError
        When the first argument is no string or the second no dict, in the runtime's words.
    """
    return read_step_definition(*_function_and_metadata("__register_step", args))


def persona_from_args(args: Sequence[Value]) -> tuple[str, PersonaDefinition]:
    """Read the arguments of the ``__register_persona`` builtin: the function's name and its definition.

    Raises
    ------
    HarnThrownError
        When the first argument is no string or the second no dict, in the runtime's words.
    """
    function, metadata = _function_and_metadata("__register_persona", args)
    return function, PersonaDefinition(name=_text(metadata.get("name"), otherwise=function))


def _function_and_metadata(builtin: str, args: Sequence[Value]) -> tuple[str, dict[str, Value]]:
    function = args[0] if args else None
    if not isinstance(function, str):
        raise HarnThrownError(f"{builtin}: expected (function_name, metadata_dict)")
    metadata = args[1] if len(args) > 1 else None
    if not isinstance(metadata, dict):
        raise HarnThrownError(f"{builtin}: metadata argument must be a dict")
    return function, metadata


@overload
def _text(value: Value, otherwise: str) -> str: ...
@overload
def _text(value: Value, otherwise: None = None) -> str | None: ...
def _text(value: Value, otherwise: str | None = None) -> str | None:
    return value if isinstance(value, str) else otherwise


def _max_tokens(value: Value) -> int | None:
    if is_int(value) and value > 0:
        return min(value, I64_MAX)
    if isinstance(value, float) and math.isfinite(value) and value > 0:
        return float_to_u64(value)
    return None


def _max_usd(value: Value) -> float | None:
    if is_int(value) and value >= 0:
        return float(min(value, I64_MAX))
    if isinstance(value, float) and math.isfinite(value) and value >= 0:
        return value
    return None
