"""Answers to a what-if question as a table: the number, the word that says how far the record proves it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from harnlab.charts.theme import Palette, Swatch
from harnlab.widgets.elements import Element, badge, button, element, log_words, note
from harnlab.widgets.log_text import ABSENT, one_line

#: How the four words of decidability are drawn.
DECIDED: Final = Palette(
    name="decidability",
    swatches=(
        Swatch(word="exact", label="exact", color="#316d6e", glyph="="),
        Swatch(word="bound", label="bound", color="#4a66fd", glyph="≤"),
        Swatch(word="censored", label="censored", color="#c78107", glyph="…"),
        Swatch(word="insufficient", label="insufficient", color="#6b6a6a", glyph="?"),
    ),
)
_SHOWN: Final = 12


def answer_table(answers: pl.DataFrame, headline: str, *, shown: Mapping[str, Any] | None) -> list[Element]:
    """Rows of ``hl.whatif.step_budget`` with the step on show first, then those that save most."""
    rows = answers.with_row_index("number").sort(
        "savings_usd", descending=True, nulls_last=True, maintain_order=True
    )
    if shown is not None:
        here = pl.all_horizontal(
            pl.col(n).eq_missing(pl.lit(shown[n])) for n in ("run_id", "step", "span_id")
        )
        rows = rows.sort(here, descending=True, maintain_order=True)
    body = [_row(row) for row in rows.head(_SHOWN).iter_rows(named=True)]
    head = element("tr", *(element("th", name, scope="col") for name in ("step", "saves", "", "because")))
    table = element("table", element("thead", head), element("tbody", *body), class_="hl-answers")
    left = [note(f"{rows.height - _SHOWN:,} more in `.answers`")] if rows.height > _SHOWN else []
    back = button("Back to the declared limits", "declared")
    told = element("p", element("strong", one_line(headline, 400)), role="status")
    return [told, element("div", table, class_="hl-wide", data_scroll="answers"), *left, back]


def _row(row: Mapping[str, Any]) -> Element:
    where = f"span {row['span_id']}" if row["span_id"] is not None else ""
    return element(
        "tr",
        element("th", log_words(row["step"] or ABSENT, 40), " ", element("small", where), scope="row"),
        element("td", _saved(row), class_="hl-amount"),
        element("td", badge(DECIDED, row["decidability"])),
        element("td", log_words(row["because"] or "", 300)),
    )


def _saved(row: Mapping[str, Any]) -> str:
    if row["savings_usd"] is None:
        return "not known"
    side = "at most " if row["savings_side"] == "at_most" else ""
    return f"{side}{float(format(row['savings_usd'], '.10g')):g} USD"
