"""Step definitions: persona JSON, a manifest in TOML, or a plain mapping of functions (FORMATS 9).

The limits stand in the frame as the runtime reads them (FORMATS 4.2); a budget it would read otherwise than it
is written stays in ``extra`` as written.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import STEP_DEFINITIONS, Text
from harnlab.ingest.document_rows import Row, Rows, event, json_text, objects, part, reading, typed_member
from harnlab.ingest.documents import (
    ANY_MEMBER,
    ELEMENTS,
    LEAF,
    Findings,
    Inside,
    Record,
    read_content,
    read_document,
    shown_safely,
)
from harnlab.ingest.sources import Part, Problem, Source, SourceKind
from harnlab.vocabulary import ProblemKind

_STEPS: Final[Inside] = {"steps": {ELEMENTS: LEAF}}
_PERSONAS: Final[Inside] = {"personas": {ELEMENTS: _STEPS}, **_STEPS, ANY_MEMBER: LEAF}
_DEFINITION: Final = reading(
    STEP_DEFINITIONS,
    "function name model error_boundary approval receipt",
    kept_in_file="budget",
    retry_max_attempts="retry.max_attempts",
    declared_line="line",
)
_GIVEN: Final = Source(
    path=Path("(given)"), shown="(given)", kind=SourceKind.PERSONA, run_id="(given)", project="(given)"
)

_TABLE: Final = re.compile(rb"^[ \t]*(\[[^\]\[\n]+\]|\[\[[^\]\[\n]+\]\])[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_STEP: Final = re.compile(rb"\[\[\s*personas\s*\.\s*steps\s*\]\]")
_INSIDE_STEP: Final = re.compile(rb"\[+\s*personas\s*\.\s*steps\s*\.")
_ERROR_LINE: Final = re.compile(r"at line (\d+), column")
_I64_MAX: Final = 2**63 - 1


def read(source: Source) -> Part:
    """Frames of a file that declares steps.

    Parameters
    ----------
    source : Source
        A persona object or an array of them, a manifest with ``[[personas]]`` tables, or an object of
        functions with their definitions; it may be damaged in any way.

    Returns
    -------
    Part
        ``step_definitions`` and ``events``, where there are rows.
    """
    if source.path.suffix.lower() == ".toml":
        return _read_manifest(source)
    document = read_document(source, _PERSONAS)
    rows: Rows = {"events": [], "step_definitions": []}
    for record in document.records:
        rows["events"] += event(source, record, document.findings)
        rows["step_definitions"] += _definitions(source, record, document.findings)
    return part(rows, document.findings)


def step_definitions(mapping: Mapping[str, Mapping[str, Any]], *, persona: str | None = None) -> pl.DataFrame:
    """Definitions that an analyst gives, where no file declares them.

    Parameters
    ----------
    mapping : mapping of str to mapping
        Function to ``name``, ``model``, ``error_boundary`` and ``budget {max_tokens, max_usd}``, all optional;
        what the runtime could not use counts as not declared.
    persona : str, optional
        Persona the steps belong to.

    Returns
    -------
    polars.DataFrame
        In the schema of ``step_definitions``; ``run_id`` and ``source_path`` are ``(given)``.

    Raises
    ------
    InvalidArgument
        When a function's definition is no mapping.
    """
    rows = []
    for function, definition in mapping.items():
        if not isinstance(definition, Mapping):
            raise InvalidArgument(
                f"the definition of {function!r} is a {type(definition).__name__}",
                where="mapping",
                expected="a mapping of name, model, error_boundary and budget",
            )
        record = Record(line=0, offset=0, length=0, value=dict(definition), complete=True)
        row = _definition(_GIVEN, record, Findings(), persona=persona, function=function)
        rows.append(row | {"source_line": None, "source_offset": None, "length": None})
    return STEP_DEFINITIONS.build(rows)


def max_tokens(declared: Any) -> int | None:
    """Token ceiling as the runtime reads a declared one (FORMATS 4.2); ``None`` is no ceiling.

    It must be a number above 0; a float is truncated, so 0.5 is a ceiling of 0, which any token trips.
    """
    if _is_number(declared) and declared > 0:
        return min(int(declared), _I64_MAX)
    return None


def max_usd(declared: Any) -> float | None:
    """USD ceiling as the runtime reads a declared one (FORMATS 4.2): a number of 0 or more, else no ceiling."""
    if _is_number(declared) and declared >= 0:
        return float(min(declared, _I64_MAX) if isinstance(declared, int) else declared)
    return None


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _definitions(source: Source, record: Record, findings: Findings) -> Iterator[Row]:
    """Rows of one JSON object: personas, one persona, or functions with their definitions."""
    if "personas" in record.value:
        for persona in objects(record, "personas", findings):
            yield from _of_persona(source, persona, findings)
    elif "steps" in record.value or isinstance(record.member("name"), str):
        yield from _of_persona(source, record, findings)
    elif not record.value:
        findings.note(record, "", "expected a persona or a mapping of step functions, found an empty object")
    else:
        for function, definition in record.value.items():
            if isinstance(definition, Record) and isinstance(definition.value, dict):
                yield _definition(source, definition, findings, persona=None, function=function)
            else:
                reason = f"expected a step definition, found {shown_safely(record.member(function))}"
                findings.note(record, function, reason)


def _of_persona(source: Source, persona: Record, findings: Findings) -> Iterator[Row]:
    name = typed_member(persona, "name", Text, findings)
    for step in objects(persona, "steps", findings):
        yield _definition(source, step, findings, persona=name)


def _definition(
    source: Source, step: Record, findings: Findings, *, persona: str | None, function: str | None = None
) -> Row:
    row = _DEFINITION.row(source, step, findings)
    row["persona"] = persona
    row["function"] = row["function"] or function
    row["name"] = row["function"] if row["name"] is None else row["name"]
    row["model"] = row["model"] or None
    declared = step.member("budget")
    budget = declared if isinstance(declared, dict) else {}
    row["max_tokens"] = max_tokens(budget.get("max_tokens"))
    row["max_usd"] = max_usd(budget.get("max_usd"))
    if declared is not None and not _is_plain(declared, row):
        extra = _DEFINITION.unknown(step) | {"budget": declared}
        row["extra"] = json_text(step, "budget", extra, findings)
        reason = f"the runtime reads {shown_safely(declared)} as max_tokens {row['max_tokens']}"
        findings.note(step, "budget", f"{reason}, max_usd {row['max_usd']} (None: no limit)")
    return row


def _is_plain(declared: Any, row: Row) -> bool:
    """Whether a budget stands in the row just as it is written."""
    if not isinstance(declared, dict) or isinstance(declared.get("max_tokens"), bool | float):
        return False
    return all(name in ("max_tokens", "max_usd") and row[name] == value for name, value in declared.items())


def _read_manifest(source: Source) -> Part:
    findings = Findings()
    rows: Rows = {"events": [], "step_definitions": []}
    content = read_content(source, findings)
    if content is not None and (manifest := _manifest(content, findings)):
        rows["events"] += event(source, manifest, findings)
        for persona, steps in _placed(manifest, content, findings):
            for step in steps:
                rows["step_definitions"].append(_definition(source, step, findings, persona=persona))
    return part(rows, findings)


def _manifest(content: bytes, findings: Findings) -> Record | None:
    """The whole manifest as one record; ``None``, and a finding, where it is no TOML."""
    whole = Record(line=1, offset=0, length=len(content), complete=True)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"byte 0x{content[error.start]:02x} at {error.start} is not UTF-8; kept as U+FFFD"
        findings.note(whole, "", reason)
        text = content.decode("utf-8-sig", "replace")
    try:
        whole.value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = _ERROR_LINE.search(str(error))
        at = int(line[1]) if line else 1
        reason = f"not TOML ({error})"
        findings.lost.append(Problem(kind=ProblemKind.BAD, reason=reason, line=at, length=len(content)))
        return None
    return whole


def _placed(
    manifest: Record, content: bytes, findings: Findings
) -> Iterator[tuple[str | None, list[Record]]]:
    """Personas of a manifest and their steps, each at its header where headers and steps can be paired."""
    personas = manifest.value.get("personas")
    tables = list(personas.values()) if isinstance(personas, dict) else personas
    if not isinstance(tables, list):
        findings.note(manifest, "personas", f"expected [[personas]] tables, found {shown_safely(personas)}")
        return
    found = [table.get("steps", []) if isinstance(table, dict) else [] for table in tables]
    places = _step_tables(content)
    paired = len(places) == sum(len(steps) for steps in found if isinstance(steps, list))
    waiting = iter(places if paired else [])
    for table, steps in zip(tables, found, strict=True):
        if not isinstance(table, dict) or not isinstance(steps, list):
            findings.note(manifest, "personas", f"expected a persona, found {shown_safely(table)}")
            continue
        persona = Record(line=1, offset=0, length=manifest.length, path="personas[]", value=table)
        records = []
        for step in steps:
            line, offset, length = next(waiting, (1, 0, manifest.length))
            record = Record(line=line, offset=offset, length=length, path="personas[].steps[]", value=step)
            if isinstance(step, dict):
                records.append(record)
            else:
                findings.note(record, "", f"expected a step table, found {shown_safely(step)}")
        yield typed_member(persona, "name", Text, findings), records


def _step_tables(content: bytes) -> list[tuple[int, int, int]]:
    """Line, offset and length of every ``[[personas.steps]]`` table with the tables inside it."""
    headers = [match for match in _TABLE.finditer(content) if not _INSIDE_STEP.match(match[1])]
    starts = [match.start(1) for match in headers]
    return [
        (content.count(b"\n", 0, start) + 1, start, len(content[start:end].rstrip()))
        for match, start, end in zip(headers, starts, [*starts[1:], len(content)], strict=False)
        if _STEP.fullmatch(match[1])
    ]
