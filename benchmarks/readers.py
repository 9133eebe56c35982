"""harnlab and its peers, each reading the same columns of the same transcripts: ``readers.py NAME FILE...``.

Prints what was found, so that a reader that loses something is seen, and the time it took.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from measure import timed

from harnlab.ingest.families import FAMILIES, RESPONSE, Family, ItemCount, Member, TextSize
from harnlab.ingest.heads import HEAD_DTYPES

Found = dict[str, Any]
_DUCKDB_TYPES = {
    pl.String(): "VARCHAR",
    pl.Int64(): "BIGINT",
    pl.Float64(): "DOUBLE",
    pl.Boolean(): "BOOLEAN",
    pl.List(pl.String()): "VARCHAR[]",
}


def harnlab(paths: list[str]) -> Found:
    """All frames, joined, with problems and the place of every record."""
    from harnlab.runs import load  # noqa: PLC0415 - after the clock of another reader

    runs = load(paths, progress=False, cache=False)
    answers = runs.calls.filter(pl.col("status") == "answered")
    held = sum(
        runs.frame(name).estimated_size("mb") for name in ("events", "calls", "messages", "dispatches")
    )
    return {"lines": runs.events.height, **_sums(answers), "frames_mb": held}


def duckdb(paths: list[str]) -> Found:
    """``read_json`` with explicit columns into a table, then one frame a family."""
    import duckdb  # noqa: PLC0415

    database = duckdb.connect()
    kinds = _duckdb_columns()
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in kinds.items())
    options = f"format='newline_delimited', columns={{{columns}}}, ignore_errors=true"
    database.sql(f"CREATE TEMP TABLE lines AS SELECT * FROM read_json({paths}, {options})")
    events = database.sql(f"SELECT {', '.join(HEAD_DTYPES)} FROM lines").pl()
    frames = {}
    for family in FAMILIES:
        read = ", ".join(_duckdb_column(family, column, kinds) for column in family.columns)
        frames[family.type] = database.sql(f"SELECT {read} FROM lines WHERE type = '{family.type}'").pl()
    return {"lines": events.height, **_sums(frames[RESPONSE.type])}


def _duckdb_columns() -> dict[str, str]:
    kinds = dict.fromkeys(HEAD_DTYPES, "VARCHAR") | {"iteration": "BIGINT", "span_id": "BIGINT"}
    for family in FAMILIES:
        for column, reading in family.columns.items():
            name, _, inner = reading.path.partition(".")
            typed = isinstance(reading, Member) and not inner
            kind = _DUCKDB_TYPES.get(family.dtype(column), "VARCHAR") if typed else "JSON"
            # the same member has another type in another family
            kinds[name] = kind if kinds.get(name, kind) == kind else "JSON"
    return kinds


def _duckdb_column(family: Family, column: str, kinds: dict[str, str]) -> str:
    reading = family.columns[column]
    name, _, inner = reading.path.partition(".")
    if inner:
        return f"({name}->>'$.{inner}')::{_DUCKDB_TYPES[family.dtype(column)]} AS {column}"
    if isinstance(reading, TextSize):
        return f"strlen({name}->>'$') AS {column}"
    if isinstance(reading, ItemCount):
        return f"json_array_length({name}) AS {column}"
    as_text = kinds[name] == "JSON" and isinstance(reading, Member)
    return f"{name}->>'$' AS {column}" if as_text else f"{name} AS {column}"


def polars(paths: list[str]) -> Found:
    """``scan_ndjson`` with an explicit schema, then one frame a family."""
    schema: dict[str, pl.DataType] = dict(HEAD_DTYPES)
    for family in FAMILIES:
        for column, reading in family.columns.items():
            name, _, inner = reading.path.partition(".")
            dtype = family.dtype(column)
            plain = isinstance(reading, Member) and not inner and dtype in _DUCKDB_TYPES
            kind = dtype if plain else pl.String()
            schema[name] = kind if schema.get(name, kind) == kind else pl.String()
    lines = pl.scan_ndjson(paths, schema=schema, ignore_errors=True).collect()
    frames = {family.type: lines.filter(pl.col("type") == family.type) for family in FAMILIES}
    return {"lines": lines.height, **_sums(frames[RESPONSE.type])}


def pandas_json_normalize(paths: list[str]) -> Found:
    """``json.loads`` a line, then ``json_normalize`` a family."""
    import pandas as pd  # noqa: PLC0415

    records: dict[str, list[Any]] = {}
    for path in paths:
        with Path(path).open("rb") as file:
            for line in file:
                record = json.loads(line)
                records.setdefault(record["type"], []).append(record)
    frames = {
        family.type: pd.json_normalize(records.get(family.type, []), max_level=1) for family in FAMILIES
    }
    answers = frames[RESPONSE.type]
    return {
        "lines": sum(map(len, records.values())),
        "answers": len(answers),
        "input_tokens": int(answers["input_tokens"].sum()),
    }


def pandas_read_json(paths: list[str]) -> Found:
    """``read_json(lines=True)``, everything in one frame."""
    import pandas as pd  # noqa: PLC0415

    lines = pd.concat([pd.read_json(path, lines=True) for path in paths])
    answers = lines[lines["type"] == RESPONSE.type]
    return {
        "lines": len(lines),
        "answers": len(answers),
        "input_tokens": int(answers["input_tokens"].sum()),
    }


def simdjson(paths: list[str]) -> Found:
    """``pysimdjson``: parse each line and take ``type``; no columns."""
    parser = importlib.import_module("simdjson").Parser()
    kinds: list[str] = []
    for path in paths:
        kinds += [str(parser.parse(line)["type"]) for line in Path(path).read_bytes().splitlines()]
    return {"lines": len(kinds)}


def page_cache(paths: list[str]) -> Found:
    """The limit: the bytes from the page cache into one warm buffer."""
    buffer = memoryview(bytearray(16 << 20))
    lines = 0
    for path in paths:
        with Path(path).open("rb", buffering=0) as file:
            while file.readinto(buffer):
                lines += 1
    return {}


def _sums(answers: pl.DataFrame) -> Found:
    return {"answers": answers.height, "input_tokens": answers["input_tokens"].sum()}


READERS: dict[str, Callable[[list[str]], Found]] = {
    "harnlab.load": harnlab,
    "DuckDB read_json": duckdb,
    "Polars scan_ndjson": polars,
    "pandas json_normalize": pandas_json_normalize,
    "pandas read_json": pandas_read_json,
    "pysimdjson, type only": simdjson,
    "page cache read": page_cache,
}
#: What a reader imports, so that its import is not timed.
NEEDS = {
    "harnlab.load": "harnlab.runs",
    "DuckDB read_json": "duckdb",
    "pandas json_normalize": "pandas",
    "pandas read_json": "pandas",
    "pysimdjson, type only": "simdjson",
}


def expanded(paths: list[str]) -> list[str]:
    """Files, and the transcripts of folders."""
    found = []
    for path in map(Path, paths):
        found += sorted(map(str, path.rglob("*.jsonl"))) if path.is_dir() else [str(path)]
    return found


def main() -> None:
    name, *paths = sys.argv[1:]
    if name in NEEDS:
        importlib.import_module(NEEDS[name])
    files = paths if name == "harnlab.load" else expanded(paths)
    print(json.dumps(timed(lambda: READERS[name](files))))


if __name__ == "__main__":
    main()
