"""What a notebook's kernel sees of the machine: the same everywhere, so that only the notebook decides."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path


def kernel_surroundings(add_cleanup: Callable[[Callable[[], None]], object]) -> dict[str, str]:
    """Environment of a kernel: no profile, no cache of an earlier day, no progress bar, UTC.

    ``add_cleanup`` is told how to remove the folder it needs.
    """
    folder = tempfile.TemporaryDirectory(prefix="harnlab-notebooks-")
    add_cleanup(folder.cleanup)
    return {
        "CI": "true",
        "TZ": "UTC",
        "IPYTHONDIR": str(Path(folder.name, "ipython")),
        "XDG_CACHE_HOME": str(Path(folder.name, "cache")),
    }
