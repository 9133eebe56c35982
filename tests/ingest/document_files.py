"""Documents written to a file and read, and the JSON a row points to."""

import json

from harnlab.frames import SCHEMAS
from harnlab.ingest.sources import Part, Source, SourceKind


def source(path, kind=SourceKind.RUN_RECORD):
    return Source(path=path, shown=f"shown/{path.name}", kind=kind, run_id="folder", project=str(path.parent))


def written(path, content, kind=SourceKind.RUN_RECORD):
    """Source of a file with some bytes, or with a value as indented JSON."""
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=2).encode())
    return source(path, kind)


def rows(part: Part, frame):
    """Rows of a frame as mappings; none when the reader gave no such frame."""
    return part.frames.get(frame, SCHEMAS[frame].empty()).rows(named=True)


def pointed_at(source, row):
    """What stands at a row's place, and the line it starts on."""
    content = source.path.read_bytes()
    start = row["source_offset"]
    return json.loads(content[start : start + row["length"]]), content[:start].count(b"\n") + 1


def kinds(problems):
    return [problem.kind.value for problem in problems]
