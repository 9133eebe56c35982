"""Objects that name a member twice.

Every decoder keeps the last value and says nothing. The runtime writes compact JSON, so a record whose members
add up to exactly its length cannot hide one; only the others are read again with all their pairs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

_length: Final = memoryview.__len__
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def repeated_members(record: bytes | memoryview, *, every_level: bool = False) -> list[str]:
    """Names of the members a JSON object gives more than once, at the top level or wherever a level is re-read.

    Parameters
    ----------
    record : bytes or memoryview
        One JSON object.
    every_level : bool
        Whether to read every level again, whatever the record's length says.

    Returns
    -------
    list of str
        Names in order of appearance; empty for nearly every record.
    """
    if every_level:
        return list(_repeated(bytes(record)))
    try:
        members = _members(record)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return list(_repeated(bytes(record)))
    count = len(members)
    size = sum(map(len, members)) + sum(map(_length, map(memoryview, members.values())))  # type: ignore[arg-type]
    compact = size + 4 * count + 1 if count else 2
    spaced = compact + 2 * count - 1
    length = len(record)
    if length in {compact, spaced} or len(bytes(record).strip()) in {compact, spaced}:
        return []
    return list(_repeated(bytes(record)))


def _repeated(record: bytes) -> Iterator[str]:
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        if len(items) > len(dict(items)):
            found.extend(name for name, times in Counter(name for name, _ in items).items() if times > 1)

    try:
        json.loads(record.decode("utf-8", "replace"), object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return
    yield from found
