"""``harnlab show``, ``report`` and ``schema`` as a newcomer types them."""

import io
import json
import subprocess
import sys

import polars as pl
import pytest

from harnlab.cli import main
from harnlab.frames import SCHEMAS
from ingest.transcript_lines import line, response

SAMPLES = ["sample_transcripts/inherited-route", "sample_transcripts/cost-overrun"]


def run(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_show_names_the_first_inherited_call_and_the_tripping_call(capsys):
    code, out, err = run(capsys, "show", *SAMPLES)
    assert (code, err) == (0, "")
    assert "max_usd 0.25, observed 0.33642, over by 0.08642" in out
    assert "sample_transcripts/cost-overrun/llm_transcript.jsonl:188" in out
    assert "run_019e1b82-3cc5-7001-8387-80758b4592f2/llm_transcript.jsonl:63" in out
    assert "cost 0.75252 USD" in " ".join(out.split())


def test_show_as_json_has_an_envelope_and_every_finding(capsys):
    code, out, _ = run(capsys, "show", *SAMPLES, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["envelope"], told["command"]) == (1, "show")
    assert told["data"]["inherited"]["calls"] == 18
    assert [row["step"] for row in told["data"]["overruns"]] == ["verify", "risk"]
    assert told["data"]["frames"]["calls"] == 263


def test_a_frame_comes_out_in_every_form(capsys, monkeypatch):
    rows = {}
    for form in ("table", "json", "csv"):
        code, out, _ = run(capsys, "show", SAMPLES[1], "--frame", "steps", "--format", form)
        assert code == 0
        rows[form] = out
    assert len(json.loads(rows["json"])["data"]) == 9
    assert pl.read_csv(io.StringIO(rows["csv"]))["step"].to_list().count("verify") == 3
    assert rows["table"].splitlines()[0].split()[0] == "run_id"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nowhere"], 3, "harnlab: nowhere: no such file or folder"),
        (["show", "docs"], 3, "no file that harnlab knows"),
        (["show"], 2, "Missing argument 'PATH...'"),
        (["show", SAMPLES[1], "--frame", "stepz"], 2, "no frame 'stepz'; expected one of runs"),
        (["show", SAMPLES[1], "--format", "xml"], 2, "is not one of 'table', 'json', 'csv', 'parquet'"),
        (["shw", "x"], 2, "No such command 'shw'"),
        (["schema", "stepz"], 2, "no frame 'stepz'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_without_a_traceback(capsys, arguments, code, said):
    told = run(capsys, *arguments)
    assert told[0] == code
    assert said in told[2]
    assert "Traceback" not in told[2]


def test_a_bug_is_told_as_one_and_debug_shows_it(capsys, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("harnlab.cli.reading.load", broken)
    code, _, err = run(capsys, "show", SAMPLES[1])
    assert code == 70
    assert "this is a bug in harnlab: ZeroDivisionError: boom" in err
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "show", SAMPLES[1]])


def test_damage_is_shown_with_its_lines(capsys):
    code, out, _ = run(capsys, "show", "sample_transcripts/damaged")
    assert code == 0
    assert "sample_transcripts/damaged/transcripts/run_power_cut/llm_transcript.jsonl:12" in out
    assert "3 torn" in out


def test_report_says_where_it_wrote(capsys, tmp_path):
    target = tmp_path / "r.html"
    code, out, _ = run(capsys, "report", SAMPLES[1], "-o", str(target))
    assert (code, out) == (0, f"report written to {target}\n")
    assert target.stat().st_size > 10_000


def test_schema_lists_every_frame_and_every_column(capsys):
    _, out, _ = run(capsys, "schema")
    assert all(name in out for name in SCHEMAS)
    _, out, _ = run(capsys, "schema", "calls")
    assert all(name in out for name in SCHEMAS["calls"].names)
    _, out, _ = run(capsys, "schema", "--json")
    assert {frame["name"] for frame in json.loads(out)["data"]["frames"]} == set(SCHEMAS)


def test_head_that_has_read_enough_ends_the_command_quietly(tmp_path):
    path = tmp_path / "llm_transcript.jsonl"
    path.write_bytes(b"\n".join(line(**response(f"c{i}")) for i in range(5000)))
    command = f"{sys.executable} -m harnlab show {path} --frame calls --format csv | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("run_id,")
