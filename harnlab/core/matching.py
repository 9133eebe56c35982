r"""Patterns over names, as the runtime's ``glob_match`` reads them (FORMATS 4.2).

A pattern with ``*``, ``?`` or ``[`` is first tried as a shell glob as Rust's ``globset`` 0.4 reads it:
``*`` and ``?`` also match ``/``, ``**`` spans whole path components, ``[a-z]`` and ``[!a-z]`` are classes,
``{a,b}`` alternates (an empty choice is dropped) and ``\`` escapes. If that is no valid glob, or does not
match, the older rule decides: prefix, suffix, or equality.

globset matches BYTES: ``?`` and a class take one byte of UTF-8, so ``?`` never matches ``é`` and ``??`` does.
Matching keeps the set of places where the name may continue, so no pattern is slower than tokens times bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from harnlab.errors import InvalidArgument

__all__ = ["Glob", "glob_match", "parse_glob", "simple_match"]


class _Run(Enum):
    """A token that takes any number of bytes; the last three are ``**`` where it stands for components."""

    ANY = auto()
    COMPONENTS_BEFORE = auto()
    COMPONENTS_BETWEEN = auto()
    COMPONENTS_AFTER = auto()


@dataclass(frozen=True, slots=True)
class _Alternates:
    """``{a,b}``, without its empty choices; with none left it matches the empty text."""

    choices: tuple[_Tokens, ...]


_Byte: TypeAlias = frozenset[int]
_Token: TypeAlias = "_Byte | _Run | _Alternates"
_Tokens: TypeAlias = tuple[_Token, ...]

_ANY_BYTE: Final[_Byte] = frozenset(range(256))
# Deeper braces than these the runtime's regex engine refuses to compile; here they are no glob at all.
_DEEPEST_BRACES: Final = 248


@dataclass(frozen=True, slots=True)
class Glob:
    """A parsed shell glob; see :func:`parse_glob`."""

    tokens: _Tokens

    def matches(self, name: str) -> bool:
        """Whether the glob matches all of ``name``."""
        if self.tokens == (_Run.COMPONENTS_BEFORE,):
            return True
        text = _utf8(name)
        return len(text) in _ends(self.tokens, {0}, text)


def glob_match(pattern: str, name: str) -> bool:
    """Whether ``pattern`` matches ``name`` under the runtime's rule of 0.8 (FORMATS 4.2).

    Parameters
    ----------
    pattern : str
        Glob, prefix (``merge_*``), suffix (``*_bot``) or plain name; case counts.
    name : str
        What to match, for instance a persona's name.

    Examples
    --------
    >>> glob_match("merge_[bc]*", "merge_captain"), glob_match("re[", "re[")
    (True, True)
    """
    if any(special in pattern for special in "*?["):
        try:
            glob = parse_glob(pattern)
        except InvalidArgument:
            return simple_match(pattern, name)
        if glob.matches(name):
            return True
    return simple_match(pattern, name)


def simple_match(pattern: str, name: str) -> bool:
    """Whether ``pattern`` matches ``name`` under the runtime's rule of 0.7: prefix, suffix or equality."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name == pattern


def parse_glob(pattern: str) -> Glob:
    r"""Parse a shell glob as ``globset::Glob::new`` does.

    Parameters
    ----------
    pattern : str
        The glob; a plain name is a glob too.

    Raises
    ------
    InvalidArgument
        For an unclosed class or brace, a ``}`` too many, a range that runs backwards, a trailing ``\``, or
        braces nested deeper than the runtime can compile.
    """
    return Glob(_Parser(pattern).parse())


class _Parser:
    """Reads a pattern from left to right; ``branches`` holds the choices of every open brace."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.branches: list[list[_Token]] = [[]]
        self.opened: list[int] = []

    def parse(self) -> _Tokens:
        while self.at < len(self.pattern):
            match self.take("a character"):
                case "?":
                    self.push(_ANY_BYTE)
                case "*":
                    self.star()
                case "[":
                    self.character_class()
                case "{":
                    self.open_brace()
                case "}":
                    self.close_brace()
                case "," if self.opened:
                    self.branches.append([])
                case "\\":
                    self.literal(self.take("the escaped character"))
                case plain:
                    self.literal(plain)
        if self.opened:
            raise self.invalid("an unclosed '{'")
        return tuple(self.branches[0])

    def invalid(self, found: str) -> InvalidArgument:
        return InvalidArgument(f"{found} in {self.pattern!r}", where="pattern", expected="a shell glob")

    def take(self, awaited: str) -> str:
        if self.at >= len(self.pattern):
            raise self.invalid(f"the end instead of {awaited}")
        self.at += 1
        return self.pattern[self.at - 1]

    def peek(self) -> str | None:
        return self.pattern[self.at] if self.at < len(self.pattern) else None

    def push(self, token: _Token) -> None:
        self.branches[-1].append(token)

    def literal(self, character: str) -> None:
        for byte in _utf8(character):
            self.push(frozenset((byte,)))

    def open_brace(self) -> None:
        if len(self.opened) == _DEEPEST_BRACES:
            raise self.invalid("braces nested too deep")
        self.opened.append(len(self.branches))
        self.branches.append([])

    def close_brace(self) -> None:
        if not self.opened:
            raise self.invalid("a '}' without its '{'")
        start = self.opened.pop()
        choices = tuple(tuple(branch) for branch in self.branches[start:] if not _is_empty(branch))
        del self.branches[start:]
        self.push(_Alternates(choices))

    def star(self) -> None:
        before = self.pattern[self.at - 2] if self.at > 1 else None
        if self.peek() != "*":
            self.push(_Run.ANY)
            return
        self.at += 1
        tokens, after = self.branches[-1], self.peek()
        in_braces = bool(self.opened)
        if not tokens:
            if after is None or after == "/":
                self.at += 1
                self.push(_Run.COMPONENTS_BEFORE)
            else:
                self.push(_Run.ANY)
            return
        # globset looks at the raw character, so an escaped ',' or '{' inside braces counts as a boundary too
        starts_component = before == "/" or (in_braces and before in {",", "{"})
        closes = after is None or (in_braces and after in {",", "}"})
        if not starts_component or not (closes or after == "/"):
            self.push(_Run.ANY)
            return
        if not closes:
            self.at += 1
        separator = tokens.pop()
        if separator in {_Run.COMPONENTS_BEFORE, _Run.COMPONENTS_AFTER}:
            self.push(separator)
        else:
            self.push(_Run.COMPONENTS_AFTER if closes else _Run.COMPONENTS_BETWEEN)

    def character_class(self) -> None:
        negated = self.peek() in {"!", "^"}
        self.at += negated
        ranges: list[tuple[str, str]] = []
        in_range = False
        while (character := self.take("']'")) != "]" or not ranges:
            if in_range:
                low = ranges[-1][0]
                if character < low:
                    raise self.invalid(f"the backward range '{low}-{character}'")
                ranges[-1] = (low, character)
                in_range = False
            elif character == "-" and ranges:
                in_range = True
            else:
                ranges.append((character, character))
        if in_range:
            ranges.append(("-", "-"))
        allowed = _bytes_of(ranges)
        self.push(_ANY_BYTE - allowed if negated else allowed)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_empty(tokens: Iterable[_Token]) -> bool:
    return all(isinstance(token, _Alternates) and not token.choices for token in tokens)


def _bytes_of(ranges: Iterable[tuple[str, str]]) -> _Byte:
    allowed: set[int] = set()
    for low, high in ranges:
        first, last = _utf8(low), _utf8(high)
        if low == high:
            allowed.update(first)
        else:  # in a byte regex only the bytes beside the '-' span a range
            allowed.update(first[:-1], range(first[-1], last[0] + 1), last[1:])
    return frozenset(allowed)


def _ends(tokens: _Tokens, starts: set[int], text: bytes) -> set[int]:
    """Places in ``text`` where ``tokens``, begun at one of ``starts``, may end."""
    for token in tokens:
        if not starts:
            break
        if isinstance(token, _Alternates):
            if token.choices:
                begun, starts = starts, set()
                for choice in token.choices:
                    starts |= _ends(choice, begun, text)
        elif isinstance(token, _Run):
            starts = _ends_of_run(token, starts, text)
        else:
            starts = {place + 1 for place in starts if place < len(text) and text[place] in token}
    return starts


def _ends_of_run(run: _Run, starts: set[int], text: bytes) -> set[int]:
    if run is _Run.ANY:
        return set(range(min(starts), len(text) + 1))
    if run is _Run.COMPONENTS_BEFORE:
        return starts | _after_slashes(text, min(starts))
    opened = [place for place in starts if text.startswith(b"/", place)]
    if not opened:
        return set()
    if run is _Run.COMPONENTS_BETWEEN:
        return _after_slashes(text, min(opened))
    return set(range(min(opened) + 1, len(text) + 1))


def _after_slashes(text: bytes, begin: int) -> set[int]:
    return {place + 1 for place in range(begin, len(text)) if text.startswith(b"/", place)}
