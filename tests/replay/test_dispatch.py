import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn
from harnlab.core.dispatch import BUILTIN_CAPABILITIES, CapabilityTable, ModelRule, outcome_of_result
from harnlab.replay import dispatch
from harnlab.replay.dispatch_answers import outcomes_of_results
from harnlab.vocabulary import PROVENANCE_FIELDS

ROUTE = {"provider": "openrouter", "model": "claude-sonnet-4-6", "tool_format": "native"}
PATH = {"source_path": "t.jsonl"}


def request(line=1, call_id="c1", **more):
    """Row of ``calls``: asked on ``line``, answered on the next."""
    asked = {
        "requested_provider": "openrouter",
        "requested_model": "claude-sonnet-4-6",
        "status": "answered",
        "thinking_mode": "effort",
        "thinking_level": "low",
        "thinking_enabled": True,
        "text_bytes": 4,
        "thinking_bytes": None,
        "tool_call_count": 0,
        "output_tokens": 8,
        "request_line": line,
        "response_line": line + 1,
        "iteration": 3,
    }
    return PATH | ROUTE | {"call_id": call_id, "source_line": line + 1} | asked | more


def failed(line=1, call_id="c1", message="no", **more):
    error = {"status": "error", "error_message": message, "error_line": line + 1, "response_line": None}
    return request(line, call_id, **error, text_bytes=None, output_tokens=None, **more)


def waiting(line, call_id, **more):
    """A request whose answer never came."""
    return request(line, call_id, status="pending", response_line=None, text_bytes=None, **more)


def resolved(line=3, call_id="c1", **more):
    """Row of ``dispatches`` that fits ``request``."""
    said = {
        "wire_format": "openai_compat",
        "base_url_host": "openrouter.ai",
        "thinking_mode": "effort",
        "thinking_level": "low",
        "thinking_enabled": True,
        **{f"provenance_{field}": "operator_pin" for field in PROVENANCE_FIELDS},
        "outcome_kind": "served",
        "outcome_completion_tokens": 8,
        "outcome_content_len": 4,
    }
    return PATH | ROUTE | {"call_id": call_id, "source_line": line} | said | more


def retry(line, iteration=3):
    return PATH | {"source_line": line, "type": "empty_completion_retry", "iteration": iteration}


def replay(*told, calls=None, retries=(), **options):
    frames = StandIn(calls=[request()] if calls is None else calls, dispatches=told, events=retries)
    return dispatch(frames, **options).to_dicts()


def verdict(told, **options):
    (row,) = replay(told, **options)
    return row["verdict"], row["field"]


def test_a_dispatch_that_says_what_its_request_and_answer_say_matches():
    (row,) = replay(resolved())
    assert (row["verdict"], row["field"]) == ("match", None)
    assert row["because"] == "decided the same from request on line 1, response on line 2"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", "gemini"),
        ("model", "qwen"),
        ("tool_format", "text"),
        ("wire_format", "anthropic_native"),
        ("base_url_host", "proxy.example"),
        ("thinking_mode", "adaptive"),
        ("thinking_enabled", False),
        ("thinking_level", "high"),
        ("provenance_model", ""),
        ("provenance_thinking", None),
        ("outcome_kind", "provider_error"),
        ("outcome_completion_tokens", 9),
        ("outcome_content_len", 5),
        ("outcome_empty_retries", 1),
        ("outcome_class", "auth"),
    ],
)
def test_every_field_is_compared(field, value):
    found = verdict(resolved(**{field: value}))
    assert found == ("mismatch", field)


def test_any_origin_a_resolver_may_invent_passes():
    assert verdict(resolved(provenance_model="a_newer_word"))[0] == "match"


def test_a_record_without_any_origin_is_not_decided():
    nothing = dict.fromkeys((f"provenance_{field}" for field in PROVENANCE_FIELDS), None)
    assert verdict(resolved(**nothing)) == ("insufficient", "provenance_provider")


def test_without_its_call_a_dispatch_is_not_decided():
    assert verdict(resolved(), calls=[]) == ("insufficient", "provider")
    assert verdict(resolved(call_id=None)) == ("insufficient", "provider")


def test_an_id_that_two_attempts_carry_decides_nothing():
    (row,) = replay(resolved(), calls=[request(), request(7)])
    assert row["verdict"] == "insufficient"
    assert "2 attempts carry the id c1" in row["because"]


def test_a_call_without_an_answer_leaves_the_outcome_open():
    assert verdict(resolved(), calls=[waiting(1, "c1")]) == ("insufficient", "outcome_kind")


def test_an_answer_without_its_request_leaves_the_request_open():
    assert verdict(resolved(), calls=[request(request_line=None)]) == ("insufficient", "provider")


def test_errors_are_classified_by_their_text():
    told = resolved(
        outcome_kind="provider_error",
        outcome_class="timeout",
        outcome_completion_tokens=None,
        outcome_content_len=None,
    )
    assert verdict(told, calls=[failed(message="request timed out")]) == ("match", None)
    assert verdict(told, calls=[failed(message="quota")]) == ("mismatch", "outcome_kind")
    assert verdict(told, calls=[failed(message="404")]) == ("mismatch", "outcome_class")
    assert verdict(told, calls=[failed(message=None)]) == ("insufficient", "outcome_kind")


def test_empty_answers_before_a_good_one_are_counted_by_order():
    calls = [waiting(1, "c0"), waiting(4, "c1"), request(7, "c2")]
    told = resolved(9, "c2", outcome_kind="empty_completion_transient_recovered", outcome_empty_retries=2)
    (row,) = replay(told, calls=calls, retries=[retry(2), retry(5)])
    assert (row["verdict"], row["replayed_outcome_empty_retries"]) == ("match", 2)
    assert "empty retries above (2)" in row["because"]
    told |= {"outcome_empty_retries": 1}
    assert verdict(told, calls=calls, retries=[retry(2), retry(5)]) == ("mismatch", "outcome_empty_retries")


def test_retries_of_one_call_do_not_count_for_the_next():
    calls = [waiting(1, "c0"), request(3, "c1"), request(6, "c2")]
    assert verdict(resolved(8, "c2"), calls=calls, retries=[retry(2)]) == ("match", None)


def test_retries_of_another_turn_do_not_count():
    calls = [waiting(1, "c0", iteration=9), request(3, "c1")]
    assert verdict(resolved(5, "c1"), calls=calls, retries=[retry(2, iteration=9)]) == ("match", None)


def test_a_failed_attempt_in_between_does_not_end_the_count():
    calls = [waiting(1, "c0"), failed(3, "c1", error_status="retrying"), request(5, "c2")]
    told = resolved(7, "c2", outcome_kind="empty_completion_transient_recovered", outcome_empty_retries=1)
    assert verdict(told, calls=calls, retries=[retry(2)]) == ("match", None)


def test_a_retry_written_while_two_requests_were_open_may_be_of_either():
    calls = [waiting(1, "c0"), request(2, "c1", response_line=6), request(4, "c2", response_line=7)]
    (row,) = replay(resolved(9, "c2"), calls=calls, retries=[retry(3)])
    assert (row["verdict"], row["field"]) == ("insufficient", "outcome_kind")
    assert "carries no call id" in row["because"]


def test_a_dead_lane_is_told_from_a_flake():
    empty = request(text_bytes=0)
    told = resolved(outcome_kind="empty_completion_terminal", outcome_content_len=0)
    assert verdict(told, calls=[empty]) == ("match", None)
    assert verdict(resolved(outcome_content_len=0), calls=[empty]) == ("mismatch", "outcome_kind")
    assert verdict(resolved(outcome_content_len=0), calls=[empty | {"tool_call_count": 1}])[0] == "match"


def test_a_word_of_a_newer_runtime_is_not_decided():
    for field, word in [
        ("outcome_kind", "lane_quarantined"),
        ("wire_format", "bedrock_converse"),
        ("thinking_mode", "deep"),
    ]:
        assert verdict(resolved(**{field: word})) == ("insufficient", field)


def test_a_provider_the_registry_does_not_name_has_no_wire_format_until_a_table_says_one():
    gateway = {"provider": "burin_gateway", "requested_provider": "burin_gateway"}
    told = resolved(provider="burin_gateway", base_url_host="gateway.burin")
    assert verdict(told, calls=[request(**gateway)]) == ("insufficient", "wire_format")
    table = CapabilityTable(rules={"burin_gateway": (ModelRule(model_match="*"),)})
    options = {
        "capabilities": BUILTIN_CAPABILITIES.overridden_by(table),
        "base_urls": {"burin_gateway": "https://gateway.burin/v1"},
    }
    assert verdict(told, calls=[request(**gateway)], **options) == ("match", None)


def test_a_host_that_the_environment_may_set_differs_without_proof():
    groq = {"provider": "groq", "requested_provider": "groq"}
    calls = [request(**groq)]
    assert verdict(resolved(provider="groq", base_url_host="api.groq.com"), calls=calls) == ("match", None)
    assert verdict(resolved(provider="groq", base_url_host="proxy"), calls=calls) == (
        "insufficient",
        "base_url_host",
    )


counts = st.integers(0, 3)


@given(st.lists(st.tuples(st.text(max_size=3), counts, st.text(max_size=2), st.integers(-2, 9), counts)))
def test_classes_of_results_answer_as_the_core_does_for_each(results):
    rows = pl.DataFrame(
        [(len(t.encode()), calls, len(th.encode()), tokens, n) for t, calls, th, tokens, n in results],
        schema=dict.fromkeys(
            ("text_bytes", "tool_call_count", "thinking_bytes", "output_tokens", "retries"), pl.Int64
        ),
        orient="row",
    )
    told = [tuple(row) for row in outcomes_of_results(rows).drop("result_outcome_class").rows()]
    expected = [
        outcome_of_result(
            text=text, tool_calls=range(calls), thinking=thinking, output_tokens=tokens, empty_retries=retries
        )
        for text, calls, thinking, tokens, retries in results
    ]
    assert told == [(e.kind, e.completion_tokens, e.content_len, e.empty_retries) for e in expected]


def test_no_dispatches_give_no_rows():
    assert replay() == []


def test_one_change_among_thirty_thousand_dispatches_is_found_with_its_line():
    calls = [request(3 * n + 1, f"c{n}", iteration=n) for n in range(30_000)]
    told = [resolved(3 * n + 3, f"c{n}") for n in range(30_000)]
    told[20_000]["outcome_content_len"] = 5
    wrong = dispatch(StandIn(calls=calls, dispatches=told)).filter(pl.col("verdict") != "match")
    assert wrong.select("field", "source_path", "source_line").rows() == [
        ("outcome_content_len", "t.jsonl", 60_003)
    ]
