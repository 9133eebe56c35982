"""One id leads to every frame that mentions it, in order of time."""

import json

import polars as pl
import pytest

import harnlab as hl
from harnlab.analysis.trace import ID_COLUMNS, SPAN_COLUMNS
from harnlab.frames import SCHEMAS
from ingest.log_events import event, write_sqlite
from ingest.transcript_lines import CALL_ID, dispatch, line, request, response


@pytest.fixture
def runs(tmp_path):
    (tmp_path / ".harn-runs").mkdir()
    span = {
        "span_id": 7,
        "kind": "llm_call",
        "start_ms": 1500,
        "duration_ms": 5,
        "metadata": {"call_id": CALL_ID},
    }
    record = {"_type": "run_record", "id": "r", "started_at": "1777629599", "trace_spans": [span]}
    (tmp_path / ".harn-runs/r.json").write_text(json.dumps(record))
    lines = [line(**one) + b"\n" for one in (request(), response(), dispatch())]
    (tmp_path / "llm_transcript.jsonl").write_bytes(b"".join(lines))
    trusted = {
        "record_id": "rec",
        "agent": "é",
        "timestamp": "2026-05-01T10:00:00Z",
        "metadata": {"session_id": 'quo"te/é'},
    }
    write_sqlite(
        tmp_path / ".harn/events.sqlite",
        [
            event(
                kind="mentions it",
                payload={"call_id": CALL_ID, "session_id": 'quo"te/é'},
                at=1_777_629_700_000,
            ),
            event("trust_graph", "trust_recorded", trusted),
        ],
    )
    return hl.load(tmp_path)


def test_a_call_leads_across_frames_in_order_of_time(runs):
    found = hl.trace(runs, CALL_ID)
    assert found["at"].is_sorted()
    assert sorted(found["frame"].unique()) == ["calls", "dispatches", "events", "spans", "step_calls"]
    assert found.filter(frame="events")["what"].to_list() == [
        "provider_call_request",
        "resolved_dispatch",
        "provider_call_response",
        "mentions it",
    ]
    (span,) = found.filter(frame="spans").to_dicts()
    assert (span["at"].timestamp(), span["what"]) == (1_777_629_600.5, "llm_call")
    assert found["matched"].list.contains("call_id").all()


def test_every_row_found_leads_to_its_original(runs):
    for row in hl.trace(runs, CALL_ID).to_dicts():
        assert CALL_ID in json.dumps(runs.record(row))


def test_an_id_inside_json_is_a_mention_however_it_is_spelled(runs):
    found = hl.trace(runs, 'quo"te/é')
    assert found.select("frame", "matched").rows() == [
        ("trust_records", ["metadata"]),
        ("events", ["session_id"]),
    ]


def test_a_number_is_a_span(runs):
    found = hl.trace(runs, 7)
    assert set(found["matched"].explode()) <= SPAN_COLUMNS
    assert {"spans", "events", "calls"} <= set(found["frame"])
    assert "mentions it" not in found["what"].to_list()


def test_an_id_nobody_mentions_gives_an_empty_frame_of_the_same_columns(runs):
    nothing = hl.trace(runs, "never seen")
    assert nothing.is_empty()
    assert nothing.schema == hl.trace(runs, CALL_ID).schema


@pytest.mark.parametrize("nothing", [None, "", True, 1.5])
def test_what_is_no_id_is_refused_rather_than_not_found(runs, nothing):
    with pytest.raises(hl.InvalidArgument, match="expected an id"):
        hl.trace(runs, nothing)


def test_part_of_an_id_is_no_mention(runs):
    assert hl.trace(runs, CALL_ID[:-1]).is_empty()


def test_every_id_column_is_a_column_of_some_frame():
    columns = {(column.name, column.dtype) for schema in SCHEMAS.values() for column in schema.columns}
    assert {(name, pl.String()) for name in ID_COLUMNS} <= columns
    assert {(name, pl.Int64()) for name in SPAN_COLUMNS} <= columns
