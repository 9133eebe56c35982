"""Where a run keeps its passed/total per operation, for the summary line."""

import pytest

COUNTS = pytest.StashKey[dict[str, tuple[int, int]]]()
