"""What lies where in a lake, and which lakes this version reads.

::

    lake/
      .harnlab-lake            marks the folder; locked while someone converts
      manifest.json            versions, the paths converted, and the parts that count; written last
      calls/<part>.parquet     rows of one part, a folder for each frame that has any
      sources/<part>.parquet   source map of a part; a part is whole once this file is there
      named_runs/<part>.parquet  runs that rows of its event logs name
      .unfinished/             parts that are being written

A part is named for what it was read from (path, size, time and edges of each file) and for the schema, so a name
that is there needs no second look.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.frames import SCHEMAS

#: Raised whenever what is written changes in another way than by columns or dtypes.
LAKE_VERSION: Final = 1
MARK: Final = ".harnlab-lake"
MANIFEST: Final = "manifest.json"
UNFINISHED: Final = ".unfinished"
SOURCES: Final = "sources"
NAMED_RUNS: Final = "named_runs"
TABLES: Final = (*SCHEMAS, NAMED_RUNS, SOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCount:
    """A part, and how much it holds: files, their bytes, and rows of each frame that has any."""

    part: str
    files: int
    bytes: int
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Parts of a lake, and the paths they were converted from."""

    paths: tuple[str, ...]
    parts: tuple[PartCount, ...]


def schema_digest() -> str:
    """Digest of every column and dtype: lakes with another one hold other frames."""
    told = [[name, [[c.name, str(c.dtype)] for c in schema.columns]] for name, schema in SCHEMAS.items()]
    return blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def table_file(lake: Path, table: str, part: str) -> Path:
    """File of a part's rows of one table."""
    return lake / table / f"{part}.parquet"


def lake_folder(path: str | os.PathLike[str]) -> Path:
    """Absolute path of a lake, ``~`` as :func:`harnlab.load` takes it."""
    # of os.path, because a name that no file can have is no error there
    text = os.fspath(path)
    return Path(text if os.path.lexists(text) else os.path.expanduser(text)).absolute()  # noqa: PTH111


def is_lake(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a lake, finished or not."""
    return os.path.isfile(lake_folder(path) / MARK)  # noqa: PTH113


def read_manifest(lake: Path) -> Manifest:
    """Manifest of a lake.

    Raises
    ------
    UnreadablePath
        For a lake that is not finished, that another version wrote, or whose manifest is damaged.
    """
    again = "`harnlab convert PATH… -o LAKE` again, with the paths it was made from"
    try:
        told = json.loads((lake / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise UnreadablePath("a lake that is not finished", where=str(lake), hint=again) from None
    except (OSError, ValueError) as error:
        raise UnreadablePath(f"the manifest cannot be read: {error}", where=str(lake), hint=again) from None
    try:
        version, digest, writer = int(told["lake"]), told["schema"], told["harnlab"]
        if (version, digest) == (LAKE_VERSION, schema_digest()):
            return Manifest(
                paths=tuple(told["paths"]), parts=tuple(PartCount(**part) for part in told["parts"])
            )
    except (KeyError, TypeError, ValueError):
        raise UnreadablePath("the manifest is not a lake's", where=str(lake), hint=again) from None
    raise UnreadablePath(
        f"a lake of version {version}, schema {digest}, written by harnlab {writer}",
        where=str(lake),
        expected=f"version {LAKE_VERSION}, schema {schema_digest()}",
        hint="a newer harnlab" if version > LAKE_VERSION else again,
    )


def is_of_newer_version(lake: Path) -> bool:
    """Whether a lake's manifest says that a newer harnlab wrote it, which may keep what this one does not know."""
    try:
        return int(json.loads((lake / MANIFEST).read_bytes())["lake"]) > LAKE_VERSION
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_manifest(lake: Path, manifest: Manifest, *, writer: str) -> None:
    """Put a manifest in place of the one before."""
    told: dict[str, Any] = {"lake": LAKE_VERSION, "schema": schema_digest(), "harnlab": writer}
    told |= {"paths": manifest.paths, "parts": [asdict(part) for part in manifest.parts]}
    write_whole(lake / MANIFEST, (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all, whenever the machine stops."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def locked(lake: Path) -> Iterator[None]:
    """A folder marked as a lake, for one converter at a time.

    Raises
    ------
    InvalidArgument
        For a folder that holds something else, or that another process converts into.
    OSError
        The folder cannot be made or written to.
    """
    if lake.exists() and not is_lake(lake) and (not lake.is_dir() or any(lake.iterdir())):
        raise InvalidArgument(
            "a folder of other files" if lake.is_dir() else "a file",
            where=str(lake),
            expected="a lake, or a folder that is empty or not there",
            hint="the name of a new folder",
        )
    lake.mkdir(parents=True, exist_ok=True)
    with (lake / MARK).open("ab") as mark:
        if not _lock(mark.fileno()):
            raise InvalidArgument(
                "another process is converting into this lake", where=str(lake), hint="wait until it is done"
            )
        shutil.rmtree(lake / UNFINISHED, ignore_errors=True)
        yield


def _lock(descriptor: int) -> bool:
    """Take the lock that ends with the process; where there is no such lock, nobody is kept out."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock  # noqa: PLC0415 - not on every system
    except ImportError:
        return True
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def drop_others(lake: Path, kept: Manifest) -> None:
    """Remove the files of parts that do not count any more; what cannot be removed is left for the next time."""
    names = {part.part for part in kept.parts}
    for table in TABLES:
        for file in (lake / table).glob("*.parquet"):
            if file.stem not in names:
                _remove(file)


def _remove(file: Path) -> None:
    try:
        file.unlink()
    except OSError:
        return
