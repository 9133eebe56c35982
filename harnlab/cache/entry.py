"""One entry of the cache: frames of a stretch of a file as Parquet, with what they are of, in one archive.

The archive's checksums tell a damaged entry; nothing in it is ever evaluated.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import msgspec
import polars as pl

from harnlab import __version__, ingest, vocabulary
from harnlab import frames as schemas
from harnlab.cache.seen import Seen
from harnlab.errors import HarnlabError
from harnlab.frames import SCHEMA_VERSION
from harnlab.frames.columns import null_column
from harnlab.frames.when_asked import FramesByMaker

#: Changes when entries are written in another form.
_FORM: Final = 2
_ABOUT: Final = "about.json"
SUFFIX: Final = ".frames"
#: What a file's place gives; it is put back when an entry is read, for the place may be told otherwise by then.
PLACE: Final = ("run_id", "source_path")
#: Types that columns may have, by name.
_DTYPES: Final = {
    repr(dtype): dtype for schema in schemas.SCHEMAS.values() for dtype in schema.dtypes.values()
}

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a line of a file starts: offset in bytes, and number from 1."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an entry is of: whole lines of a file, from ``start`` to ``end``.

    ``after`` is the ``id`` of the entry it follows on, empty for the first of a file.
    """

    path: str
    reader: str
    id: str
    after: str
    start: Place
    end: Place
    seen: Seen


def write_entry(entry: Entry, frames: Frames, target: Path) -> int:
    """Write an entry whole or not at all; gives its size in bytes.

    Raises
    ------
    OSError
        When the folder is not writable or the disk is full. What was written until then is removed.
    """
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f"{target.name}.", delete=False) as file:
        unfinished = Path(file.name)
        try:
            with ZipFile(file, "w") as archive:
                archive.writestr(
                    _ABOUT, json.dumps(asdict(entry) | {"form": _FORM, "columns": _columns(frames)})
                )
                for name, frame in frames.items():
                    archive.writestr(f"{name}.parquet", _parquet(frame))
            file.close()
            size = unfinished.stat().st_size
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    return size


def read_about(path: Path) -> Entry | None:
    """What an entry is of; ``None`` where there is none, or none that this version wrote and can read."""
    try:
        with ZipFile(path) as archive:
            return _entry(json.loads(archive.read(_ABOUT)))
    except Exception:  # whatever is wrong with an entry, the log itself is still there
        return None


def read_frames(path: Path, entry: Entry, *, run_id: str, source_path: str) -> FramesByMaker | None:
    """Frames of an entry, their place put back; ``None`` where they are not there or damaged.

    All bytes are read and compared with their checksums at once, for the entry may be gone in a moment; each frame
    is made of them when it is asked for.
    """
    place = {"run_id": run_id, "source_path": source_path}
    try:
        with ZipFile(path) as archive:
            about = json.loads(archive.read(_ABOUT))
            if _entry(about) != entry:
                return None
            return FramesByMaker(
                {
                    name: partial(_frame, archive.read(f"{name}.parquet"), place, columns)
                    for name, columns in about["columns"].items()
                }
            )
    except Exception:  # as above
        return None


@cache
def reader_version() -> str:
    """Digest of everything that decides what is read: the reading code, the frames, and what they are built on."""
    code = blake2b(Path(vocabulary.__file__).read_bytes(), digest_size=16)
    for room in (schemas, ingest):
        for folder, _, names in sorted(os.walk(room.__path__[0])):
            for name in sorted(names):
                if name.endswith(".py"):
                    code.update(Path(folder, name).read_bytes())
    told = [_FORM, SCHEMA_VERSION, __version__, pl.__version__, msgspec.__version__, code.hexdigest()]
    return blake2b(repr(told).encode(), digest_size=16).hexdigest()


def _columns(frames: Frames) -> dict[str, dict[str, str]]:
    return {
        name: {column: repr(dtype) for column, dtype in frame.schema.items()}
        for name, frame in frames.items()
    }


def _parquet(frame: pl.DataFrame) -> bytes:
    """Columns that say something; one without a value takes as long to read as any other."""
    written = BytesIO()
    told = [column for column in frame.drop(PLACE) if column.null_count() < frame.height]
    pl.DataFrame(told).write_parquet(written, compression="lz4", statistics=False)
    return written.getvalue()


def _frame(content: bytes, place: Mapping[str, str], columns: Mapping[str, str], _: Frames) -> pl.DataFrame:
    try:
        # on one thread, which takes hardly longer, so that what is read meanwhile has a processor of its own
        frame = pl.read_parquet(BytesIO(content), parallel="none")
    except pl.exceptions.PolarsError as error:
        # its checksum is right: this is no damage, and another load would find the same
        hint = 'load again with cache="refresh", or harnlab cache clear'
        raise HarnlabError(
            f"a kept frame cannot be decoded: {error}", where=place["source_path"], hint=hint
        ) from error
    told = {
        **{name: pl.Series([value]).new_from_index(0, frame.height) for name, value in place.items()},
        **frame.to_dict(),
    }
    return pl.DataFrame(
        {
            name: told[name] if name in told else null_column(_DTYPES[dtype], frame.height)
            for name, dtype in columns.items()
        }
    )


def _entry(about: dict[str, Any]) -> Entry | None:
    members = {name: about[name] for name in Entry.__slots__}
    if about["form"] != _FORM:
        return None
    places = {name: Place(**members[name]) for name in ("start", "end")}
    return Entry(**members | places | {"seen": Seen(**members["seen"])})
