"""Search for bytes that break a reader, guided by coverage: ``python benchmarks/fuzz_readers.py --seconds 900``.

Every target of ``tests/fuzz/targets.py`` in turn, in a process of its own. Atheris (libFuzzer) guides the search
where it is installed (``pip install atheris``); else a mutator of this script does, told by ``sys.settrace`` which
lines ran. What breaks a check, raises or takes longer than a second is made as small as it gets and put into
``tests/fuzz/corpus/<target>/``, where a test replays it. Prints executions and findings per target.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests/fuzz/corpus"
SLOW_S = 1.0
MOST_BYTES = 16_384
_value = re.compile(rb'(?<=:)\s*(?:"[^"]*"|[\w.+-]+)')

try:
    import atheris
except ImportError:
    atheris = None


def load_targets() -> Any:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if atheris is None:
        from fuzz import targets  # noqa: PLC0415
    else:
        with atheris.instrument_imports(include=["harnlab.ingest", "harnlab.core", "json.decoder"]):
            from fuzz import targets  # noqa: PLC0415
    return targets


class Finder:
    """Runs a target, and keeps one input for every way it breaks."""

    def __init__(self, target: Any, folder: Path) -> None:
        self.target = target
        self.folder = folder
        self.executions = 0
        self.found: dict[str, bytes] = {}

    def broken_by(self, content: bytes) -> str | None:
        """Where and how the target breaks on an input; ``None`` when it holds."""
        start = time.perf_counter()
        try:
            self.target.run(self.folder, content)
        except Exception as error:  # whatever a reader raises is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            inner = [f for f in frames if "/harnlab/" in f.filename or "/fuzz/" in f.filename][-1]
            return f"{type(error).__name__} in {Path(inner.filename).name}:{inner.lineno}"
        return "slow" if time.perf_counter() - start > SLOW_S else None

    def __call__(self, content: bytes) -> None:
        self.executions += 1
        signature = self.broken_by(content)
        if signature == "slow" and self.broken_by(content) != "slow":
            return  # the machine was busy
        if signature and signature not in self.found:
            self.found[signature] = content
            self._keep(signature, content)

    def _keep(self, signature: str, content: bytes) -> None:
        small = content if signature == "slow" else smaller(content, lambda c: self.broken_by(c) == signature)
        folder = CORPUS / self.target.name
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha1(small, usedforsecurity=False).hexdigest()[:12]
        (folder / name).write_bytes(small)
        print(
            f"FOUND {self.target.name}/{name}: {signature} ({len(small)} bytes)", file=sys.stderr, flush=True
        )


def smaller(content: bytes, still_broken: Callable[[bytes], bool], *, seconds: float = 20) -> bytes:
    """The input without the stretches that do not matter."""
    deadline = time.monotonic() + seconds
    size = len(content) // 2
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(content) and time.monotonic() < deadline:
            without = content[:at] + content[at + size :]
            if still_broken(without):
                content = without
            else:
                at += size
        size //= 2
    return content


def fuzz_with_atheris(finder: Finder, seeds: list[bytes], tokens: tuple[bytes, ...], seconds: int) -> None:
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed[:MOST_BYTES])
        chance = random.Random(7)

        def mutate(content: bytes, most: int, seed: int) -> bytes:
            chance.seed(seed)
            if chance.random() < 0.5:
                return atheris.Mutate(content, most)
            return mutated(bytearray(content), chance, tokens)[:most]

        options = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-timeout=30"]
        arguments = [sys.argv[0], *options, "-verbosity=0", "-print_final_stats=1", corpus]
        atheris.Setup(arguments, finder, custom_mutator=mutate)
        atheris.Fuzz()


def fuzz_by_tracing(finder: Finder, seeds: list[bytes], tokens: tuple[bytes, ...], seconds: int) -> None:
    chance = random.Random(7)
    pool, covered = list(seeds), set()
    ingest = str(ROOT / "harnlab/ingest")

    def trace(frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ingest):
            return None
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        content = mutated(bytearray(chance.choice(pool)), chance, tokens)
        lines: set[tuple[str, int]] = set()
        sys.settrace(trace)
        finder(content)
        sys.settrace(None)
        if not lines <= covered:
            covered |= lines
            pool.append(content)


def mutated(content: bytearray, chance: random.Random, tokens: tuple[bytes, ...]) -> bytes:
    """The input after one to six things that happen to files, or that a JSON reader has an opinion on."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(content))
        match chance.randrange(6):
            case 0 if at < len(content):
                content[at] = chance.randrange(256)
            case 1:
                content[at:at] = chance.choice(tokens)
            case 2:
                del content[at : at + chance.randint(1, 40)]
            case 3:
                content[at:at] = content[max(0, at - chance.randint(1, 80)) : at]
            case 4:
                token = chance.choice(tokens)
                content[at : at + len(token)] = token
            case 5:
                values = list(_value.finditer(content))
                if values:
                    start, end = chance.choice(values).span()
                    content[start:end] = chance.choice(tokens)
    return bytes(content[:MOST_BYTES])


def fuzz_one(name: str, seconds: int) -> None:
    targets = load_targets()
    target = targets.TARGETS[name]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        finder = Finder(target, Path(folder))
        fuzz = fuzz_by_tracing if atheris is None else fuzz_with_atheris
        fuzz(finder, target.seeds(), targets.TOKENS, seconds)
        print(f"Done {finder.executions} runs", file=sys.stderr)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=48, help="for all targets together")
    options.add_argument("--target", action="append", help="only this one; may be repeated")
    options.add_argument("--here", metavar="TARGET", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.here:
        fuzz_one(chosen.here, chosen.seconds)
        return 0
    names = chosen.target or list(load_targets().TARGETS)
    each = max(1, chosen.seconds // len(names))
    how = "line tracing" if atheris is None else "atheris"
    print(f"{len(names)} readers, {each} s each, guided by {how}")
    total = findings = 0
    for name in names:
        command = [sys.executable, __file__, "--here", name, "--seconds", str(each)]
        run = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, env=os.environ
        )
        found = re.findall(r"^FOUND (.*)$", run.stderr, re.MULTILINE)
        done = re.findall(r"Done (\d+) runs|number_of_executed_units: (\d+)", run.stderr)
        executions = max((int(a or b) for a, b in done), default=0)
        crashed = "" if run.returncode == 0 else f"; stopped with {run.returncode}: {run.stderr[-400:]}"
        print(f"{name:20} {executions:>9,} runs  {len(found)} findings{crashed}", flush=True)
        for line in found:
            print(f"    {line}")
        total, findings = total + executions, findings + len(found)
    print(f"{total:,} runs, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
