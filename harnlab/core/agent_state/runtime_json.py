"""JSON as the runtime reads and writes it, as far as durable state needs it (serde_json).

Python's :mod:`json` is too kind to say whether the runtime can read a damaged metadata file: it takes
``NaN``, lone surrogates and any number, and words its errors differently. The cursor walks UTF-8 bytes,
because the runtime's columns count them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from unicodedata import category

from harnlab.core.rust_semantics import I64_MIN, U64_MAX, json_number
from harnlab.core.values import Duration, Value, display

_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_SPACE: Final = re.compile(rb"[ \n\t\r]*")
_DIGITS: Final = re.compile(rb"[0-9]*")
_HEX4: Final = re.compile(rb"[0-9A-Fa-f]{4}")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}
_IDENTS: Final = {"n": ("ull", "null"), "t": ("rue", "boolean `true`"), "f": ("alse", "boolean `false`")}
#: Printable characters that extend a grapheme although they are no non-spacing or enclosing marks.
_OTHER_GRAPHEME_EXTEND: Final = frozenset(
    "\u09be\u09d7\u0b3e\u0b57\u0bbe\u0bd7\u0cc0\u0cc2\u0cc7\u0cc8\u0cca\u0ccb\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf"
    "\u1715\u1734\u1b35\u1b3b\u1b3d\u1b43\u1b44\u1baa\u1bf2\u1bf3\u302e\u302f\ua953\ua9c0\uff9e\uff9f"
    "\U000111c0\U00011235\U0001133e\U0001134d\U00011357\U000114b0\U000114bd\U000115af\U000116b6\U00011930\U0001193d"
    "\U00016ff0\U00016ff1\U0001d165\U0001d166\U0001d16d\U0001d16e\U0001d16f\U0001d170\U0001d171\U0001d172"
)
_CLOSING: Final = {"[": "]", "{": "}"}
_KIND: Final = {"[": "a list", "{": "an object"}

#: First characters of a number.
NUMBER_START: Final = frozenset("-0123456789")
_EOF_VALUE: Final = "EOF while parsing a value"
_EOF_STRING: Final = "EOF while parsing a string"
_INVALID_NUMBER: Final = "invalid number"
_TRAILING: Final = "trailing characters"


class UnreadableJson(ValueError):
    """Text the runtime's parser refuses, in its words, with line and column."""


@dataclass(slots=True)
class JsonCursor:
    """A place in a JSON text; every ``take``/``skip`` moves it past what it read."""

    data: bytes
    at: int = 0

    def fail(self, reason: str, *, ahead: bool = False) -> UnreadableJson:
        """Error at the last byte taken, or at the byte ``ahead`` of it."""
        end = min(len(self.data), self.at + 1) if ahead else self.at
        line_start = self.data.rfind(b"\n", 0, end) + 1
        line = 1 + self.data.count(b"\n", 0, line_start)
        return UnreadableJson(f"{reason} at line {line} column {end - line_start}")

    def peek(self) -> str:
        """The next byte as text, empty at the end; a byte of a longer character is nothing JSON knows."""
        return self.data[self.at : self.at + 1].decode("latin-1")

    def skip_space(self) -> str:
        """Skip white space and peek."""
        self.at = self._run(_SPACE)
        return self.peek()

    def expect_end(self) -> None:
        """Raise if anything but white space is left."""
        if self.skip_space():
            raise self.fail(_TRAILING, ahead=True)

    def null(self) -> bool:
        """Take a null, if one is next."""
        if self.skip_space() != "n":
            return False
        self._ident()
        return True

    def unexpected(self, expected: str) -> UnreadableJson:
        """Error for a value of the wrong type, or for no value at all."""
        match self.peek():
            case "n" | "t" | "f":
                seen = self._ident()
            case char if char in NUMBER_START:
                number = self.number()
                is_float = isinstance(number, float)
                seen = f"floating point `{_float_text(number)}`" if is_float else f"integer `{number}`"
            case '"':
                seen = f"string {_debug(self.string())}"
            case "[":
                seen = "sequence"
            case "{":
                seen = "map"
            case char:
                return self.fail("expected value" if char else _EOF_VALUE, ahead=True)
        return self.fail(f"invalid type: {seen}, expected {expected}")

    def string(self, *, kept: bool = True) -> str:
        """Take a string; one that is not ``kept`` is checked less (half a surrogate pair passes)."""
        self.at += 1
        parts: list[str] = []
        while True:
            start, self.at = self.at, self._run(_PLAIN)
            parts.append(self.data[start : self.at].decode())
            match self._next(_EOF_STRING):
                case '"':
                    return "".join(parts)
                case "\\":
                    parts.append(self._escape(kept))
                case _:
                    self.at -= not kept
                    raise self.fail("control character (\\u0000-\\u001F) found while parsing a string")

    def number(self) -> int | float:
        """Take a number: an int where it fits 64 bits, else a float."""
        text = self._number_text(kept=True)
        if text.lstrip("-").isdecimal() and text != "-0" and I64_MIN <= int(text) <= U64_MAX:
            return int(text)
        value = float(text)
        if math.isinf(value):
            raise self.fail("number out of range")
        return value

    def items(self) -> Iterator[None]:
        """Stop at every item of a list whose ``[`` is next; its end is left for :meth:`close`."""
        self.at += 1
        first = True
        while (char := self.skip_space()) != "]":
            if not char:
                raise self.fail("EOF while parsing a list", ahead=True)
            if not first:
                self._comma("[", char)
                if (char := self.skip_space()) in {"]", ""}:
                    raise self.fail("trailing comma" if char else _EOF_VALUE, ahead=True)
            first = False
            yield

    def members(self) -> Iterator[str]:
        """Take every name of an object whose ``{`` is next; its end is left for :meth:`close`.

        The colon between the two is left for :meth:`colon`.
        """
        self.at += 1
        first = True
        while (char := self.skip_space()) != "}":
            if not char:
                raise self.fail("EOF while parsing an object", ahead=True)
            if not first:
                self._comma("{", char)
                if (char := self.skip_space()) in {"}", ""}:
                    raise self.fail("trailing comma" if char else _EOF_VALUE, ahead=True)
            if char != '"':
                raise self.fail("key must be a string", ahead=True)
            first = False
            yield self.string()

    def colon(self) -> None:
        """Take the colon after a name."""
        char = self.skip_space()
        if char != ":":
            raise self.fail("expected `:`" if char else "EOF while parsing an object", ahead=True)
        self.at += 1

    def close(self, opened: str) -> None:
        """Take the end of a list or object."""
        char = self.skip_space()
        if not char:
            raise self.fail(f"EOF while parsing {_KIND[opened]}", ahead=True)
        if char == "," and opened == "[":
            self.at += 1
            char = "," if self.skip_space() == "]" else ""
        if char == ",":
            raise self.fail("trailing comma", ahead=True)
        if char != _CLOSING[opened]:
            raise self.fail(_TRAILING, ahead=True)
        self.at += 1

    def skip_value(self) -> None:
        """Skip a value nobody asked for, however deep; its numbers and surrogates are not judged."""
        enclosing: list[str] = []
        while True:
            opened = self._skip_scalar()
            enclosing += opened
            if not self._skip_to_next(enclosing, fresh=bool(opened)):
                return

    def _skip_scalar(self) -> str:
        """Skip a scalar, or only the bracket of a container, which is returned."""
        match self.skip_space():
            case "n" | "t" | "f":
                self._ident()
            case char if char in NUMBER_START:
                self._number_text(kept=False)
            case '"':
                self.string(kept=False)
            case "[" | "{" as opened:
                self.at += 1
                return opened
            case char:
                raise self.fail("expected value" if char else _EOF_VALUE, ahead=True)
        return ""

    def _skip_to_next(self, enclosing: list[str], *, fresh: bool) -> bool:
        """Close what ends here and stop before the next value; ``False`` if nothing is left open."""
        while enclosing:
            opened = enclosing[-1]
            char = self.skip_space()
            if not char:
                raise self.fail(f"EOF while parsing {_KIND[opened]}", ahead=True)
            if char == _CLOSING[opened]:
                self.at += 1
                enclosing.pop()
                fresh = False
                continue
            if not fresh:
                self._comma(opened, char)
            if opened == "{":
                self._skip_name()
            return True
        return False

    def _skip_name(self) -> None:
        char = self.skip_space()
        if char != '"':
            raise self.fail("key must be a string" if char else "EOF while parsing an object", ahead=True)
        self.string(kept=False)
        self.colon()

    def _comma(self, opened: str, char: str) -> None:
        if char != ",":
            raise self.fail(f"expected `,` or `{_CLOSING[opened]}`", ahead=True)
        self.at += 1

    def _ident(self) -> str:
        rest, seen = _IDENTS[self._next(_EOF_VALUE)]
        for expected in rest:
            if self._next(_EOF_VALUE) != expected:
                raise self.fail("expected ident")
        return seen

    def _escape(self, kept: bool) -> str:
        char = self._next(_EOF_STRING)
        if char != "u":
            if char not in _ESCAPES:
                raise self.fail("invalid escape")
            return _ESCAPES[char]
        unit = self._code_unit()
        if not kept:
            return ""
        if 0xDC00 <= unit <= 0xDFFF:
            raise self.fail("lone leading surrogate in hex escape")
        return self._paired(unit) if 0xD800 <= unit <= 0xDBFF else chr(unit)

    def _paired(self, leading: int) -> str:
        for expected in "\\u":
            if self._next(_EOF_STRING) != expected:
                raise self.fail("unexpected end of hex escape")
        trailing = self._code_unit()
        if not 0xDC00 <= trailing <= 0xDFFF:
            raise self.fail("lone leading surrogate in hex escape")
        return chr(0x10000 + ((leading - 0xD800) << 10) + (trailing - 0xDC00))

    def _code_unit(self) -> int:
        digits = self.data[self.at : self.at + 4]
        self.at += len(digits)
        if len(digits) < 4:
            raise self.fail(_EOF_STRING)
        if not _HEX4.fullmatch(digits):
            raise self.fail("invalid escape")
        return int(digits, 16)

    def _number_text(self, *, kept: bool) -> str:
        start = self.at
        at_end = _EOF_VALUE if kept else _INVALID_NUMBER
        if self.peek() == "-":
            self.at += 1
        leading = self._next(at_end)
        if not "0" <= leading <= "9":
            raise self.fail(_INVALID_NUMBER)
        if self._digits() and leading == "0":
            self.at = start + 1 + (self.data[start : start + 1] == b"-")
            raise self.fail(_INVALID_NUMBER, ahead=True)
        if self.peek() == ".":
            self.at += 1
            if not self._digits():
                raise self.fail(_INVALID_NUMBER if self.peek() else at_end, ahead=True)
        if self.peek() in {"e", "E"}:
            self.at += 1
            self.at += self.peek() in {"+", "-"}
            if not "0" <= self._next(at_end) <= "9":
                raise self.fail(_INVALID_NUMBER)
            self._digits()
        return self.data[start : self.at].decode()

    def _digits(self) -> int:
        start, self.at = self.at, self._run(_DIGITS)
        return self.at - start

    def _next(self, at_end: str) -> str:
        char = self.peek()
        if not char:
            raise self.fail(at_end)
        self.at += 1
        return char

    def _run(self, pattern: re.Pattern[bytes]) -> int:
        found = pattern.match(self.data, self.at)
        return found.end() if found else self.at


def pretty_json(value: Value, indent: str = "") -> str:
    """Text of a value as the runtime pretty-prints it: two blanks a level, members in the order of the dict.

    Floats that are no number become null, durations their displayed text.
    """
    deeper = indent + "  "
    match value:
        case dict() if value:
            lines = [f"{deeper}{_quoted(name)}: {pretty_json(item, deeper)}" for name, item in value.items()]
            return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
        case list() if value:
            lines = [deeper + pretty_json(item, deeper) for item in value]
            return "[\n" + ",\n".join(lines) + f"\n{indent}]"
        case str():
            return _quoted(value)
        case float():
            return _float_text(value) if math.isfinite(value) else "null"
        case Duration():
            return _quoted(display(value))
        case _:
            return json.dumps(value)


def in_key_order(value: Value) -> Value:
    """The same value with the members of every dict in order, as the runtime's dicts and JSON objects are."""
    match value:
        case dict():
            return {name: in_key_order(value[name]) for name in sorted(value)}
        case list():
            return [in_key_order(item) for item in value]
        case _:
            return value


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _float_text(value: float) -> str:
    # serde_json signs a positive exponent since 1.0.147; the runtime's lock file has 1.0.149
    text = json_number(value)
    return text if "e-" in text else text.replace("e", "e+")


def _debug(text: str) -> str:
    # Rust's {:?} of a string: JSON's quotes and escapes but \0, \u{1b} and bare ones for what can be printed
    named = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    shown = (named.get(char) or (char if _stands_alone(char) else f"\\u{{{ord(char):x}}}") for char in text)
    return f'"{"".join(shown)}"'


def _stands_alone(char: str) -> bool:
    # Rust escapes what would combine with the character before it (Grapheme_Extend) as it does the unprintable
    return char.isprintable() and category(char) not in {"Mn", "Me"} and char not in _OTHER_GRAPHEME_EXTEND
