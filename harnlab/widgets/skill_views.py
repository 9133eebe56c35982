"""The skill explorer's pictures: skills by turns, cards against the budget line, and the list of a turn's cards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from harnlab.charts.theme import LIFECYCLE
from harnlab.widgets.elements import Element, badge, button, element, log_words, note
from harnlab.widgets.log_text import ABSENT, count, one_line
from harnlab.widgets.skill_rows import CardPlace, CatalogTurn

#: Turns and skills in sight at a time.
TURNS_SHOWN: Final = 24
_SKILLS_SHOWN: Final = 60

_WIDTH, _BAR_TOP, _BAR = 820, 26, 34
_OMITTED: Final = LIFECYCLE.of("omitted").glyph
_MARK: Final = {"enters": "+", "leaves": "−", "": ""}


def lifecycle_matrix(
    skills: Sequence[str],
    words: Mapping[tuple[int, str], str | None],
    turns: range,
    *,
    of_turns: int,
    picked: tuple[int | None, str | None],
    changed: Mapping[tuple[int, str], str],
    unseen: Collection[tuple[int, str]] = (),
) -> list[Element]:
    """Buttons by skill and turn, each with the glyph and colour of where the skill stood.

    Parameters
    ----------
    skills : sequence of str
        Skills, top to bottom.
    words : mapping
        ``(turn, skill)`` to lifecycle; what is missing had no card in the turn.
    turns : range
        Turns in sight, of ``of_turns``.
    picked : tuple
        Turn and skill picked.
    changed : mapping
        ``(turn, skill)`` to ``enters`` or ``leaves`` under the budget asked about.
    unseen : collection
        ``(turn, skill)`` where the skill was loaded or used and its card not shown.
    """
    rows = [
        element(
            "tr",
            element("th", log_words(skill, 40), scope="row"),
            *(
                _cell(turn, row, skill, words=words, picked=picked, changed=changed, unseen=unseen)
                for turn in turns
            ),
            data_row=str(row),
        )
        for row, skill in enumerate(skills[:_SKILLS_SHOWN])
    ]
    table = element(
        "table",
        element("caption", "Skills by turn; press a cell for its card, a turn for all of them"),
        element("tbody", _turn_heads(turns, picked[0]), *rows, data_roving="skills"),
        class_="hl-matrix hl-skills",
    )
    return [
        element("div", table, class_="hl-wide", data_scroll="skills"),
        _legend(unseen=bool(unseen), changed=bool(changed)),
        *_turning(turns, of_turns),
        *_more(skills),
    ]


def _turn_heads(turns: range, picked: int | None) -> Element:
    heads = [
        element(
            "th",
            button(str(turn), f"turn:{turn}", pressed=turn == picked, aria_label=f"turn {turn}"),
            scope="col",
        )
        for turn in turns
    ]
    return element("tr", element("th", "turn", scope="col"), *heads, data_row="head")


def _legend(*, unseen: bool, changed: bool) -> Element:
    """What the glyphs say; of the marks beside them those there are."""
    told = ["●× in use, its card not shown"] if unseen else []
    told += ["framed: + enters, − leaves under the budget asked"] if changed else []
    glyphs = [part for s in LIFECYCLE.swatches for part in (badge(LIFECYCLE, s.word), " ")]
    return element("p", *glyphs, *([" · ".join(told)] if told else []), class_="hl-note")


def _cell(
    turn: int,
    row: int,
    skill: str,
    *,
    words: Mapping[tuple[int, str], str | None],
    picked: tuple[int | None, str | None],
    changed: Mapping[tuple[int, str], str],
    unseen: Collection[tuple[int, str]],
) -> Element:
    if (turn, skill) not in words:
        return element("td")
    swatch = LIFECYCLE.of(words[turn, skill])
    change = changed.get((turn, skill), "")
    hidden = (turn, skill) in unseen
    told = [swatch.label, *(["card not shown"] if hidden else []), *([change] if change else [])]
    label = one_line(f"{skill}, turn {turn}: {', '.join(told)}")
    return element(
        "td",
        button(
            f"{swatch.glyph}{_OMITTED if hidden else ''}{_MARK[change]}",
            f"card:{turn}:{row}",
            pressed=(turn, skill) == picked,
            aria_label=label,
            title=label,
            paint=swatch.color,
            ink=swatch.ink,
            class_="hl-button hl-life" + (" hl-changed" if change else ""),
        ),
    )


def _turning(turns: range, of_turns: int) -> list[Element]:
    if len(turns) >= of_turns:
        return []
    earlier: dict[str, Any] = {} if turns.start else {"disabled": "disabled"}
    later: dict[str, Any] = {} if turns.stop < of_turns else {"disabled": "disabled"}
    told = element("small", f"turns {turns.start} to {turns.stop - 1} of {of_turns:,}")
    return [
        element("div", button("◀ earlier", "earlier", **earlier), button("later ▶", "later", **later), told)
    ]


def _more(skills: Sequence[str]) -> list[Element]:
    left = len(skills) - _SKILLS_SHOWN
    return [note(f"{left:,} more skills in `.selected`")] if left > 0 else []


def budget_bar(turn: CatalogTurn) -> Element:
    """Cards laid end to end from the header on, with the budget as a line across."""
    placed = [card for card in turn.cards if card.start is not None]
    end = max((card.end or 0 for card in placed), default=turn.header)
    reach = max(end + turn.suffix, turn.effective_budget or 0) * 1.03

    def x(size: float) -> float:
        return round(_WIDTH * size / reach, 1)

    marks = [_block(0, x(turn.header), "header", "hl-part hl-frame-part", f"header: {turn.header} bytes")]
    for card in placed:
        start, stop = card.start or 0, card.end or 0
        kind = "hl-part hl-in" if card.shown else "hl-part hl-out"
        told = f"{card.row['skill_id']}: {stop - start} bytes, {'shown' if card.shown else 'omitted'}"
        marks.append(_block(x(start), x(stop), str(card.row["skill_id"]), kind, told))
    line = x(turn.effective_budget or 0)
    # above and below the cards, whose names it would strike out
    for top, bottom in ((_BAR_TOP - 10, _BAR_TOP), (_BAR_TOP + _BAR, _BAR_TOP + _BAR + 10)):
        marks.append(element("line", x1=line, x2=line, y1=top, y2=bottom, class_="hl-limit hl-solid"))
    side = {"text_anchor": "end", "x": line - 4} if line > _WIDTH / 2 else {"x": line + 4}
    marks.append(element("text", f"budget {count(turn.budget)} bytes", y=12, **side))
    used = f"{count(turn.used)} bytes used" + (
        f", {turn.suffix} of them to say what was left out" if turn.suffix else ""
    )
    marks.append(element("text", used, x=0, y=_BAR_TOP + _BAR + 20))
    label = f"{used}, budget {count(turn.budget)} bytes"
    return element(
        "svg", *marks, viewBox=f"0 0 {_WIDTH} {_BAR_TOP + _BAR + 28}", role="img", aria_label=label
    )


def _block(start: float, stop: float, text: str, kind: str, told: str) -> Element:
    width = max(1.0, round(stop - start - 1, 1))
    letters = int(width / 8)
    shown = one_line(text, letters) if letters >= 3 else ""
    return element(
        "g",
        element("title", one_line(told, 200)),
        element("rect", x=start, y=_BAR_TOP, width=width, height=_BAR, class_=kind),
        element("text", shown, x=start + 4, y=_BAR_TOP + 21, class_="hl-on-part"),
    )


#: Heading of a column of cards, whether it holds numbers, and what it means.
_CARD_COLUMNS: Final = (
    ("card", False, "place in the catalog, and skill_id"),
    ("recorded", False, "where the skill stood in the recorded turn"),
    ("this budget", False, "what the budget drawn above does to the card"),
    ("bytes", True, "length of the card, UTF-8"),
    ("ends at", True, "byte where the card ends, header and the cards before it included"),
    ("needs", True, "least budget that shows the card, the line on what is left out included"),
    ("left out by", False, "recorded reason"),
)
_CARD_LEGEND: Final = (
    "ends at: byte of the catalog, header and earlier cards included; needs: least budget that shows the card"
)


def card_table(turn: CatalogTurn, picked: str | None) -> Element:
    """Cards of a turn in order: size, where each ends, what it would take, what became of it."""
    head = element(
        "tr",
        *(
            element("th", name, scope="col", title=told, class_="hl-amount" if number else "hl-name")
            for name, number, told in _CARD_COLUMNS
        ),
    )
    rows = [_row(place, card, card.row["skill_id"] == picked) for place, card in enumerate(turn.cards, 1)]
    table = element("table", element("thead", head), element("tbody", *rows), class_="hl-answers")
    scrolled = element("div", table, class_="hl-wide", data_scroll="cards")
    return element("div", scrolled, note(_CARD_LEGEND))


def _row(place: int, card: CardPlace, picked: bool) -> Element:
    row = card.row
    state = "shown" if card.shown else "omitted"
    change = f"{_MARK[card.change]} {card.change}" if card.change else state if card.end is not None else ""
    cells = [
        element("th", f"{place}. ", log_words(row["skill_id"] or ABSENT, 40), scope="row", class_="hl-name"),
        element("td", badge(LIFECYCLE, row["lifecycle"])),
        element("td", element("strong", change) if card.change else change, class_="hl-name"),
        element("td", count(row["char_estimate"]), class_="hl-amount"),
        element("td", count(card.end), class_="hl-amount"),
        element("td", "any" if card.needs == 0 else count(card.needs), class_="hl-amount"),
        element("td", log_words(row["omitted_reason"] or "", 40), class_="hl-any"),
    ]
    return element("tr", *cells, class_="hl-this" if picked else "")
