"""What a notebook needs in its first cell: ``%load_ext harnlab.notebook``.

Charts then draw without a network, in the page's own colours, and tables print the same on every screen, so
that a notebook's outputs can be compared from one run to the next.
"""

from __future__ import annotations

from typing import Any

import polars as pl

import harnlab.namespaces  # noqa: F401 - frames of either library have `.harn` from here on
from harnlab.charts import renderer


def setup(*, theme: str = "harnlab", rows: int = 20) -> None:
    """Prepare this Python session for harnlab's charts and tables.

    Parameters
    ----------
    theme : str
        ``harnlab`` (ink follows the page), ``harnlab-light`` or ``harnlab-dark``.
    rows : int
        Rows a printed Polars frame shows at most.

    Raises
    ------
    UnknownName
        For a theme harnlab does not have.
    """
    renderer.enable(theme)
    # Everything Polars would otherwise take from the terminal or the environment is said here.
    pl.Config.set_tbl_rows(rows)
    pl.Config.set_tbl_cols(-1)
    pl.Config.set_tbl_width_chars(160)
    pl.Config.set_fmt_str_lengths(60)
    pl.Config.set_fmt_table_cell_list_len(5)
    pl.Config.set_tbl_formatting("UTF8_FULL_CONDENSED", rounded_corners=True)
    pl.Config.set_fmt_float("mixed")  # six decimals: a millionth of a dollar still shows
    pl.Config.set_float_precision(None)


def load_ipython_extension(_shell: Any) -> None:
    """Run by IPython for ``%load_ext harnlab.notebook``."""
    setup()
