"""Where Python's arithmetic and text differ from the runtime's, written once.

The runtime counts UTF-8 bytes, saturates 64-bit counters, truncates floats when it casts them, and prints
floats in Rust's ways. A core that used bare ``len`` or ``int`` would agree on most inputs and not on all.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Final

U64_MAX: Final = 2**64 - 1
U32_MAX: Final = 2**32 - 1
I64_MIN: Final = -(2**63)
I64_MAX: Final = 2**63 - 1

# Unicode White_Space as Rust's ``char::is_whitespace`` has it; Python's ``strip`` also takes U+001C..U+001F.
_WHITESPACE: Final = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_ASCII_LOWER: Final = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def byte_len(text: str) -> int:
    """Length of ``text`` in UTF-8 bytes, which is what the runtime calls its length."""
    return len(text.encode("utf-8", "surrogatepass"))


def saturating_add(left: int, right: int, ceiling: int = U64_MAX) -> int:
    """``left + right``, held at ``ceiling`` (``u64`` unless said otherwise)."""
    return min(left + right, ceiling)


def float_to_i64(value: float) -> int:
    """Cast as Rust's ``as i64``: toward zero, held at the bounds, NaN becomes 0."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return I64_MAX if value > 0 else I64_MIN
    return max(I64_MIN, min(I64_MAX, int(value)))


def float_to_u64(value: float) -> int:
    """Cast as Rust's ``as u64``: toward zero, held at 0 and 2^64 - 1, NaN becomes 0."""
    if math.isnan(value) or value <= 0:
        return 0
    return U64_MAX if math.isinf(value) else min(U64_MAX, int(value))


def div_ceil(dividend: int, divisor: int) -> int:
    """Quotient rounded up."""
    return -(-dividend // divisor)


def ascii_lower(text: str) -> str:
    """Lower-case A to Z and nothing else, as Rust's ``to_ascii_lowercase`` does."""
    return text.translate(_ASCII_LOWER)


def trim(text: str) -> str:
    """Strip white space as Rust's ``str::trim`` does."""
    return text.strip(_WHITESPACE)


def positional(value: float) -> str:
    """Text of a float as Rust's ``{}`` prints it: shortest digits, never an exponent, no ``.0``.

    Where two shortest texts are equally near, Rust takes the larger and Python the even one.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    shortest = Decimal(repr(value))
    last_place = Decimal(1).scaleb(int(shortest.as_tuple().exponent))
    larger = shortest + last_place.copy_sign(shortest)
    if 2 * Fraction(value) == Fraction(shortest) + Fraction(larger) and float(larger) == value:
        shortest = larger
    return format(shortest, "f").removesuffix(".0")


def json_number(value: float) -> str:
    """Text of a finite float as the runtime writes it into JSON (``1e-7``, ``1e16``, ``1.0``, ``-0.0``).

    Shortest digits; positional while the decimal point falls between 5 places left of the first digit
    and 16 places right of it, else with a bare exponent.
    """
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value!r} has no JSON number")  # noqa: TRY004
    minus = "-" if sign else ""
    text = "".join(map(str, digits))
    if value == 0:
        return minus + "0.0"
    point = len(text) + exponent  # where the decimal point stands, counted from the first digit
    if exponent >= 0 and point <= 16:
        return f"{minus}{text}{'0' * exponent}.0"
    if 0 < point <= 16:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -5 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{point - 1}"
