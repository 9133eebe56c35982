"""Make the sample incidents again: ``python sample_transcripts/make.py [--into DIR] [incident …]``.

The output is the same, byte for byte, on every run.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from _make import (
    autonomy_pressure,
    cost_overrun,
    damaged,
    inherited_route,
    regression,
    skill_catalog,
    two_writers,
)
from _make.files import Project

INCIDENTS: dict[str, Callable[[Project], None]] = {
    "cost-overrun": cost_overrun.make,
    "inherited-route": inherited_route.make,
    "damaged": damaged.make,
    "skill-catalog": skill_catalog.make,
    "autonomy-pressure": autonomy_pressure.make,
    "two-writers": two_writers.make,
    "regression": regression.make,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "incident", nargs="*", choices=[[], *INCIDENTS], help="all of them when none is named"
    )
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder to write to")
    options = parser.parse_args()
    for name in options.incident or INCIDENTS:
        folder = options.into / name
        _clear(folder)
        INCIDENTS[name](Project(folder))


def _clear(folder: Path) -> None:
    """Remove what an earlier run made; each README is written by hand and stays."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "README.md":
            path.unlink()


if __name__ == "__main__":
    main()
