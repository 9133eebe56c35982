"""Agent event logs of the legacy sink: ``event_log-<session>.jsonl``, then ``-000001.jsonl`` and on (FORMATS 2.9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harnlab.ingest.envelopes import Events, agent_events
from harnlab.ingest.records import encoding_problems
from harnlab.ingest.sources import Source
from harnlab.ingest.windows import Lines, Window

_ROTATED: Final = re.compile(r"(?P<log>event_log-.+?)(?:-(?P<number>\d{6}))?")


def agent_batch(window: Window, lines: Lines, sources: Sequence[Source]) -> Events:
    """Events of a window over agent event logs."""
    events = agent_events(window.buffer, lines)
    events.problems += encoding_problems(window, lines, events.rows)
    return events


def log_name(path: Path) -> str:
    """Name of the log a file is a part of: its stem without the number of the rotation."""
    match = _ROTATED.fullmatch(path.stem)
    return match["log"] if match else path.stem


def next_part(path: Path) -> Path:
    """The file that follows one in its log's rotation."""
    match = _ROTATED.fullmatch(path.stem)
    log, number = (match["log"], int(match["number"] or 0)) if match else (path.stem, 0)
    return path.with_name(f"{log}-{number + 1:06}{path.suffix}")
