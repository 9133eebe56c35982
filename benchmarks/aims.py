"""Every aim that a benchmark has held itself to, in one table at the top of the page: ``aims.py``."""

from __future__ import annotations

import re

from measure import PAGE, publish, table

TITLE = "Aims"


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
    publish(TITLE, table(["measured", "aimed at, and reached", ""], held()), first=True)


if __name__ == "__main__":
    main()
