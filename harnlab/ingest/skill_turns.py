"""Turns of a run from the skill activation evidence found in its files."""

from __future__ import annotations

from typing import Final

import polars as pl

from harnlab.frames import SKILL_CARDS
from harnlab.ingest.sources import SourceKind

_EVIDENCE: Final = ["source_path", "source_line", "inside"]
#: Whose place a turn is given that stands in several kinds of file: the file a host wrote for it comes first.
_PREFERRED: Final = [SourceKind.SKILL_EVIDENCE.value, f"{SourceKind.RUN_RECORD.value}.stages"]


def skill_cards(found: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``skill_cards``: each evidence once, its turn counted.

    The same evidence may stand in a file of its own, in a transcript, in event logs and twice in a run record. The
    n-th time it stands in one kind of file is taken for the n-th time in another; files of one kind are never taken
    for copies. A turn is the payload's own ``turn`` where every evidence of the run has a different one, else the
    order: by own turn where all have one, else by file and place.

    Parameters
    ----------
    found : polars.DataFrame
        Rows of :data:`~harnlab.ingest.skill_evidence.FOUND`, of all files.

    Returns
    -------
    polars.DataFrame
        ``SKILL_CARDS``, by run, turn and position. Evidence without cards takes a turn and has no row.
    """
    in_run = "run_id"
    own = pl.col("turn")
    ranks = {holder: rank for rank, holder in enumerate(_PREFERRED)}
    by_preference = pl.col("holder").replace_strict(ranks, default=len(ranks))
    evidence = (
        found.select(in_run, *_EVIDENCE, "turn", "digest", "holder")
        .unique(_EVIDENCE, keep="first", maintain_order=True)
        .sort(*_EVIDENCE)
        .with_columns(copy=pl.int_range(pl.len()).over(in_run, "holder", "digest"))
        .sort(by_preference, maintain_order=True)
        .unique([in_run, "digest", "copy"], keep="first", maintain_order=True)
    )
    evidence = evidence.with_columns(ordered=own.is_not_null().all().over(in_run)).with_columns(
        named=pl.col("ordered") & own.is_unique().all().over(in_run)
    )
    counted = evidence.sort(in_run, pl.when("ordered").then(own), *_EVIDENCE).with_columns(
        turn=pl.when("named").then(own).otherwise(pl.int_range(pl.len(), dtype=pl.UInt32).over(in_run))
    )
    cards = found.drop("turn").filter(pl.col("position").is_not_null())
    turned = cards.join(counted.select(*_EVIDENCE, "turn"), on=_EVIDENCE, how="inner")
    return SKILL_CARDS.conform(turned).sort(*SKILL_CARDS.key, maintain_order=True)
