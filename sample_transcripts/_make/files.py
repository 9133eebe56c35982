"""Writing what the imitated runtime leaves on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def compact(value: Any) -> str:
    """One JSON line as serde writes it."""
    _refuse_exponents(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def pretty(value: Any) -> str:
    """Two-space JSON without a final newline, as serde's pretty printer writes it."""
    _refuse_exponents(value)
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)


def _refuse_exponents(value: Any) -> None:
    # Python and Rust differ in the text of very small and very large floats; the samples avoid them.
    if isinstance(value, float) and "e" in repr(value):
        raise ValueError(f"{value!r} is written differently by Rust")
    if isinstance(value, dict):
        for member in value.values():
            _refuse_exponents(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_exponents(member)


class Project:
    """One project folder of a host: paths are given relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def write_json(self, path: str, value: Any) -> None:
        self.write(path, pretty(value) + "\n")

    def write_lines(self, path: str, records: list[Any]) -> None:
        self.write(path, "".join(compact(record) + "\n" for record in records))
