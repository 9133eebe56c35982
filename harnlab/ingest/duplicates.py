"""Objects that name a member twice.

Every decoder keeps the last value and says nothing. But what it kept, written again, is shorter than what it read:
a record that is written again to its own length holds nothing twice. The runtime writes compact JSON, so nearly
every record is; only the others are read again with all their pairs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from harnlab.ingest.families import Family

_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_written: Final = msgspec.json.Encoder().encode


class DuplicateFinder:
    """Finds members named twice in records of one family, at the top and in the records it reads inside.

    Parameters
    ----------
    family : Family, optional
        Without one, records are looked at from the top only.
    """

    def __init__(self, family: Family | None = None) -> None:
        paths = (
            {reading.path for reading in family.columns.values()} | family.kept_in_file if family else set()
        )
        names = {path.partition(".")[0] for path in paths}
        self._nested = {path.partition(".")[0] for path in paths if "." in path}
        if family and family.inside:
            self._nested.add(family.inside)
        self._decode = _members if family is None else _levels(names - self._nested, self._nested)

    def find(self, records: Iterable[bytes | memoryview]) -> Iterator[tuple[int, str]]:
        """Number of each record that names a member twice, with the member."""
        decode, written = self._decode, _written
        for number, record in enumerate(records):
            try:
                if len(written(decode(record))) == len(record):
                    continue
            except (msgspec.MsgspecError, ValueError, RecursionError):
                pass
            for member in repeated_members(record, inside=self._nested):
                yield number, member


def repeated_members(
    record: bytes | memoryview, *, inside: Iterable[str] = (), every_level: bool = False
) -> list[str]:
    """Names of the members a JSON object gives more than once.

    Parameters
    ----------
    record : bytes or memoryview
        One JSON object.
    inside : iterable of str
        Members that are looked into as well.
    every_level : bool
        Whether to look at every level.

    Returns
    -------
    list of str
        Names in order of appearance, of all levels where one has any; empty for nearly every record.
    """
    content = bytes(record)
    if not every_level:
        try:
            members = _members(content)
            levels = [(content, members)]
            levels += [
                (raw, _members(raw)) for name in inside if (raw := bytes(members.get(name, b"")))[:1] == b"{"
            ]
            if all(_once(*level) for level in levels):
                return []
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return list(_repeated(content))


def _once(content: bytes, members: dict[str, Raw]) -> bool:
    """Whether an object is written as its members are, compactly or with a space after each comma and colon."""
    content = content.strip()
    if len(content) == len(_written(members)):
        return True
    spaced = b", ".join([f'"{name}": '.encode() + value for name, value in members.items()])
    return len(content) == len(spaced) + 2 and content[1:-1] == spaced


def _levels(plain: Iterable[str], nested: Iterable[str]) -> Any:
    """Decoder of the named members; what others there are is dropped, and missed when the record is written."""
    kinds: dict[str, Any] = dict.fromkeys(plain, Raw | UnsetType)
    kinds |= dict.fromkeys(nested, dict[str, Raw] | UnsetType | None)
    names = {f"m{number}": name for number, name in enumerate(kinds)}
    fields = [(field, kinds[name], UNSET) for field, name in names.items()]
    return msgspec.json.Decoder(msgspec.defstruct("Levels", fields, rename=names, gc=False)).decode


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
