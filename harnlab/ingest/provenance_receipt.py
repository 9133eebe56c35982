"""Signed provenance receipts (``harn-provenance-receipt-v1``, FORMATS 4.7): a whole event log in one document."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from harnlab.ingest.document_rows import event, objects, part
from harnlab.ingest.documents import ELEMENTS, LEAF, Findings, Inside, Record, read_document, shown_safely
from harnlab.ingest.envelopes import Events, json_bytes, member, within_time
from harnlab.ingest.event_frames import NAMED_RUN, EventReader, LogParts
from harnlab.ingest.sources import Source, problems_frame
from harnlab.ingest.windows import Lines

SCHEMA: Final = "harn-provenance-receipt-v1"
_RECEIPT: Final[Inside] = {"event_log": {"events": {ELEMENTS: LEAF}}}


def add_receipt(source: Source) -> LogParts:
    """Frames of the events inside a receipt, and a row of ``events`` for the receipt itself."""
    reader = EventReader([source])
    document = read_document(source, _RECEIPT)
    for record in document.records:
        found = part({"events": list(event(source, record, document.findings))}, document.findings)
        if "events" in found.frames:
            named = pl.lit(None, dtype=pl.String).alias(NAMED_RUN)
            reader.parts.frames.add("events", found.frames["events"].with_columns(named))
        _add_events(reader, record, document.findings)
    reader.parts.frames.add("problems", problems_frame(source, document.findings.problems()))
    return reader.parts


def _add_events(reader: EventReader, record: Record, findings: Findings) -> None:
    schema = record.member("schema")
    if schema != SCHEMA:
        findings.note(record, "schema", f"expected {SCHEMA}, found {shown_safely(schema)}")
    log = record.value.get("event_log")
    if not isinstance(log, Record) or not isinstance(log.value, dict):
        findings.note(
            record, "event_log", f"expected an object, found {shown_safely(record.member('event_log'))}"
        )
        return
    embedded = [one for one in objects(log, "events", findings) if one.complete]
    events = Events()
    for row, one in enumerate(embedded):
        _add_event(events, row, one.value)
    reader.add(_places(embedded), events)


def _places(records: list[Record]) -> Lines:
    def longs(*values: int) -> Any:
        return np.asarray(values, dtype=np.int64)

    return Lines(
        starts=longs(*(0 for _ in records)),
        ends=longs(*(record.length for record in records)),
        files=longs(*(0 for _ in records)),
        numbers=longs(*(record.line for record in records)),
        offsets=longs(*(record.offset for record in records)),
        torn=np.zeros(len(records), dtype=bool),
    )


def _add_event(events: Events, row: int, value: dict[str, Any]) -> None:
    note = events.note(row)
    headers = value.get("headers")
    events.add(
        row,
        topic=member(value.get("topic"), pl.String(), "topic", note),
        event_id=member(value.get("event_id"), pl.Int64(), "event_id", note),
        kind=member(value.get("kind"), pl.String(), "kind", note),
        occurred_at_ms=within_time(
            member(value.get("occurred_at_ms"), pl.Int64(), "occurred_at_ms", note), note
        ),
        headers=b"{}" if headers is None else json_bytes(headers),
        payload=json_bytes(value.get("payload")),
    )
