"""What the galleries are asked for on the command line."""

import argparse
from pathlib import Path


def asked(told, names, output):
    """Names, folder and widths; ``told`` is the gallery's docstring, ``names`` says what its names are."""
    parser = argparse.ArgumentParser(description=told.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("-o", "--output", type=Path, default=Path(output))
    parser.add_argument("--width", type=int, nargs="+", default=[1100, 700])
    found = parser.parse_args()
    found.output.mkdir(parents=True, exist_ok=True)
    return found
