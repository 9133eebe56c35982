"""Any finding as one sentence with the lines it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.questions import of_frames

#: Columns that name what a row is about, the most telling first.
_SUBJECT: Final = (
    "subject",
    "step",
    "skill_id",
    "agent_key",
    "key",
    "recorded_key",
    "record_id",
    "call_id",
    "rule",
)
_VERDICT: Final = ("verdict", "decidability")


@of_frames
def explain(row: Mapping[str, Any] | pl.DataFrame, /) -> str:
    """One finding in a sentence: what it is about, the verdict, why, and the log lines that say so.

    Parameters
    ----------
    row : mapping or one-row polars.DataFrame
        A row of ``hl.parity``, ``hl.replay``, ``hl.whatif``, ``hl.costs.overruns``, ``hl.routes.inherited`` or any
        other frame that has ``because``.

    Returns
    -------
    str
        The sentence. Its words come from the row alone; text of a log in it is quoted as it stands and is never
        markup.

    Raises
    ------
    InvalidArgument
        For a frame of several rows, and for a row that says no reason.

    Examples
    --------
    >>> explain(
    ...     {
    ...         "core": "dispatch",
    ...         "subject": "call-7",
    ...         "verdict": "match",
    ...         "because": "decided the same",
    ...         "source_path": "a.jsonl",
    ...         "source_line": 3,
    ...     }
    ... )
    'dispatch call-7: match, decided the same (a.jsonl:3).'
    """
    if isinstance(row, pl.DataFrame):
        if row.height != 1:
            raise InvalidArgument(f"a frame of {row.height} rows", where="explain", expected="one row")
        row = row.row(0, named=True)
    reason = _reason(row)
    if reason is None:
        raise InvalidArgument(
            "a row that says no reason",
            where="explain",
            expected="a row with `because`, such as of hl.parity",
        )
    verdict = next((row[name] for name in _VERDICT if row.get(name)), None)
    said = f"{verdict}, {reason}" if verdict else reason
    subject = " ".join(_subject(row))
    places = "; ".join(dict.fromkeys(_places(row)))
    sentence = f"{subject}: {said}" if subject else said
    return f"{sentence} ({places})." if places else f"{sentence}."


def _reason(row: Mapping[str, Any]) -> str | None:
    if row.get("because"):
        return str(row["because"]).rstrip(". ")
    if row.get("inherited_fields"):
        fields = ", ".join(row["inherited_fields"])
        return (
            f"{fields} of the call to {row.get('route')} came from the primary, not from the call's own route"
        )
    return None


def _subject(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("core"):
        yield str(row["core"])
    name = next((name for name in _SUBJECT if row.get(name) is not None), None)
    if name is not None:
        yield f"{name} {row[name]}" if name in {"step", "rule"} else str(row[name])
    if row.get("run_id"):
        yield f"of {row['run_id']}"


def _places(row: Mapping[str, Any]) -> Iterator[str]:
    """Every ``…source_path`` of the row with its line."""
    for column, path in row.items():
        if column.endswith("source_path") and path is not None:
            line = row.get(f"{column.removesuffix('path')}line")
            yield path if line is None else f"{path}:{line}"
