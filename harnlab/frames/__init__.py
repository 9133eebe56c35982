"""Every frame harnlab gives, declared once: what a row is, its key, each column's type, unit and meaning.

Loaders build from these schemas, tests read every column back, and ``harnlab schema`` and the docs print them.
Column names are Harn's field names, nested records flattened with an underscore, units in the suffix.
``null`` means *not recorded*; ``0`` means a recorded zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harnlab.errors import UnknownName
from harnlab.frames.columns import (
    EXTRA,
    RUN_ID,
    SOURCE,
    Bool,
    Column,
    Float,
    Hash,
    Instant,
    Int,
    Line,
    Text,
    Texts,
)
from harnlab.frames.decisions import APPROVALS, AUTONOMY_CHECKS, TRUST_RECORDS
from harnlab.frames.frame_schema import FrameSchema
from harnlab.frames.lines import EVENTS, PROBLEMS
from harnlab.frames.run_records import RECEIPTS, RUNS, SPANS, STAGES
from harnlab.frames.skills import SKILL_CARDS, SKILL_EVENTS
from harnlab.frames.state import HANDOFFS, STATE_ENTRIES
from harnlab.frames.steps import STEP_CALLS, STEP_DEFINITIONS, STEPS
from harnlab.frames.transcripts import CALLS, DISPATCHES, MESSAGES, ROUTING_DECISIONS, TOOL_CALLS

__all__ = [
    "ALL_FRAMES",
    "APPROVALS",
    "AUTONOMY_CHECKS",
    "CALLS",
    "DISPATCHES",
    "EVENTS",
    "EXTRA",
    "HANDOFFS",
    "MESSAGES",
    "PROBLEMS",
    "RECEIPTS",
    "ROUTING_DECISIONS",
    "RUNS",
    "RUN_ID",
    "SCHEMAS",
    "SCHEMA_VERSION",
    "SKILL_CARDS",
    "SKILL_EVENTS",
    "SOURCE",
    "SPANS",
    "STAGES",
    "STATE_ENTRIES",
    "STEPS",
    "STEP_CALLS",
    "STEP_DEFINITIONS",
    "TOOL_CALLS",
    "TRUST_RECORDS",
    "Bool",
    "Column",
    "Float",
    "FrameSchema",
    "Hash",
    "Instant",
    "Int",
    "Line",
    "Text",
    "Texts",
    "schema",
]

#: Raised when a column changes name, type or meaning; caches and lakes are keyed by it.
SCHEMA_VERSION: Final = 1

ALL_FRAMES: Final = (
    RUNS,
    EVENTS,
    CALLS,
    DISPATCHES,
    MESSAGES,
    TOOL_CALLS,
    ROUTING_DECISIONS,
    STEP_DEFINITIONS,
    STEPS,
    STEP_CALLS,
    SPANS,
    STAGES,
    RECEIPTS,
    SKILL_CARDS,
    SKILL_EVENTS,
    AUTONOMY_CHECKS,
    APPROVALS,
    TRUST_RECORDS,
    STATE_ENTRIES,
    HANDOFFS,
    PROBLEMS,
)

#: Every schema by name.
SCHEMAS: Final[Mapping[str, FrameSchema]] = MappingProxyType({frame.name: frame for frame in ALL_FRAMES})


def schema(name: str) -> FrameSchema:
    """Schema of the frame called ``name``.

    Raises
    ------
    UnknownName
        When there is no such frame; the message lists those there are.
    """
    try:
        return SCHEMAS[name]
    except KeyError:
        raise UnknownName.among("frame", name, SCHEMAS) from None
