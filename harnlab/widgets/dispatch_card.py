"""One dispatch as a record card: five fields with their origins, outcome, cost, and the calls before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harnlab.charts.theme import OUTCOME, PROVENANCE
from harnlab.vocabulary import PROVENANCE_FIELDS
from harnlab.widgets.elements import Child, Element, badge, button, element, facts, log_words
from harnlab.widgets.log_text import ABSENT, cell, one_line, usd

Row = Mapping[str, Any]
_FIELD_COLUMNS: Final = {"thinking": "thinking_mode"}


def card(
    row: Row, *, step: str | None, previous: tuple[int, Row] | None, following: tuple[int, Row] | None
) -> list[Element]:
    """Elements of the card.

    Parameters
    ----------
    row : mapping
        The dispatch, with ``cost_usd`` and the tokens of its call.
    step : str, optional
        Step around its call.
    previous, following : tuple of int and mapping, optional
        Position and row of the dispatch before and after it in its run.
    """
    return [
        element("h3", log_words(str(row["route"] or "route not recorded"), 200)),
        element("dl", *(_field(row, field) for field in PROVENANCE_FIELDS), class_="hl-fields"),
        facts(_told(row, step)),
        element("div", _neighbour("◀ before", previous), _neighbour("after ▶", following)),
    ]


def _field(row: Row, field: str) -> Element:
    value = row[_FIELD_COLUMNS.get(field, field)]
    return element(
        "div",
        element("dt", field),
        element("dd", ABSENT if value is None else log_words(str(value), 60)),
        element("dd", badge(PROVENANCE, row[f"provenance_{field}"])),
        class_="hl-field",
    )


def _told(row: Row, step: str | None) -> list[tuple[str, Child]]:
    outcome: Child = badge(OUTCOME, row["outcome_kind"])
    if row["outcome_class"]:
        outcome = element("span", outcome, " ", log_words(row["outcome_class"], 60))
    tokens = f"{cell(row['input_tokens'])} in, {cell(row['output_tokens'])} out"
    retries = row["outcome_empty_retries"]
    pairs: list[tuple[str, Child]] = [
        ("outcome", outcome),
        ("cost", "price unknown" if row["cost_usd"] is None else f"{usd(row['cost_usd'])} USD"),
        ("tokens of the call", tokens),
        ("time, UTC", cell(row["timestamp"])),
        ("host", log_words(cell(row["base_url_host"]), 60)),
        ("step", log_words(step or ABSENT, 120)),
        ("run", log_words(cell(row["run_id"]), 60)),
        ("call", log_words(cell(row["call_id"]), 60)),
    ]
    return [*pairs, ("empty answers before", cell(retries))] if retries else pairs


def _neighbour(label: str, found: tuple[int, Row] | None) -> Element:
    if found is None:
        return button(f"{label}: none in this run", "none", disabled="disabled")
    position, row = found
    outcome = OUTCOME.of(row["outcome_kind"])
    told = f"{label}: {one_line(cell(row['model']), 40)}, {outcome.glyph} {one_line(outcome.label, 40)}"
    return button(told, str(position), aria_label=told)
