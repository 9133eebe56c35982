"""Every command there is, found through click, keeps the promises of the command line.

A new command fails here until it has a row in ``WORKS``.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from harnlab.cli import main
from harnlab.cli.entry import harnlab
from harnlab.cli.payloads import envelope_schema, payloads, tail_schema

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
REGRESSION = SAMPLES / "regression"
LOG = SAMPLES / "cost-overrun" / "llm_transcript.jsonl"

#: Command -> arguments with which it works (TMP is a folder of its own), and its exit code.
WORKS = {
    "show": (["show", LOG], 0),
    "parity": (["parity", LOG], 0),
    "whatif step-budget": (["whatif", "step-budget", LOG.parent, "--max-usd", "0.1,inf"], 0),
    "whatif catalog": (["whatif", "catalog", SAMPLES / "skill-catalog", "--budget", "400"], 0),
    "whatif autonomy": (["whatif", "autonomy", SAMPLES / "autonomy-pressure", "--per-hour", "2"], 0),
    "whatif route": (["whatif", "route", SAMPLES / "inherited-route"], 0),
    "whatif decidability": (["whatif", "decidability"], 0),
    "check": (["check", "--rules", REGRESSION / "rules.toml"], 1),
    "compare": (["compare", REGRESSION / "baseline", REGRESSION / "candidate"], 0),
    "report": (["report", LOG, "-o", "TMP/report.html"], 0),
    "convert": (["convert", LOG, "-o", "TMP/lake"], 0),
    "tail": (["tail", LOG, "--no-follow"], 0),
    "schema": (["schema"], 0),
    "lab": (["lab", "TMP/lab", "--copy-only"], 0),
    "new-check": (
        ["new-check", "mine", "--runs", REGRESSION / "baseline", "--into", "TMP/mine", "--no-record"],
        0,
    ),
    "cache": (["cache"], 0),
    "doctor": (["doctor"], 0),
}
#: Commands that read what they are told to, and where among their arguments that stands.
READS = {
    **dict.fromkeys(("show", "parity", "report", "convert", "tail"), LOG),
    "whatif step-budget": LOG.parent,
    "whatif catalog": SAMPLES / "skill-catalog",
    "whatif autonomy": SAMPLES / "autonomy-pressure",
    "whatif route": SAMPLES / "inherited-route",
    "check": REGRESSION / "rules.toml",
    "compare": REGRESSION / "candidate",
    "new-check": REGRESSION / "baseline",
}


def commands(group=harnlab, above=""):
    """Names of every command, groups left out."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, f"{above}{name} ")
        else:
            yield f"{above}{name}", found


COMMANDS = dict(commands())
NAMES = sorted(COMMANDS)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNLAB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def arguments(name, folder, *more):
    given, code = WORKS[name]
    return [str(one).replace("TMP", str(folder)) for one in (*given, *more)], code


def run(capfd, given):
    code = main(given)
    out, err = capfd.readouterr()
    return code, out, err


@cache
def validator():
    schema = envelope_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_every_command_has_a_row():
    assert sorted(WORKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_it_does_with_an_example(name, capfd):
    code, out, _ = run(capfd, [*name.split(), "--help"])
    assert code == 0
    assert f"Example: harnlab {name}" in " ".join(out.split())
    options = [one for one in COMMANDS[name].params if isinstance(one, click.Option)]
    assert all(one.help for one in options), "every option says what it is for"


@pytest.mark.parametrize("name", NAMES)
def test_json_is_what_the_schema_of_the_envelope_says(name, capfd, folder):
    given, expected = arguments(name, folder, "--json")
    code, out, err = run(capfd, given)
    assert (code, err) == (expected, "")
    if name == "tail":
        lines = out.splitlines()
        assert len(lines) == len(LOG.read_bytes().splitlines())
        every = Draft202012Validator(tail_schema())
        assert not [error.message for line in lines for error in every.iter_errors(json.loads(line))]
        return
    told = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert told["command"] in payloads()
    validator().validate(told)
    assert not validator().is_valid({**told, "data": {"surprise": 1}})
    assert not validator().is_valid({**told, "command": "another"})


def test_a_line_of_tail_that_is_no_event_is_refused():
    assert not Draft202012Validator(tail_schema()).is_valid({"type": "message"})


@pytest.mark.parametrize("name", NAMES)
def test_text_has_no_escapes_and_no_color_changes_nothing(name, capfd, folder, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    given, expected = arguments(name, folder)
    first = run(capfd, given)
    monkeypatch.setenv("NO_COLOR", "1")
    assert first[0] == expected
    assert "\x1b" not in first[1] + first[2]
    if name not in {"new-check", "lab", "convert"}:  # what these write is there the second time
        assert run(capfd, given) == first


@pytest.mark.parametrize("name", sorted(READS))
def test_what_is_missing_is_told_in_one_line_with_exit_code_3(name, capfd, folder):
    given, _ = arguments(name, folder)
    asked = ["nowhere/at-all" if one == str(READS[name]) else one for one in given]
    assert asked != given
    code, out, err = run(capfd, asked)
    assert (code, out) == (3, "")
    assert err.startswith("harnlab: nowhere/at-all: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_option_nobody_knows_is_wrong_usage(name, capfd):
    code, out, err = run(capfd, [*name.split(), "--no-such-option"])
    assert (code, out) == (2, "")
    assert "No such option" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_is_a_word_and_exit_code_130(name, capfd, folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMANDS[name], "callback", interrupted)
    given, _ = arguments(name, folder)
    code, out, err = run(capfd, given)
    assert (code, out, err.strip()) == (130, "", "harnlab: stopped")


@pytest.mark.parametrize("name", NAMES)
def test_a_bug_is_told_without_a_traceback(name, capfd, folder, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(COMMANDS[name], "callback", broken)
    given, _ = arguments(name, folder)
    code, out, err = run(capfd, given)
    assert (code, out) == (70, "")
    assert "this is a bug in harnlab: ZeroDivisionError: boom" in err
    assert "Traceback" not in err


#: Runs commands one after the other, each with nobody at the other end of its standard output.
UNREAD = """
import json, os, sys
from harnlab.cli import main
told = {}
for name, given in json.loads(sys.argv[1]).items():
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)
    os.close(write)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    told[name] = main(given)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        told[name] = "complains at exit"
json.dump(told, sys.stderr)
"""


def test_nobody_reading_on_ends_every_command_quietly_with_its_verdict(folder):
    given = {name: arguments(name, folder) for name in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", UNREAD, json.dumps({name: one for name, (one, _) in given.items()})],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr) == {name: code for name, (_, code) in given.items()}


def test_rows_nobody_reads_end_quietly_in_every_form(folder):
    given = {
        form: ["show", str(LOG), "--frame", "calls", "--format", form] for form in ("table", "json", "csv")
    }
    given["parquet"] = ["show", str(LOG), "--frame", "calls", "--format", "parquet"]
    given["gate"] = ["check", "--rules", str(REGRESSION / "rules.toml"), "--format", "csv"]
    done = subprocess.run(
        [sys.executable, "-c", UNREAD, json.dumps(given)], stderr=subprocess.PIPE, text=True, check=True
    )
    assert json.loads(done.stderr) == {"table": 0, "json": 0, "csv": 0, "parquet": 0, "gate": 1}


@pytest.mark.parametrize("name", ["show", "parity", "report", "whatif route"])
def test_a_closed_standard_input_is_told(name, capfd, folder, monkeypatch):
    given, _ = arguments(name, folder)
    monkeypatch.setattr(sys, "stdin", None)
    code, out, err = run(capfd, ["-" if one == str(READS[name]) else one for one in given])
    assert (code, out) == (3, "")
    assert "nothing to read" in err


# Completion


def completed(monkeypatch, capfd, *words):
    monkeypatch.setenv("_HARNLAB_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(("harnlab", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    code, out, err = run(capfd, [])
    assert (code, err) == (0, "")
    return {line.partition(",")[2] for line in out.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_script(shell, monkeypatch, capfd):
    if shell == "bash":  # click asks the bash that is there how old it is
        monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda *_: None)
    monkeypatch.setenv("_HARNLAB_COMPLETE", f"{shell}_source")
    code, out, _ = run(capfd, [])
    assert code == 0
    assert "harnlab" in out
    assert f"_HARNLAB_COMPLETE={shell}_complete" in out


def test_commands_options_and_frames_are_completed(monkeypatch, capfd):
    tops = {name.partition(" ")[0] for name in NAMES}
    assert completed(monkeypatch, capfd, "") == tops
    assert completed(monkeypatch, capfd, "sh") == {"show"}
    assert completed(monkeypatch, capfd, "whatif", "st") == {"step-budget"}
    assert completed(monkeypatch, capfd, "show", "--frame", "step") == {
        "steps",
        "step_calls",
        "step_definitions",
    }
    assert completed(monkeypatch, capfd, "schema", "ru") == {"runs", "rules"}
    assert completed(monkeypatch, capfd, "show", "--format", "p") == {"parquet"}
    assert "--json" in completed(monkeypatch, capfd, "check", "--j")


# Loading


def test_help_and_version_load_no_polars():
    code = "import sys; from harnlab.cli import main; main(['--version']); assert 'polars' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"harnlab, version \S+\n", done.stdout)


def test_a_dead_terminal_is_no_reason_to_complain(folder):
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "1", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "harnlab", "show", str(SAMPLES / "damaged")],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert b"bug in harnlab" not in done.stderr
    assert done.returncode == 0
