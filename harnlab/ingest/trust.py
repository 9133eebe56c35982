"""Trust records of any topic or chain file, each once (FORMATS 3): what is recorded, not whether it holds.

:mod:`harnlab.replay.trust` verifies the chain; ``verified`` and the ``broken_…`` columns are null until then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

from harnlab.frames import TRUST_RECORDS
from harnlab.ingest.document_rows import event, json_text, objects, part, reading
from harnlab.ingest.documents import ELEMENTS, LEAF, Inside, read_document, shown_safely
from harnlab.ingest.sources import Part, Source

CHAIN_SCHEMA: Final = "opentrustgraph-chain/v0"
_CHAIN: Final[Inside] = {"records": {ELEMENTS: LEAF}}
_RECORDS: Final = reading(
    TRUST_RECORDS,
    "record_id agent action approver outcome trace_id autonomy_tier timestamp cost_usd chain_index previous_hash "
    "entry_hash",
    as_json="metadata",
    kept_in_file="schema",
)
#: Global topics first: a record is told where the runtime verifies it.
_GLOBAL: Final = ("trust_graph", "trust.graph")

Identity = tuple[str, str]


def read_chain(source: Source) -> Part:
    """Frames of a chain export (``opentrustgraph-chain/v0``): ``trust_records`` and ``events``.

    Nothing about the file raises; what is wrong is in ``problems``.
    """
    document = read_document(source, _CHAIN)
    findings = document.findings
    rows: dict[str, list[dict[str, Any]]] = {"events": [], "trust_records": []}
    for record in document.records:
        rows["events"] += event(source, record, findings)
        if record.member("schema") != CHAIN_SCHEMA:
            found = shown_safely(record.member("schema"))
            findings.note(record, "schema", f"expected {CHAIN_SCHEMA}, found {found}")
        for one in objects(record, "records", findings):
            row = _RECORDS.row(source, one, findings)
            rows["trust_records"].append(row | {"payload": json_text(one, "", one.value, findings)})
    return part(rows, findings)


def trust_records(logged: pl.DataFrame | None, exported: pl.DataFrame) -> pl.DataFrame:
    """``trust_records``: every record of every log once, with the topics it stands in.

    Parameters
    ----------
    logged : polars.DataFrame or None
        Trust events of logs, with ``payload`` and ``topic``.
    exported : polars.DataFrame
        Records of chain exports, in the schema of ``trust_records``.

    Returns
    -------
    polars.DataFrame
        In the schema of ``trust_records``, in order of place. Two records of a log are the same when their
        ``entry_hash`` (else ``record_id``) and everything else in them agree: a copy that was tampered with stays a
        row. A log or export that holds nothing another log does not is left out.
    """
    parts = [] if logged is None else [logged.filter(_is_record())]
    parts.append(exported.with_columns(topic=pl.lit(None, dtype=pl.String)))
    found = pl.concat(parts, how="diagonal")
    found = found.with_columns(
        _log=log_of(),
        _identity=pl.Series([_identity(*row) for row in _identifying(found)], dtype=pl.String),
        _rank=pl.col("topic").replace_strict(dict(zip(_GLOBAL, (0, 1), strict=True)), default=2),
        _order=pl.int_range(pl.len()),
    )
    once = (
        found.sort("_rank", "source_path", "source_line", "source_offset", maintain_order=True)
        .group_by("_log", "_identity", maintain_order=True)
        .agg(pl.all().exclude("topics").first(), topics=pl.col("topic").drop_nulls().unique().sort())
    )
    kept = once.filter(pl.col("_log").is_in(_not_contained(once.sort("_order"))))
    ordered = kept.sort("source_path", "source_line", "source_offset", maintain_order=True)
    return TRUST_RECORDS.conform(ordered.with_columns(topics=pl.col("topics").cast(pl.List(pl.String()))))


def log_of() -> pl.Expr:
    """The log a row's file belongs to: a topic's folder, else the file itself."""
    path = pl.col("source_path")
    return pl.when(path.str.ends_with(".jsonl")).then(path.str.replace(r"/?[^/]*$", "")).otherwise(path)


def _is_record() -> pl.Expr:
    # later versions project records into `trust_graph.records` in another shape (FORMATS 3.2)
    return pl.col("record_id").is_not_null() | pl.col("entry_hash").is_not_null()


def _identifying(found: pl.DataFrame) -> Iterable[tuple[str | None, str | None, str | None]]:
    return found.select("entry_hash", "record_id", "payload").iter_rows()


def _identity(entry_hash: str | None, record_id: str | None, payload: str | None) -> str:
    try:
        content = json.dumps(json.loads(payload or "null"), sort_keys=True)
    except (ValueError, RecursionError):
        content = payload or ""
    return json.dumps([entry_hash or record_id, content])


def _not_contained(once: pl.DataFrame) -> list[str]:
    """Logs that hold a record which no log before them holds; the first of equal ones counts."""
    logs = {
        log: set(identities)
        for log, identities in once.group_by("_log", maintain_order=True).agg("_identity").iter_rows()
    }
    kept: list[str] = []
    for log, identities in sorted(logs.items(), key=lambda item: -len(item[1])):
        if not any(identities <= logs[other] for other in kept):
            kept.append(log)
    return kept
