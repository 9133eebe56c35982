"""Answers to a what-if question as a table: the number, the word that says how far the record proves it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from harnlab.charts.whatif import DECIDABILITY as DECIDED
from harnlab.widgets.elements import Element, badge, button, element, log_words, note
from harnlab.widgets.log_text import ABSENT, one_line, usd

__all__ = ["DECIDED", "answer_table", "meanings"]

_SHOWN: Final = 12
_MEANT: Final = {
    "exact": "the record proves it",
    "bound": "the record proves a limit",
    "censored": "the run was cut there, beyond it nothing is known",
    "insufficient": "the record does not say",
}


def meanings(words: Iterable[str | None]) -> Element:
    """What the words of decidability say, for those there are."""
    there = set(words)
    told = [s for s in DECIDED.swatches if s.word in there]
    parts = [(badge(DECIDED, s.word), f" {_MEANT[s.word]}{'; ' if s is not told[-1] else ''}") for s in told]
    return element("p", *(part for pair in parts for part in pair), class_="hl-note")


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
    names = {"step": "", "saves, USD": "hl-amount", "proof": "", "because": ""}
    head = element("tr", *(element("th", name, scope="col", class_=kind) for name, kind in names.items()))
    table = element("table", element("thead", head), element("tbody", *body), class_="hl-answers")
    left = [note(f"{rows.height - _SHOWN:,} more in `.answers`")] if rows.height > _SHOWN else []
    back = button("Back to the declared limits", "declared")
    told = element("p", element("strong", one_line(headline, 400)), role="status")
    legend = meanings(answers["decidability"].unique())
    return [told, element("div", table, class_="hl-wide", data_scroll="answers"), *left, legend, back]


def _row(row: Mapping[str, Any]) -> Element:
    where = f"span {row['span_id']}" if row["span_id"] is not None else ""
    return element(
        "tr",
        element(
            "th",
            log_words(row["step"] or ABSENT, 40),
            " ",
            element("small", where),
            scope="row",
            class_="hl-name",
        ),
        element("td", _saved(row), class_="hl-amount"),
        element("td", badge(DECIDED, row["decidability"])),
        element("td", log_words(row["because"] or "", 300)),
    )


def _saved(row: Mapping[str, Any]) -> str:
    if row["savings_usd"] is None:
        return "not known"
    side = "at most " if row["savings_side"] == "at_most" else ""
    return f"{side}{usd(row['savings_usd'])}"
