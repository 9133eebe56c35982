from pathlib import Path

import polars as pl
import pytest

import harnlab as hl

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
ROW = {
    "core": "dispatch",
    "run_id": "run-1",
    "subject": "c1",
    "verdict": "mismatch",
    "because": "`model` is recorded as a but decided again as b, from request on line 1",
    "source_path": "t.jsonl",
    "source_line": 3,
}


def test_a_verdict_is_one_sentence_with_its_line():
    assert hl.explain(ROW) == (
        "dispatch c1 of run-1: mismatch, `model` is recorded as a but decided again as b, from request on line 1 "
        "(t.jsonl:3)."
    )
    assert hl.explain(pl.DataFrame([ROW])) == hl.explain(ROW)


def test_every_place_a_row_names_is_given_once():
    row = {
        "decidability": "exact",
        "step": "verify",
        "because": "it trips.",
        "tripping_source_path": "t.jsonl",
        "tripping_source_line": 9,
        "source_path": "run.json",
        "source_line": None,
        "other_source_path": "run.json",
    }
    assert hl.explain(row) == "step verify: exact, it trips (t.jsonl:9; run.json)."


def test_rows_of_every_analysis_can_be_explained():
    overrun = hl.load(SAMPLES / "cost-overrun", progress=False)
    inherited = hl.load(SAMPLES / "inherited-route", progress=False)
    frames = [
        hl.parity(overrun),
        hl.replay.steps(overrun),
        hl.costs.overruns(overrun),
        hl.whatif.step_budget(overrun, step="verify", max_usd=0.2),
        hl.routes.inherited(inherited),
    ]
    for frame in frames:
        row = frame.row(0, named=True)
        said = hl.explain(row)
        assert f"{row['source_path']}:{row['source_line']}" in said
        assert said.endswith(").")


@pytest.mark.parametrize("row", [{"because": None}, {}, {"inherited_fields": []}])
def test_a_row_without_a_reason_says_what_was_expected(row):
    with pytest.raises(hl.InvalidArgument, match="because"):
        hl.explain(row)


@pytest.mark.parametrize("rows", [[], [ROW, ROW]])
def test_exactly_one_row_is_explained(rows):
    with pytest.raises(hl.InvalidArgument, match="one row"):
        hl.explain(pl.DataFrame(rows, schema=list(ROW)))
