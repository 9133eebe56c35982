"""inspect_ai reading as many megabytes of its own logs: ``inspect_peer.py [MEGABYTES] [ROUNDS]`` (30, 3).

It clashes with what harnlab's tests need, so it is measured where it is installed by itself:

    uv venv out/bench/inspect && uv pip install --python out/bench/inspect/bin/python inspect_ai pandas pyarrow

Its format and its work are others (it validates models): all that is compared is the megabytes.
"""

from __future__ import annotations

import subprocess
import sys

from generate import MEGABYTE
from measure import DATA, READERS, in_rounds, middle, publish, ratio, table, transcript, warmed

PYTHON = DATA / "inspect" / "bin" / "python"
OURS = "harnlab.load of a transcript"
WRITE = """
import sys
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, GenerateConfig, ModelOutput

from generate import Session

def sample(number):
    turns = Session(number)
    messages = [(ChatMessageUser(content=turns._text(700)), ChatMessageAssistant(content=turns._text(1300)))
        for _ in range(60)]
    events = [ModelEvent(model="m", input=[asked], tools=[], tool_choice="auto", config=GenerateConfig(),
        output=ModelOutput.from_message(told)) for asked, told in messages]
    return EvalSample(id=number, epoch=1, input="q", target="a", events=events,
        messages=[message for pair in messages for message in pair])

path, count = sys.argv[1], int(sys.argv[2])
spec = EvalSpec(created="2026-05-01T10:00:00+00:00", task="t", dataset=EvalDataset(), model="m", config=EvalConfig())
write_eval_log(EvalLog(eval=spec, samples=[sample(number) for number in range(count)]), path)
"""
READ = """
import json, sys, time
from inspect_ai.analysis import {name}
wall, cpu = time.perf_counter(), time.process_time()
rows = len({name}(sys.argv[1], quiet=True))
print(json.dumps({{"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rows": rows}}))
"""


def log(megabytes: float) -> str:
    """A log of about a size in inspect_ai's own format, made once."""
    path = DATA / "inspect-log" / f"{megabytes:g}MB.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 4
    while not path.exists() or path.stat().st_size < 0.8 * megabytes * MEGABYTE:
        if path.exists():
            count = round(count * megabytes * MEGABYTE / path.stat().st_size) + 1
        subprocess.run(
            [PYTHON, "-c", WRITE, str(path), str(count)], check=True, cwd=READERS.parent, capture_output=True
        )
    return str(path)


def main() -> None:
    if not PYTHON.exists():
        print(f"left out: inspect_ai: there is no {PYTHON} (how it is made: benchmarks/inspect_peer.py)")
        return
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    theirs, ours = log(megabytes), transcript(megabytes)
    sizes = {name: warmed([path]) / MEGABYTE for name, path in ((OURS, ours),)}
    commands = {OURS: [str(READERS), "harnlab.load", str(ours)]}
    for name in ("messages_df", "events_df"):
        commands[f"inspect_ai {name} of a log"] = [
            "-c",
            "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))",
            str(PYTHON),
            "-c",
            READ.format(name=name),
            theirs,
        ]
    found = in_rounds(commands, rounds)
    rows = [
        [
            name,
            f"{middle(samples, 'wall'):.2f}",
            f"{middle(samples, 'cpu'):.2f}",
            f"{ratio(samples, found[OURS], 'wall'):.1f}",
            f"{ratio(samples, found[OURS], 'cpu'):.1f}",
        ]
        for name, samples in found.items()
    ]
    told = (
        f"{sizes[OURS]:,.0f} MB each, of its own format: the same megabytes, not the same work (inspect_ai validates "
        f"models); {rounds} rounds.\n\n"
    )
    publish(
        "The same megabytes in inspect_ai",
        told + table(["reader", "s", "CPU s", "times harnlab", "in CPU"], rows),
    )


if __name__ == "__main__":
    main()
