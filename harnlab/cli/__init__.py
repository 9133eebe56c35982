"""The command line: ``harnlab show | parity | whatif | check | report | tail | schema | lab | …``.

Exit codes: 0 fine, 1 findings (gates only), 2 wrong usage, 3 unreadable input.
"""

from __future__ import annotations

from harnlab.cli.entry import main

__all__ = ["main"]
