# ruff: noqa: E501 - a change reads best in one line
"""Plant one small wrong change at a time in core, analysis and replay, and show which test names the number.

python benchmarks/planted_changes.py                 every change
python benchmarks/planted_changes.py steps-usd ...   some of them
python benchmarks/planted_changes.py --list          what is planted where

Works on copies of the project in a temporary folder. A change in the core is held against the golden answers and the
samples first, one in analysis or replay against the notebooks first; what neither finds is held against the tests of
its own folder, and said to be found only there. Exits with 1 where a change is found nowhere.

Five are found only by the tests of their own folder, because the samples do not hold the case and no notebook shows
the number: a priced attempt under another id than its span's (step-of-retries), two sessions under one root
(session-keys), columns no notebook shows (previous-turn; failed-calls, which the parity of the samples finds), and
trip-at-limit, which changes no answer: there the fast path only names the call, and the core decides.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
COPIED = ("harnlab", "tests", "notebooks", "sample_transcripts", "pyproject.toml")
AT_ONCE = 2
PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-x",
    "--tb=short",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
)
STAGES = {
    "golden answers": ("-p", "no:nbval", "tests/golden"),
    "samples": ("-p", "no:nbval", "tests/samples"),
    "notebooks": ("--nbval", "notebooks"),
}
ORDERS = {
    "core": ("golden answers", "notebooks", "samples"),
    "analysis": ("notebooks", "samples", "golden answers"),
    "replay": ("notebooks", "samples", "golden answers"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One realistic slip: a file of the package, and what stands there instead of what."""

    name: str
    file: str
    was: str
    planted: str

    @property
    def room(self):
        return self.file.partition("/")[0]


CHANGES = (
    Change("steps-usd", "core/steps/budget.py", "usage.cost_usd > usd:", "usage.cost_usd >= usd:"),
    Change("steps-tokens", "core/steps/budget.py", "usage.total_tokens > tokens:", "usage.total_tokens >= tokens:"),
    Change("steps-column", "core/steps/budget.py", "self.input_tokens, max(call.input_tokens", "self.input_tokens, max(call.output_tokens"),
    Change("autonomy-off-by-one", "core/autonomy/counter.py", "saturating_add(count.this_hour, 1) > budget", "count.this_hour > budget"),
    Change("autonomy-day", "core/autonomy/counter.py", "self.today if day == self.day_utc", "self.today if hour == self.hour_utc"),
    Change("outcome-empty", "core/dispatch/outcome.py", "if empty and output_tokens > 0:", "if empty and output_tokens >= 0:"),
    Change("outcome-retries", "core/dispatch/outcome.py", "if empty_retries > 0:", "if empty_retries > 1:"),
    Change("catalog-newline", "core/skills/catalog.py", "(length + (position > 0) for", "(length + 0 * position for"),
    Change("conflict-nobody", "core/agent_state/conflict.py", "previous.writer_id is None or current", "current"),
    Change("step-of-retries", "analysis/dimensions.py", '        rows = joined(rows, steps.drop("call_id"), ("run_id", "span_id"))\n', ""),
    Change("inherited-all", "analysis/dimensions.py", "pl.any_horizontal(origin == INHERITED", "pl.all_horizontal(origin == INHERITED"),
    Change("calls-counted", "analysis/costs/breakdown.py", 'pl.col("calls", "unpriced_calls").sum()', 'pl.col("calls", "unpriced_calls").count()'),
    Change("share-of-dearest", "analysis/costs/breakdown.py", "whole = exact_sum(sums)", "whole = max(sums, default=exact_sum(sums))"),
    Change("spent-before", "analysis/costs/overruns.py", "_spent(usage[position - 1], limit) if position", "_spent(usage[position], limit) if position"),
    Change("overshoot-share", "analysis/costs/overruns.py", "100 * over / found.limit_value if", "100 * over / found.observed if"),
    Change("newest-first", "analysis/routes/inherited.py", 'rows.sort("timestamp", "source_path", "source_line", nulls_last=True)', 'rows.sort("timestamp", "source_path", "source_line", descending=True)'),
    Change("matrix-column", "analysis/routes/matrix.py", "share_pct(self.cost, whole.cost) if known", "share_pct(self.calls, whole.calls) if known"),
    Change("outcome-group", "analysis/routes/outcomes.py", "group_calls=size.over(names) if names else size", "group_calls=size"),
    Change("wilson", "analysis/intervals.py", "4 * trials * trials", "2 * trials * trials"),
    Change("budget-needed", "analysis/skills.py", "then(least.max())", "then(least.min())"),
    Change("previous-turn", "analysis/skills.py", 'pl.col("lifecycle").shift(1)', 'pl.col("lifecycle").shift(-1)'),
    Change("waited", "analysis/autonomy.py", "total_microseconds() / 1e6", "total_microseconds() / 1e3"),
    Change("session-keys", "analysis/state.py", "values.sum().over(_SESSION)", 'values.sum().over("root")'),
    Change("failed-calls", "replay/steps.py", ", ~pl.col(\"status\").is_in(FAILED).fill_null(value=False)", ""),
    Change("trip-at-limit", "replay/step_budgets.py", '(pl.col("running_usd") > pl.col("max_usd"))', '(pl.col("running_usd") >= pl.col("max_usd"))'),
    Change("handed-over", "replay/handed_over.py", "times[0] > times[1]", "times[0] < times[1]"),
    Change("fit-edge", "replay/whatif/catalog_lengths.py", 'side="right") - 1', 'side="left") - 1'),
    Change("rolling-window", "replay/whatif/quota_windows.py", "self._within(at_s, seconds) + 1 > limit", "self._within(at_s, seconds) + 1 >= limit"),
)  # fmt: skip


def found_by(change, room):
    """Stage and test that fail with a change, and what they say; ``None`` where all is green."""
    file = room / "harnlab" / change.file
    right = file.read_text("utf-8")
    if right.count(change.was) != 1:
        raise SystemExit(
            f"{change.name}: {change.was!r} stands {right.count(change.was)} times in {change.file}"
        )
    file.write_text(right.replace(change.was, change.planted), encoding="utf-8")
    own = {f"only tests/{change.room}": ("-p", "no:nbval", f"tests/{change.room}")}
    stages = {name: STAGES[name] for name in ORDERS[change.room]} | own
    try:
        for name, options in stages.items():
            if told := failure(room, options):
                return name, *told
    finally:
        file.write_text(right, encoding="utf-8")
    return None


def failure(room, options):
    """First test that fails, and the lines that say why."""
    environment = {**os.environ, "PYTHONPATH": str(room), "CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*PYTEST, f"--basetemp={room / 'pytest'}", *options],
        cwd=room, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    test = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", text, re.MULTILINE)
    return (test[1] if test else f"pytest ended with {done.returncode}: {text[-300:]}"), said(text)


def said(text):
    """Lines of a report that name what was expected and what came."""
    lines = [line.strip() for line in text.splitlines()]
    changed = [line for line in lines if re.match(r"[-+] ?\S", line) and not line.startswith(("---", "+++"))]
    if "- recorded in the notebook" in changed:
        told = changed[changed.index("- recorded in the notebook") + 2 :]
        told = [
            next((line for line in told if line[0] == sign), "") for sign in "-+"
        ]  # the first of either side
    else:
        told = [line.removeprefix("E").strip() for line in lines if re.match(r"E\s+\S", line)]
    return [line[:180] for line in told[:3]]


def copied(folder, number):
    room = Path(folder, f"copy {number}")
    for name in COPIED:
        source = PROJECT / name
        leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(source, room / name, ignore=leave) if source.is_dir() else shutil.copy(
            source, room / name
        )
    return room


def main(names):
    if "--list" in names:
        for change in CHANGES:
            print(
                f"{change.name:20}  {change.file}: {change.was.strip()}  ->  {change.planted.strip() or '(nothing)'}"
            )
        return 0
    chosen = [change for change in CHANGES if not names or change.name in names]
    started = time.monotonic()
    stages = {}
    with (
        tempfile.TemporaryDirectory(prefix="harnlab-planted-") as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        rooms = [copied(folder, number) for number in range(AT_ONCE)]
        for name, options in STAGES.items():
            if told := failure(rooms[0], options):
                raise SystemExit(f"{name} fail with nothing planted: {told}")
        free = list(rooms)

        def held(change):
            room = free.pop()
            try:
                return found_by(change, room)
            finally:
                free.append(room)

        for change, found in zip(chosen, pool.map(held, chosen), strict=True):
            stage, test, lines = found or ("nothing", "", ())
            stages[change.name] = stage
            print(f"{change.name:20}  {change.file}  found by {stage}: {test}", flush=True)
            for line in lines:
                print(f"{'':22}{line}")
    survivors = [name for name, stage in stages.items() if stage == "nothing"]
    counts = {stage: list(stages.values()).count(stage) for stage in dict.fromkeys(stages.values())}
    told = ", ".join(f"{count} by {stage}" for stage, count in counts.items())
    print(f"\n{len(chosen)} planted in {time.monotonic() - started:.0f} s: {told}")
    print(f"survivors: {', '.join(survivors) or 'none'}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
