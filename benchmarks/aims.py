"""Every aim that a benchmark has held itself to, in one table at the top of the page: ``aims.py``."""

from __future__ import annotations

import re

from measure import PAGE, publish, table

TITLE = "Aims"
#: What stands in the way of an aim and what would meet it, by its section and how it begins.
WHY = {
    ("A second look", "1 MB appended should"): (
        "A process that has read nothing yet makes its decoders and asks for its memory first; an open notebook has "
        "both (the row below it). Decoders kept between processes would meet it; msgspec cannot keep them."
    ),
    ("Memory as a log grows", "beyond the frames a transcript of 1,000 MB should"): (
        "Pages that the joins free stay with Polars' allocator for a while; where they are given back at once (the "
        "row below it) it is met. `_RJEM_MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0` does that, for whoever "
        "starts Python; a library should not."
    ),
    ("One transcript of 1000 MB, cold", "DuckDB"): (
        "The CPU seconds are about the same; DuckDB uses both processors where Python's lock leaves us one. A second "
        "process would meet it; `decisions.md` says why there is none (One process reads a log)."
    ),
}


def held() -> list[list[str]]:
    """The aims told in each section: where, what was aimed at and reached, and whether that is enough."""
    rows = []
    for section in re.split(r"(?m)^## ", PAGE.read_text())[1:]:
        title, _, text = section.partition("\n")
        if title != TITLE:
            told = re.findall(r"(?m)^(.+): ((?:not )?met)\.$", text)
            rows += [[title, aim, met] for aim, met in told]
    return rows


def main() -> None:
    rows = held()
    told = [table(["measured", "aimed at, and reached", ""], rows), *_why(rows)]
    publish(TITLE, "\n\n".join(told), first=True)


def _why(rows: list[list[str]]) -> list[str]:
    """What stands in the way of each aim that is not met."""
    missed = [(title, aim) for title, aim, met in rows if met != "met"]
    return [
        f"*{title}: {aim}.* {why}"
        for title, aim in missed
        for (section, start), why in WHY.items()
        if section == title and aim.startswith(start)
    ]


if __name__ == "__main__":
    main()
