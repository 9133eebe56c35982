"""How long until harnlab is there, and until it has read the samples: ``start_up.py``."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from measure import PROJECT, in_rounds, middle, publish, table

ROUNDS = 7
#: What is run, in a fresh interpreter whose own start is measured too.
STATEMENTS = {
    "python": "",
    "import harnlab": "import harnlab",
    "hl.load of all samples": f"import harnlab as hl; hl.load({str(PROJECT / 'sample_transcripts')!r})",
    "import pandas": "import pandas",
}


def run(statement: str) -> dict[str, float]:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return {"wall": time.perf_counter() - start}


def main() -> None:
    found = in_rounds({name: [__file__, "--run", text] for name, text in STATEMENTS.items()}, ROUNDS)
    bare = middle(found["python"], "wall")
    rows = [
        [name, f"{middle(samples, 'wall'):.2f}", f"{middle(samples, 'wall') - bare:.2f}"]
        for name, samples in found.items()
    ]
    header = ["statement", "s with the interpreter", "s without"]
    publish("Starting", f"{ROUNDS} rounds.\n\n{table(header, rows)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(sys.argv[2])))
    else:
        main()
