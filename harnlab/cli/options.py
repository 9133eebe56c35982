"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import click

from harnlab.cli.output import Format

paths: Final = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
as_json: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print as JSON, in a versioned envelope."
)
form: Final = click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.TABLE.value,
    show_default=True,
    help="Form of the rows.",
)


def completed(
    words: Callable[[], Iterable[str]],
) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What a shell offers for a parameter: the words that begin as it does."""
    return lambda _context, _parameter, begun: [word for word in words() if word.startswith(begun)]


def chosen(form: str, *, as_json: bool) -> Format:
    """Form of the rows; ``--json`` is short for ``--format json``."""
    return Format.JSON if as_json else Format(form)
