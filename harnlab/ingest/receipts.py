"""Receipts (``harn.receipt.v1``, FORMATS 4.1): what a persona or step says it did, and the steps inside."""

from __future__ import annotations

from typing import Final

from harnlab.frames import RECEIPTS, Text
from harnlab.ingest.document_rows import (
    Row,
    Rows,
    count,
    event,
    first_of,
    objects,
    part,
    reading,
    typed_member,
)
from harnlab.ingest.documents import ELEMENTS, LEAF, Findings, Inside, Record, read_document, shown_safely
from harnlab.ingest.sources import Part, Source
from harnlab.ingest.step_rows import RECEIPT_ENTRY, finished_step, numbered
from harnlab.vocabulary import ProblemKind

SCHEMA: Final = "harn.receipt.v1"

_RECEIPT: Final[Inside] = {"model_calls": {ELEMENTS: LEAF}}
_MEMBERS: Final = {"persona", "trace_id", "model_calls", "redaction_class", "cost_usd"}
_COUNTED: Final = {
    "model_call_count": "model_calls",
    "tool_call_count": "tool_calls",
    "approval_count": "approvals",
    "handoff_count": "handoffs",
}
_RECEIPTS: Final = reading(
    RECEIPTS,
    "parent_run_id persona step trace_id started_at completed_at status cost_usd inputs_digest outputs_digest "
    "redaction_class",
    as_json="error metadata",
    usual="side_effects",
    kept_in_file="schema model_calls tool_calls approvals handoffs",
    receipt_id="id",
)


def read(source: Source) -> Part:
    """Frames of receipts.

    Parameters
    ----------
    source : Source
        A file of one receipt, an array of them, or one a line; it may be damaged in any way.

    Returns
    -------
    Part
        ``receipts``, ``steps`` (entries of ``model_calls`` that name a step) and ``events``, where there are
        rows. ``run_id`` is the receipt's ``parent_run_id`` where it has one.
    """
    document = read_document(source, _RECEIPT)
    rows: Rows = {"events": [], "receipts": [], "steps": []}
    for record in document.records:
        _add_receipt(rows, source, record, document.findings)
    numbered(rows["steps"])
    return part(rows, document.findings)


def _add_receipt(rows: Rows, source: Source, record: Record, findings: Findings) -> None:
    run_id = typed_member(record, "parent_run_id", Text, findings) or source.run_id
    times = first_of(record, "completed_at", "started_at")
    rows["events"] += event(source, record, findings, run_id=run_id, timestamp=times, trace_id="trace_id")
    schema = record.member("schema")
    if schema is None and not record.value.keys() & _MEMBERS:
        found = shown_safely(sorted(record.value)[:12])
        findings.note(record, "", f"expected a receipt, found an object of {found}")
        return
    if schema != SCHEMA:
        reason = f"expected {SCHEMA}, found {shown_safely(schema)}; read as one all the same"
        kind = ProblemKind.DRIFT if schema is None else ProblemKind.UNSUPPORTED
        findings.note(record, "schema", reason, kind=kind)
    receipt = _RECEIPTS.row(source, record, findings, run_id=run_id)
    rows["receipts"].append(receipt | {name: count(record, path) for name, path in _COUNTED.items()})
    for entry in objects(record, "model_calls", findings):
        if entry.member("step") is not None:
            rows["steps"].append(_step(source, entry, findings, receipt))


def _step(source: Source, entry: Record, findings: Findings, receipt: Row) -> Row:
    row = finished_step(RECEIPT_ENTRY, source, entry, findings, run_id=receipt["run_id"])
    of_receipt = {"persona": receipt["persona"], "receipt_id": receipt["receipt_id"]}
    return row | of_receipt | {"source_kind": "receipt"}
