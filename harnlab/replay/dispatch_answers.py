"""Answers of the dispatch core for everything distinct in some rows, as frames to join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

import polars as pl

from harnlab.core.dispatch import (
    BUILTIN_CAPABILITIES,
    CapabilityTable,
    DispatchOutcome,
    DispatchProvenance,
    base_url_host,
    outcome_of_error,
    outcome_of_result,
    thinking_json,
    thinking_of_request,
    wire_format_for,
)
from harnlab.replay.base_urls import BASE_URLS, FIXED

#: Providers that FORMATS 7 names; of any other the built-in registry may say something nobody read.
REGISTERED: Final = frozenset(
    {
        *BUILTIN_CAPABILITIES.provider_defaults,
        *BUILTIN_CAPABILITIES.families,
        *("openai", "azure_openai", "mistral", "cohere", "xai", "moonshot", "zai", "baseten", "deepinfra"),
        *("sambanova", "nvidia", "nebius", "mock"),
    }
)
_OUTCOME: Final[dict[str, pl.DataType]] = {
    "outcome_kind": pl.String(),
    "outcome_completion_tokens": pl.Int64(),
    "outcome_content_len": pl.Int64(),
    "outcome_empty_retries": pl.Int64(),
    "outcome_class": pl.String(),
}
_THINKING: Final[dict[str, pl.DataType]] = {
    "mode": pl.String(),
    "enabled": pl.Boolean(),
    "budget_tokens": pl.Int64(),
    "level": pl.String(),
}


def wire_formats_of(rows: pl.DataFrame, capabilities: CapabilityTable) -> pl.DataFrame:
    """``replayed_wire_format`` by ``provider`` and ``model``; null where the registry's known part is silent."""
    named = REGISTERED | {
        *capabilities.provider_defaults,
        *capabilities.rules,
        *capabilities.families,
        *capabilities.families.values(),
    }
    routes = rows.select("provider", "model").unique()
    answers = [
        wire_format_for(capabilities, provider, model) if provider in named and model is not None else None
        for provider, model in routes.iter_rows()
    ]
    return routes.with_columns(
        replayed_wire_format=pl.Series([one and one.value for one in answers], dtype=pl.String)
    )


def hosts_of(rows: pl.DataFrame, base_urls: Mapping[str, str]) -> pl.DataFrame:
    """``replayed_base_url_host`` by ``provider``, and whether nothing unrecorded could have changed it."""
    providers = rows.select("provider").drop_nulls().unique()
    urls = {**BASE_URLS, **base_urls}
    hosts = [
        base_url_host(urls[provider]) if provider in urls else None for provider in providers["provider"]
    ]
    fixed = [provider in FIXED or provider in base_urls for provider in providers["provider"]]
    return providers.with_columns(
        replayed_base_url_host=pl.Series(hosts, dtype=pl.String),
        host_is_fixed=pl.Series(fixed, dtype=pl.Boolean),
    )


def thinking_of(rows: pl.DataFrame, settings: Sequence[str]) -> pl.DataFrame:
    """``replayed_thinking_…`` by a request's mode, budget and level; nulls for a mode that 0.9.8 does not know."""
    asked = rows.select(settings).unique()
    answers = []
    for mode, budget, level in asked.iter_rows():
        thinking = thinking_of_request({"mode": mode, "budget_tokens": budget, "level": level})
        answers.append(thinking_json(thinking) if thinking else {})
    return asked.with_columns(
        pl.Series(f"replayed_thinking_{name}", [one.get(name) for one in answers], dtype=dtype)
        for name, dtype in _THINKING.items()
    )


def origins_of(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """``replayed_provenance_…`` by the recorded origins: five texts, ``unknown`` where nobody said."""
    recorded = rows.select(columns).unique()
    fields = [name.removeprefix("provenance_") for name in columns]
    answers = [
        DispatchProvenance(**dict(zip(fields, origins, strict=True))).to_json()
        for origins in recorded.iter_rows()
    ]
    return recorded.with_columns(
        pl.Series(f"replayed_provenance_{field}", [one[field] for one in answers], dtype=pl.String)
        for field in fields
    )


def outcomes_of_results(rows: pl.DataFrame) -> pl.DataFrame:
    """Outcome of each row's response, in ``result_outcome_…``.

    The core answers for each class of result: with text or without, with tool calls, with thinking, billed,
    retried. The numbers a class reports are the row's own.

    Parameters
    ----------
    rows : polars.DataFrame
        ``text_bytes``, ``tool_call_count``, ``thinking_bytes``, ``output_tokens`` and ``retries``.

    Returns
    -------
    polars.DataFrame
        A row for each row, in order.
    """
    holds = {
        "text": pl.col("text_bytes") > 0,
        "tools": pl.col("tool_call_count") > 0,
        "thinking": pl.col("thinking_bytes") > 0,
        "billed": pl.col("output_tokens") > 0,
        "retried": pl.col("retries") > 0,
    }
    bits = (
        test.fill_null(value=False).cast(pl.UInt8) * 2**place for place, test in enumerate(holds.values())
    )
    told = [_of_class(*flags) for flags in product((False, True), repeat=len(holds))]
    # `product` counts its last flag fastest, `bits` its first
    answers = [told[int(f"{number:05b}"[::-1], 2)] for number in range(len(told))]
    kinds = pl.DataFrame(
        {
            "class": pl.Series(range(len(answers)), dtype=pl.UInt8),
            "kind": [one.kind.value for one in answers],
            "retry": [one.empty_retries is not None for one in answers],
        }
    )
    classed = rows.select(
        pl.sum_horizontal(bits).cast(pl.UInt8).alias("class"), "text_bytes", "output_tokens", "retries"
    ).join(kinds, on="class", how="left", maintain_order="left")
    return classed.select(
        result_outcome_kind="kind",
        result_outcome_completion_tokens="output_tokens",
        result_outcome_content_len="text_bytes",
        result_outcome_empty_retries=pl.when("retry").then("retries"),
        result_outcome_class=pl.lit(None, dtype=pl.String),
    )


def outcomes_of_errors(rows: pl.DataFrame) -> pl.DataFrame:
    """Outcome of each distinct ``error_message``, in ``error_outcome_…``."""
    messages = rows.select("error_message").drop_nulls().unique()
    answers = [_members(outcome_of_error(message)) for message in messages["error_message"]]
    return messages.with_columns(
        pl.Series(f"error_{name}", [one[name] for one in answers], dtype=dtype)
        for name, dtype in _OUTCOME.items()
    )


def _of_class(text: bool, tools: bool, thinking: bool, billed: bool, retried: bool) -> DispatchOutcome:
    return outcome_of_result(
        text="x" if text else "",
        tool_calls=(None,) if tools else (),
        thinking="x" if thinking else None,
        output_tokens=1 if billed else 0,
        empty_retries=1 if retried else 0,
    )


def _members(outcome: DispatchOutcome) -> dict[str, object]:
    return {
        "outcome_kind": outcome.kind.value,
        "outcome_completion_tokens": outcome.completion_tokens,
        "outcome_content_len": outcome.content_len,
        "outcome_empty_retries": outcome.empty_retries,
        "outcome_class": outcome.error_class,
    }
