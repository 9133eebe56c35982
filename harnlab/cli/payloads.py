"""JSON Schema of what each command puts under ``data``, and of a line of ``tail --json``.

Rows of an answer are described by asking the question of no runs at all: the answer has its columns and no row.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from harnlab.analysis import compare, costs
from harnlab.cli.output import ENVELOPE_VERSION
from harnlab.frames import ALL_FRAMES, SCHEMAS, Column, FrameSchema
from harnlab.gate import Verdict, check, parse_rules
from harnlab.questions import GivenFrames
from harnlab.replay import counts, parity, whatif
from harnlab.summary import summarise

Schema = dict[str, Any]

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_YES_NO: Final[Schema] = {"type": "boolean"}
_ANY_OBJECT: Final[Schema] = {"type": "object"}
#: Polars type -> JSON type; every other type is a whole number.
_KINDS: Final = {
    "String": "string",
    "Boolean": "boolean",
    "Float64": "number",
    "Datetime": "string",
    "Date": "string",
    "List": "array",
    "Null": "null",
}


def payloads() -> dict[str, Schema]:
    """Schema of ``data`` by what stands under ``command``."""
    return {**_of_questions(), **_of_frames(), **_of_gate(), **_of_texts(), **_of_cache(), **_of_lake()}


def envelope_schema() -> Schema:
    """JSON Schema of what ``--json`` prints: the envelope, and by its ``command`` the data."""
    branches = [
        {"properties": {"command": {"const": name}, "data": data}} for name, data in payloads().items()
    ]
    return {
        "$schema": _DRAFT,
        "title": "harnlab output",
        "type": "object",
        "required": ["harnlab", "envelope", "command", "data"],
        "additionalProperties": False,
        "properties": {
            "harnlab": {**_TEXT, "description": "version that wrote it"},
            "envelope": {"const": ENVELOPE_VERSION, "description": "version of this form"},
            "command": {"enum": [*payloads()], "description": "command and what it was asked for"},
            "data": {"description": "the result; rows of a frame as objects"},
        },
        "oneOf": branches,
    }


def tail_schema() -> Schema:
    """JSON Schema of one line of ``harnlab tail --json``: a row of ``events``."""
    return {"$schema": _DRAFT, "title": "harnlab tail line", **_row_of(SCHEMAS["events"])}


def _of_frames() -> dict[str, Schema]:
    frames = {f"show {frame.name}": _list(_row_of(frame)) for frame in ALL_FRAMES}
    return {**frames, "show summary": _list(_row(_summary()))}


def _of_questions() -> dict[str, Schema]:
    nothing = GivenFrames({})
    compared = compare.compare(nothing, nothing)
    verdicts = parity(nothing)
    answers = {
        "step-budget": whatif.step_budget(nothing, max_usd=1.0),
        "catalog": whatif.catalog(nothing, budget=1),
        "autonomy": whatif.autonomy(nothing, per_hour=1),
        "route": whatif.route(nothing),
        "decidability": whatif.DECIDABILITY,
    }
    return {
        "show": _shown(nothing),
        "parity": _object(counts=_list(_row(counts(verdicts))), rows=_list(_row(verdicts))),
        "compare": _object(
            aligned=_COUNT, pairs=_list(_row(compared.pairs)), differences=_list(_row(compared.differences))
        ),
        **{f"whatif {name}": _list(_row(answer)) for name, answer in answers.items()},
    }


def _shown(nothing: GivenFrames) -> Schema:
    place = {**_object(place=_TEXT, call_id=_TEXT_OR_NULL, run_id=_TEXT), "type": ["object", "null"]}
    inherited = _object(
        found=_YES_NO, first=place, fields=_ANY_OBJECT, calls=_COUNT, runs=_COUNT, cost_usd=_TEXT,
        unpriced_calls=_COUNT, paragraph=_TEXT,
    )  # fmt: skip
    return _object(
        files=_list(_object(path=_TEXT, kind=_TEXT, run_id=_TEXT_OR_NULL)),
        frames=_object(**dict.fromkeys(SCHEMAS, _COUNT)),
        runs=_list(_row(_summary())),
        problems=_list(_row_of(SCHEMAS["problems"])),
        overruns=_list(_row(costs.overruns(nothing))),
        inherited=inherited,
    )


def _of_gate() -> dict[str, Schema]:
    rules = parse_rules('[[rule]]\nmeasure = "denials"\nlimit = 0\n')
    findings = _list(_row(check(GivenFrames({}), rules=rules)))
    counted = _object(**{verdict.value: _COUNT for verdict in Verdict})
    return {
        "check": _object(passed=_YES_NO, counts=counted, findings=findings),
        "check --update-baseline": _object(written=_TEXT, measures=_COUNT, runs=_COUNT),
        "new-check": _object(folder=_TEXT, written=_list(_TEXT)),
    }


def _of_texts() -> dict[str, Schema]:
    column = _object(name=_TEXT, dtype=_TEXT, unit=_TEXT_OR_NULL, nullable=_YES_NO, doc=_TEXT)
    frame = _object(name=_TEXT, row=_TEXT, key=_list(_TEXT), columns=_list(column))
    part = _object(
        part=_TEXT, found=_TEXT_OR_NULL, works=_YES_NO, needed=_YES_NO, purpose=_TEXT, hint=_TEXT_OR_NULL
    )
    schemas = {f"schema {name}": _ANY_OBJECT for name in ("rules", "envelope", "tail")}
    return {
        "report": _object(written=_TEXT, runs=_COUNT, redacted=_YES_NO),
        "lab": _object(folder=_TEXT, copied=_list(_TEXT)),
        "doctor": _object(healthy=_YES_NO, parts=_list(part)),
        "schema": _object(schema_version=_COUNT, frames=_list(frame)),
        "schema sources": _list(_object(kind=_TEXT, found_as=_TEXT, holds=_TEXT)),
        **schemas,
    }


def _of_cache() -> dict[str, Schema]:
    file = _object(path=_TEXT_OR_NULL, log_bytes=_COUNT, kept_bytes=_COUNT, used_at=_TEXT)
    return {
        "cache show": _object(folder=_TEXT, most_bytes=_COUNT, kept_bytes=_COUNT, files=_list(file)),
        "cache clear": _object(folder=_TEXT, freed_bytes=_COUNT),
        "cache path": _object(folder=_TEXT),
    }


def _of_lake() -> dict[str, Schema]:
    parts = _object(
        part=_TEXT,
        written=_YES_NO,
        **dict.fromkeys(("files", "bytes", "runs", "events", "calls", "problems"), _COUNT),
    )
    rows = {"type": "object", "additionalProperties": _COUNT}
    return {"convert": _object(lake=_TEXT, files=_COUNT, rows=rows, parts=_list(parts))}


def _summary() -> pl.DataFrame:
    return summarise({name: frame.empty() for name, frame in SCHEMAS.items()})


def _object(**members: Schema) -> Schema:
    return {
        "type": "object",
        "required": [*members],
        "properties": members,
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _row_of(frame: FrameSchema) -> Schema:
    return _object(**{column.name: _declared(column) for column in frame.columns})


def _declared(column: Column) -> Schema:
    kind = _kind(column.dtype)
    return {"type": [kind, "null"] if column.nullable else kind, "description": column.doc}


def _row(answer: pl.DataFrame) -> Schema:
    return _object(**{name: {"type": [_kind(dtype), "null"]} for name, dtype in answer.schema.items()})


def _kind(dtype: pl.DataType) -> str:
    return _KINDS.get(dtype.base_type().__name__, "integer")
