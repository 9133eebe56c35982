"""Whatever a log calls things, a terminal that shows it is never commanded, and a program still reads all of it."""

import json

import pytest

from harnlab.cli import main
from harnlab.cli.plain import plain_json, plain_lines
from ingest.transcript_lines import line, response
from widgets.hostile import NAMES, TERMINAL, UNSEEN, hostile_sample

ODD = f"{TERMINAL}\x7f\u202e\U000e0041 größer 中文"


@pytest.fixture(scope="module", params=NAMES)
def folder(request, tmp_path_factory):
    return hostile_sample(tmp_path_factory.mktemp("named"), request.param)


@pytest.mark.parametrize(
    "asked",
    [
        ["show"],
        ["show", "--json"],
        ["show", "--frame", "steps"],
        ["show", "--frame", "calls", "--json"],
        ["parity"],
        ["compare", "."],
    ],
)
def test_no_answer_on_hostile_names_commands_a_terminal(folder, asked, capsys):
    command, *more = asked
    given = [str(folder) if one == "." else one for one in more]
    main([command, str(folder), *given])
    shown = "".join(capsys.readouterr())
    assert shown
    assert not set(UNSEEN).intersection(shown)


def test_a_growing_log_commands_no_terminal_and_its_json_is_what_was_written(tmp_path, capsys):
    log = tmp_path / "llm_transcript.jsonl"
    log.write_bytes(line(**response("c1", type=ODD)) + b"\n")
    main(["tail", str(log), "--no-follow"])
    shown = capsys.readouterr().out
    main(["tail", str(log), "--no-follow", "--json"])
    told = capsys.readouterr().out
    assert not set(UNSEEN).intersection(shown + told)
    assert json.loads(told)["type"] == ODD


def test_an_error_that_names_a_hostile_path_commands_no_terminal(capsys):
    main(["show", f"nowhere/{TERMINAL}"])
    assert not set(UNSEEN).intersection(capsys.readouterr().err)


def test_json_says_the_same_with_escapes_and_lines_stay_lines():
    text = json.dumps({"a": ODD, "b": ["\n"]}, ensure_ascii=False, indent=2)
    assert json.loads(plain_json(text)) == json.loads(text)
    assert plain_json(text).isascii() is False
    assert not set(UNSEEN + "\x7f\U000e0041").intersection(plain_json(text))
    assert plain_lines("a\nb\x1bc") == "a\nb c"
