"""The command line: ``harnlab show | parity | whatif | check | report | tail | schema | lab | …``.

Exit codes: 0 fine, 1 findings (gates only), 2 wrong usage, 3 unreadable input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console script exits with what this returns."""
    try:
        from harnlab.cli.entry import run  # noqa: PLC0415 - Ctrl-C while it loads is no traceback either
    except KeyboardInterrupt:
        sys.stderr.write("\nharnlab: stopped\n")
        return 130
    return run(arguments)
