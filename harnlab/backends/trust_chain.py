"""Chain exports: the trust records of a log in one document that can be verified elsewhere (FORMATS 3.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from harnlab.backends.event_log import EventLog, rfc3339
from harnlab.backends.event_log_trust import TRUST_KIND, verify_trust_log
from harnlab.core.trust import compact_json, unique_records
from harnlab.errors import HarnRuntimeError

CHAIN_SCHEMA: Final = "opentrustgraph-chain/v0"


def chain_export(
    log: EventLog, *, generated_at_ms: int, producer: str, producer_version: str
) -> dict[str, Any]:
    """Chain export of a log's global topic, each record once, with what verification found.

    Parameters
    ----------
    log : EventLog
        Where the records stand.
    generated_at_ms : int
        Unix milliseconds.
    producer, producer_version : str
        Who made the export.

    Raises
    ------
    HarnRuntimeError
        If the log cannot be read.
    """
    report = verify_trust_log(log)
    events = (event for event in log.read(report.topic) if event.kind == TRUST_KIND)
    records = [payload for _, payload in unique_records((event.event_id, event.payload) for event in events)]
    return {
        "schema": CHAIN_SCHEMA,
        "chain": {
            "topic": report.topic,
            "total": report.total,
            "root_hash": report.root_hash,
            "verified": report.verified,
            "generated_at": rfc3339(generated_at_ms),
            "producer": {"name": producer, "version": producer_version},
        },
        "records": records,
    }


def write_chain_export(path: Path | str, export: dict[str, Any]) -> None:
    """Write an export, whole or not at all; numbers are spelled as the runtime spells them.

    Raises
    ------
    HarnRuntimeError
        If it cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(compact_json(export).encode() + b"\n")
        part.replace(target)
    except (OSError, UnicodeEncodeError) as problem:
        part.unlink(missing_ok=True)
        raise HarnRuntimeError(f"chain export write error: {problem}") from problem
