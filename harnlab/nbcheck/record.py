"""Run a notebook from the top and keep what it showed."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import nbclient
import nbformat

from harnlab.nbcheck.surroundings import kernel_surroundings

_LONGEST_CELL_S = 600


def record(path: str | os.PathLike[str]) -> None:
    """Run every cell of a notebook, in its folder and this Python, and write the outputs into the file.

    Parameters
    ----------
    path : path-like
        Notebook; unchanged where a cell raises.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        For a cell that raises and is not tagged ``raises-exception``.
    """
    file = Path(path)
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    with ExitStack() as stack:
        surroundings = os.environ | kernel_surroundings(stack.callback)
        client = nbclient.NotebookClient(
            notebook,
            timeout=_LONGEST_CELL_S,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # only what cells show is of interest
            resources={"metadata": {"path": str(file.parent)}},
        )
        client.execute(env=surroundings)
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]
