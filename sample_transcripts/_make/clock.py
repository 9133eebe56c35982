"""Time and identity of one imitated process: nothing is read from the machine."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(moment: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time."""
    return (datetime.fromisoformat(moment) - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(ms: int) -> str:
    """UTC time as the runtime writes it: ``Z``, fraction without trailing zeros."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    fraction = f".{ms % 1000:03d}".rstrip("0") if ms % 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


class Clock:
    """A clock that moves only when told, and ids that depend on the seed alone."""

    def __init__(self, start: str, seed: str) -> None:
        self.ms = epoch_ms(start)
        self.started_ms = self.ms
        self._seed = seed
        self._drawn = 0

    def advance(self, ms: int) -> None:
        self.ms += ms

    @property
    def stamp(self) -> str:
        """Epoch seconds with three decimals, as text."""
        return f"{self.ms // 1000}.{self.ms % 1000:03d}"

    @property
    def seconds(self) -> str:
        """Whole epoch seconds as text, as run records carry them."""
        return str(self.ms // 1000)

    def draw(self, below: int) -> int:
        """Return the next seeded number in ``[0, below)``."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._seed}:{self._drawn}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % below

    def uuid7(self) -> str:
        high = (self.ms << 16) | 0x7000 | ((self._drawn + 1) & 0xFFF)
        low = (0b10 << 62) | self.draw(1 << 62)
        text = f"{high:016x}{low:016x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
