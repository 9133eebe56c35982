from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["damaged"], indirect=True)


def _lines(content: bytes) -> list[bytes]:
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def test_exactly_the_named_lines_are_no_records(incident: Incident) -> None:
    for path, expected in incident.expected["files"].items():
        content = (incident.folder / path).read_bytes()
        records = [_record(line) for line in _lines(content)]
        lost = [number for number, record in enumerate(records, start=1) if record is None]
        assert lost == [fact["line"] for fact in expected["facts"] if "lost" in fact]
        assert (len(content), len(records)) == (expected["bytes"], expected["lines"])
        assert expected["events"] + sum(expected["lost"].values()) == expected["lines"]


def test_blank_and_torn_lines_are_what_they_are_called(incident: Incident) -> None:
    for path, expected in incident.expected["files"].items():
        content = (incident.folder / path).read_bytes()
        lines = _lines(content)
        for fact in expected["facts"]:
            line = lines[fact["line"] - 1]
            assert (fact.get("lost") == "blank") == (not line.strip())
            if fact.get("lost") == "torn":
                assert fact["line"] == len(lines)
                assert not content.endswith(b"\n")


def test_drifting_members_hold_the_raw_value_named(incident: Incident) -> None:
    drifts = [
        (path, fact)
        for path, expected in incident.expected["files"].items()
        for fact in expected["facts"]
        if "drift" in fact
    ]
    assert len(drifts) == incident.expected["drift"] == 6
    for path, fact in drifts:
        line = _lines((incident.folder / path).read_bytes())[fact["line"] - 1].decode()
        assert f'"{fact["drift"]}":{fact["raw"]},' in line


def test_damaged_whole_files_cannot_be_read_as_what_they_claim(incident: Incident) -> None:
    for path in incident.expected["whole_files"]["no_rows"]:
        content = (incident.folder / path).read_bytes()
        record = _record(content)
        assert record is None or record["schema"] != "harn.receipt.v1"
