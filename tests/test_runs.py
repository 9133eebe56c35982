"""``hl.load`` and ``Runs``: the frames of a project folder, and the way back to the original record."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import harnlab as hl
from harnlab.frames import SCHEMAS
from harnlab.vocabulary import LOST_LINE_KINDS
from ingest.transcript_lines import dispatch, line, request, response

SAMPLES = Path(__file__).parents[1] / "sample_transcripts"


@pytest.fixture(scope="module")
def runs():
    return hl.load([SAMPLES / "cost-overrun", SAMPLES / "inherited-route"])


@pytest.fixture
def small(tmp_path):
    records = [request("c1"), response("c1", cost_usd=0.5), dispatch("c1"), response("c2", cost_usd=None)]
    (tmp_path / "llm_transcript.jsonl").write_bytes(b"\n".join(line(**one) for one in records) + b"\n{torn")
    return hl.load(tmp_path)


def test_every_frame_has_exactly_its_declared_columns_and_types(runs):
    for name, schema in SCHEMAS.items():
        assert runs.frame(name).schema == pl.Schema(schema.dtypes), name


def test_columns_that_cannot_be_null_are_not(runs):
    for name, schema in SCHEMAS.items():
        for column in schema.columns:
            assert column.nullable or runs.frame(name)[column.name].null_count() == 0, (name, column.name)


@pytest.mark.parametrize(
    "name", ["runs", "events", "calls", "dispatches", "steps", "spans", "stages", "receipts", "step_calls"]
)
def test_the_key_of_a_frame_names_one_row(runs, name):
    frame = runs.frame(name)
    assert frame.height > 0
    assert frame.select(SCHEMAS[name].key).is_unique().all()


@pytest.mark.parametrize(
    "name", [name for name in SCHEMAS if name not in {"step_definitions", "runs", "problems"}]
)
def test_every_row_leads_back_to_its_record(runs, name):
    for row in runs.frame(name).sample(fraction=1, shuffle=True, seed=7).head(25).iter_rows(named=True):
        record = runs.record(row)
        assert isinstance(record, dict), row
        for member in ("call_id", "span_id", "iteration"):
            if isinstance(record.get(member), str | int) and row.get(member) is not None:
                assert record[member] == row[member]


def test_a_record_is_found_by_row_frame_text_and_pair_alike(small):
    row = small.dispatches.row(0, named=True)
    place = (row["source_path"], row["source_line"])
    found = [small.record(one) for one in (row, small.dispatches, place, "{}:{}".format(*place))]
    assert found == [dispatch("c1")] * 4


def test_a_line_that_is_no_record_is_still_given_as_text(small):
    problem = small.problems.row(0, named=True)
    assert problem["kind"] == "torn"
    assert small.text(problem) == "{torn"
    with pytest.raises(hl.MalformedRecord, match=r"llm_transcript\.jsonl:5: not JSON"):
        small.record(problem)


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("elsewhere.jsonl:1", hl.UnknownName, "no file 'elsewhere.jsonl' was loaded"),
        ("no line", hl.InvalidArgument, 'expected "path:line"'),
        ({"step": "verify"}, hl.InvalidArgument, "the row has no source_path"),
    ],
)
def test_a_reference_that_leads_nowhere_says_so(small, reference, error, message):
    with pytest.raises(error, match=message):
        small.record(reference)


def test_a_line_past_the_end_is_no_record(small):
    path = small.sources[0].shown
    with pytest.raises(hl.UnknownName, match="no record starts on line 99"):
        small.record((path, 99))


def test_a_file_that_is_gone_since_it_was_loaded_is_an_error_with_its_name(small):
    small.sources[0].path.unlink()
    with pytest.raises(hl.UnreadablePath, match=r"llm_transcript\.jsonl: cannot be read: No such file"):
        small.record(small.dispatches)


def test_the_summary_counts_known_cost_and_unpriced_calls_apart(small):
    (row,) = small.summary.rows(named=True)
    counted = {
        name: row[name] for name in ("calls", "cost_usd", "unpriced_calls", "inherited_calls", "problems")
    }
    assert counted == {"calls": 2, "cost_usd": 0.5, "unpriced_calls": 1, "inherited_calls": 1, "problems": 1}


def test_a_filter_keeps_whole_runs(runs):
    dear = runs.filter(pl.col("cost_usd") > 1)
    assert len(dear) == 1
    assert dear.calls.height == 48
    assert set(dear.events["run_id"]) == set(dear.run_ids)
    assert dear.step_definitions.equals(runs.step_definitions)


def test_one_run_is_taken_by_its_id_and_a_wrong_id_names_those_there_are(runs):
    run_id = runs.run_ids[3]
    assert runs[run_id].run_ids == [run_id]
    with pytest.raises(hl.UnknownName, match=run_id):
        runs["run-zero"]


def test_a_frame_that_is_not_there_names_those_that_are(runs):
    with pytest.raises(hl.UnknownName, match="no frame 'dispatch'; expected one of runs, events, calls"):
        runs.frame("dispatch")
    with pytest.raises(AttributeError, match="frames are runs, events"):
        _ = runs.dispatch


PANDAS_KINDS = {
    pl.Int64: "i",
    pl.UInt32: "u",
    pl.UInt64: "u",
    pl.Float64: "f",
    pl.Boolean: "b",
    pl.Datetime: "M",
}


def test_every_frame_becomes_pandas_with_the_same_columns_and_sensible_types(runs):
    for name in SCHEMAS:
        frame, pandas = runs.frame(name), runs.to_pandas(name)
        assert list(pandas.columns) == frame.columns
        assert len(pandas) == frame.height
        for column in frame:
            kind = PANDAS_KINDS.get(type(column.dtype))
            assert kind is None or pandas[column.name].dtype.kind == kind, (name, column.name)


def test_null_and_zero_stay_apart_in_pandas(small):
    costs = small.to_pandas("calls")["cost_usd"]
    assert costs[0] == 0.5
    assert costs[1] is pd.NA


def line_count(path):
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return content.count(b"\n") + (content != b"" and not content.endswith(b"\n"))


@pytest.mark.parametrize("incident", ["cost-overrun", "inherited-route", "damaged"])
def test_every_line_of_every_sample_is_an_event_or_a_lost_line(incident):
    runs = hl.load(SAMPLES / incident)
    lost = runs.problems.filter(pl.col("kind").is_in(list(LOST_LINE_KINDS)))
    read = pl.concat(
        [runs.events.select("source_path", "source_line"), lost.select("source_path", "source_line")]
    )
    counted = dict(read.group_by("source_path").len().iter_rows())
    transcripts = [source for source in runs.sources if source.path.suffix == ".jsonl"]
    assert transcripts
    for source in transcripts:
        assert counted.get(source.shown, 0) == line_count(source.path), source.shown
    assert read.is_unique().all()


def test_a_line_too_long_to_read_is_a_problem_and_the_next_is_read(tmp_path):
    path = tmp_path / "llm_transcript.jsonl"
    with path.open("wb") as file:
        file.write(line(**response("c1")) + b'\n{"type":"message","content":"')
        file.truncate(200_000_000)
        file.seek(0, 2)
        file.write(b'"}\n' + line(**response("c2")))
    runs = hl.load(tmp_path)
    assert runs.calls["call_id"].to_list() == ["c1", "c2"]
    (problem,) = runs.problems.rows(named=True)
    assert (problem["source_line"], problem["kind"]) == (2, "bad")
    assert problem["length"] == 200_000_002 - problem["source_offset"]
    assert problem["reason"].startswith("a line of 199,999,538 bytes; the longest that is read is")


def test_a_file_that_cannot_be_opened_is_a_problem_and_the_others_are_read(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_bytes(line(**response("c1")))
    (tmp_path / "b.jsonl").write_bytes(line(**response("c2")))
    opened = Path.open

    def refuse(self, *arguments, **options):
        if self.name == "a.jsonl":
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    runs = hl.load(tmp_path)
    assert runs.problems.select("source_path", "kind", "reason").rows() == [
        ((tmp_path / "a.jsonl").as_posix(), "unreadable", "cannot be read: Permission denied")
    ]
    assert runs.calls["call_id"].to_list() == ["c2"]


HEAVY = ["altair", "ipywidgets", "pandas", "IPython", "jupyterlab", "anywidget", "vl_convert"]


def loaded_after(code):
    program = f"{code}\nimport sys, json\nprint(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_and_loading_bring_in_no_chart_widget_or_pandas(tmp_path):
    (tmp_path / "llm_transcript.jsonl").write_bytes(line(**response("c1")))
    assert loaded_after("import harnlab") == []
    assert loaded_after(f"import harnlab as hl; hl.load({str(tmp_path)!r}).summary") == []


def test_every_public_name_is_there_and_documented():
    for name in hl.__all__:
        assert getattr(hl, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        _ = hl.laod


def test_an_error_survives_pickling_with_all_it_says():
    error = hl.UnreadablePath("no such file", where="a:1", expected="a file", hint="ls")
    assert str(pickle.loads(pickle.dumps(error))) == "a:1: no such file; expected a file. Try: ls"
