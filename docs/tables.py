"""Write the pages of docs that are data in the code: ``python docs/tables.py``; a test holds them to it."""

from pathlib import Path

import polars as pl

from harnlab.frames import ALL_FRAMES
from harnlab.replay.whatif import DECIDABILITY
from harnlab.replay.whatif.decidability import MEANINGS

DOCS = Path(__file__).parent


def frames_page() -> str:
    """Every frame with its key and columns."""
    intro = (
        "Every column of every frame, as `harnlab schema` prints them. Every row has `run_id`, `source_path` and "
        "`source_line`; null means not recorded, 0 a recorded zero."
    )
    parts = ["# Frames", intro]
    for frame in ALL_FRAMES:
        parts.append(f"## {frame.name}\n\nOne row is {frame.row}. Key: {', '.join(frame.key)}.")
        rows = [(f"`{c.name}`", _kind(c.dtype), c.unit or "", c.doc) for c in frame.columns]
        parts.append(table(("column", "type", "unit", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def decidability_page() -> str:
    """What a record can decide, question by question."""
    intro = (
        "How far a record proves what another limit would have done: the word in the column `decidability` of every "
        "what-if answer. The same table: `hl.whatif.DECIDABILITY`, or `harnlab whatif decidability`."
    )
    rows = DECIDABILITY.with_columns(pl.all().cast(pl.String).fill_null("")).rows()
    words = "\n".join(f"- **{word}**: {told}." for word, told in MEANINGS.items())
    parts = ["# Decidability", intro, words, table(tuple(DECIDABILITY.columns), rows)]
    return "\n\n".join(parts) + "\n"


def _kind(dtype: pl.DataType) -> str:
    """Type of a column; every time is in microseconds and UTC."""
    return "Datetime UTC" if isinstance(dtype, pl.Datetime) else str(dtype)


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


PAGES = {"frames.md": frames_page, "decidability.md": decidability_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
