"""What the README shows is what happens; its blocks of code run with those of the other pages (test_docs.py)."""

import re
from pathlib import Path

from harnlab.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_every_function_of_the_question_table_answers():
    names = {}
    exec(
        'import harnlab as hl\nruns = hl.load("sample_transcripts")\nrow = runs.calls.row(0, named=True)',
        names,
    )
    calls = re.findall(r"\| `((?:hl|runs)\.[^`]+)` \|", README)
    assert len(calls) >= 6
    for call in calls:
        assert eval(call, names) is not None, call


def test_the_output_that_is_shown_is_printed(capsys):
    main(["show", "sample_transcripts/inherited-route", "sample_transcripts/cost-overrun"])
    printed = capsys.readouterr().out
    for block in blocks("text"):
        assert block in printed


def test_every_make_target_that_is_named_exists():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, flags=re.MULTILINE), target
