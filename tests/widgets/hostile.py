"""The samples as somebody who means harm would have named everything in them."""

import json
import shutil
from pathlib import Path

from widgets.logs import HOSTILE

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
#: Renames a terminal's window, clears it, and paints what comes after red.
TERMINAL = "\x1b]0;owned\x07\x1b[2J\x9b31m"
#: Characters that hide, turn around or command; none of them may be left in anything shown.
UNSEEN = "\u202e\u202c\u200b\u2060\ufeff\x1b\x07\x9b"
#: Sample -> names in it that are replaced, the last by a text of a megabyte.
NAMES = {
    "cost-overrun": (
        "verify",
        "review",
        "risk",
        "release_captain",
        "claude-sonnet-4-6",
        "anthropic",
        "signoff",
    ),
    "inherited-route": ("claude-sonnet-4-6", "openrouter", "openai_compat", "openrouter.ai"),
    "skill-catalog": ("übersetzung", "api-review", "changelog", "security-scan", "budget", "a11y-check"),
    "autonomy-pressure": ("agent.triage", "nightly-deploy", "issue.label", "autonomy.budget_exceeded"),
    "two-writers": ("planner", "reviewer", "release-4.13", "release-4.14", "stage"),
}
LONG = "y" * 1_000_000


def hostile_name(number, name):
    """What stands for a name: it would run, turn or hide, and still says which one it was."""
    return f"{HOSTILE[number % len(HOSTILE)]}{TERMINAL} {name}"


def hostile_sample(folder, sample):
    """A copy of a sample in a folder with hostile names, and one text of a megabyte where it has a rare name."""
    copy = folder / sample
    shutil.copytree(SAMPLES / sample, copy)
    for file in [path for path in copy.rglob("*") if path.suffix in {".json", ".jsonl", ".toml"}]:
        text = file.read_text(encoding="utf-8")
        for number, name in enumerate(NAMES[sample]):
            long = LONG if name in {"signoff", "a11y-check"} else ""
            for written in {json.dumps(name), json.dumps(name, ensure_ascii=False)}:
                text = text.replace(written, json.dumps(hostile_name(number, name) + long))
        file.write_text(text, encoding="utf-8")
    return copy


def hostile_runs(folder):
    """A folder of runs that are named so, each with a transcript whose types and calls are; gives their logs."""
    logs = []
    for number in range(len(HOSTILE)):
        run = folder / hostile_name(number, "run").replace("/", "\u2215")
        run.mkdir(parents=True)
        names = [hostile_name(other, "event") for other in range(len(HOSTILE))]
        lines = [
            json.dumps({"type": name, "timestamp": f"177762960{at}.000", "call_id": name})
            for at, name in enumerate(names)
        ]
        logs.append(run / "llm_transcript.jsonl")
        logs[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return logs
