"""How a call was asked to think."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.dispatch import Thinking, ThinkingMode, thinking_json, thinking_of_request

settings_ = st.one_of(
    st.just(Thinking()),
    st.just(Thinking(mode=ThinkingMode.ADAPTIVE)),
    st.builds(Thinking, mode=st.just(ThinkingMode.ENABLED), budget_tokens=st.none() | st.integers(0, 2**63)),
    st.builds(Thinking, mode=st.just(ThinkingMode.EFFORT), level=st.text()),
)


def request_json(thinking):
    """The ``thinking`` member of a request, as FORMATS 1.4 spells it."""
    member = {
        "mode": thinking.mode.value,
        "enabled": thinking.is_enabled,
        "budget_tokens": thinking.budget_tokens,
    }
    return member | ({"level": thinking.level} if thinking.mode is ThinkingMode.EFFORT else {})


@pytest.mark.parametrize(
    ("thinking", "recorded"),
    [
        (Thinking(), {"mode": "off", "enabled": False}),
        (
            Thinking(mode=ThinkingMode.ENABLED),
            {"mode": "enabled", "enabled": True, "budget_tokens": None},
        ),
        (
            Thinking(mode=ThinkingMode.ENABLED, budget_tokens=0),
            {"mode": "enabled", "enabled": True, "budget_tokens": 0},
        ),
        (Thinking(mode=ThinkingMode.ADAPTIVE), {"mode": "adaptive", "enabled": True}),
        (
            Thinking(mode=ThinkingMode.EFFORT, level="minimal"),
            {"mode": "effort", "level": "minimal", "enabled": True},
        ),
        (
            Thinking(mode=ThinkingMode.EFFORT, level="none"),
            {"mode": "effort", "level": "none", "enabled": False},
        ),
    ],
)
def test_a_record_carries_the_members_of_the_mode_and_no_others(thinking, recorded):
    assert thinking_json(thinking) == recorded


@given(settings_)
def test_a_request_says_what_the_record_says_but_for_the_word_off(thinking):
    member = request_json(thinking)
    assert thinking_of_request(member) == thinking
    recorded = thinking_json(thinking)
    assert recorded["enabled"] == member["enabled"]
    assert recorded["mode"] == ("off" if member["mode"] == "disabled" else member["mode"])


def test_an_enabled_request_of_an_old_runtime_may_leave_out_its_budget():
    assert thinking_of_request({"mode": "enabled", "enabled": True}) == Thinking(mode=ThinkingMode.ENABLED)


@pytest.mark.parametrize(
    "member", [{}, {"mode": "telepathy"}, {"mode": "effort"}, {"mode": "effort", "level": 3}]
)
def test_a_mode_nobody_knows_is_not_guessed(member):
    assert thinking_of_request(member) is None
