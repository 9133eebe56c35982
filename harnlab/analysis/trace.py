"""Everything that mentions one id, across frames, in order of time (docs/linking.md)."""

from __future__ import annotations

import json
from typing import Final

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import SCHEMAS, SOURCE, FrameSchema, Instant
from harnlab.questions import question
from harnlab.replay.inputs import Frames

#: Columns that hold an id, by name.
ID_COLUMNS: Final = frozenset(
    {
        *("run_id", "parent_run_id", "root_run_id", "call_id", "session_id", "trace_id", "request_id"),
        *("tool_call_id", "event_id", "record_id", "receipt_id", "writer_session_id", "stage_id"),
    }
)
SPAN_COLUMNS: Final = frozenset({"span_id", "parent_id", "parent_span_id", "step_span_id"})
#: Columns of JSON text that may name an id inside.
_JSON_COLUMNS: Final = frozenset({"metadata", "detail", "answer", "extra", "summary"})
#: When a row took place: the first of these that the frame has and the row fills.
_TIMES: Final = (
    *("at", "timestamp", "requested_at", "answered_at", "called_at", "finished_at", "started_at"),
    *("completed_at", "written_at", "updated_at", "modified_at"),
)
#: What a row is: the first of these that the frame has and the row fills.
_WORDS: Final = (
    "type",
    "kind",
    "evidence",
    "action",
    "status",
    "tool_name",
    "outcome_kind",
    "role",
    "step",
    "key",
)

_TRACE: Final = {
    "at": Instant,
    "frame": pl.String(),
    "what": pl.String(),
    "matched": pl.List(pl.String()),
    **{column.name: column.dtype for column in SOURCE},
}


@question
def trace(runs: Frames, id: str | int) -> pl.DataFrame:  # noqa: A002 - what the analyst calls it
    """Rows of every frame that mention an id, in order of time.

    Parameters
    ----------
    runs : Runs
        Or anything that gives frames by name.
    id : str or int
        A ``call_id``, ``session_id``, ``trace_id``, ``request_id``, ``record_id``, … as text, or a ``span_id`` as a
        number. Span ids count from 1 in each run: narrow the runs first.

    Returns
    -------
    polars.DataFrame
        ``at, frame, what, matched`` (the columns that mention it) and the source columns, so that ``runs.record``
        gives each row's original. Rows without a time come last. A text is also found as a value inside JSON columns.

    Raises
    ------
    InvalidArgument
        For an id that is neither, or an empty text.

    Examples
    --------
    >>> import harnlab as hl
    >>> runs = hl.load("sample_transcripts/autonomy-pressure")
    >>> request = "hitl_approval_019ea69b-7832-700e-b948-f51968a9a23e"
    >>> hl.trace(runs, request)["frame"].unique().sort().to_list()
    ['approvals', 'autonomy_checks', 'events', 'trust_records']
    """
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        raise InvalidArgument(repr(id), where="trace", expected="an id as text, or a span id as a number")
    starts = runs.frame("runs").select("run_id", "started_at").unique("run_id", keep="first")
    parts = [_mentions(schema, runs.frame(name), id, starts) for name, schema in SCHEMAS.items()]
    found = pl.concat([pl.DataFrame(schema=_TRACE), *(part for part in parts if part is not None)])
    return found.sort("at", "source_path", "source_line", nulls_last=True, maintain_order=True)


def _mentions(
    schema: FrameSchema, frame: pl.DataFrame, id_: str | int, starts: pl.DataFrame
) -> pl.DataFrame | None:
    tests = {
        column.name: test
        for column in schema.columns
        if (test := _test(column.name, column.dtype, id_)) is not None
    }
    if not tests or frame.is_empty():
        return None
    found = frame.filter(pl.any_horizontal(tests.values()))
    names = pl.concat_list([pl.when(test).then(pl.lit(name)) for name, test in tests.items()])
    if "start_ms" in schema.names and "started_at" not in schema.names:
        # a span knows only how long after its run's start it began
        found = found.join(starts, on="run_id", how="left", maintain_order="left")
        at = pl.col("started_at") + pl.duration(milliseconds="start_ms")
    else:
        at = _first(schema, _TIMES, Instant)
    return found.select(
        at.cast(Instant).alias("at"),
        pl.lit(schema.name).alias("frame"),
        _first(schema, _WORDS, pl.String()).alias("what"),
        names.list.drop_nulls().alias("matched"),
        *(column.name for column in SOURCE),
    )


def _test(name: str, dtype: pl.DataType, id_: str | int) -> pl.Expr | None:
    if isinstance(id_, int):
        return pl.col(name).eq(id_) if name in SPAN_COLUMNS else None
    if dtype != pl.String():
        return None
    if name in ID_COLUMNS:
        return pl.col(name).eq(id_)
    spelled = {json.dumps(id_), json.dumps(id_, ensure_ascii=False)}
    return pl.col(name).str.contains_any(sorted(spelled)) if name in _JSON_COLUMNS else None


def _first(schema: FrameSchema, names: tuple[str, ...], dtype: pl.DataType) -> pl.Expr:
    have = [pl.col(name) for name in names if schema.dtypes.get(name) == dtype]
    return pl.coalesce(*have) if have else pl.lit(None, dtype=dtype)
