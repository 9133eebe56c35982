"""The file beside a value that says who wrote it (``.agent_state_meta/<key>.json``, FORMATS 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from harnlab.core.agent_state.runtime_json import NUMBER_START, JsonCursor, UnreadableJson, pretty_json
from harnlab.core.agent_state.writer import NOBODY, WriterIdentity
from harnlab.core.values import Value

_Reader = Callable[[JsonCursor], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWriter:
    """What a metadata file says: the last writer, and the UTC second it wrote in."""

    writer: WriterIdentity = NOBODY
    updated_at: int | None = None


def metadata_text(stored: StoredWriter) -> str:
    """Text of a metadata file: the writer's known parts, then the time."""
    parts: dict[str, Value] = {
        name: part for name, part in stored.writer.as_dict().items() if part is not None
    }
    return pretty_json({"writer": parts, "updated_at": stored.updated_at})


def read_metadata(text: str) -> StoredWriter:
    """Read a metadata file as strictly, and as kindly, as the runtime does.

    Missing and unknown members pass; a list in the order of the members passes for an object; a member given
    twice, a wrong type or a null writer does not.

    Raises
    ------
    UnreadableJson
        The runtime could not read the text; the message is its parser's.
    """
    cursor = JsonCursor(text.encode("utf-8", "surrogatepass"))
    stored = _struct(cursor, "StoredWriterMeta", _STORED)
    cursor.expect_end()
    return StoredWriter(**stored)  # type: ignore[arg-type]


def _struct(cursor: JsonCursor, name: str, fields: Mapping[str, _Reader]) -> dict[str, object]:
    opened = cursor.skip_space()
    match opened:
        case "{":
            found = _from_members(cursor, fields)
        case "[":
            found = {
                field: read(cursor) for (field, read), _ in zip(fields.items(), cursor.items(), strict=False)
            }
        case _:
            raise cursor.unexpected(f"struct {name}")
    cursor.close(opened)
    return found


def _from_members(cursor: JsonCursor, fields: Mapping[str, _Reader]) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in cursor.members():
        if field in found:
            with suppress(UnreadableJson):  # the runtime looks for the end before it says where it stands
                cursor.close("{")
            raise cursor.fail(f"duplicate field `{field}`")
        cursor.colon()
        if field in fields:
            found[field] = fields[field](cursor)
        else:
            cursor.skip_value()
    return found


def _writer(cursor: JsonCursor) -> WriterIdentity:
    return WriterIdentity(**_struct(cursor, "WriterIdentity", _WRITER))  # type: ignore[arg-type]


def _optional_text(cursor: JsonCursor) -> str | None:
    if cursor.null():
        return None
    if cursor.peek() != '"':
        raise cursor.unexpected("a string")
    return cursor.string()


def _optional_second(cursor: JsonCursor) -> int | None:
    if cursor.null():
        return None
    start = cursor.at
    second = cursor.number() if cursor.peek() in NUMBER_START else None
    if not isinstance(second, int):
        cursor.at = start
        raise cursor.unexpected("u64")
    if second < 0:
        raise cursor.fail(f"invalid value: integer `{second}`, expected u64")
    return second


_WRITER: Final[Mapping[str, _Reader]] = dict.fromkeys(
    ("writer_id", "stage_id", "session_id", "worker_id"), _optional_text
)
_STORED: Final[Mapping[str, _Reader]] = {"writer": _writer, "updated_at": _optional_second}
