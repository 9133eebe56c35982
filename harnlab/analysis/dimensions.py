"""The names calls and dispatches can be grouped by, and where each one's values come from.

A dimension that a frame does not hold itself is joined on: the innermost step around a call, its session, what
it dispatched. What cannot be placed is labelled ``(unattributed)`` and never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from harnlab.analysis.inputs import Frames
from harnlab.analysis.sessions import session_of_call
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin

#: Label of what has no value in a text dimension; other dimensions (``iteration``, ``day``, ``hour``) have null.
UNATTRIBUTED: Final = "(unattributed)"

INHERITED: Final = ProvenanceOrigin.INHERITED_FROM_PRIMARY.value
UNKNOWN: Final = ProvenanceOrigin.UNKNOWN.value
#: ``origin`` of a dispatch whose provider, model and wire format all have a named origin, none inherited.
PINNED: Final = "pinned"

PROVENANCE_COLUMNS: Final = tuple(f"provenance_{field}" for field in PROVENANCE_FIELDS)
#: The origins that decide where a call goes; ``thinking`` and ``tool_format`` travel with it.
ROUTE_PROVENANCE: Final = PROVENANCE_COLUMNS[:3]

CALL: Final = ("run_id", "call_id")

_SUFFIX: Final = "_joined"

_OF_STEP: Final = ("persona", "step", "step_path")
_OF_SESSION: Final = ("session",)
_OF_TIME: Final = ("day", "hour")
_OF_DISPATCH: Final = (
    "route",
    "wire_format",
    "tool_format",
    "base_url_host",
    "outcome_kind",
    "outcome_class",
    "origin",
    *PROVENANCE_COLUMNS,
)
_SHARED: Final = (
    "run_id",
    *_OF_STEP,
    "provider",
    "model",
    "iteration",
    *_OF_SESSION,
    *_OF_TIME,
    *_OF_DISPATCH,
    "source_path",
)

#: What a call's cost can be grouped by.
CALL_DIMENSIONS: Final = (*_SHARED, "status", "stop_reason", "route_policy", "cost_source")
#: What dispatches can be grouped by.
DISPATCH_DIMENSIONS: Final = (*_SHARED, "thinking_mode")


def checked(names: str | Iterable[str], known: Sequence[str], *, where: str) -> tuple[str, ...]:
    """Dimension names, each known and named once.

    Raises
    ------
    UnknownName
        For a name that is not in ``known``; the message lists those that are.
    InvalidArgument
        For a name given twice.
    """
    wanted = (names,) if isinstance(names, str) else tuple(names)
    for name in wanted:
        if not isinstance(name, str):
            raise InvalidArgument(repr(name), where=where, expected="names of dimensions, each on its own")
        if name not in known:
            raise UnknownName.among("dimension", name, known, where=where)
    if len(set(wanted)) < len(wanted):
        raise InvalidArgument(f"a dimension named twice in {', '.join(wanted)}", where=where)
    return wanted


def with_dimensions(rows: pl.DataFrame, runs: Frames, names: Iterable[str]) -> pl.DataFrame:
    """Add the columns ``names`` need to rows that have ``run_id``, ``call_id``, ``span_id`` and ``at``.

    Rows keep their order and number; a column the rows already have wins over a joined one.
    """
    wanted = set(names)
    missing = wanted.difference(rows.columns)
    if wanted.intersection(_OF_STEP):
        steps = step_of_call(runs)
        rows = joined(rows, steps.drop("span_id"))
        rows = joined(rows, steps.drop("call_id"), ("run_id", "span_id"))
    if missing.intersection(_OF_SESSION):
        rows = joined(rows, session_of_call(runs, rows.select(CALL)))
    if missing.intersection(_OF_DISPATCH):
        of_dispatch = [name for name in _OF_DISPATCH if name in wanted]
        rows = joined(rows, dispatch_of_call(runs).select(*CALL, *of_dispatch))
    if missing.intersection(_OF_TIME):
        rows = rows.with_columns(day=pl.col("at").dt.date(), hour=pl.col("at").dt.truncate("1h"))
    return rows


def labelled(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give text dimensions that have no value their label."""
    texts = [name for name in names if rows.schema[name] == pl.String]
    return rows.with_columns(pl.col(texts).fill_null(UNATTRIBUTED)) if texts else rows


def step_of_call(runs: Frames) -> pl.DataFrame:
    """Persona, step and step path by call id, and by span id for attempts whose own id the span does not carry."""
    path = pl.col("step_path").list.join(" > ", ignore_nulls=True)
    return runs.frame("step_calls").select(*CALL, "span_id", "persona", "step", step_path=path)


def dispatch_of_call(runs: Frames) -> pl.DataFrame:
    """Route, outcome and origins by call id."""
    return runs.frame("dispatches").with_columns(route_columns()).select(*CALL, *_OF_DISPATCH)


def route_columns() -> list[pl.Expr]:
    """``route``, ``origin`` and the five origins of dispatch rows.

    A missing origin is ``unknown``, as the runtime writes it. ``origin`` is ``inherited_from_primary`` when any of
    the five is, ``pinned`` when those of provider, model and wire format are all named, else ``unknown``.
    """
    origins = [pl.col(name).fill_null(UNKNOWN) for name in PROVENANCE_COLUMNS]
    inherited = pl.any_horizontal(origin == INHERITED for origin in origins)
    named = pl.all_horizontal(pl.col(name).fill_null(UNKNOWN) != UNKNOWN for name in ROUTE_PROVENANCE)
    word = (
        pl.when(inherited).then(pl.lit(INHERITED)).when(named).then(pl.lit(PINNED)).otherwise(pl.lit(UNKNOWN))
    )
    route = pl.concat_str("provider", "model", "wire_format", separator="/")
    return [*origins, word.alias("origin"), route.alias("route")]


def joined(rows: pl.DataFrame, side: pl.DataFrame, key: tuple[str, str] = CALL) -> pl.DataFrame:
    """Rows with the columns of the first row of ``side`` for their key.

    Rows keep their order and number, so that a join can never count a call twice; what they hold already is kept.
    """
    side = side.drop_nulls(list(key))
    places = _first_match(rows, side, key)
    found = side.drop(key).select(pl.all().gather(places))
    shared = [name for name in found.columns if name in rows.columns]
    kept = (pl.coalesce(name, found[name].alias(f"{name}{_SUFFIX}")) for name in shared)
    return rows.with_columns(kept).hstack(found.drop(shared))


def _first_match(rows: pl.DataFrame, side: pl.DataFrame, key: tuple[str, str]) -> pl.Series:
    """Place in ``side`` of the first row with the key of each of ``rows``; null where there is none.

    Numbers are joined several times faster than pairs of texts, so hashes are, and then every pair they brought
    together is compared; where two keys ever shared a hash the texts themselves decide.
    """
    place = pl.int_range(pl.len(), dtype=pl.UInt32).alias("place")
    known = side.select(*key, hash=pl.struct(key).hash(), place=place)
    apart = known["hash"].n_unique() == known.height
    if not apart:
        known = known.unique(list(key), keep="first")
        apart = known["hash"].n_unique() == known.height
    missing = pl.any_horizontal(pl.col(key).is_null())
    asked = rows.select(hash=pl.when(~missing).then(pl.struct(key).hash()))
    if apart:
        places = asked.join(known.drop(key), on="hash", how="left", maintain_order="left")["place"]
        met = side.select(pl.col(key).gather(places))
        if all((rows[name].eq_missing(met[name]) | places.is_null()).all() for name in key):
            return places
    return rows.select(key).join(known, on=list(key), how="left", maintain_order="left")["place"]
