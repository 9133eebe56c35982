import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.matching import glob_match
from harnlab.core.steps import Hook, HookEvent, StepRuntime, matching_hooks

PERSONAS = st.none() | st.sampled_from(["", "rev", "reviewer", "captain"])
HOOKS = st.lists(
    st.builds(
        Hook,
        handler=st.integers(),
        event=st.sampled_from(["PreStep", "PostStep"]),
        persona_pattern=st.sampled_from(["*", "rev*", "", "captain", "[rc]*", "{rev,captain}?*"]),
        step_name=st.none() | st.sampled_from(["", "plan"]),
        threshold_pct=st.none() | st.sampled_from([0.0, 80.0]),
    ),
    max_size=6,
)


def hook(handler="h", event="PreStep", persona_pattern="*", step_name=None, threshold_pct=None):
    return Hook(
        handler=handler,
        event=event,
        persona_pattern=persona_pattern,
        step_name=step_name,
        threshold_pct=threshold_pct,
    )


def called(hooks, event="PreStep", **moment):
    return [found.handler for found in matching_hooks(hooks, event, **moment)]


def test_hooks_are_called_in_the_order_they_were_registered():
    assert called([hook("b"), hook("a"), hook("b")]) == ["b", "a", "b"]


def test_a_hook_waits_for_its_own_event():
    hooks = [hook("pre"), hook("post", event=HookEvent.POST_STEP), hook("new", event="OnNewMoment")]
    assert called(hooks, HookEvent.POST_STEP) == ["post"]
    assert called(hooks, "OnNewMoment") == ["new"]
    assert called(hooks, "prestep") == []


def test_every_known_event_is_its_name_in_camel_case_and_none_is_missing():
    assert all(event.value == event.name.title().replace("_", "") for event in HookEvent)
    assert len(HookEvent) == 28


@pytest.mark.parametrize(
    ("pattern", "persona", "calls"),
    [
        ("merge_*", "merge_captain", True),
        ("*", None, True),
        ("", None, True),
        ("", "", True),
        ("", "rev", False),
        ("rev", None, False),
        ("?*", None, False),
        ("[mr]e*", "reviewer", True),
    ],
)
def test_the_pattern_meets_the_persona_or_the_empty_name(pattern, persona, calls):
    assert bool(called([hook(persona_pattern=pattern)], persona=persona)) is calls


@pytest.mark.parametrize(
    ("declared", "given_name", "calls"),
    [
        (None, None, True),
        (None, "plan", True),
        ("plan", "plan", True),
        ("plan", "Plan", False),
        ("plan", None, False),
        ("", "", True),
        ("", None, False),
    ],
)
def test_a_step_hook_needs_its_step_by_name(declared, given_name, calls):
    assert bool(called([hook(step_name=declared)], step_name=given_name)) is calls


@pytest.mark.parametrize(
    ("threshold", "pct", "calls"),
    [
        (None, None, True),
        (None, 5.0, True),
        (80.0, 80.0, True),
        (80.0, 150.0, True),
        (80.0, 79.99, False),
        (80.0, None, False),
        (0.0, None, False),
        (0.0, 0.0, True),
        (-1.0, 0.0, True),
        (math.nan, 100.0, False),
        (80.0, math.nan, False),
    ],
)
def test_a_threshold_is_met_at_or_above_it(threshold, pct, calls):
    assert bool(called([hook(threshold_pct=threshold)], budget_pct=pct)) is calls


@given(HOOKS, PERSONAS)
def test_every_hook_called_matches_the_persona_and_keeps_its_place(hooks, persona):
    found = matching_hooks(hooks, "PreStep", persona=persona, step_name="plan", budget_pct=100.0)
    rest = iter(hooks)
    assert all(one in rest for one in found), "the hooks called are a subsequence of those registered"
    assert all(glob_match(one.persona_pattern, persona or "") for one in found)


def test_a_runtime_calls_hooks_for_its_innermost_persona():
    runtime = StepRuntime()
    runtime.register_persona(["p", {"name": "captain"}])
    mine, anyone, at_80 = hook("mine", persona_pattern="captain"), hook("any"), hook("80", threshold_pct=80.0)
    for one in (mine, anyone, at_80):
        runtime.register_hook(one)
    assert runtime.matching_hooks("PreStep") == [anyone]
    runtime.push_persona("p", 1)
    assert runtime.matching_hooks("PreStep", budget_pct=90.0) == [mine, anyone, at_80]
    runtime.clear_hooks()
    assert runtime.matching_hooks("PreStep", budget_pct=90.0) == []


def test_a_runtime_calls_step_hooks_by_step_name():
    runtime = StepRuntime()
    runtime.register_hook(hook("plan", step_name="plan"))
    assert [found.handler for found in runtime.matching_hooks("PreStep", step_name="plan")] == ["plan"]
    assert runtime.matching_hooks("PreStep", step_name="review") == []
