"""The report page: findings first, then the tables they stand on, then the log lines themselves.

Everything that comes from a log goes through :func:`harnlab.reports.words.shown` and the template's escaping. The
page forbids any request, and any script but its own, known by its hash, which sorts tables: a text that slipped
through could still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import jinja2
import polars as pl
from markupsafe import Markup, escape

from harnlab import __version__
from harnlab.charts.renderer import to_svg
from harnlab.errors import UnreadablePath
from harnlab.plurals import counted
from harnlab.questions import runs_of
from harnlab.replay.whatif.decidability import MEANINGS
from harnlab.reports.appendix import Appendix, Quote
from harnlab.reports.headlines import headlines
from harnlab.reports.redaction import Redactor
from harnlab.reports.sections import Listing, Section, decidability, sections
from harnlab.reports.words import Mask, cells, shown, shown_frame, sort_key, unmasked
from harnlab.runs import Runs

#: Rows of a table; the notebook has them all.
MOST_ROWS: Final = 200
#: Columns that hold what people or models wrote.
_TEXTS: Final = ("task", "message")
#: What a sentence quotes of a record.
_QUOTED: Final = r"""("[^"]*"|'[^']*')"""
#: Letters of a sentence that is told in full.
_MOST_OF_A_SENTENCE: Final = 4_000
#: Letters of a file's name that a table shows whole.
_LONG_NAME: Final = 24
#: Where a long path or name may be broken into lines: after these, and not in the middle of a word.
_BREAKS: Final = re.compile("(?<=[/_])")
_NAME: Final = re.compile("`([^`]+)`")
_templates: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("harnlab.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def _breakable(text: str, over: int = 0) -> Markup:
    """A path or name that breaks into lines where a reader would break it, if it has more letters than that."""
    return Markup("<wbr>").join(_BREAKS.split(text) if len(text) > over else [text])


def _with_names(text: str) -> Markup:
    """A sentence whose names in backticks are set as names."""
    return Markup(_NAME.sub(r"<code>\1</code>", str(escape(text))))


_templates.filters |= {"breakable": _breakable, "counted": counted, "with_names": _with_names}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What stands in one cell: its text, what it is sorted by, and the quoted line it jumps to."""

    text: str
    sort: str | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table as texts, with the columns that are numbers."""

    caption: str
    columns: list[str]
    classes: list[str]
    rows: list[list[_Cell]]
    left_out: int


def write_report(runs: Runs, path: str | os.PathLike[str], *, redact: bool = False) -> Path:
    """Write the findings of some runs as one self-contained HTML file.

    Parameters
    ----------
    runs : Runs
        Loaded runs.
    path : path-like
        File to write; missing folders are made. Its links to the logs work as long as it lies there.
    redact : bool
        Mask texts of messages and whatever looks like a secret (keys, tokens, passwords, e-mail addresses), in
        tables, charts, quoted lines and paths; the page says so, and links to no file.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    UnreadablePath
        When the file cannot be written.
    """
    target = Path(path).absolute()
    page = report_page(runs, beside=target.parent, redact=redact)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UnreadablePath(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="a file in a folder you may write to",
        ) from None
    return target


def report_page(runs: Runs, *, beside: Path, redact: bool = False) -> str:
    """The report as HTML text; ``beside`` is the folder its links to the logs start from."""
    runs = runs_of(runs, where="report")
    redactor = Redactor() if redact else None
    mask = redactor.text if redactor else unmasked
    appendix = Appendix(runs=runs, beside=beside, mask=mask, redactor=redactor)

    def told(text: str) -> str:
        if redact and appendix.root:  # the folders above the logs name people and machines
            text = text.replace(appendix.root, "")
        return shown(text, mask, most=_MOST_OF_A_SENTENCE)

    first = headlines(runs, with_tasks=not redact)
    drawn = [_section(section, mask, told, appendix) for section in sections(runs)]
    script = _templates.get_template("sort.js").render()
    return _templates.get_template("report.html.jinja").render(
        version=__version__,
        runs=runs,
        lead=told(first.lead),
        findings=[replace(found, more=told(found.more)) for found in first.findings],
        fine=first.fine,
        unrecorded=first.unrecorded,
        sections=drawn,
        meanings={str(word): told for word, told in MEANINGS.items()},
        decidability=decidability(),
        appendix=appendix,
        redacted=redactor.told() if redactor else None,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(_templates.get_template("report.css").render()),
    )


def _section(section: Section, mask: Mask, told: Callable[[str], str], appendix: Appendix) -> dict[str, Any]:
    """Charts drawn and table written out, of what may be shown."""
    charts = []
    for frames, draw in section.drawings:
        chart = draw(*(shown_frame(frame, mask) for frame in frames))
        charts.append({"svg": Markup(_svg(chart)), "title": _title(chart)})
    table = _table(section.listing, mask, appendix) if section.listing is not None else None
    return {
        "anchor": section.anchor,
        "title": section.title,
        "said": section.said,
        "told": [told(sentence) for sentence in section.told],
        "charts": charts,
        "table": table,
        "nothing": section.nothing,
    }


def _svg(chart: Any) -> str:
    """Drawing in the page's own ink, so that it reads in light, in dark and on paper."""
    return to_svg(chart, theme="harnlab").replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _title(chart: Any) -> str:
    title = chart.title
    return title if isinstance(title, str) else str(title.text)


def _table(listing: Listing, mask: Mask, appendix: Appendix) -> _Table:
    placed = {"source_path", "source_line"} <= set(listing.rows.columns)
    rows = listing.rows.head(MOST_ROWS)
    kept = [name for name in listing.columns if rows[name].null_count() < rows.height]
    values = _spoken(rows.select(kept), mask)
    columns = [
        [
            _Cell(text=text, sort=sort_key(value))
            for text, value in zip(cells(column), column.to_list(), strict=True)
        ]
        for column in values
    ]
    lines = [list(row) for row in zip(*columns, strict=True)]
    if placed and lines:
        for row, (path, line) in zip(
            lines, rows.select("source_path", "source_line").iter_rows(), strict=True
        ):
            row.append(_place(path, line, mask, appendix))
        kept = [*kept, "line"]
    return _Table(
        caption=listing.caption,
        columns=kept,
        classes=[_class(values, name) for name in kept],
        rows=lines,
        left_out=max(0, listing.rows.height - MOST_ROWS),
    )


def _class(values: pl.DataFrame, name: str) -> str:
    """How a column is set: numbers at the right, times and words of a log in one piece."""
    if name not in values.columns:
        return "line"
    kind = values.schema[name]
    return "n" if kind.is_numeric() else "t" if kind.is_temporal() else ""


def _spoken(rows: pl.DataFrame, mask: Mask) -> pl.DataFrame:
    """Rows fit to be shown; where secrets are masked, what people and models wrote as well."""
    percent = [name for name in rows.columns if name.endswith("_pct")]
    rows = shown_frame(rows, mask).with_columns(pl.col(percent).round(2))
    if mask is unmasked:
        return rows
    texts = [name for name in _TEXTS if name in rows.columns]
    sentences = [name for name in ("reason", "because") if name in rows.columns]
    return rows.with_columns(
        *(pl.format("[text, {} characters]", pl.col(name).str.len_chars()).alias(name) for name in texts),
        *(pl.col(name).str.replace_all(_QUOTED, "[text]") for name in sentences),
    )


def _place(path: str | None, line: int | None, mask: Mask, appendix: Appendix) -> _Cell:
    """Name and line of a log, which jump to the quote with the whole path; the path itself where none is quoted."""
    if path is None:
        return _Cell(text="")
    number = line if line is not None else 1
    quote = appendix.quoted(path, number)
    told = path.removeprefix(appendix.root) if quote is None else _short(path.rpartition("/")[2])
    return _Cell(text=shown(f"{told}:{number}", mask), sort=quote.place if quote else None, quote=quote)


def _short(name: str) -> str:
    """A file's name by its two ends, where it would make a column of its own."""
    return name if len(name) <= _LONG_NAME else f"{name[:8]}…{name[-12:]}"
