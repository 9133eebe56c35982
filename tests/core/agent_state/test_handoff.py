"""The handoff envelope."""

import json

import pytest

from harnlab.core.agent_state.backend import Scope
from harnlab.core.agent_state.handoff import handoff_text, summary_argument
from harnlab.core.agent_state.writer import WriterIdentity
from harnlab.core.values import Duration
from harnlab.errors import HarnRuntimeError

SCOPE = Scope(root="/r", namespace="s")


def test_the_envelope_is_sorted_at_every_level_and_names_unknown_parts_null():
    summary = {"z": [{"b": 1, "a": 2.0}], "_type": "x", "version": 2}
    assert handoff_text(SCOPE, WriterIdentity(writer_id="w"), summary, 12) == (
        "{\n"
        '  "_type": "agent_state_handoff",\n'
        '  "key": "__handoff.json",\n'
        '  "root": "/r",\n'
        '  "session_id": "s",\n'
        '  "summary": {\n'
        '    "_type": "x",\n'
        '    "version": 2,\n'
        '    "z": [\n'
        "      {\n"
        '        "a": 2.0,\n'
        '        "b": 1\n'
        "      }\n"
        "    ]\n"
        "  },\n"
        '  "version": 1,\n'
        '  "writer": {\n'
        '    "session_id": null,\n'
        '    "stage_id": null,\n'
        '    "worker_id": null,\n'
        '    "writer_id": "w"\n'
        "  },\n"
        '  "written_at": 12\n'
        "}"
    )


def test_a_summary_keeps_what_json_can_say():
    summary = {"nan": float("nan"), "took": Duration(5000), "nil": None, "": ""}
    text = handoff_text(SCOPE, WriterIdentity(), summary, 0)
    assert json.loads(text)["summary"] == {"nan": None, "took": "5s", "nil": None, "": ""}


@pytest.mark.parametrize("summary", [None, "text", 5, [], [{}], Duration(1)])
def test_a_summary_is_a_dict(summary):
    with pytest.raises(HarnRuntimeError) as caught:
        summary_argument(["handle", summary])
    assert caught.value.message == "__agent_state_handoff: `summary` must be a JSON object"


def test_a_summary_is_required():
    with pytest.raises(HarnRuntimeError) as caught:
        summary_argument(["handle"])
    assert caught.value.message == "__agent_state_handoff: `summary` is required"
    assert summary_argument(["handle", {}, "more"]) == {}
