"""Recorded and replayed answers side by side, and what the record says of each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from harnlab.frames import SOURCE

#: Columns every replay begins with: where the recorded decision stands.
PLACE: Final = tuple(column.name for column in SOURCE)

RECORDED: Final = "recorded_"
REPLAYED: Final = "replayed_"
#: Working column: what a row was decided from.
EVIDENCE: Final = "evidence"
#: Working column: what could not be read as it should of that.
DAMAGE: Final = "damage"

_ROW: Final = "row_number"


class Verdict(StrEnum):
    """What deciding again says of a recorded decision (DESIGN 5)."""

    MATCH = "match"
    MISMATCH = "mismatch"
    INSUFFICIENT = "insufficient"


def judged(
    rows: pl.DataFrame, fields: Sequence[str], *, undecided: Mapping[str, str] = MappingProxyType({})
) -> pl.DataFrame:
    """Add ``verdict``, ``field`` and ``because`` to recorded and replayed answers.

    Parameters
    ----------
    rows : polars.DataFrame
        For each field ``recorded_<field>`` and ``replayed_<field>``, and ``evidence``: what the row was decided
        from (null: the record itself).
    fields : sequence of str
        Fields to compare, in order of interest.
    undecided : mapping of str to str
        Field to the text column that says why it cannot be decided (null: it can).

    Returns
    -------
    polars.DataFrame
        ``mismatch`` where a decided field differs, and ``field`` the first that does; else ``insufficient`` where
        a field is undecided, and ``field`` the first that is; else ``match`` and a null ``field``. Two nulls are
        equal. What differs on a damaged line (see :func:`with_damage`) is ``insufficient`` too. Working columns
        are dropped.
    """
    if DAMAGE not in rows.columns:
        rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(DAMAGE))
    told = (
        rows.with_row_index(_ROW)
        .with_columns(
            differing=_first(fields, lambda name: _differs(name, undecided.get(name))),
            unknown=_first(
                [name for name in fields if name in undecided],
                lambda name: pl.col(undecided[name]).is_not_null(),
            ),
        )
        .with_columns(
            verdict=pl.when(pl.col("differing").is_not_null() & pl.col(DAMAGE).is_null())
            .then(pl.lit(Verdict.MISMATCH.value))
            .when(pl.col("differing").is_not_null() | pl.col("unknown").is_not_null())
            .then(pl.lit(Verdict.INSUFFICIENT.value))
            .otherwise(pl.lit(Verdict.MATCH.value)),
            field=pl.coalesce("differing", "unknown"),
            because=pl.format("decided the same from {}", _evidence()),
        )
    )
    return (
        told.join(_reasons(told, undecided), on=_ROW, how="left", maintain_order="left")
        .with_columns(because=pl.coalesce("reason", "because"))
        .drop(_ROW, "reason", "differing", "unknown", DAMAGE, EVIDENCE, *set(undecided.values()))
    )


def with_damage(rows: pl.DataFrame, problems: pl.DataFrame, lines: Mapping[str, str]) -> pl.DataFrame:
    """Add the column ``damage``: what could not be read as it should on the lines a row was decided from.

    A line with bytes that are no text may differ for no other reason. Problems of a single member do not count: the
    record contradicts itself there, or the member is null.

    Parameters
    ----------
    rows : polars.DataFrame
        The rows, with the columns ``lines`` names.
    problems : polars.DataFrame
        The frame ``problems``.
    lines : mapping of str to str
        Columns with line numbers, each with the column of their file.
    """
    noted = (
        problems.filter(pl.col("source_line").is_not_null(), pl.col("field").is_null())
        .group_by("source_path", "source_line")
        .agg(pl.col("reason").first())
    )
    if noted.is_empty():
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(DAMAGE))
    found = []
    for number, (line, path) in enumerate(lines.items()):
        said = noted.select(
            pl.col("source_path").alias(path),
            pl.col("source_line").alias(line),
            pl.format("line {} is damaged ({})", "source_line", "reason").alias(f"damage_{number}"),
        )
        rows = rows.join(said, on=[path, line], how="left", maintain_order="left")
        found.append(f"damage_{number}")
    return rows.with_columns(pl.coalesce(found).alias(DAMAGE)).drop(found)


def frame_of(rows: Sequence[dict[str, Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Frame of scalar answers with the columns of ``schema``; what a row does not name is null."""
    return pl.DataFrame(
        {
            name: pl.Series([row.get(name) for row in rows], dtype=dtype, strict=False)
            for name, dtype in schema.items()
        }
    )


def both(fields: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Types of the ``recorded_`` and ``replayed_`` columns of each field, side by side."""
    return {f"{side}{name}": dtype for name, dtype in fields.items() for side in (RECORDED, REPLAYED)}


def place_types() -> dict[str, pl.DataType]:
    """Types of the source columns."""
    return {column.name: column.dtype for column in SOURCE}


def _first(names: Sequence[str], holds: Callable[[str], pl.Expr]) -> pl.Expr:
    """First of some names for which an expression holds; null where none does."""
    nothing = pl.lit(None, dtype=pl.String)
    return pl.coalesce(*(pl.when(holds(name)).then(pl.lit(name)) for name in names), nothing)


def _differs(name: str, undecided: str | None) -> pl.Expr:
    unequal = pl.col(f"{RECORDED}{name}").ne_missing(pl.col(f"{REPLAYED}{name}"))
    return unequal if undecided is None else unequal & pl.col(undecided).is_null()


def _reasons(told: pl.DataFrame, undecided: Mapping[str, str]) -> pl.DataFrame:
    """Sentence of every row that is no match; only these pay for their text."""
    parts = [pl.DataFrame(schema={_ROW: pl.get_index_type(), "reason": pl.String()})]
    special = told.filter(pl.col("verdict") != Verdict.MATCH.value)
    for (verdict, differing, unknown), rows in special.partition_by(
        "verdict", "differing", "unknown", as_dict=True
    ).items():
        if differing is None:
            reason = pl.format(f"`{unknown}` cannot be decided: {{}}", undecided[str(unknown)])
        else:
            reason = pl.format(
                f"`{differing}` is recorded as {{}} but decided again as {{}}, from {{}}",
                _text(f"{RECORDED}{differing}"),
                _text(f"{REPLAYED}{differing}"),
                _evidence(),
            )
        if differing is not None and verdict == Verdict.INSUFFICIENT.value:
            reason = pl.format("{}; but {}", reason, DAMAGE)
        parts.append(rows.select(_ROW, reason=reason))
    return pl.concat(parts)


def _evidence() -> pl.Expr:
    return pl.col(EVIDENCE).fill_null("the record itself")


def _text(column: str) -> pl.Expr:
    """Value of any type as text for a sentence."""
    return pl.col(column).cast(pl.String).fill_null("nothing")
