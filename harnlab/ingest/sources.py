"""What a reader is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import polars as pl

from harnlab.frames import PROBLEMS
from harnlab.vocabulary import ProblemKind


class SourceKind(StrEnum):
    """Kinds of file harnlab reads (FORMATS 0)."""

    TRANSCRIPT = "transcript"
    RUN_RECORD = "run_record"
    RECEIPT = "receipt"
    COMPLETED_STEPS = "completed_steps"
    PERSONA = "persona"
    EVENT_LOG_FILE = "event_log_file"
    EVENT_LOG_SQLITE = "event_log_sqlite"
    AGENT_EVENTS = "agent_events"
    PROVENANCE_RECEIPT = "provenance_receipt"
    TRUST_CHAIN = "trust_chain"
    SKILL_EVIDENCE = "skill_evidence"
    STATE_FOLDER = "state_folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read.

    ``shown`` is the path as it stands in ``source_path``. ``run_id`` is the run the file belongs to by its
    place; a reader whose file names its own run (a run record) uses that instead. ``project`` is the folder
    the runtime ran in, as far as the layout tells.
    """

    path: Path
    shown: str
    kind: SourceKind
    run_id: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that could not be read as it should; becomes a row of ``problems``.

    ``path`` names the file as shown where the source is a folder of files.
    """

    kind: ProblemKind
    reason: str
    line: int | None = None
    offset: int | None = None
    length: int | None = None
    field: str | None = None
    path: str | None = None


@dataclass(slots=True, kw_only=True)
class Part:
    """What one source gave: frames by name, each in its schema, and what went wrong."""

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def problems_frame(source: Source, problems: list[Problem]) -> pl.DataFrame:
    """Rows of ``problems`` for one source."""
    return PROBLEMS.build(
        {
            "run_id": source.run_id,
            "source_path": problem.path or source.shown,
            "source_line": problem.line,
            "source_offset": problem.offset,
            "length": problem.length,
            "kind": problem.kind.value,
            "field": problem.field,
            "reason": problem.reason,
        }
        for problem in problems
    )
