"""Every kind of file harnlab reads: where it is found, and what it holds (FORMATS 0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harnlab.ingest.sources import SourceKind

#: Kind -> where it is found, what it holds.
SOURCES: Final[Mapping[SourceKind, tuple[str, str]]] = {
    SourceKind.TRANSCRIPT: (
        "llm_transcript.jsonl",
        "requests, answers, dispatches, messages and tool calls of a run",
    ),
    SourceKind.RUN_RECORD: (".harn-runs/*.json", "a run: its stages, trace spans and usage"),
    SourceKind.RECEIPT: (
        "receipts/*.json, schema harn.receipt.v1",
        "what a persona or step says it did and cost",
    ),
    SourceKind.COMPLETED_STEPS: ("completed_steps.jsonl or .json", "finished steps in order"),
    SourceKind.PERSONA: (
        "harn.toml, or step definitions as JSON",
        "steps a persona declares, with their limits",
    ),
    SourceKind.EVENT_LOG_FILE: (".harn/events/topics/*.jsonl", "one topic of a file event log"),
    SourceKind.EVENT_LOG_SQLITE: (".harn/events.sqlite", "a SQLite event log, all topics"),
    SourceKind.AGENT_EVENTS: ("event_log-*.jsonl", "events of an agent session"),
    SourceKind.PROVENANCE_RECEIPT: ("schema harn-provenance-receipt-v1", "a signed record of a run's events"),
    SourceKind.TRUST_CHAIN: ("schema opentrustgraph-chain/v0", "trust records with their hashes"),
    SourceKind.SKILL_EVIDENCE: (
        "skill_activation_evidence in JSON or JSON Lines",
        "skill cards of a turn's catalog",
    ),
    SourceKind.STATE_FOLDER: (
        "a folder with .agent_state_meta/",
        "durable state of sessions, with its writers",
    ),
}
