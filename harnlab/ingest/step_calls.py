"""Which step each model call was charged to: the innermost step span around the call's own span."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from harnlab.frames import SOURCE, STEP_CALLS, Texts
from harnlab.vocabulary import SpanKind

#: Names kept of a path of nested steps, the innermost ones; a log may claim to nest without end.
LONGEST_PATH: Final = 64

_USAGE: Final = ("provider", "model", "status", "duration_ms", "input_tokens", "output_tokens", "cost_usd")
_PLACE: Final = tuple(column.name for column in SOURCE if column.name != "run_id")
_STATUS: Final = {"answered": "ok", "error": "error", "pending": None}

Longs = npt.NDArray[np.int64]


def step_calls(spans: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Model calls with the step each was charged to.

    A call finds its span by ``call_id``, else by ``span_id``. Usage is the span's where the span recorded it,
    else the call's. A call without a span, and one outside every step, has no ``step_span_id``.

    Parameters
    ----------
    spans : polars.DataFrame
        Rows of ``spans``; parents that are missing, circular or named twice are borne.
    calls : polars.DataFrame
        Rows of ``calls``.

    Returns
    -------
    polars.DataFrame
        In the schema of ``step_calls``: every ``call_id`` of a run once, and spans of calls that name none;
        ordered by run and by the end of the call, the order in which steps are charged.
    """
    if spans.is_empty():
        order = ("run_id", "span_id", "source_line")
        told = _of_calls(calls).sort(*order, nulls_last=True, maintain_order=True)
        return STEP_CALLS.conform(told.with_columns(seq=pl.int_range(pl.len()).over("run_id")))
    numbered = spans.with_columns(_span=pl.int_range(pl.len(), dtype=pl.Int64))
    # where two spans claim one id, the first is meant
    by_id = numbered.select("run_id", "span_id", "_span", "kind", "call_id").unique(
        ["run_id", "span_id"], keep="first", maintain_order=True
    )
    end = pl.col("start_ms") + pl.col("duration_ms")
    charged = (
        _with_steps(_each_call(numbered, by_id, calls), numbered, by_id)
        .sort("run_id", end, "span_id", "source_line", nulls_last=True, maintain_order=True)
        .with_columns(seq=pl.int_range(pl.len()).over("run_id", "_step"))
    )
    return STEP_CALLS.conform(charged)


def _each_call(spans: pl.DataFrame, by_id: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Calls beside the spans that are theirs (``_span``); one row each, whichever of the two is missing."""
    asked = _asked(spans)
    told = _told(calls, by_id, asked)
    joined = told.join(asked.rename({"_span": "_own"}), on="_own", how="full", suffix="__span")
    spanned = pl.col("_own__span").is_not_null()
    return joined.with_columns(
        *(pl.coalesce(f"{name}__span", name).alias(name) for name in ("run_id", "span_id", *_USAGE)),
        *(pl.when(spanned).then(f"{name}__span").otherwise(name).alias(name) for name in _PLACE),
        call_id=pl.coalesce("call_id", "call_id__span"),
        _span=pl.coalesce("_own__span", "_near"),
    )


def _asked(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of model calls; of several that name the same call the first that knows its cost."""
    asked = spans.filter(pl.col("kind") == SpanKind.LLM_CALL.value).select(
        "_span", "run_id", *_PLACE, "call_id", "span_id", "start_ms", *_USAGE
    )
    named = asked.filter(pl.col("call_id").is_not_null()).sort(
        pl.col("cost_usd").is_null(), pl.col("start_ms") + pl.col("duration_ms"), maintain_order=True
    )
    once = named.unique(["run_id", "call_id"], keep="first", maintain_order=True)
    return pl.concat([once, asked.filter(pl.col("call_id").is_null())])


def _of_calls(calls: pl.DataFrame) -> pl.DataFrame:
    """Calls as their own records tell of them, each ``call_id`` of a run once."""
    status = pl.coalesce("error_status", pl.col("status").replace_strict(_STATUS, default=None))
    told = calls.select(
        "run_id",
        *_PLACE,
        "call_id",
        "span_id",
        "provider",
        "model",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        status=status.cast(pl.String),
        duration_ms="response_ms",
    )
    if not _are_repeated(told.select("run_id", "call_id")):
        # what is not copied takes no memory
        return told
    identified = pl.col("call_id").is_not_null()
    once = told.filter(identified).unique(["run_id", "call_id"], keep="first", maintain_order=True)
    return pl.concat([once, told.filter(~identified)])


def _are_repeated(ids: pl.DataFrame) -> bool:
    """Whether a call is named twice or not at all; it may be said of two whose ids have one hash."""
    return bool(ids["call_id"].null_count()) or ids.hash_rows().n_unique() < ids.height


def _told(calls: pl.DataFrame, by_id: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Calls as their own records tell of them, with the span of each (``_own``) or one around it (``_near``)."""
    identified = pl.col("call_id").is_not_null()
    by_call = asked.filter(identified).select("run_id", "call_id", _named="_span")
    nameless = (pl.col("kind") == SpanKind.LLM_CALL.value) & ~identified
    near = by_id.select("run_id", "span_id", _near="_span", _nameless=nameless)
    found = (
        _of_calls(calls)
        .join(by_call, on=["run_id", "call_id"], how="left", maintain_order="left")
        .join(near, on=["run_id", "span_id"], how="left", maintain_order="left")
        .with_row_index("_row")
    )
    # a span that names no call is the first call's that names the span
    free = found.filter(pl.col("_named").is_null(), pl.col("_nameless"))
    taken = free.unique("_near", keep="first", maintain_order=True).select("_row", _taken="_near")
    return found.join(taken, on="_row", how="left", maintain_order="left").with_columns(
        _own=pl.coalesce("_named", "_taken")
    )


def _with_steps(charged: pl.DataFrame, spans: pl.DataFrame, by_id: pl.DataFrame) -> pl.DataFrame:
    """The calls with the innermost step around each, and the path of steps down to it."""
    count = spans.height
    nearest, around = _steps_above(spans, by_id)
    step = nearest[charged["_span"].fill_null(count).to_numpy()]
    owners = np.unique(step[step < count])
    about = spans.select(step_span_id="span_id", persona="persona", step="name")[owners].with_columns(
        _step=owners, step_path=_paths(owners, around, spans["name"])
    )
    return charged.with_columns(_step=step).join(about, on="_step", how="left", maintain_order="left")


def _steps_above(spans: pl.DataFrame, by_id: pl.DataFrame) -> tuple[Longs, Longs]:
    """Row of each span's innermost step, itself included, and without itself; the row count where there is none.

    One entry more than there are spans, so that "none" can be looked up as well.
    """
    count = spans.height
    found = spans.select("run_id", span_id="parent_id").join(
        by_id, on=["run_id", "span_id"], how="left", maintain_order="left"
    )
    parent = np.append(found["_span"].fill_null(count).to_numpy(), count).astype(np.int64)
    is_step = np.append((spans["kind"] == SpanKind.STEP.value).fill_null(value=False).to_numpy(), False)
    nearest = _followed(np.where(is_step, np.arange(count + 1), parent))
    nearest = np.where(is_step[nearest], nearest, count)
    return nearest, nearest[parent]


def _followed(pointers: Longs) -> Longs:
    """Where each entry ends when its pointers are followed to one that points to itself.

    Every round doubles how far each entry has looked, so depth costs little and a circle no more.
    """
    for _ in range(len(pointers).bit_length()):
        further = pointers[pointers]
        if np.array_equal(further, pointers):
            break
        pointers = further
    return pointers


def _paths(steps: Longs, around: Longs, names: pl.Series) -> pl.Series:
    """Names of the steps around each step and of itself; itself alone where its parents go round in a circle."""
    none = len(around) - 1
    around = np.where(_followed(around) == none, around, none)
    owners, members, level = [np.arange(len(steps))], [steps], steps
    for _ in range(LONGEST_PATH - 1):
        level = np.where(level < none, around[level], none)
        if (level == none).all():
            break
        owners.append(np.flatnonzero(level < none))
        members.append(level[level < none])
    order = np.lexsort((-np.repeat(np.arange(len(owners)), [*map(len, owners)]), np.concatenate(owners)))
    path = pl.DataFrame({"owner": np.concatenate(owners)[order], "member": np.concatenate(members)[order]})
    named = path.select("owner", name=names.gather(path["member"]))
    return named.group_by("owner", maintain_order=True).agg("name")["name"].cast(Texts)
