"""What someone in a hurry tries: empty runs everywhere, every dimension, copies, odd arguments; never a traceback."""

import copy
import inspect
import pickle
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import load
from acceptance.test_0_9 import entries
from acceptance.test_run_records import full

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
NAMES = ["autonomy-pressure", "cost-overrun", "damaged", "inherited-route", "skill-catalog", "two-writers"]


@pytest.fixture(scope="module")
def samples():
    return {name: load(SAMPLES / name) for name in NAMES}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("repo"))
    project.transcript(entries())
    project.run_record("r1", **full("r1"))
    return load(project.folder)


@pytest.mark.parametrize("name", NAMES)
def test_every_dimension_of_every_sample_sums_to_the_total(samples, name):
    runs = samples[name]
    total, calls = sum(hl.costs.exact(runs).values()), hl.costs.by(runs)["calls"].sum()
    for dimension in hl.costs.DIMENSIONS:
        rows = hl.costs.by(runs, dimension)
        assert sum(hl.costs.exact(runs, dimension).values()) == total
        assert rows["calls"].sum() == calls
        assert rows.select(dimension).is_duplicated().sum() == 0
    for every, by in (("15m", None), ("1d", "model"), ("1mo", "session")):
        assert hl.costs.trend(runs, every=every, by=by)["calls"].sum() == calls
    dispatched = set(hl.routes.DIMENSIONS) - {"outcome_kind"} if runs.dispatches.height else ()
    for dimension in dispatched:
        assert hl.routes.outcomes(runs, by=dimension)["calls"].sum() == runs.dispatches.height


@pytest.mark.parametrize("part", ["costs", "routes", "replay", "skills", "autonomy", "state"])
def test_no_runs_give_empty_answers_in_the_same_columns(runs, part):
    nothing = runs.filter(pl.lit(value=False))
    assert (len(nothing), nothing.summary.height) == (0, 0)
    module = getattr(hl, part)
    asked = 0
    public = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    for name in public:
        function = getattr(module, name)
        # what makes a question of a function is none itself
        if not inspect.isfunction(function) or function.__module__ == "harnlab.questions":
            continue
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters or "Frames" not in str(parameters[0].annotation):
            continue
        if any(p.default is p.empty and p.kind is not p.VAR_POSITIONAL for p in parameters[1:]):
            continue
        empty, some = function(nothing), function(runs)
        asked += 1
        if isinstance(empty, pl.DataFrame):
            assert empty.schema == some.schema, name
    assert asked > 1


@pytest.mark.parametrize("frame", list(hl.frames.SCHEMAS))
def test_every_frame_becomes_pandas_with_the_same_columns_empty_or_not(runs, frame):
    for chosen in (runs, runs.filter(pl.lit(value=False))):
        table = chosen.to_pandas(frame)
        assert list(table.columns) == chosen.frame(frame).columns
        assert len(table) == chosen.frame(frame).height


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda runs: pickle.loads(pickle.dumps(runs))])
def test_a_copy_of_runs_is_as_good_as_the_original(runs, copied):
    other = copied(runs)
    for name in hl.frames.SCHEMAS:
        assert other.frame(name).equals(runs.frame(name))
    row = other.calls.row(0, named=True)
    assert other.record(row) == runs.record(row)
    assert other.summary.equals(runs.summary)


@pytest.mark.parametrize(
    ("predicate", "error"),
    [
        (pl.col("nope") == 1, hl.UnknownName),
        (pl.col("cost_usd"), hl.InvalidArgument),
        ("cost_usd > 1", hl.InvalidArgument),
        (None, hl.InvalidArgument),
        (pl.col("cost_usd") == pl.lit("x"), hl.InvalidArgument),
    ],
)
def test_a_filter_that_is_no_condition_is_refused_in_plain_words(runs, predicate, error):
    with pytest.raises(error, match=r"^runs\.filter: .*; expected "):
        runs.filter(predicate)


def test_filters_may_be_many_none_or_constant(runs):
    assert runs.filter().run_ids == runs.run_ids
    assert runs.filter(pl.lit(value=True), pl.col("calls") >= 0).run_ids == runs.run_ids


@pytest.mark.parametrize("reference", [1, None, ("x",), ("x", "y"), [], {}, "a", "a:b", b"a:1"])
def test_a_reference_that_is_none_is_refused_in_plain_words(runs, reference):
    with pytest.raises(hl.InvalidArgument, match=r"^runs\.record: .*; expected "):
        runs.record(reference)


@pytest.mark.parametrize("paths", [None, 5, b"/tmp", [], "", [""], [None], ["a", 5]])
def test_what_is_no_path_is_refused_in_plain_words(paths):
    with pytest.raises(hl.InvalidArgument, match=r"^load: .*; expected "):
        hl.load(paths)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda runs: hl.costs.by(runs, ["model", "step"]), hl.InvalidArgument),
        (lambda runs: hl.costs.by(runs, None), hl.InvalidArgument),
        (lambda runs: hl.costs.by(runs, "Model"), hl.UnknownName),
        (lambda runs: hl.costs.trend(runs, every=None), hl.InvalidArgument),
        (lambda runs: hl.costs.trend(runs, every=5), hl.InvalidArgument),
        (lambda runs: hl.costs.trend(runs, every="1 hour"), hl.InvalidArgument),
        (lambda runs: hl.routes.trend(runs, every="0h"), hl.InvalidArgument),
        (lambda runs: hl.routes.outcomes(runs, by=["nope"]), hl.UnknownName),
        (lambda runs: runs["nope"], hl.UnknownName),
        (lambda runs: runs[0], hl.UnknownName),
        (lambda runs: runs.filter(pl.lit(value=False))["r1"], hl.UnknownName),
        (lambda runs: runs.frame("nope"), hl.UnknownName),
        (lambda runs: runs.to_pandas("nope"), hl.UnknownName),
    ],
)
def test_wrong_arguments_are_told_what_is_right(runs, ask, error):
    with pytest.raises(error, match="; expected ") as told:
        ask(runs)
    assert not str(told.value).endswith("one of ")


@pytest.mark.parametrize("frame", ["runs", "events", "calls", "messages", "spans", "steps"])
def test_a_row_of_pandas_leads_home_too(runs, frame):
    table = runs.to_pandas(frame)
    for number, row in enumerate(runs.frame(frame).iter_rows(named=True)):
        found = runs.record(row)
        assert runs.record(table.iloc[number]) == found
        assert runs.record(next(table.iloc[[number]].itertuples())._asdict()) == found


def test_a_missing_attribute_is_an_attribute_error_that_names_the_frames(runs):
    with pytest.raises(AttributeError, match="frames are runs, events, calls"):
        _ = runs.call
    assert not hasattr(runs, "__array__")


def test_a_glob_a_list_and_a_generator_name_the_same_files():
    files = sorted((SAMPLES / "inherited-route").glob("transcripts/*/llm_transcript.jsonl"))
    one = hl.load(str(SAMPLES / "inherited-route/transcripts/*/llm_transcript.jsonl"))
    for paths in (files, iter(files), tuple(map(str, files))):
        assert hl.load(paths).calls.equals(one.calls)
