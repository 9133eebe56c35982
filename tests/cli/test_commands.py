"""What every command promises: an envelope, forms for rows, standard input, and errors a person can read."""

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from harnlab.cli import main
from harnlab.cli.entry import _COMMANDS, harnlab
from harnlab.cli.payloads import envelope_schema
from harnlab.cli.source_kinds import SOURCES
from harnlab.frames import SCHEMAS
from harnlab.gate import rules_schema
from harnlab.ingest.sources import SourceKind
from harnlab.replay.parity import CORES

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
REGRESSION = SAMPLES / "regression"
TRANSCRIPT = SAMPLES / "cost-overrun" / "llm_transcript.jsonl"
RULES = ("--rules", str(REGRESSION / "rules.toml"))


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def data(capsys, *arguments, code=0):
    found, out, err = run(capsys, *arguments, "--json")
    assert (found, err) == (code, "")
    told = json.loads(out)
    Draft202012Validator(envelope_schema()).validate(told)
    return told["data"]


# Every command


def test_the_help_says_how_to_complete_commands_and_what_exit_codes_mean(capsys):
    code, out, _ = run(capsys, "--help")
    told = " ".join(out.split())
    assert code == 0
    assert 'eval "$(_HARNLAB_COMPLETE=bash_source harnlab)"' in told
    assert "Exit codes: 0 fine, 1 findings" in told
    assert all(f" {name} " in told for name in _COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", REGRESSION / "baseline"),
        ("show", REGRESSION / "baseline", "--frame", "calls"),
        ("show", REGRESSION / "baseline", "--frame", "step_calls"),
        ("show", REGRESSION / "baseline", "--frame", "summary"),
        ("parity", REGRESSION / "candidate"),
        ("compare", REGRESSION / "baseline", REGRESSION / "candidate"),
        ("whatif", "step-budget", REGRESSION / "baseline", "--max-usd", "0.001,inf"),
        ("whatif", "catalog", REGRESSION / "candidate", "--budget", "400:600:100"),
        ("whatif", "autonomy", SAMPLES / "autonomy-pressure", "--per-hour", "2,4"),
        ("whatif", "route", REGRESSION / "candidate"),
        ("whatif", "decidability"),
        ("check", REGRESSION / "baseline", *RULES),
        ("schema",),
        ("schema", "calls"),
        ("schema", "sources"),
        ("schema", "rules"),
        ("schema", "envelope"),
        ("doctor",),
    ],
    ids=lambda arguments: " ".join(Path(str(one)).name for one in arguments),
)
def test_json_has_the_envelope_its_schema_describes(arguments, capsys):
    assert data(capsys, *arguments)


@pytest.mark.parametrize("frame", ["runs", "calls", "spans", "skill_cards", "problems"])
def test_the_envelopes_schema_refuses_rows_that_are_not_the_frames(frame, capsys):
    rows = data(capsys, "show", REGRESSION / "baseline", SAMPLES / "damaged", "--frame", frame)
    refuses = Draft202012Validator(envelope_schema())
    told = {"harnlab": "1", "envelope": 1, "command": f"show {frame}", "data": rows}
    assert refuses.is_valid(told)
    assert not refuses.is_valid({**told, "data": [{**rows[0], "surprise": 1}]})
    assert not refuses.is_valid({**told, "data": [{**rows[0], "source_path": 7}]})
    assert not refuses.is_valid({**told, "envelope": 2})
    assert not refuses.is_valid({**told, "extra": 1})


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("parity",), ("whatif", "route"), ("check", *RULES), ("report",), ("tail",)],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_path_that_is_missing_is_told_in_one_line(arguments, capsys):
    code, out, err = run(capsys, *arguments, "nowhere/at-all")
    assert (code, out) == (3, "")
    assert err.startswith("harnlab: nowhere/at-all: no such file or folder")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shw",), "No such command 'shw'. Try: show"),
        (("show",), "Missing argument 'PATH...'"),
        (("show", TRANSCRIPT, "--frame", "cals"), "Try: calls"),
        (("show", TRANSCRIPT, "--format", "xml"), "'xml' is not one of"),
        (("parity", TRANSCRIPT, "--core", "dispach"), "'dispach' is not one of"),
        (("whatif", "step-budget", TRANSCRIPT, "--max-usd", "cheap"), "'cheap' is no amount"),
        (("whatif", "step-budget", TRANSCRIPT), "--max-usd …"),
        (("whatif", "catalog", TRANSCRIPT, "--budget", "1:2:0"), "'1:2:0' is no count"),
        (("whatif", "nothing", TRANSCRIPT), "No such command 'nothing'"),
        (("schema", "cals"), "no frame 'cals'"),
        (("new-check", "../x", "--runs", TRANSCRIPT), "letters, digits"),
        (("new-check", "x"), "Missing option '--runs'"),
        (("tail", SAMPLES / "cost-overrun" / "harn.toml"), "not one growing log"),
        (("tail", TRANSCRIPT, "--interval", "0"), "0.0 is not in the range"),
    ],
    ids=lambda value: " ".join(Path(str(one)).name for one in value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_says_what_is_wrong_without_a_traceback(arguments, told, capsys):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_rows_come_out_as_json_csv_and_parquet_alike(capsysbinary):
    def printed(form):
        assert main(["whatif", "decidability", "--format", form]) == 0
        return capsysbinary.readouterr().out

    rows = json.loads(printed("json"))["data"]
    table = list(csv.DictReader(io.StringIO(printed("csv").decode())))
    parquet = pl.read_parquet(io.BytesIO(printed("parquet")))
    assert len(rows) == len(table) == parquet.height > 5
    assert (
        [row["question"] for row in rows]
        == [row["question"] for row in table]
        == parquet["question"].to_list()
    )


# Standard input and output


def test_a_transcript_on_standard_input_is_read_as_from_its_file():
    piped = CliRunner().invoke(
        harnlab, ["show", "-", "--frame", "calls", "--json"], input=TRANSCRIPT.read_bytes()
    )
    named = CliRunner().invoke(harnlab, ["show", str(TRANSCRIPT), "--frame", "calls", "--json"])
    rows, expected = (json.loads(one.stdout)["data"] for one in (piped, named))
    assert len(rows) == len(expected) == 48
    assert {row["source_path"] for row in rows} == {row["run_id"] for row in rows} == {"stdin"}
    assert [row["source_offset"] for row in rows] == [row["source_offset"] for row in expected]


def test_findings_can_be_asked_of_standard_input():
    found = CliRunner().invoke(harnlab, ["show", "-"], input=TRANSCRIPT.read_bytes())
    assert found.exit_code == 0
    assert "RUNS: 1 from 1 transcript" in found.stdout


def test_an_empty_standard_input_is_told():
    found = CliRunner().invoke(harnlab, ["parity", "-"], input=b"")
    assert "standard input is empty" in str(found.exception)


def harnlab_process(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "harnlab", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_a_closed_standard_input_is_told():
    shell = f"{sys.executable} -m harnlab show - <&-"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing to read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (
            "step-budget cost-overrun",
            "harnlab: whatif step-budget: no limit; expected --max-usd …, --max-tokens … or both",
        ),
        ("step-budget cost-overrun --max-usd -1", "harnlab: whatif step-budget: --max-usd -1.0; expected"),
        ("step-budget cost-overrun --step verfy --max-usd 1", "harnlab: whatif step-budget: no step 'verfy'"),
        (
            "catalog skill-catalog",
            "harnlab: whatif catalog: nothing asked; expected --budget …, --limit … or both",
        ),
        (
            "autonomy autonomy-pressure --per-hour -2",
            "harnlab: whatif autonomy: --per-hour -2; expected a whole",
        ),
        ("autonomy autonomy-pressure", "expected --per-hour …, --per-day … or both"),
    ],
)
def test_what_if_names_options_and_not_arguments_of_python(question, told, capsys):
    name, sample, *options = question.split()
    code, _, err = run(capsys, "whatif", name, f"{SAMPLES}/{sample}", *options)
    assert code == 2
    assert told in err


def test_no_rows_are_told_as_such(capsys):
    _, out, _ = run(capsys, "whatif", "catalog", f"{SAMPLES}/cost-overrun", "--budget", "500")
    assert "(no rows: these runs record nothing that this question could change)" in out
    _, out, _ = run(capsys, "show", f"{SAMPLES}/cost-overrun", "--frame", "handoffs")
    assert out.endswith("\n(no rows)\n")


def test_show_without_a_frame_takes_json_and_refuses_forms_that_need_rows(capsys):
    _, out, _ = run(capsys, "show", f"{SAMPLES}/cost-overrun", "--format", "json")
    assert json.loads(out)["command"] == "show"
    code, out, err = run(capsys, "show", f"{SAMPLES}/cost-overrun", "--format", "csv")
    assert (code, out) == (2, "")
    assert err == (
        "harnlab: --format: csv without a frame; expected --frame NAME beside it. Try: --frame summary\n"
    )


def test_a_folder_that_cannot_be_followed_names_a_log_in_it(capsys):
    code, _, err = run(capsys, "tail", f"{SAMPLES}/cost-overrun", "--no-follow")
    assert code == 2
    assert err.endswith("sample_transcripts/cost-overrun/llm_transcript.jsonl\n")


def test_head_ends_a_command_quietly():
    shell = f"{sys.executable} -m harnlab show {SAMPLES / 'inherited-route'} --frame events --format csv"
    done = subprocess.run(["sh", "-c", f"{shell} | head -n 1"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("run_id,source_path")
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_the_command_line_loads_is_no_traceback():
    code = (
        "import builtins, sys; from harnlab.cli import main; real = builtins.__import__\n"
        "def stopped(name, *rest):\n"
        "    if name == 'harnlab.cli.entry': raise KeyboardInterrupt\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = stopped; sys.exit(main(['show', '.']))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "\nharnlab: stopped\n")


def test_ctrl_c_ends_a_tail_with_a_word_and_no_traceback(tmp_path):
    log = tmp_path / "llm_transcript.jsonl"
    log.write_text(TRANSCRIPT.read_text("utf-8").partition("\n")[0] + "\n")
    with harnlab_process("tail", log, "--json") as process:
        assert json.loads(process.stdout.readline())["source_line"] == 1
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (130, "harnlab: stopped")


# check


def test_check_passes_the_baseline_and_finds_each_planted_regression(capsys):
    code, out, _ = run(capsys, "check", REGRESSION / "baseline", *RULES)
    assert code == 0
    assert "PASSED: 8 pass, 0 fail, 0 insufficient" in out
    code, out, _ = run(capsys, "check", *RULES)
    assert code == 1
    assert "FINDINGS: 3 pass, 5 fail, 0 insufficient" in out
    assert "llm_transcript.jsonl:33" in out


def test_checks_json_says_whether_it_passed_and_every_finding(capsys):
    told = data(capsys, "check", *RULES, code=1)
    assert told["passed"] is False
    assert told["counts"] == {"pass": 3, "fail": 5, "insufficient": 0}
    assert [row["measure"] for row in told["findings"] if row["blocking"]] == [
        "cost_per_run",
        "inherited_share",
        "dead_lane_share",
        "omitted_skills",
        "unknown_words",
    ]


def test_a_ci_parser_reads_the_junit_file(capsys, tmp_path):
    assert run(capsys, "check", *RULES, "--junit", tmp_path / "out.xml")[0] == 1
    suite = ET.parse(tmp_path / "out.xml").getroot().find("testsuite")
    cases = suite.findall("testcase")
    assert [suite.get(kind) for kind in ("tests", "failures", "errors", "skipped")] == ["8", "5", "0", "0"]
    assert len(cases) == 8
    failed = [case.find("failure") for case in cases if case.find("failure") is not None]
    assert len(failed) == 5
    assert all(".json" in failure.text for failure in failed)


#: What CI servers read (the schema of Jenkins' xUnit plugin): attributes that must and may be, and children.
JUNIT = {
    "testsuites": ({"name"}, {"tests", "failures", "errors", "skipped", "time"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"skipped", "time"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"time", "file", "line"}, {"failure", "skipped"}),
    "failure": ({"type", "message"}, set(), set()),
    "skipped": (set(), {"message", "type"}, set()),
}


def held_to_junit(element):
    needed, allowed, children = JUNIT[element.tag]
    assert needed <= set(element.attrib) <= needed | allowed
    assert all(
        re.fullmatch(r"\d+", element.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
    )
    assert float(element.get("time", "0")) >= 0
    assert {child.tag for child in element} <= children
    for child in element:
        held_to_junit(child)


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_junit_is_what_the_schema_of_ci_servers_says(side, capsys, tmp_path):
    rules = tmp_path / "rules.toml"
    quota = '[[rule]]\nmeasure = "denials"\nlimit = 0\nallow_insufficient = true\n'
    hostile = 'name = "<b>\\u0007 & ]]> \\u202e"\n'
    rules.write_text(quota + f'[[rule]]\n{hostile}measure = "inherited_share"\nlimit = 0\n', encoding="utf-8")
    code, out, _ = run(capsys, "check", REGRESSION / side, "--rules", rules, "--junit", "-")
    root = ET.fromstring(out)
    held_to_junit(root)
    (suite,) = root
    counted = {"tests": len(suite), "failures": len(root.findall(".//failure")), "errors": 0}
    assert {name: int(suite.get(name)) for name in counted} == counted
    assert (code, counted["failures"]) == ((0, 0) if side == "baseline" else (1, 1))
    assert len(root.findall(".//skipped")) == int(suite.get("skipped")) == 1


def test_junit_and_markdown_go_to_standard_output_alone(capsys):
    _, out, _ = run(capsys, "check", *RULES, "--junit", "-")
    assert ET.fromstring(out).tag == "testsuites"
    _, out, _ = run(capsys, "check", *RULES, "--markdown", "-")
    assert out.startswith("### harnlab: **findings** (3 pass, 5 fail, 0 insufficient)")
    assert out.count("**FAIL**") == 5


def test_a_baseline_is_written_and_then_kept(capsys, tmp_path):
    baseline = tmp_path / "baseline.json"
    asked = ("check", REGRESSION / "baseline", *RULES, "--baseline", baseline)
    code, out, _ = run(capsys, *asked, "--update-baseline")
    assert (code, out) == (0, f"baseline of 4 runs written to {baseline}\n")
    first = baseline.read_text("utf-8")
    assert run(capsys, *asked)[0] == 0
    assert run(capsys, *asked, "--update-baseline", "--json")[0] == 0
    assert baseline.read_text("utf-8") == first
    assert run(capsys, "check", REGRESSION / "candidate", *RULES, "--baseline", baseline)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("check", "--rules", "none.toml"), 3, "none.toml: the rules cannot be read"),
        (("check", *RULES, "--baseline", "none.json"), 3, "none.json: the baseline cannot be read"),
        (("check", *RULES, "--update-baseline"), 2, "a folder of runs"),
        (("check", *RULES, "--junit", "/no/such/folder/out.xml"), 3, "cannot be written"),
    ],
    ids=["rules", "baseline", "folder", "junit"],
)
def test_what_check_cannot_use_is_told_with_its_exit_code(arguments, code, told, capsys):
    found, _, err = run(capsys, *arguments)
    assert found == code
    assert told in err


# parity, tail, report, schema, lab


def test_parity_counts_every_core_and_lists_what_is_not_a_match(capsys):
    code, out, _ = run(capsys, "parity", REGRESSION / "candidate")
    told = data(capsys, "parity", REGRESSION / "candidate")
    assert code == 0
    assert {row["core"] for row in told["counts"]} <= set(CORES)
    assert all(row["verdict"] != "match" for row in told["rows"])
    assert [row["subject"] for row in told["rows"]] == [
        row["subject"] for row in told["rows"] if row["subject"] in out
    ]
    matches = data(capsys, "parity", REGRESSION / "candidate", "--core", "skills", "--verdict", "match")[
        "rows"
    ]
    assert {row["core"] for row in matches} == {"skills"}


def test_compare_lists_what_differs_by_kind(capsys):
    sides = (REGRESSION / "baseline", REGRESSION / "candidate")
    told = data(capsys, "compare", *sides)
    assert told["aligned"] == 4
    assert {row["kind"] for row in told["differences"]} >= {"cost", "route", "outcome", "vocabulary"}
    words = data(capsys, "compare", *sides, "--kind", "vocabulary")["differences"]
    assert "dispatches.outcome_kind: lane_quarantined" in {row["what"] for row in words}
    _, out, _ = run(capsys, "compare", sides[0], sides[0])
    assert out == "4 of 4 pairs with a run on either side\nnothing differs\n"


@pytest.mark.parametrize(
    "question",
    [
        ("step-budget", SAMPLES / "cost-overrun", "--step", "verify", "--max-usd", "0.1"),
        ("catalog", SAMPLES / "skill-catalog", "--budget", "400"),
        ("autonomy", SAMPLES / "autonomy-pressure", "--per-hour", "2"),
        ("route", SAMPLES / "inherited-route"),
    ],
    ids=lambda question: question[0],
)
def test_what_if_tells_a_person_the_answer_its_certainty_and_its_place(question, capsys):
    code, out, _ = run(capsys, "whatif", *question)
    head, first = out.splitlines()[:2]
    assert code == 0
    assert "decidability" in head
    assert "exact" in first
    assert re.search(r"sample_transcripts/\S+:\d+$|…$", first)


def test_tail_prints_a_line_or_an_object_an_event(capsys):
    code, out, _ = run(capsys, "tail", TRANSCRIPT, "--no-follow")
    lines = out.splitlines()
    _, objects, _ = run(capsys, "tail", TRANSCRIPT, "--no-follow", "--json")
    assert code == 0
    assert len(lines) == len(objects.splitlines()) == len(TRANSCRIPT.read_text("utf-8").splitlines())
    assert json.loads(objects.splitlines()[0])["type"] in lines[0]


def numbered(page):
    """Page without the numbers the renderer counts clips and gradients by, and the way to the logs from it."""
    return re.sub(r'href="\./[^"]*"', "", re.sub(r"(clip|gradient_)\d+", r"\1", page))


def test_a_report_goes_to_standard_output(capsys, tmp_path):
    code, out, _ = run(capsys, "report", REGRESSION / "baseline", "-o", "-")
    assert code == 0
    assert out.startswith("<!doctype html>")
    written = data(capsys, "report", REGRESSION / "baseline", "-o", tmp_path / "r.html")["written"]
    assert numbered(Path(written).read_text("utf-8")) == numbered(out)


def test_a_report_may_be_redacted_and_says_so(capsys):
    code, out, _ = run(capsys, "report", REGRESSION / "baseline", "-o", "-", "--redact")
    assert code == 0
    assert "<strong>Redacted.</strong>" in out
    assert "#4181 Invoice PDF" not in out


def test_schema_lists_every_kind_of_file_that_is_read(capsys):
    code, out, _ = run(capsys, "schema", "sources")
    assert code == 0
    assert set(SOURCES) == set(SourceKind)
    assert all(kind.value in out for kind in SourceKind)


def test_schema_rules_is_the_json_schema_itself(capsys):
    _, out, _ = run(capsys, "schema", "rules")
    assert json.loads(out) == json.loads(json.dumps(rules_schema()))


def test_schema_names_what_else_there_is(capsys):
    _, out, _ = run(capsys, "schema")
    assert all(name in out for name in [*SCHEMAS, "sources", "rules", "envelope"])


def test_lab_copies_the_notebooks_and_leaves_what_is_there(capsys, tmp_path):
    folder = tmp_path / "my läb"
    copied = data(capsys, "lab", folder, "--copy-only")["copied"]
    assert "notebooks/00_start_here.ipynb" in copied
    assert "sample_transcripts/cost-overrun/.harn-runs" in {Path(name).parent.as_posix() for name in copied}
    mine = folder / "notebooks" / "00_start_here.ipynb"
    mine.write_text("mine")
    (folder / "notebooks" / "01_cost_overrun.ipynb").unlink()
    assert data(capsys, "lab", folder, "--copy-only")["copied"] == ["notebooks/01_cost_overrun.ipynb"]
    assert mine.read_text() == "mine"


def test_lab_opens_jupyterlab_in_the_folder(capsys, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: started.append(command))
    assert run(capsys, "lab", tmp_path / "lab", "--no-browser")[0] == 0
    ((python, *options),) = started
    assert python == sys.executable
    assert options[:2] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path / 'lab'}" in options
    assert "--no-browser" in options


# doctor


def test_the_doctor_names_every_part_and_finds_this_machine_healthy(capsys):
    told = data(capsys, "doctor")
    parts = {part["part"]: part for part in told["parts"]}
    assert told["healthy"] is True
    assert {
        "Python",
        "polars",
        "picture renderer",
        "chart renderer",
        "widgets in JupyterLab",
        "Chromium",
    } <= set(parts)
    assert parts["picture renderer"]["works"]


def test_the_doctor_says_why_something_does_not_work(capsys, monkeypatch):
    import vl_convert

    from harnlab.cli import doctor

    def broken(*_, **__):
        raise OSError("libvl.so: cannot open")

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", broken)
    version = doctor._version
    monkeypatch.setattr(
        doctor, "_version", lambda name: {"polars": "1.0", "nbval": None}.get(name, version(name))
    )
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "OSError: libvl.so: cannot open" in out
    assert "pip install 'polars<3,>=2.1'" in out
    assert "Something needed does not work." in out
