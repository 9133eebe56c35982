"""Trust records decided again: the hash of each, its place in the chain and the record it points back to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from harnlab.core.trust import entry_hash
from harnlab.errors import InvalidArgument
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.trust import verified
from harnlab.replay.verdict import PLACE, Verdict


@question
def trust(runs: Frames, /) -> pl.DataFrame:
    """Every trust record held against its own hash and the chain of its log.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a row of ``trust_records``, in order: source columns, ``record_id``, ``agent``, ``chain_index``,
        ``recorded_entry_hash`` and ``replayed_entry_hash`` (null for a record that cannot be hashed), ``verdict``,
        ``field`` (``chain_index``, ``previous_hash``, ``entry_hash`` or ``payload``), ``because``.

    Notes
    -----
    :func:`harnlab.replay.trust.verified` walks the chains; a record without a hash, from before the chain, is
    ``insufficient`` (FORMATS 3.1).
    """
    records = verified(runs.frame("trust_records"))
    unhashed = pl.col("entry_hash").fill_null("") == ""
    sound = pl.col("verified")
    return records.with_columns(
        recorded_entry_hash="entry_hash",
        replayed_entry_hash=pl.Series(_hashes(records), dtype=pl.String),
    ).select(
        *PLACE,
        *("record_id", "agent", "chain_index", "recorded_entry_hash", "replayed_entry_hash"),
        verdict=pl.when(sound)
        .then(pl.lit(Verdict.MATCH.value))
        .when(unhashed)
        .then(pl.lit(Verdict.INSUFFICIENT.value))
        .otherwise(pl.lit(Verdict.MISMATCH.value)),
        field="broken_field",
        because=pl.when(sound)
        .then(pl.lit("decided the same from the record's members and the hash of the record before it"))
        .when(unhashed)
        .then(
            pl.lit("`entry_hash` cannot be decided: the record has none, as before the chain was introduced")
        )
        .otherwise(pl.coalesce("broken_because", pl.lit("the chain does not hold at this record"))),
    )


def _hashes(records: pl.DataFrame) -> Iterator[str | None]:
    for payload in records["payload"]:
        try:
            value = json.loads(payload or "null")
            yield entry_hash(value) if isinstance(value, dict) else None
        except (ValueError, InvalidArgument, RecursionError):
            yield None
