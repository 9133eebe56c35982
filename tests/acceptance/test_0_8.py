"""Version 0.8: messages by session and position, verbose snapshots, rendered templates."""

import pytest

from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong, only_known_members, types
from acceptance.written import at, call_id, message_0_8, request_0_8, response_0_7, system_prompt


def entries():
    tool_call = {"id": "tc_1", "name": "grep", "arguments": {"q": "x"}}
    return [
        {
            "type": "template.render",
            "template_uri": "prompts/fix.harn.prompt",
            "template_revision_hash": "sha256:aa",
            "llm": {"provider": "openai", "model": "gpt-4o", "family": "openai", "capabilities": {}},
            "branches": [
                {
                    "kind": "if",
                    "template_uri": "prompts/fix.harn.prompt",
                    "line": 3,
                    "col": 1,
                    "branch_id": "b1",
                }
            ],
            "rendered_bytes": 120,
            "span_id": 3,
            "timestamp": at(0),
        },
        system_prompt("", content_hash="blake3:" + "a" * 64),
        message_0_8("s-1", 0, {"role": "user", "content": "hi"}),
        message_0_8("s-1", 1, {"role": "assistant", "content": "", "tool_calls": [tool_call]}, lifted=False),
        message_0_8("s-1", 2, {"role": "tool", "content": "found", "tool_call_id": "tc_1", "name": "grep"}),
        message_0_8("s-1", 3, {"content": [{"type": "text", "text": "ü"}]}, lifted=False),
        request_0_8(1, span_id=7, provider="openai", model="gpt-4o", second=1),
        response_0_7(
            1, span_id=7, provider="openai", model="gpt-4o", second=2, usage=(1000, 10), cost_usd=0.0026
        ),
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("repo"))
    project.transcript(entries())
    return nothing_wrong(load(project.folder))


def test_a_message_is_read_from_its_top_level_then_from_the_message_inside(runs):
    assert column(runs.messages, "session_id") == ["s-1"] * 4
    assert column(runs.messages, "message_index") == [0, 1, 2, 3]
    assert column(runs.messages, "role") == ["user", "assistant", "tool", None]
    assert column(runs.messages, "iteration") == [None] * 4
    assert column(runs.messages, "content_bytes") == [2, 0, 5, len('[{"type":"text","text":"ü"}]'.encode())]
    assert column(runs.messages, "tool_call_id") == [None, None, "tc_1", None]
    assert column(runs.messages, "name") == [None, None, "grep", None]
    assert column(runs.messages, "tool_call_count") == [None, 1, None, None]


def test_costs_and_ids(runs):
    assert column(runs.calls, "call_id") == [call_id(1)]
    assert column(runs.calls, "span_id") == [7]
    assert cost(runs) == 0.0026


def test_no_known_member_is_taken_for_a_new_one(runs):
    for name in ("calls", "messages"):
        assert only_known_members(runs.frame(name)), name


def test_rendered_templates_are_events(runs):
    assert types(runs)["template.render"] == 1


def test_the_session_of_a_call_is_the_one_of_the_messages_before_it(runs):
    import harnlab as hl

    assert hl.costs.by(runs, "session").select("session", "calls").rows() == [("s-1", 1)]
