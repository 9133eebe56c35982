"""Durable state and who wrote it."""

import json
from pathlib import Path

import pytest

import harnlab as hl
from analysis.frame_stand_in import StandIn, at
from harnlab.analysis import state
from harnlab.errors import UnreadablePath

EXPECTED = json.loads(Path("sample_transcripts/two-writers/expected.json").read_text())


def entry(key, writer="planner", minutes=0, **more):
    named = {
        "root": "r",
        "session_id": "s",
        "key": key,
        "state": "value",
        "writer_id": writer,
        "updated_at": at(minutes),
    }
    return named | more


HANDOFF = {
    "root": "r",
    "session_id": "s",
    "writer_id": "planner",
    "written_at": at(5),
    "summary": '{"done": ["plan.md", "lost/risks.md"], "next": [{"file": "todo"}], "note": "see plan.md, v2.0"}',
}
RUNS = StandIn(
    state_entries=[
        entry("todo", None, writer_worker_id="w1", updated_at=None),
        entry("plan.md", "reviewer", 9),
        entry("__handoff.json"),
        entry(".x", None, state="crash_leftover"),
        entry("plan.md", "reviewer", 9, session_id="other"),
    ],
    handoffs=[HANDOFF],
)


@pytest.fixture(scope="module")
def sample():
    return hl.load("sample_transcripts/two-writers", progress=False)


def test_entries_stand_by_session_and_key_with_their_writer():
    told = state.entries(RUNS)
    named = (
        "session_id",
        "key",
        "writer",
        "is_handoff",
        "suspected_conflict",
        "session_keys",
        "session_writers",
    )
    assert told.select(named).rows() == [
        ("other", "plan.md", "reviewer", False, False, 1, 1),
        ("s", ".x", None, False, False, 3, 2),
        ("s", "__handoff.json", "planner", True, False, 3, 2),
        ("s", "plan.md", "reviewer", False, True, 3, 2),
        ("s", "todo", "w1", False, False, 3, 2),
    ]


def test_a_key_handed_over_by_another_is_a_suspicion_and_no_proof():
    told = state.conflicts(RUNS).row(0, named=True)
    assert (told["kind"], told["key"], told["previous_writer"], told["current_writer"]) == (
        "suspected",
        "plan.md",
        "planner",
        "reviewer",
    )
    assert (told["at"], told["handed_over_at"], told["message"]) == (at(9), at(5), None)
    assert "does not keep who wrote it before" in told["because"]


def test_a_handoff_tells_what_it_names_and_what_became_of_it():
    told = state.handoffs(RUNS).row(0, named=True)
    assert told["summary_keys"] == ["done", "next", "note"]
    assert told["named_keys"] == ["plan.md", "todo"]
    assert (told["rewritten_keys"], told["missing_keys"]) == (["plan.md"], ["lost/risks.md"])


def test_a_handoff_that_cannot_be_read_names_nothing():
    told = state.handoffs(StandIn(handoffs=[HANDOFF | {"summary": "{"}])).row(0, named=True)
    assert (told["summary_keys"], told["named_keys"], told["missing_keys"]) == ([], [], [])


class WithRecords(StandIn):
    """A stand-in whose rows lead back to an answer."""

    def __init__(self, answer, **rows):
        super().__init__(**rows)
        self._answer = answer

    def record(self, row):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


SAID = "agent_state.write: key 'p' was previously written by 'a' and is now being written by 'b'"
CALLS = {
    "tool_calls": [{"call_id": "t1", "ok": False}, {"call_id": "t2", "ok": True}],
    "messages": [{"tool_call_id": "t1", "timestamp": at(3)}, {"tool_call_id": "t2"}, {"tool_call_id": "t9"}],
}


@pytest.mark.parametrize("content", [SAID, f"error: {SAID}", [{"type": "text", "text": SAID}]])
def test_a_refusal_in_the_answer_of_a_failed_tool_call_is_proof(content):
    told = state.conflicts(WithRecords({"content": content}, **CALLS))
    assert told.select("kind", "key", "previous_writer", "current_writer", "kept", "at").rows() == [
        ("refused", "p", "a", "b", "a", at(3))
    ]
    assert (told["message"][0], told["source_path"][0], told["source_line"][0]) == (SAID, "messages.jsonl", 1)


@pytest.mark.parametrize("answer", [{"content": "no space left"}, {}, [SAID], UnreadablePath("gone")])
def test_any_other_answer_proves_nothing(answer):
    assert state.conflicts(WithRecords(answer, **CALLS)).height == 0


@pytest.mark.parametrize("analysis", [state.entries, state.conflicts, state.handoffs])
def test_no_state_gives_no_rows(analysis):
    assert analysis(StandIn()).height == 0


def test_the_sample_has_one_refusal_and_one_suspicion(sample):
    told = state.conflicts(sample)
    refused, suspected = told.row(0, named=True), told.row(1, named=True)
    assert (told.height, refused["kind"], suspected["kind"]) == (2, "refused", "suspected")
    assert refused["message"] == EXPECTED["conflicts"]["refused"]["message"]
    assert (refused["run_id"], refused["kept"]) == (EXPECTED["conflicts"]["refused"]["run_id"], "planner")
    made = EXPECTED["written_after_handoff_by_another"][0]
    assert (suspected["session_id"], suspected["key"], suspected["current_writer"]) == (
        made["session"],
        made["key"],
        made["writer"],
    )


def test_entries_and_handoffs_of_the_sample_are_those_it_was_made_with(sample):
    told = state.entries(sample)
    values = told.filter(state="value")
    assert values.height == EXPECTED["entries"]
    made = [
        (name, row["key"], row["bytes"], row["writer_id"])
        for name, rows in EXPECTED["sessions"].items()
        for row in rows
    ]
    assert sorted(values.select("session_id", "key", "content_bytes", "writer_id").rows()) == sorted(made)
    (handoff,) = state.handoffs(sample).iter_rows(named=True)
    assert handoff["summary_keys"] == EXPECTED["handoffs"][0]["summary_keys"]
    assert handoff["rewritten_keys"] == ["plan.md"]
