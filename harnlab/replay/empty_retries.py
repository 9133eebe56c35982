"""How many empty answers came before each call, told from the order of the log.

An ``empty_completion_retry`` row carries no call id: it belongs to the request just above it, and the call goes on
with the next request of the same turn, provider and model (FORMATS 1.8).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from harnlab.replay.inputs import Frames
from harnlab.vocabulary import TranscriptType

_TURN: Final = ("source_path", "iteration")
_LANE: Final = (*_TURN, "requested_provider", "requested_model")
#: Status of a failed attempt that the same call makes again.
_RETRYING: Final = "retrying"


def empty_retries(runs: Frames) -> pl.DataFrame:
    """Empty answers before each call that has any.

    Parameters
    ----------
    runs : Frames
        ``events`` give the retries, ``calls`` the requests.

    Returns
    -------
    polars.DataFrame
        ``source_path``, ``request_line``, ``empty_retries`` and ``certain``: false where a retry was written while
        several requests of its turn were open, so that the log does not say whose it was. Calls without a row
        had none.
    """
    retries = _retries(runs)
    if retries.is_empty():
        return pl.DataFrame(
            schema={
                "source_path": pl.String(),
                "request_line": pl.UInt32(),
                "empty_retries": pl.Int64(),
                "certain": pl.Boolean(),
            }
        )
    requests = _requests(runs, retries)
    owned = _with_owner(retries, requests)
    counted = _counted(requests, owned)
    doubtful = _open_at_doubtful(requests, owned)
    told = counted.join(doubtful, on=["source_path", "request_line"], how="left")
    return told.with_columns(certain=pl.col("doubtful").is_null()).drop("doubtful")


def _retries(runs: Frames) -> pl.DataFrame:
    rows = runs.frame("events").filter(pl.col("type") == TranscriptType.EMPTY_COMPLETION_RETRY.value)
    return rows.select(
        "source_path", pl.col("iteration").fill_null(-1), line=pl.col("source_line").cast(pl.Int64)
    ).sort(*_TURN, "line")


def _requests(runs: Frames, retries: pl.DataFrame) -> pl.DataFrame:
    """Requests of the turns that have retries, in order."""
    answered = pl.coalesce("response_line", "error_line").cast(pl.Int64)
    rows = runs.frame("calls").filter(pl.col("request_line").is_not_null())
    return (
        rows.select(
            "source_path",
            "requested_provider",
            "requested_model",
            "request_line",
            pl.col("iteration").fill_null(-1),
            line=pl.col("request_line").cast(pl.Int64),
            answer=answered,
            again=pl.col("error_status").eq_missing(_RETRYING),
        )
        .join(retries.select(_TURN).unique(), on=list(_TURN), how="semi")
        .sort(*_TURN, "line")
    )


def _with_owner(retries: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """Retries with the line of the request just above (``owner``) and whether it was the only one open."""
    opened = requests.select(
        *_TURN, "line", owner="line", opened=pl.int_range(1, pl.len() + 1).over(_TURN)
    ).sort("line")
    closed = requests.filter(pl.col("answer").is_not_null()).select(*_TURN, line="answer").sort("line")
    closed = closed.with_columns(closed=pl.int_range(1, pl.len() + 1).over(_TURN))
    before = pl.int_range(pl.len()).over(_TURN)  # earlier retries, each of which closed a request
    rows = retries.sort("line").with_columns(retried=before)
    for side in (opened, closed):
        rows = rows.join_asof(side, on="line", by=list(_TURN), strategy="backward", check_sortedness=False)
    still_open = pl.col("opened") - pl.col("closed").fill_null(0) - pl.col("retried")
    return rows.filter(pl.col("owner").is_not_null()).with_columns(alone=still_open == 1)


def _counted(requests: pl.DataFrame, retries: pl.DataFrame) -> pl.DataFrame:
    """Calls with the number of empty answers since their first attempt."""
    ended = retries.select(_TURN[0], _TURN[1], line="owner", ended=pl.lit(value=True)).unique()
    rows = requests.join(ended, on=[*_TURN, "line"], how="left").sort(*_LANE, "line")
    goes_on = pl.col("ended").fill_null(value=False) | pl.col("again")
    rows = rows.with_columns(
        ended=pl.col("ended").fill_null(value=False).cast(pl.Int64),
        call=(~goes_on.shift(1, fill_value=False).over(_LANE)).cum_sum().over(_LANE),
    )
    before = pl.col("ended").cum_sum().over(*_LANE, "call") - pl.col("ended")
    return rows.select("source_path", "request_line", empty_retries=before)


def _open_at_doubtful(requests: pl.DataFrame, retries: pl.DataFrame) -> pl.DataFrame:
    """Requests that were open while a retry was written that may be another's, or that follow one."""
    doubtful = retries.filter(~pl.col("alone")).select(*_TURN, "line", doubtful="line").sort("line")
    ends = requests.with_columns(line=pl.col("answer").fill_null(pl.col("line").max())).sort("line")
    near = ends.join_asof(doubtful, on="line", by=list(_TURN), strategy="backward", check_sortedness=False)
    return near.filter(pl.col("doubtful").is_not_null()).select("source_path", "request_line", "doubtful")
