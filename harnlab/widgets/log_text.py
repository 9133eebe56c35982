"""Text from a log, made safe to look at: nothing invisible, nothing that turns the words around, never too much.

A page shows it as text nodes, so that markup in it is only letters; what remains are characters that hide or
reorder their neighbours, and these are written out (:func:`harnlab.invisible.visible`).
"""

from __future__ import annotations

from typing import Any, Final

from harnlab.invisible import visible

#: What stands for a value the log does not have.
ABSENT: Final = "—"
_STORED_CHARACTERS: Final = 1_000


def one_line(text: str, limit: int = 120) -> str:
    """Visible text for one line of at most ``limit`` characters; line breaks are written out too."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return visible(cut).replace("\n", "\\n").replace("\t", "\\t")


def sentence(text: str, limit: int = 120) -> str:
    """Visible text as a sentence: its first letter large, a full stop at its end."""
    told = one_line(text, limit)
    return told if not told else f"{told[0].upper()}{told[1:].removesuffix('.')}."


def tail(text: str, limit: int) -> str:
    """Visible end of a path, where paths differ."""
    return visible(text if len(text) <= limit else f"…{text[1 - limit :]}")


def beginning(text: str, limit: int) -> tuple[str, int]:
    """Visible text of the first ``limit`` characters, and how many characters were left out."""
    return visible(text[:limit]), max(0, len(text) - limit)


def shortened(value: Any) -> Any:
    """Plain values as a notebook stores them, long texts in them cut."""
    if isinstance(value, str):
        return value if len(value) <= _STORED_CHARACTERS else f"{value[: _STORED_CHARACTERS - 1]}…"
    if isinstance(value, dict):
        return {shortened(name): shortened(inner) for name, inner in value.items()}
    return [shortened(inner) for inner in value] if isinstance(value, list | tuple) else value


def usd(amount: float | None) -> str:
    """Amount as the tables show it, to the millionth of a dollar."""
    return ABSENT if amount is None else f"{amount:,.6f}"


def count(number: float | None) -> str:
    """Whole number with thousands separators; a number with decimals as it is."""
    if number is None:
        return ABSENT
    return f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"


def cell(value: Any) -> str:
    """Any value of a frame as one visible line."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value)
    if isinstance(value, list):
        return one_line(", ".join(map(str, value)))
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return one_line(str(value))
