"""Tool calls told by agent events: one row a call, wherever and however often it is told."""

import json

import pytest

import harnlab as hl
from ingest.log_events import compact, event, write_files, write_sqlite

CALL = {"type": "tool_call", "session_id": "s", "tool_call_id": "t", "tool_name": "grep", "status": "pending"}


def agent(kind, at, **members):
    """One agent event of session ``s`` about tool call ``t``."""
    return CALL | {"type": kind, "emitted_at_ms": at} | members


def in_topic(told):
    payloads = [{name: one[name] for name in one if name != "emitted_at_ms"} for one in told]
    return [
        event(
            "observability.agent_events.s",
            payload["type"],
            {"index_hint": one["emitted_at_ms"], "session_id": "s", "event": payload},
            {"session_id": "s"},
            one["emitted_at_ms"],
        )
        for one, payload in zip(told, payloads, strict=True)
    ]


def in_file(path, told, first=0):
    lines = [{"index": first + index, "frame_depth": None} | one for index, one in enumerate(told)]
    path.write_text("".join(compact(line) + "\n" for line in lines))


def shown(runs, *names):
    return runs.tool_calls.select(names).rows()


TOLD = [
    agent("tool_call", 1000, raw_input={"q": "é"}),
    agent("tool_call_update", 1100, status="in_progress", raw_input_partial="{"),
    agent(
        "tool_call_update", 1500, status="completed", duration_ms=380, executor="builtin", raw_output="found"
    ),
]


@pytest.mark.parametrize("backend", ["file", "sqlite", "legacy"])
def test_a_call_and_its_updates_are_one_tool_call(tmp_path, backend):
    match backend:
        case "file":
            write_files(tmp_path, in_topic(TOLD))
        case "sqlite":
            write_sqlite(tmp_path / ".harn" / "events.sqlite", in_topic(TOLD))
        case _:
            in_file(tmp_path / "event_log-s.jsonl", TOLD)
    runs = hl.load(tmp_path)
    (row,) = runs.tool_calls.to_dicts()
    assert (row["call_id"], row["session_id"], row["tool_name"], row["ok"]) == ("t", "s", "grep", True)
    assert (row["arguments_bytes"], row["duration_ms"]) == (10, 380)
    assert (row["source_line"], row["result_line"]) == (1, 3)
    assert row["finished_at"].timestamp() - row["called_at"].timestamp() == 0.5
    assert json.loads(row["extra"]) == {"executor": "builtin"}
    original = runs.text(row)
    assert '"type":"tool_call"' in original
    assert '"raw_input":{"q":"é"}' in original
    assert runs.problems.is_empty()
    assert runs.events.height == 3


def test_a_call_that_never_ends_or_fails_says_so(tmp_path):
    failed = agent("tool_call_update", 3000, tool_call_id="u", status="failed", error="denied")
    in_file(tmp_path / "event_log-s.jsonl", [*TOLD[:2], agent("tool_call", 2000, tool_call_id="u"), failed])
    runs = hl.load(tmp_path)
    assert shown(runs, "call_id", "ok", "result_line") == [("t", None, None), ("u", False, 4)]
    assert json.loads(runs.tool_calls["extra"][1]) == {"error": "denied"}


def test_an_id_used_again_is_a_second_call_and_updates_alone_are_one(tmp_path):
    in_file(
        tmp_path / "event_log-s.jsonl", [*TOLD, *TOLD[:1], agent("tool_call_update", 9000, status="failed")]
    )
    in_file(tmp_path / "event_log-z.jsonl", [one | {"session_id": "z"} for one in TOLD[1:]])
    rows = shown(hl.load(tmp_path), "session_id", "source_line", "ok", "result_line")
    assert rows == [("s", 1, True, 3), ("s", 4, False, 5), ("z", 1, True, 2)]


def test_a_call_goes_on_in_the_next_part_of_a_rotated_log(tmp_path):
    in_file(tmp_path / "event_log-s.jsonl", [TOLD[0]])
    in_file(tmp_path / "event_log-s-000001.jsonl", TOLD[1:], 1)
    runs = hl.load(tmp_path)
    assert shown(runs, "call_id", "ok") == [("t", True)]
    assert runs.tool_calls["source_path"][0].endswith("event_log-s.jsonl")


def test_two_logs_and_a_transcript_tell_a_call_once(tmp_path):
    write_files(tmp_path / ".harn" / "events", in_topic(TOLD))
    write_sqlite(tmp_path / ".harn" / "events.sqlite", in_topic(TOLD))
    (tmp_path / "llm_transcript.jsonl").write_text(
        '{"type":"tool_call","session_id":"s","call_id":"t","tool_name":"grep","arguments":{"q":1},'
        '"timestamp":"1.000","assistant_message_index":4}\n'
    )
    (row,) = hl.load(tmp_path).tool_calls.to_dicts()
    assert row["source_path"].endswith("llm_transcript.jsonl")
    assert (row["assistant_message_index"], row["duration_ms"], row["ok"]) == (4, 380, True)


def test_a_kind_of_that_name_in_another_topic_is_only_an_event(tmp_path):
    write_files(tmp_path, [event("worker.queues", "tool_call", {"tool_call_id": "t", "status": 7})])
    runs = hl.load(tmp_path)
    assert (runs.tool_calls.height, runs.events.height, runs.problems.height) == (0, 1, 0)
