"""Completed-step logs that a host wrote down (``CompletedStep``, FORMATS 4.1)."""

from __future__ import annotations

from typing import Final

from harnlab.ingest.document_rows import Rows, event, part
from harnlab.ingest.documents import read_document, shown_safely
from harnlab.ingest.sources import Part, Source
from harnlab.ingest.step_rows import COMPLETED_STEP, finished_step, numbered

_MEMBERS: Final = {"name", "function", "status", "llm_calls", "cost_usd", "input_tokens", "output_tokens"}


def read(source: Source) -> Part:
    """Frames of a completed-step log.

    Parameters
    ----------
    source : Source
        A JSON array of completed steps, one object, or one a line; it may be damaged in any way.

    Returns
    -------
    Part
        ``steps`` in the order of the file, which is the order of completion, and ``events``, where there are
        rows.
    """
    document = read_document(source)
    rows: Rows = {"events": [], "steps": []}
    for record in document.records:
        rows["events"] += event(source, record, document.findings)
        if record.value.keys() & _MEMBERS:
            step = finished_step(COMPLETED_STEP, source, record, document.findings)
            rows["steps"].append(step | {"source_kind": "completed_steps"})
        else:
            found = shown_safely(sorted(record.value)[:12])
            document.findings.note(record, "", f"expected a completed step, found an object of {found}")
    numbered(rows["steps"])
    return part(rows, document.findings)
