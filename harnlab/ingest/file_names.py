r"""Names of files as text: a name that is no UTF-8 is shown with escapes, and leads back to the file.

A POSIX name is any bytes. Python keeps those that are no UTF-8 as lone surrogates, which no frame, JSON or
terminal takes, so they are shown as ``\xHH``. A name in which such an escape stands literally has its
backslashes doubled, so that no two names are shown alike; every other name is shown as it is.
"""

from __future__ import annotations

import os
import re
from typing import Final

_escape: Final = re.compile(r"\\x[89a-f][0-9a-f]")
_shown: Final = re.compile(rb"\\(\\|x[89a-f][0-9a-f])")


def shown_name(name: str) -> str:
    """Text of a file name or path as the operating system gave it."""
    if name.isascii() and "\\" not in name:
        return name
    raw = os.fsencode(name)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not _escape.search(text):
        return text
    return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def actual_name(shown: str) -> str:
    """File name or path that is shown so, as the operating system takes it."""
    if not _escape.search(shown):
        return shown
    return os.fsdecode(_shown.sub(_unescaped, shown.encode()))


def _unescaped(found: re.Match[bytes]) -> bytes:
    mark = found[1]
    return mark if mark == b"\\" else bytes([int(mark[1:], 16)])


def shown_path(path: str) -> str:
    """Text of a path with forward slashes, name by name."""
    return "/".join(map(shown_name, path.split("/")))
