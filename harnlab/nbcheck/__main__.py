"""``python -m harnlab.nbcheck NOTEBOOK...`` records what notebooks show."""

from __future__ import annotations

import sys

from harnlab.nbcheck.record import record

for path in sys.argv[1:]:
    record(path)
    print(f"recorded {path}")
