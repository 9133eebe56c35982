"""Text of a log on its way to a terminal: it is read, and never obeyed."""

from __future__ import annotations

import json
import re
from typing import Final

from harnlab.invisible import blanked

_BEYOND_ASCII: Final = re.compile("[^\\n -~]+")


def plain_lines(text: str) -> str:
    """Lines that only ever stand where they are printed, whatever a log put into them."""
    return "\n".join(map(blanked, text.split("\n")))


def plain_json(text: str) -> str:
    """The same JSON with what a terminal would obey, or nobody would see, as escapes."""
    return _BEYOND_ASCII.sub(lambda found: "".join(map(_escaped, found[0])), text)


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if character <= "\uffff" else json.dumps(character)[1:-1]
