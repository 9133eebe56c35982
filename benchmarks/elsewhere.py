"""The built wheel somewhere else: another repository's gate, and the notebooks again and again.

python benchmarks/elsewhere.py repository --python ~/.pyenv/versions/3.12.1/bin/python --python …
python benchmarks/elsewhere.py notebooks --times 10 --python …

`repository` installs the wheel of the last commit into a fresh environment of each Python, makes a git repository
outside the project, writes a check with `harnlab new-check`, commits, runs pytest (green), drops a worse run in and
runs pytest again (red, with the finding and its log line). `notebooks` runs those that come with the wheel under
`pytest --harnlab-notebooks`, each time in another order, in a folder with blanks and letters of other scripts, under
another locale and time zone. Exits with 1 where anything is not so.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
REGRESSION = PROJECT / "sample_transcripts" / "regression"
WORSE = "run_019f1d8f-a120-7001-a857-d305fae34a0d"
FOLDER = "Läufe und Prüfungen 分析"
ELSEWHERE = {"LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8", "LANGUAGE": "de", "TZ": "Pacific/Auckland"}
UV = Path(sys.executable).with_name("uv")


def run(*command, cwd=None, **environment):
    """Exit code and text of a command, in surroundings that are not this project's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CI"))
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def must(*command, **more):
    code, text = run(*command, **more)
    if code:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {code}:\n{text[-3000:]}")
    return text


def built(folder):
    """Wheel of the last commit."""
    source = folder / "source"
    source.mkdir()
    archive = folder / "source.tar"
    must("git", "archive", "--output", archive, "HEAD", cwd=PROJECT)
    shutil.unpack_archive(archive, source, filter="data")
    must(UV, "build", "--quiet", "--wheel", "--out-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(wheel, python, room):
    """Folder of the programs of a fresh environment that holds the wheel, and what its checks need."""
    must(UV, "venv", "--quiet", "--no-python-downloads", "--python", python, room)
    wanted = (f"harnlab @ {wheel.as_uri()}", "pytest>=9", "nbval", "nbclient")
    must(UV, "pip", "install", "--quiet", "--python", room / "bin" / "python", *wanted)
    return room / "bin"


def repository(programs, folder):
    """Whether a check is green as written, and red with its log line once a run is worse."""
    shutil.copytree(REGRESSION / "baseline", folder / "runs")
    git = ("git", "-c", "user.name=analyst", "-c", "user.email=analyst@example.org")
    must("git", "init", "--quiet", cwd=folder)
    must(
        programs / "harnlab", "new-check", "reviews", "--runs", "runs", "--into", "checks/reviews", cwd=folder
    )
    must(*git, "add", ".", cwd=folder)
    must(*git, "commit", "--quiet", "--message", "Reviews are checked", cwd=folder)
    pytest = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    green, text = run(*pytest, "--harnlab-notebooks", cwd=folder, **ELSEWHERE)
    print(f"  committed: {text.strip().splitlines()[-1]}")
    shutil.copy(REGRESSION / "candidate" / ".harn-runs" / f"{WORSE}.json", folder / "runs" / ".harn-runs")
    shutil.copytree(REGRESSION / "candidate" / "transcripts" / WORSE, folder / "runs" / "transcripts" / WORSE)
    red, text = run(*pytest, cwd=folder, **ELSEWHERE)
    told = re.search(r"dead_lane_share .*\n.*llm_transcript\.jsonl:\d+", text)
    print(f"  a worse run: {text.strip().splitlines()[-1]}")
    print("    " + (told[0].replace("\n", "\n    ") if told else "no finding with a log line"))
    return green == 0 and red == 1 and told is not None


def notebooks(programs, folder, turn):
    """Whether the notebooks of the wheel pass, in an order of this turn's own."""
    paths = sorted(f"lab/notebooks/{path.name}" for path in (folder / "lab" / "notebooks").glob("*.ipynb"))
    random.Random(f"{folder.name} {turn}").shuffle(paths)
    pytest = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--harnlab-notebooks")
    code, text = run(*pytest, *paths, cwd=folder, **ELSEWHERE)
    order = " ".join(Path(path).name[:2] for path in paths)
    print(f"  {turn:2}  {folder.name}  {order}  {text.strip().splitlines()[-1]}", flush=True)
    if code:
        print(text[-2000:])
    return code == 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["repository", "notebooks"])
    parser.add_argument("--python", action="append", help="an interpreter (repeatable)")
    parser.add_argument("--times", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harnlab-elsewhere-") as name:
        places = list(prepared(Path(name), asked.python or [sys.executable]))
        if asked.what == "repository":
            passed = [repository(*place) for place in places]
        else:
            for programs, folder in places:
                must(programs / "harnlab", "lab", "lab", "--copy-only", cwd=folder)
            turns = range(1, asked.times + 1)
            passed = [notebooks(*place, turn) for turn in turns for place in places]
    print(f"{asked.what}: {sum(passed)} of {len(passed)} passed")
    return 0 if all(passed) else 1


def prepared(folder, pythons):
    """Programs and an empty folder for each Python."""
    wheel = built(folder)
    for python in pythons:
        version = must(python, "--version").strip()
        room = folder / f"{FOLDER} {version}"
        room.mkdir()
        print(f"{version}, {wheel.name}", flush=True)
        yield installed(wheel, python, folder / version), room


if __name__ == "__main__":
    sys.exit(main())
