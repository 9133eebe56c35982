"""Write the pages of docs that are data in the code: ``python docs/tables.py``; a test holds them to it."""

from pathlib import Path

import polars as pl

from harnlab.frames import ALL_FRAMES
from harnlab.replay.whatif import DECIDABILITY

DOCS = Path(__file__).parent


def frames_page() -> str:
    """Every frame with its key and columns."""
    parts = ["# Frames", "What `harnlab schema` prints, from `harnlab/frames/`."]
    for frame in ALL_FRAMES:
        parts.append(f"## {frame.name}\n\nOne row is {frame.row}. Key: {', '.join(frame.key)}.")
        rows = [(f"`{c.name}`", str(c.dtype), c.unit or "", c.doc) for c in frame.columns]
        parts.append(table(("column", "type", "unit", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def decidability_page() -> str:
    """What a record can decide, question by question."""
    intro = "What the record decides about another limit: `hl.whatif.DECIDABILITY`, or `harnlab whatif decidability`."
    rows = DECIDABILITY.with_columns(pl.all().cast(pl.String).fill_null("")).rows()
    return "\n\n".join(["# Decidability", intro, table(tuple(DECIDABILITY.columns), rows)]) + "\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


PAGES = {"frames.md": frames_page, "decidability.md": decidability_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
