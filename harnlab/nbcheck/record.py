"""Run a notebook from the top and keep what it showed."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import nbclient
import nbformat
import vl_convert

from harnlab.charts.renderer import VEGALITE_MIME
from harnlab.nbcheck.surroundings import kernel_surroundings

_LONGEST_CELL_S: Final = 600
_LIVE_WIDGET_MIME: Final = "application/vnd.jupyter.widget-view+json"
_PICTURE_MIME: Final = "image/png"


def record(path: str | os.PathLike[str]) -> None:
    """Run every cell of a notebook, in its folder and this Python, and write the outputs into the file.

    Charts get a picture, for where nothing draws them (GitHub); a chart that did not change keeps the one it has.
    Widgets are kept as their text and summary: only a kernel brings them to life, and their state is random names.

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
    pictures = {
        _key(data[VEGALITE_MIME]): data[_PICTURE_MIME]
        for data in _shown(notebook)
        if {VEGALITE_MIME, _PICTURE_MIME} <= data.keys()
    }
    with ExitStack() as stack:
        surroundings = os.environ | kernel_surroundings(stack.callback)
        client = nbclient.NotebookClient(
            notebook,
            timeout=_LONGEST_CELL_S,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # only what cells show is of interest
            resources={"metadata": {"path": str(file.parent)}},
        )
        client.execute(env=surroundings)
    notebook.metadata.pop("widgets", None)
    for data in _shown(notebook):
        if "text/plain" in data:
            data.pop(_LIVE_WIDGET_MIME, None)
        if spec := data.get(VEGALITE_MIME):
            data[_PICTURE_MIME] = pictures.get(_key(spec)) or _draw(spec)
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]


def _shown(notebook: Any) -> Iterator[dict[str, Any]]:
    """What each output shows, by MIME type."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                yield output["data"]


def _key(spec: dict[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True)


def _draw(spec: dict[str, Any]) -> str:
    """Picture of a chart on white, since its ink is black where no page gives it a colour."""
    picture = vl_convert.vegalite_to_png({**spec, "background": "white"}, scale=1, allowed_base_urls=[])
    return base64.b64encode(_packed(picture)).decode("ascii")


def _packed(png: bytes) -> bytes:
    """The same picture in a quarter of the bytes: what draws it compresses in haste."""
    chunks, at = [], 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += size + 12
    pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    header, end = (next(data for kind, data in chunks if kind == one) for one in (b"IHDR", b"IEND"))
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", end)]
    return png[:8] + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in parts
    )
