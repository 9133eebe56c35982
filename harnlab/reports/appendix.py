"""The log lines a report stands on, quoted at its end, each with a place to jump to."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote as as_address

from harnlab.errors import HarnlabError
from harnlab.reports.redaction import Redactor
from harnlab.reports.words import Mask, shown
from harnlab.runs import Runs

#: Lines quoted at most, and letters of each; a report is a letter, not an archive.
MOST_LINES: Final = 400
MOST_LETTERS: Final = 1_600
#: Between two lines of a document; a JSON text has none inside it.
_BREAK: Final = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One quoted line: its number, where it stands, its text, and the file beside the report."""

    number: int
    place: str
    text: str
    link: str | None


@dataclass(slots=True, kw_only=True)
class Appendix:
    """Collects the lines that tables point to; ``beside`` is the folder the report will lie in."""

    runs: Runs
    beside: Path
    mask: Mask
    redactor: Redactor | None
    quotes: dict[tuple[str, int], Quote] = field(default_factory=dict)
    left_out: int = 0

    @property
    def root(self) -> str:
        """What the paths of all logs begin with, to the last slash."""
        folders = [source.shown.split("/")[:-1] for source in self.runs.sources]
        shared = zip(*folders, strict=False)
        parts = [names[0] for names in itertools.takewhile(lambda names: len(set(names)) == 1, shared)]
        return "".join(f"{part}/" for part in parts)

    def quoted(self, path: str, line: int) -> Quote | None:
        """The quote of a line; ``None`` when the report already quotes as many as it may."""
        if (known := self.quotes.get((path, line))) is not None:
            return known
        if len(self.quotes) >= MOST_LINES:
            self.left_out += 1
            return None
        quote = Quote(
            number=len(self.quotes) + 1,
            place=shown(f"{path}:{line}".removeprefix(self.root if self.redactor else ""), self.mask),
            text=self._text(path, line),
            link=None if self.redactor else self._link(path),
        )
        self.quotes[path, line] = quote
        return quote

    def _text(self, path: str, line: int) -> str:
        try:
            text = self.runs.text((path, line))
        except HarnlabError:
            return "(not a line that can be quoted: the record stands in a larger document)"
        if self.redactor is not None:
            text = self.redactor.line(text)
        return shown(_in_one_line(text), most=MOST_LETTERS) or "(a blank line)"

    def _link(self, path: str) -> str | None:
        """Relative address of a log that was loaded, which works when the report lies where it was written."""
        real = next((source.path for source in self.runs.sources if source.shown == path), None)
        if real is None:
            return None
        try:
            relative = os.path.relpath(real, self.beside)
        except ValueError:  # another drive
            return None
        return as_address("./" + Path(relative).as_posix())


def _in_one_line(text: str) -> str:
    """A record that stands in a document of its own, without the line breaks that set it over pages."""
    text = text.strip()
    return _BREAK.sub(" ", text) if text.startswith(("{", "[")) else text
