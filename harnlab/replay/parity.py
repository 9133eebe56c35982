"""Every recorded decision of all cores beside what it is when decided again, in one frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from harnlab.questions import of_frames, question
from harnlab.replay.autonomy import autonomy
from harnlab.replay.dispatch import dispatch
from harnlab.replay.inputs import Frames
from harnlab.replay.skills import skills
from harnlab.replay.state import state
from harnlab.replay.steps import steps
from harnlab.replay.trust_chain import trust
from harnlab.replay.verdict import Verdict

#: Replay of each core, by name.
CORES: Final[Mapping[str, Callable[[Frames], pl.DataFrame]]] = MappingProxyType(
    {
        "dispatch": dispatch,
        "steps": steps,
        "skills": skills,
        "autonomy": autonomy,
        "state": state,
        "trust": trust,
    }
)
#: What a row of each core is about, in a few words.
_SUBJECT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "dispatch": ("call_id",),
        "steps": ("persona", "step"),
        "skills": ("turn", "skill_id"),
        "autonomy": ("agent_key", "request_id"),
        "state": ("session_id", "recorded_key", "kind"),
        "trust": ("agent", "record_id"),
    }
)


@question
def parity(runs: Frames, /) -> pl.DataFrame:
    """Recorded against decided again, for every decision of every core.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a recorded decision: ``core``, ``run_id``, ``subject``, ``verdict`` (``match``, ``mismatch`` or
        ``insufficient``), ``field`` (the first that differs or cannot be decided), ``because``, ``source_path``,
        ``source_line``. The values are in the replay of its core; :func:`counts` counts.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/inherited-route")
    >>> hl.parity(runs)["verdict"].unique().to_list()
    ['match']
    """
    return pl.concat(_rows(core, replay(runs)) for core, replay in CORES.items())


@of_frames
def counts(verdicts: pl.DataFrame, /) -> pl.DataFrame:
    """How many decisions matched, differed, or could not be decided.

    Parameters
    ----------
    verdicts : polars.DataFrame
        Rows of :func:`parity`, or of one replay.

    Returns
    -------
    polars.DataFrame
        ``core`` (where there is one), ``decisions``, ``match``, ``mismatch``, ``insufficient``; cores that recorded
        nothing have no row.
    """
    by = [name for name in ("core",) if name in verdicts.columns]
    told = [(pl.col("verdict") == verdict.value).sum().alias(verdict.value) for verdict in Verdict]
    measures = [pl.len().alias("decisions"), *told]
    return verdicts.group_by(by, maintain_order=True).agg(measures) if by else verdicts.select(measures)


def _rows(core: str, replayed: pl.DataFrame) -> pl.DataFrame:
    about = [pl.col(name).cast(pl.String) for name in _SUBJECT[core]]
    return replayed.select(
        pl.lit(core).alias("core"),
        "run_id",
        pl.concat_str(about, separator=" ", ignore_nulls=True).alias("subject"),
        "verdict",
        "field",
        "because",
        "source_path",
        "source_line",
    )
