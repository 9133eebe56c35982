"""What came back, told from a result or from an error text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.core.dispatch import DispatchOutcome, outcome_of_error, outcome_of_result
from harnlab.core.rust_semantics import I64_MAX
from harnlab.vocabulary import OutcomeKind

EMPTY = {"text": "", "tool_calls": [], "thinking": None}


def kind_of(message):
    return outcome_of_error(message).kind


@pytest.mark.ported_from("resolved_dispatch.rs::outcome_empty_completion_terminal_from_billed_no_content")
def test_billed_tokens_without_content_are_a_terminal_empty_completion():
    message = (
        "anthropic-native model anthropic:claude-sonnet-4-6 reported completion_tokens=8 "
        "but delivered no content, reasoning, or tool calls"
    )
    assert outcome_of_error(message) == DispatchOutcome(
        kind=OutcomeKind.EMPTY_COMPLETION_TERMINAL, completion_tokens=0, content_len=0
    )


@pytest.mark.ported_from("resolved_dispatch.rs::transient_recovered_is_not_served_empty")
def test_a_recovered_flake_is_not_a_dead_lane():
    recovered = outcome_of_result(
        text="x" * 1666, tool_calls=[], thinking=None, output_tokens=487, empty_retries=3
    )
    assert recovered.kind is OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED
    assert recovered.to_json() == {
        "kind": "empty_completion_transient_recovered",
        "completion_tokens": 487,
        "content_len": 1666,
        "empty_retries": 3,
    }


@pytest.mark.ported_from("resolved_dispatch.rs::outcome_usage_limit_from_quota")
def test_a_rate_limit_is_a_usage_limit():
    outcome = outcome_of_error("provider returned 429 rate limit exceeded")
    assert outcome == DispatchOutcome(kind=OutcomeKind.USAGE_LIMIT)
    assert outcome.to_json() == {"kind": "usage_limit"}


@pytest.mark.ported_from("resolved_dispatch.rs::outcome_provider_error_class")
def test_the_first_class_in_the_runtimes_order_names_the_error():
    outcome = outcome_of_error("anthropic API error: overloaded")
    assert outcome.to_json() == {"kind": "provider_error", "class": "api_error"}


@pytest.mark.parametrize(
    ("needle", "error_class"),
    [
        ("api error", "api_error"),
        ("timed out", "timeout"),
        ("timeout", "timeout"),
        ("connection", "connection"),
        ("missing content array", "malformed_response"),
        ("authentication", "auth"),
        ("unauthorized", "auth"),
        ("401", "auth"),
        ("not found", "not_found"),
        ("404", "not_found"),
        ("overloaded", "overloaded"),
        ("500", "server_error"),
        ("502", "server_error"),
        ("503", "server_error"),
        ("504", "unknown"),
        ("", "unknown"),
    ],
)
def test_each_text_has_its_class_in_any_case_and_place(needle, error_class):
    for message in (needle, f"x{needle.upper()}x", f"{needle.title()}!"):
        assert outcome_of_error(message).error_class == error_class


@pytest.mark.parametrize("needle", ["rate limit", "quota", "usage limit", "429"])
def test_a_usage_limit_beats_every_error_class(needle):
    assert kind_of(f"api error: {needle.upper()}") is OutcomeKind.USAGE_LIMIT


@pytest.mark.parametrize(
    "message",
    [
        "completion_tokens=8 delivered no content; 429",
        "COMPLETION_TOKENS=8: No Dispatchable Tool Call Or Answer (Upstream Contract Violation)",
    ],
)
def test_an_empty_completion_beats_a_usage_limit(message):
    assert kind_of(message) is OutcomeKind.EMPTY_COMPLETION_TERMINAL


@pytest.mark.parametrize(
    "message",
    [
        "completion_tokens=8",
        "delivered no content",
        "completion_tokens=8 upstream contract violation",
        "completion_tokens=8 no dispatchable tool call or answer",
        "no dispatchable tool call or answer upstream contract violation",
    ],
)
def test_part_of_an_empty_completions_text_is_another_error(message):
    assert kind_of(message) is OutcomeKind.PROVIDER_ERROR


def test_lower_casing_is_unicodes_as_in_the_runtime():
    kelvin = "\u212a"  # lower-cases to a plain k
    assert (
        kind_of(f"completion_to{kelvin}ens=1 delivered no content") is OutcomeKind.EMPTY_COMPLETION_TERMINAL
    )
    assert kind_of("RATE L\u0130MIT") is OutcomeKind.PROVIDER_ERROR  # lower-cases to i and a combining dot
    assert kind_of("\u039f\u0394\u039f\u03a3 TIMEOUT") is OutcomeKind.PROVIDER_ERROR  # ends in a final sigma


@pytest.mark.parametrize("thinking", [None, ""])
def test_nothing_committed_but_tokens_billed_is_terminal_after_any_number_of_retries(thinking):
    for retries in (0, 3):
        outcome = outcome_of_result(
            text="", tool_calls=[], thinking=thinking, output_tokens=I64_MAX, empty_retries=retries
        )
        assert outcome.to_json() == {
            "kind": "empty_completion_terminal",
            "completion_tokens": I64_MAX,
            "content_len": 0,
        }


@pytest.mark.parametrize("part", [{"text": " "}, {"tool_calls": [None]}, {"thinking": " "}])
def test_one_blank_or_one_tool_call_is_content(part):
    outcome = outcome_of_result(**{**EMPTY, **part}, output_tokens=1)
    assert outcome.kind is OutcomeKind.SERVED


@pytest.mark.parametrize("tokens", [0, -7])
def test_an_empty_result_that_billed_nothing_was_served(tokens):
    assert outcome_of_result(**EMPTY, output_tokens=tokens).to_json() == {
        "kind": "served",
        "completion_tokens": tokens,
        "content_len": 0,
    }


def test_content_is_measured_in_utf8_bytes():
    assert outcome_of_result(**{**EMPTY, "text": "é🙂"}, output_tokens=1).content_len == 6


@given(st.text(), st.lists(st.none(), max_size=2), st.none() | st.text(), st.integers(), st.integers(0, 9))
@example("", [], "", 1, 0)
def test_a_result_is_terminal_exactly_when_it_billed_for_nothing(text, calls, thinking, tokens, retries):
    outcome = outcome_of_result(
        text=text, tool_calls=calls, thinking=thinking, output_tokens=tokens, empty_retries=retries
    )
    dead = tokens > 0 and not (text or calls or thinking)
    assert (outcome.kind is OutcomeKind.EMPTY_COMPLETION_TERMINAL) == dead
    assert (outcome.kind is OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED) == (retries > 0 and not dead)
    assert outcome.content_len == len(text.encode())
    assert outcome.completion_tokens == tokens
    assert outcome.empty_retries == (retries if retries and not dead else None)


@given(st.text())
def test_no_error_text_counts_as_served_and_case_of_ascii_never_matters(message):
    outcome = outcome_of_error(message)
    assert outcome.kind not in {OutcomeKind.SERVED, OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED}
    swapped = "".join(one.swapcase() if one.isascii() else one for one in message)
    assert outcome_of_error(swapped) == outcome
