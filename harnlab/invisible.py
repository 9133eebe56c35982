r"""Characters of a log that hide, command or turn the writing round, and the two ways of showing text without them.

A page writes them out as ``\u202e``, so that a reader learns of them; a line of plain text has blanks for them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_KEPT: Final = frozenset("\n\t")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
#: Letters of no width or ink that Unicode does not call format characters.
_INKLESS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
_PRINTABLE_ASCII: Final = re.compile(r"[\n\t -~]*")


def visible(text: str) -> str:
    """Text with every control, direction and zero-width character written out as an escape."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(_escaped(character) if _hides(character) else character for character in text)


def blanked(text: str) -> str:
    """Text with a blank for every character that is not printed, line breaks too."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def blanked_line(text: str) -> str:
    """Text in one line, with one blank for all that is not printed between two words."""
    return " ".join(blanked(text).split())


def _hides(character: str) -> bool:
    if character in _KEPT:
        return False
    return unicodedata.category(character) in _HIDDEN or character in _INKLESS


def _escaped(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
