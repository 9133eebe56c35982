"""Run the code of the pages and record what it prints: ``python docs/record.py [PAGE …]``.

A test holds the pages to it. In a page, Python blocks run one after the other, and lines of console blocks that begin
with ``harnlab`` run as commands. What a block prints stands in the ``text`` block right after it.
A ``code-block`` with a caption is a file.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harnlab.cli import main as harnlab

DOCS = Path(__file__).parent
SAMPLES = DOCS.parent / "sample_transcripts"
#: Pages with code to run: the README, and those below this folder.
PAGES = tuple(
    os.path.relpath(page, DOCS)
    for page in (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))
    if re.search(r"^```(python|console)$", page.read_text(encoding="utf-8"), re.MULTILINE)
)

_block = re.compile(
    r"^```(?P<head>[^\n]*)\n(?P<body>.*?)^```$(?:\n\n```text\n(?P<shown>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
_caption = re.compile(r"\A:caption: (?P<file>\S+)\n\n")


def recorded(page: str) -> str:
    """Text of a page with what its code prints today.

    Parameters
    ----------
    page : str
        Path below ``docs``.
    """
    names: dict[str, Any] = {"__name__": page}

    def with_output(block: re.Match[str]) -> str:
        printed = _run(block["head"], block["body"], names)
        if block["shown"] is None:
            return block[0]
        return f"```{block['head']}\n{block['body']}```\n\n```text\n{printed.rstrip()}\n```"

    with _samples_at_hand():
        return _block.sub(with_output, (DOCS / page).read_text(encoding="utf-8"))


def _run(head: str, body: str, names: dict[str, Any]) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        if head == "python":
            exec(compile(body, names["__name__"], "exec"), names)
        elif head == "console":
            for line in body.splitlines():
                if line.startswith("harnlab "):
                    code = harnlab(line.partition("#")[0].split()[1:])
                    if code not in (0, 1):  # 1: a gate found what it looks for
                        raise SystemExit(f"`{line}` ended with {code}")
        elif caption := _caption.match(body):
            Path(caption["file"]).write_text(body[caption.end() :], encoding="utf-8")
    return output.getvalue()


@contextlib.contextmanager
def _samples_at_hand() -> Iterator[None]:
    """A folder of its own to work in, with the samples in it: pages write files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            SAMPLES, Path(folder, SAMPLES.name), ignore=shutil.ignore_patterns("__pycache__", "*.py")
        )
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or PAGES:
        text = recorded(chosen)
        (DOCS / chosen).write_text(text, encoding="utf-8")
