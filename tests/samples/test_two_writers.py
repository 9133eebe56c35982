from __future__ import annotations

import json

import pytest

from .conftest import Incident

pytestmark = pytest.mark.parametrize("incident", ["two-writers"], indirect=True)


def test_listing_each_session_gives_the_expected_keys_and_writers(incident: Incident) -> None:
    for session, expected in incident.expected["sessions"].items():
        folder = incident.folder / "state" / session
        files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        keys = sorted(k for k in files if ".agent_state_meta" not in k and ".agent_state_tmp" not in k)
        assert keys == [row["key"] for row in expected]
        for row in expected:
            meta = files.get(f".agent_state_meta/{row['key']}.json")
            writer = json.loads(meta.read_text("utf-8"))["writer"]["writer_id"] if meta else None
            assert (files[row["key"]].stat().st_size, writer) == (row["bytes"], row["writer_id"])
    assert incident.expected["entries"] == 7


def test_crashed_writes_are_left_beside_their_keys(incident: Incident) -> None:
    found = sorted(
        p.relative_to(incident.folder).as_posix() for p in incident.folder.rglob(".*agent_state_tmp*")
    )
    assert found == sorted(incident.expected["temp_files"])


def test_only_the_refusal_reached_a_run_record(incident: Incident) -> None:
    refused = incident.expected["conflicts"]["refused"]
    errors = {
        run["id"]: run["stages"][0]["attempts"][0]["error"] for run in incident.json(".harn-runs/*.json")
    }
    assert errors[refused["run_id"]] == refused["message"]
    assert [error for run_id, error in errors.items() if run_id != refused["run_id"]] == [None]
    assert (incident.folder / "stderr.log").read_text("utf-8") == f"[harn] warning: {refused['message']}\n"


def test_the_handoff_names_the_key_another_writer_has_now(incident: Incident) -> None:
    envelope = json.loads((incident.folder / "state/release-4.13/__handoff.json").read_text("utf-8"))
    [expected] = incident.expected["handoffs"]
    assert envelope["writer"]["writer_id"] == expected["writer_id"] == "planner"
    assert envelope["written_at"] == expected["written_at"]
    assert "plan.md" in envelope["summary"]["done"]
