"""The tracing calls a step makes, as values (seed step_runtime 0.8.8; FORMATS 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from harnlab.vocabulary import SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanStarted:
    """A span was opened under a new id."""

    id: int
    kind: SpanKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanSet:
    """One member of a span's metadata was set."""

    id: int
    key: str
    value: str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEnded:
    """A span was closed."""

    id: int


SpanCall: TypeAlias = SpanStarted | SpanSet | SpanEnded


class SpanRecorder(Protocol):
    """What a :class:`StepRuntime` tells its tracer."""

    def start(self, kind: SpanKind, name: str) -> int:
        """Open a span and return its id."""
        ...

    def set(self, span_id: int, key: str, value: str | int | float) -> None:
        """Set one member of a span's metadata."""
        ...

    def end(self, span_id: int) -> None:
        """Close a span."""
        ...


class SpanLog:
    """Keeps every tracing call in order; ids count from 1."""

    def __init__(self) -> None:
        self.calls: list[SpanCall] = []
        self._last_id = 0

    def start(self, kind: SpanKind, name: str) -> int:
        """Note a new span and return its id."""
        self._last_id += 1
        self.calls.append(SpanStarted(id=self._last_id, kind=kind, name=name))
        return self._last_id

    def set(self, span_id: int, key: str, value: str | int | float) -> None:
        """Note one member of a span's metadata."""
        self.calls.append(SpanSet(id=span_id, key=key, value=value))

    def end(self, span_id: int) -> None:
        """Note the end of a span."""
        self.calls.append(SpanEnded(id=span_id))


class NoSpans:
    """Tracing switched off: every span is 0 and nothing is kept."""

    def start(self, kind: SpanKind, name: str) -> int:
        """Return 0, the id of a span that is not there."""
        return 0

    def set(self, span_id: int, key: str, value: str | int | float) -> None:
        """Keep nothing."""

    def end(self, span_id: int) -> None:
        """Keep nothing."""
