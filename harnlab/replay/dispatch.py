"""Dispatches decided again: request, wire format and host, thinking, origins, and what came back.

What repeats is decided once: the core answers for every distinct provider and model, thinking setting and error
text, and for every class of result. Numbers that the core passes through (tokens, bytes, retries) are the record's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from harnlab.core.dispatch import BUILTIN_CAPABILITIES, CapabilityTable
from harnlab.questions import question
from harnlab.replay.dispatch_answers import (
    hosts_of,
    origins_of,
    outcomes_of_errors,
    outcomes_of_results,
    thinking_of,
    wire_formats_of,
)
from harnlab.replay.empty_retries import empty_retries
from harnlab.replay.inputs import Frames
from harnlab.replay.verdict import DAMAGE, EVIDENCE, PLACE, RECORDED, REPLAYED, judged, with_damage
from harnlab.vocabulary import PROVENANCE_FIELDS, OutcomeKind, WireFormat

ORIGINS: Final = tuple(f"provenance_{field}" for field in PROVENANCE_FIELDS)
THINKING: Final = ("thinking_mode", "thinking_enabled", "thinking_budget_tokens", "thinking_level")
OUTCOME: Final = (
    "outcome_kind",
    "outcome_completion_tokens",
    "outcome_content_len",
    "outcome_empty_retries",
    "outcome_class",
)
ROUTE: Final = ("provider", "model", "tool_format")
#: Fields compared, in this order.
FIELDS: Final = (*ROUTE, "wire_format", "base_url_host", *THINKING, *ORIGINS, *OUTCOME)

_THINKING_WORDS: Final = ("off", "enabled", "adaptive", "effort")
_UNDECIDED: Final = {
    **dict.fromkeys(ROUTE, "no_request"),
    **dict.fromkeys(THINKING, "no_thinking"),
    **dict.fromkeys(ORIGINS, "no_origins"),
    **dict.fromkeys(OUTCOME, "no_outcome"),
    "wire_format": "no_wire_format",
    "base_url_host": "no_host",
}
_FROM_CALL: Final = (
    "requested_provider",
    "requested_model",
    "status",
    "text_bytes",
    "thinking_bytes",
    "tool_call_count",
    "output_tokens",
    "error_message",
    "request_line",
    "response_line",
    "error_line",
)


@question
def dispatch(
    runs: Frames,
    /,
    *,
    capabilities: CapabilityTable = BUILTIN_CAPABILITIES,
    base_urls: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Every ``resolved_dispatch`` decided again from the request, the answer and the retries of its call.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    capabilities : CapabilityTable
        Registry that decides wire formats. A project with rules of its own passes
        ``BUILTIN_CAPABILITIES.overridden_by(…)``.
    base_urls : mapping of str to str, optional
        Base URLs that the runs were configured with, by provider; they go before the built-in ones.

    Returns
    -------
    polars.DataFrame
        One row a dispatch: source columns, ``call_id``, ``recorded_…`` and ``replayed_…`` of each of
        :data:`FIELDS`, ``verdict``, ``field``, ``because``.

    Notes
    -----
    ``insufficient`` stands where the record does not decide: no request or answer in the log, a provider that the
    registry's known part does not name, a host that the environment may set, a retry that may belong to another
    call, and a word of a newer runtime, which these rules (0.9.8) cannot speak; such an outcome's replayed columns
    show what they would have said.
    """
    rows = _with_calls(runs)
    rows = rows.with_columns(
        no_request=_no_request(), no_answer=_no_answer(), no_retries=_no_retries(), **_recorded()
    )
    rows = _replayed(rows, capabilities, base_urls or {})
    rows = rows.with_columns(
        no_outcome=_no_outcome(), no_thinking=_no_thinking(), no_wire_format=_no_wire_format(capabilities)
    ).with_columns(_no_origins(), _evidence().alias(EVIDENCE))
    lines = {
        "source_line": "source_path",
        **dict.fromkeys(("request_line", "response_line", "error_line"), "call_path"),
    }
    rows = with_damage(rows, runs.frame("problems"), lines)
    pairs = [f"{side}{name}" for name in FIELDS for side in (RECORDED, REPLAYED)]
    working = sorted(set(_UNDECIDED.values()))
    return judged(
        rows.select(*PLACE, "call_id", *pairs, *working, DAMAGE, EVIDENCE), FIELDS, undecided=_UNDECIDED
    )


def _with_calls(runs: Frames) -> pl.DataFrame:
    """Dispatches with the request, answer and empty retries of their call."""
    key = ["run_id", "call_id"]
    same = ("provider", "model", "tool_format", "thinking_mode", "thinking_budget_tokens", "thinking_level")
    calls = (
        runs.frame("calls")
        .filter(pl.col("call_id").is_not_null())
        .select(*key, *_FROM_CALL, call_path="source_path", **{f"call_{name}": name for name in same})
    )
    if calls.select(key).is_duplicated().any():
        calls = calls.with_columns(attempts=pl.len().over(key)).unique(key, keep="first", maintain_order=True)
    else:
        calls = calls.with_columns(attempts=pl.lit(1, dtype=pl.UInt32))
    rows = runs.frame("dispatches").join(calls, on=key, how="left", maintain_order="left")
    retries = empty_retries(runs).rename({"source_path": "call_path", "empty_retries": "retries"})
    rows = rows.join(retries, on=["call_path", "request_line"], how="left", maintain_order="left")
    return rows.with_columns(pl.col("retries").fill_null(0))


def _recorded() -> dict[str, pl.Expr]:
    return {f"{RECORDED}{name}": pl.col(name) for name in FIELDS}


def _replayed(
    rows: pl.DataFrame, capabilities: CapabilityTable, base_urls: Mapping[str, str]
) -> pl.DataFrame:
    """Add every ``replayed_`` column, each answered by the core."""
    rows = rows.with_columns(
        replayed_provider=pl.coalesce("requested_provider", "call_provider"),
        replayed_model=pl.coalesce("requested_model", "call_model"),
        replayed_tool_format="call_tool_format",
    )
    rows = rows.join(
        wire_formats_of(rows, capabilities),
        on=["provider", "model"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    rows = rows.join(hosts_of(rows, base_urls), on="provider", how="left", maintain_order="left")
    rows = rows.with_columns(no_host=_no_host())
    settings = ["call_thinking_mode", "call_thinking_budget_tokens", "call_thinking_level"]
    rows = rows.join(
        thinking_of(rows, settings), on=settings, how="left", nulls_equal=True, maintain_order="left"
    )
    rows = rows.join(
        origins_of(rows, ORIGINS), on=list(ORIGINS), how="left", nulls_equal=True, maintain_order="left"
    )
    results, errors = outcomes_of_results(rows), outcomes_of_errors(rows)
    answered = pl.col("status") == "answered"
    return (
        rows.with_columns(results)
        .join(errors, on="error_message", how="left", maintain_order="left")
        .with_columns(
            (pl.when(answered).then(f"result_{name}").otherwise(f"error_{name}")).alias(f"{REPLAYED}{name}")
            for name in OUTCOME
        )
    )


def _no_request() -> pl.Expr:
    return (
        pl.when(pl.col("attempts").is_null())
        .then(
            pl.format(
                "the log has neither request nor answer of call {}", pl.col("call_id").fill_null("(no id)")
            )
        )
        .when(pl.col("attempts") > 1)
        .then(pl.format("{} attempts carry the id {}", "attempts", "call_id"))
        .when(pl.col("request_line").is_null())
        .then(pl.lit("the log has no request of the call"))
    )


def _no_answer() -> pl.Expr:
    return (
        pl.when(pl.col("attempts").is_null() | (pl.col("attempts") > 1))
        .then(pl.col("call_id").fill_null("(no id)").add(" has no single call in the log"))
        .when(pl.col("response_line").is_null() & pl.col("error_line").is_null())
        .then(pl.lit("the log has no answer of the call"))
        .when(pl.col("response_line").is_null() & pl.col("error_message").is_null())
        .then(pl.format("the error on line {} has no text", "error_line"))
        .when(
            pl.col("response_line").is_not_null()
            & (pl.col("text_bytes").is_null() | pl.col("output_tokens").is_null())
        )
        .then(pl.format("the response on line {} has no text or token count", "response_line"))
    )


def _no_retries() -> pl.Expr:
    return (
        pl.when(pl.col("response_line").is_not_null() & pl.col("request_line").is_null())
        .then(pl.lit("without the request's line, empty retries before it cannot be counted"))
        .when(~pl.col("certain").fill_null(value=True))
        .then(pl.lit("an empty retry was written while several requests were open, and carries no call id"))
    )


def _no_outcome() -> pl.Expr:
    word, answer = pl.col("outcome_kind"), pl.col(f"{REPLAYED}outcome_kind").fill_null("undecided")
    known = word.is_null() | word.is_in([kind.value for kind in OutcomeKind])
    newer = pl.format(
        "`{}` is a word of another runtime; by the rules of 0.9.8 it would be `{}`", word, answer
    )
    return pl.coalesce("no_answer", "no_retries", pl.when(~known).then(newer))


def _no_origins() -> pl.Expr:
    none = pl.all_horizontal(pl.col(name).is_null() for name in ORIGINS)
    reason = pl.lit("the record names no origin at all, where 0.9.8 always writes five")
    return pl.when(none).then(reason).alias("no_origins")


def _no_thinking() -> pl.Expr:
    mode, asked = pl.col("thinking_mode"), pl.col("call_thinking_mode")
    unknown = pl.format("`{}` is a thinking mode of another runtime", mode)
    return pl.coalesce(
        "no_request",
        pl.when(asked.is_null()).then(pl.format("the request on line {} names no thinking", "request_line")),
        pl.when(pl.col(f"{REPLAYED}thinking_mode").is_null()).then(
            pl.format("the request's thinking `{}` is none that 0.9.8 knows", asked)
        ),
        pl.when(mode.is_not_null() & ~mode.is_in(_THINKING_WORDS)).then(unknown),
    )


def _no_wire_format(capabilities: CapabilityTable) -> pl.Expr:
    word = pl.col("wire_format")
    known = word.is_null() | word.is_in([one.value for one in WireFormat])
    return (
        pl.when(pl.col(f"{REPLAYED}wire_format").is_null())
        .then(
            pl.format(
                "the known part of the capability registry does not name the provider `{}`", _name("provider")
            )
        )
        .when(~known)
        .then(pl.format("`{}` is a wire format of another runtime", word))
    )


def _no_host() -> pl.Expr:
    differs = pl.col("base_url_host").ne_missing(pl.col(f"{REPLAYED}base_url_host"))
    return (
        pl.when(pl.col(f"{REPLAYED}base_url_host").is_null())
        .then(pl.format("no base URL of the provider `{}` is known", _name("provider")))
        .when(differs & ~pl.col("host_is_fixed"))
        .then(
            pl.format(
                "the environment may set the base URL of `{}`, and no log says whether it did",
                _name("provider"),
            )
        )
    )


def _evidence() -> pl.Expr:
    """What a dispatch was decided from, with the lines."""
    elsewhere = (
        pl.when(pl.col("call_path") != pl.col("source_path"))
        .then(pl.format(" of {}", "call_path"))
        .otherwise(pl.lit(""))
    )
    lines = [
        pl.format(f"{word} on line {{}}", f"{column}_line")
        for word, column in (("request", "request"), ("response", "response"), ("error", "error"))
    ]
    retries = pl.when(pl.col("retries") > 0).then(pl.format("empty retries above ({})", "retries"))
    parts = pl.concat_str(*lines, retries, separator=", ", ignore_nulls=True)
    return pl.when(pl.col("attempts").is_not_null()).then(parts + elsewhere)


def _name(column: str) -> pl.Expr:
    return pl.col(column).fill_null("(none)")
