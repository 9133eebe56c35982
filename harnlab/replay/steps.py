"""Finished steps decided again: what they used, whether a limit broke, what their boundary made of it.

Usage is added call by call from the call spans of the run record, in the order the calls were charged. A step is
charged without cache prices while the recorded price of a call knows the cache (FORMATS 8): the cost of a step whose
calls used the cache is not decided, and a transcript's prices are never used for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from harnlab.core.rust_semantics import I64_MAX
from harnlab.core.steps import StepDefinition, Usage
from harnlab.ingest.finished_steps import TOLD_OTHERWISE
from harnlab.questions import question
from harnlab.replay.inputs import Frames
from harnlab.replay.step_budgets import STEP, exceeded, running
from harnlab.replay.step_endings import Ending, StepFacts, ending_of
from harnlab.replay.step_instances import FAILED, declared_for
from harnlab.replay.verdict import EVIDENCE, PLACE, both, frame_of, judged, place_types, with_damage
from harnlab.vocabulary import SpanKind, StepStatus

#: Fields compared, in this order.
FIELDS: Final[dict[str, pl.DataType]] = {
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "cost_usd": pl.Float64(),
    "llm_calls": pl.Int64(),
    "status": pl.String(),
    "error": pl.String(),
}
_UNDECIDED: Final = {name: f"no_{name}" for name in FIELDS}
_USAGE: Final = ("input_tokens", "output_tokens", "cost_usd", "llm_calls")
_TRIP: Final[dict[str, pl.DataType]] = {
    "replayed_limit": pl.String(),
    "replayed_limit_value": pl.Float64(),
    "replayed_tripping_call_id": pl.String(),
    "replayed_tripping_line": pl.UInt32(),
}
_ABOUT: Final = ("seq", "persona", "step", "span_id")
_SCHEMA: Final[dict[str, pl.DataType]] = {
    **place_types(),
    **dict(zip(_ABOUT, (pl.UInt32(), pl.String(), pl.String(), pl.Int64()), strict=True)),
    **both(FIELDS),
    **_TRIP,
    **dict.fromkeys(_UNDECIDED.values(), pl.String()),
    EVIDENCE: pl.String(),
}
#: What another source may say of a step.
_SAID: Final[Mapping[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("source_path", "source_kind", "status", "error"), str),
    **dict.fromkeys(("source_line", "source_offset", "length"), int),
    **dict.fromkeys(("input_tokens", "output_tokens", "llm_calls"), int),
    "cost_usd": (float, int),
}
_CACHE: Final = ("cache_read_tokens", "cache_write_tokens")

Row = Mapping[str, Any]


@question
def steps(runs: Frames, /) -> pl.DataFrame:
    """Every finished step decided again from its calls and its declared limits.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.

    Returns
    -------
    polars.DataFrame
        One row a row of ``steps``, in order, and one for each other source that says otherwise of the same step
        (a receipt, a completed-step log), with its own place: source columns, ``seq``, ``persona``, ``step``,
        ``span_id``,
        ``recorded_…`` and ``replayed_…`` of each of :data:`FIELDS` (cost in USD, added left to right, so equal to
        the last bit; ``replayed_error`` is null where a span, which tells no error, is all there is),
        ``replayed_limit…`` and ``replayed_tripping_…`` where a limit broke, ``verdict``, ``field``,
        ``because``.

    Notes
    -----
    ``insufficient`` stands where the step's calls or limits are not recorded, where its calls used the prompt
    cache (their prices are not those it was charged), and where its end may come from something that leaves no
    trace: an error the script caught, or one that arose outside of its own calls.
    """
    recorded = runs.frame("steps")
    limits = _limits(recorded, runs.frame("step_definitions").to_dicts())
    used = _used(runs, recorded, limits)
    troubled = _troubled(runs)
    rows = [
        _row(told, _facts(told, limit, use, troubled), use)
        for row, limit, use in zip(recorded.iter_rows(named=True), limits, used, strict=True)
        for told in _tellings(row)
    ]
    told = with_damage(frame_of(rows, _SCHEMA), runs.frame("problems"), {"source_line": "source_path"})
    return judged(told, list(FIELDS), undecided=_UNDECIDED)


def _tellings(row: Row) -> list[Row]:
    """A step as its own source tells it and, where they contradict each other, as the others do."""
    if not row["extra"] or TOLD_OTHERWISE not in row["extra"]:
        return [row]
    said = json.loads(row["extra"]).get(TOLD_OTHERWISE)
    others = [
        {**row, **{name: other[name] for name, kind in _SAID.items() if isinstance(other.get(name), kind)}}
        for other in (said if isinstance(said, list) else ())  # a log may hold a member of that name itself
        if isinstance(other, dict) and isinstance(other.get("source_path"), str)
    ]
    if row["source_kind"] == "span" and others:
        row = {**row, "function": None, "error": None}  # a span tells neither
    return [row, *others]


def _limits(recorded: pl.DataFrame, declared: list[dict[str, Any]]) -> list[StepDefinition | None]:
    """Declared limits of each step; those of one name and persona in one run are looked up once."""
    names = ("run_id", "persona", "step", "function")
    known: dict[tuple[Any, ...], StepDefinition | None] = {}
    for values in recorded.select(names).unique().iter_rows():
        known[values] = declared_for(dict(zip(names, values, strict=True)), declared)
    return [known[values] for values in recorded.select(names).iter_rows()]


def _used(runs: Frames, recorded: pl.DataFrame, limits: list[StepDefinition | None]) -> list[Row]:
    """What the calls of each step come to, a row for each row of ``recorded``; ``calls`` is null without any."""
    keys = recorded.select(
        "run_id",
        step_span_id="span_id",
        max_tokens=pl.Series([one and one.max_tokens for one in limits], dtype=pl.UInt64),
        max_usd=pl.Series([one and one.max_usd for one in limits], dtype=pl.Float64),
    )
    ceilings = keys.drop_nulls("step_span_id").unique(STEP, keep="first")
    charged = running(_charged(runs).join(ceilings, on=list(STEP), how="inner", maintain_order="left"))
    charged = charged.with_columns(limit=exceeded())
    broke = pl.col("limit").is_not_null()
    totals = charged.group_by(STEP).agg(
        pl.len().alias("calls"),
        pl.col("running_input_tokens", "running_output_tokens", "running_usd").last(),
        pl.col("price_in_doubt", "limit").drop_nulls().first(),
        first_line=pl.col("source_line").min(),
        last_line=pl.col("source_line").max(),
        calls_path=pl.col("source_path").first(),
        **{
            f"tripping_{name}": pl.col(name).filter(broke).first()
            for name in ("position", "call_id", "source_line")
        },
    )
    rows = keys.join(totals, on=list(STEP), how="left", maintain_order="left")
    return list(rows.drop("max_tokens", "max_usd").iter_rows(named=True))


def _charged(runs: Frames) -> pl.DataFrame:
    """Calls that steps were charged for, in order, at the price of their span, and why that may be in doubt."""
    calls = runs.frame("step_calls").filter(
        pl.col("step_span_id").is_not_null(), ~pl.col("status").is_in(FAILED).fill_null(value=False)
    )
    spans = runs.frame("spans").filter(pl.col("kind") == SpanKind.LLM_CALL.value)
    prices = spans.select("run_id", "span_id", price="cost_usd", priced=pl.lit(value=True))
    cache = runs.frame("calls").select("run_id", "call_id", cached=pl.sum_horizontal(_CACHE) > 0)
    key = ["run_id", "span_id"]
    rows = calls.join(
        prices.unique(key, keep="first", maintain_order=True), on=key, how="left", maintain_order="left"
    )
    key = ["run_id", "call_id"]
    rows = rows.join(
        cache.drop_nulls(key).unique(key, keep="first", maintain_order=True),
        on=key,
        how="left",
        maintain_order="left",
    )
    where = pl.format("call {} (line {})", pl.col("call_id").fill_null("(no id)"), "source_line")
    doubt = (
        pl.when(pl.col("priced").is_null())
        .then(pl.format("{} has no span, and the transcript's prices are not a step's", where))
        .when(pl.col("cached"))
        .then(pl.format("{} used the prompt cache, and a step is charged without cache prices", where))
    )
    return rows.with_columns(cost_usd="price", price_in_doubt=doubt).sort(*STEP, "seq", maintain_order=True)


def _troubled(runs: Frames) -> dict[str, list[tuple[int | None, int | None]]]:
    """Start of every failed call and of every step that did not complete, by run, and the span it is of."""
    failed = runs.frame("step_calls").filter(pl.col("status").is_in(FAILED))
    stopped = runs.frame("steps").filter(pl.col("status") != StepStatus.COMPLETED.value)
    found: dict[str, list[tuple[int | None, int | None]]] = {}
    for frame in (failed, stopped):
        for run_id, span_id, start_ms in frame.select("run_id", "span_id", "start_ms").iter_rows():
            found.setdefault(run_id, []).append((span_id, start_ms))
    return found


def _facts(
    row: Row, definition: StepDefinition | None, used: Row, troubled: Mapping[str, list[Any]]
) -> StepFacts:
    start, duration = row["start_ms"], row["duration_ms"]
    inside = any(
        span_id != row["span_id"]
        and None not in (begun, start, duration)
        and start <= begun <= start + duration
        for span_id, begun in troubled.get(row["run_id"], ())
    )
    after = None if used["tripping_position"] is None else used["calls"] - used["tripping_position"] - 1
    known = used["price_in_doubt"] is None
    return StepFacts(
        record=row,
        definition=definition,
        usage=_usage(row, used),
        cost_is_known=known,
        calls_after_trip=after,
        error_is_recorded=row["function"] is not None or row["error"] is not None,
        has_trouble=inside,
    )


def _usage(row: Row, used: Row) -> Usage | None:
    """Usage after the last call; the recorded cost stands in for one that is in doubt."""
    if used["calls"] is None:
        return Usage() if row["span_id"] is not None and not row["llm_calls"] else None
    in_doubt = used["price_in_doubt"] is not None
    return Usage(
        input_tokens=used["running_input_tokens"],
        output_tokens=used["running_output_tokens"],
        cost_usd=(row["cost_usd"] or 0.0) if in_doubt else used["running_usd"],
        llm_calls=used["calls"],
    )


def _row(row: Row, facts: StepFacts, used: Row) -> dict[str, Any]:
    end, usage = ending_of(facts), facts.usage
    told = facts.error_is_recorded or end.error is None
    answers = {
        "input_tokens": usage and min(usage.input_tokens, I64_MAX),  # as much as a frame holds
        "output_tokens": usage and min(usage.output_tokens, I64_MAX),
        "cost_usd": used["running_usd"] if used["calls"] else usage and usage.cost_usd,
        "llm_calls": usage and usage.llm_calls,
        "status": end.status,
        "error": end.error if told else None,
    }
    undecided = {name: _no_usage(name, row, answers, used) for name in _USAGE}
    undecided |= {"status": end.undecided, "error": end.undecided if told else None}
    return {
        **{name: row[name] for name in (*PLACE, *_ABOUT)},
        **{f"recorded_{name}": row[name] for name in FIELDS},
        **{f"replayed_{name}": value for name, value in answers.items()},
        **{_UNDECIDED[name]: why for name, why in undecided.items()},
        **_trip_columns(end, used),
        EVIDENCE: _evidence(row, facts, end, used),
    }


def _no_usage(name: str, row: Row, answers: Row, used: Row) -> str | None:
    """Why a total cannot be compared."""
    if answers["llm_calls"] is None:
        return "its calls are not recorded"
    if row[name] is None:
        return "the record does not say it"
    return used["price_in_doubt"] if name == "cost_usd" else None


def _trip_columns(end: Ending, used: Row) -> dict[str, Any]:
    if end.trip is None:
        return {}
    named = used["limit"] == end.trip.limit
    return {
        "replayed_limit": end.trip.limit.value,
        "replayed_limit_value": end.trip.limit_value,
        "replayed_tripping_call_id": used["tripping_call_id"] if named else None,
        "replayed_tripping_line": used["tripping_source_line"] if named else None,
    }


def _evidence(row: Row, facts: StepFacts, end: Ending, used: Row) -> str:
    """What a step was decided from, with the lines."""
    if used["calls"] is None:
        return "a trace without calls in the step"
    lines = f"lines {used['first_line']} to {used['last_line']}"
    said = f"its {used['calls']} call spans ({lines}), summed left to right"
    if used["calls_path"] != row["source_path"]:
        said += f" in {used['calls_path']}"
    if end.trip is None:
        return said
    trip = f"over {end.trip.limit.value} {end.trip.limit_value:g}"
    if used["limit"] == end.trip.limit and facts.cost_is_known:
        return f"{said}: {trip} at the call on line {used['tripping_source_line']}"
    return f"{said}, and its recorded cost: {trip}"
