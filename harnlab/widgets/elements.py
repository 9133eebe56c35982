"""Elements of a page as plain values: ``[tag, attributes, children]``, a text being a child that is no list.

What a drawing may hold is listed here and once more in ``drawing.js``. A text can only become a text node, and an
attribute never a script, a style sheet or an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from harnlab.charts.theme import Palette
from harnlab.errors import InvalidArgument
from harnlab.widgets.log_text import beginning, one_line

Element = list[Any]
Child = Element | str

TAGS: Final = frozenset(
    word
    for words in (
        "bdi button caption code col div dd dl dt figure figcaption h3 h4 label li ol p pre section small span",
        "strong table tbody td th thead tr ul svg g path line rect circle text title polyline",
    )
    for word in words.split()
)
_ATTRIBUTES: Final = frozenset(
    word
    for words in (
        "class title role tabindex scope colspan rowspan disabled paint ink width_pct left_pct viewBox x y x1 x2 y1",
        "y2 cx cy r rx d width height points text-anchor dominant-baseline transform fill stroke stroke-dasharray",
    )
    for word in words.split()
)

#: Characters of a raw record that are shown; the rest is said to be there.
RAW_CHARACTERS: Final = 20_000


def element(tag: str, *children: Child, **attributes: str | float) -> Element:
    """One element; a trailing underscore and inner ones of a name are written as HTML has them.

    Raises
    ------
    InvalidArgument
        For a tag or an attribute a drawing may not hold.
    """
    named = {_written(name): str(value) for name, value in attributes.items()}
    odd = [n for n in named if n not in _ATTRIBUTES and not n.startswith(("aria-", "data-"))]
    if tag not in TAGS or odd:
        raise InvalidArgument(
            f"<{tag}> with {odd}", where="element", expected="tags and attributes of a drawing"
        )
    return [tag, named, list(children)]


def _written(name: str) -> str:
    if name in {"width_pct", "left_pct"}:
        return name
    return name.rstrip("_").replace("_", "-")


def button(label: str, press: str, *, pressed: bool | None = None, **attributes: str | float) -> Element:
    """Button that tells the kernel ``press``; ``pressed`` makes it a switch."""
    state: dict[str, str | float] = {} if pressed is None else {"aria-pressed": str(pressed).lower()}
    return element("button", label, data_press=press, **{"class_": "hl-button", **state, **attributes})


def badge(palette: Palette, word: str | None) -> Element:
    """Glyph, colour and name of one of Harn's words."""
    swatch = palette.of(word)
    return element(
        "span",
        element("span", swatch.glyph, class_="hl-glyph", aria_hidden="true"),
        element("bdi", one_line(swatch.label, 60)),
        class_="hl-badge",
        paint=swatch.color,
        ink=swatch.ink,
    )


def log_words(text: str, limit: int = 120) -> Element:
    """Text of a log within a line: visible, cut, and kept from turning its neighbours around."""
    return element("bdi", one_line(text, limit), title=one_line(text, 1_000))


def facts(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Names and values, one below the other."""
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *rows, class_="hl-facts")


def raw_record(place: str, text: str) -> Element:
    """A record as it stands in the log, as text, cut where it is too long to read."""
    shown, left_out = beginning(text, RAW_CHARACTERS)
    note = f"{len(text):,} characters"
    if left_out:
        note = f"first {RAW_CHARACTERS:,} of {note}; `runs.text(…)` gives all of it"
    return element(
        "section",
        element(
            "h4",
            "Log line ",
            element("small", f"· {note}"),
            element("span", log_words(place, 200), class_="hl-place"),
        ),
        element(
            "pre",
            shown,
            class_="hl-raw",
            tabindex="0",
            role="region",
            aria_label="log line",
            data_focus="raw",
        ),
    )


def note(text: str) -> Element:
    """A sentence of ours."""
    return element("p", text, class_="hl-note")
