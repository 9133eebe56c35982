"""pandas in, pandas out: runs, single frames, the accessor; and an error that says what to try for anything else."""

import inspect
import pickle
import subprocess
import sys

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import harnlab as hl
import harnlab.namespaces
from harnlab.frames import ALL_FRAMES, SCHEMAS
from harnlab.pandas_runs import to_pandas, to_polars
from harnlab.questions import recognised

SAMPLE = "sample_transcripts/inherited-route"
ROOMS = ("costs", "routes", "skills", "autonomy", "state", "prices", "replay", "whatif", "trust")
#: Arguments a question needs besides the runs.
NEEDED = {
    "skills.fit": {"turn": 1},
    "whatif.autonomy": {"per_hour": 2},
    "whatif.catalog": {"budget": 400},
    "whatif.conflict_policy": {"policy": "error"},
    "whatif.step_budget": {"max_usd": 0.1},
    "prices.recompute": {"prices": 1},
    "prices.differences": {"prices": 1},
}


def questions():
    """Every public function whose first argument is runs, by name."""
    found = {"parity": hl.parity, "trace": hl.trace, "compare": hl.compare, "check": hl.check}
    for room in ROOMS:
        module = getattr(hl, room)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = (
                name in module.__all__
                if hasattr(module, "__all__")
                else function.__module__ == module.__name__
            )
            if not own or name.startswith("_"):
                continue
            first = next(iter(inspect.signature(function).parameters.values()), None)
            if first is not None and first.annotation == "Frames":
                found[f"{room}.{name}"] = function
    return found


QUESTIONS = questions()
POSITIONAL = {"prices.recompute", "prices.differences"}


@pytest.fixture(scope="module")
def runs():
    return hl.load([SAMPLE, "sample_transcripts/skill-catalog"])


def asked(name, runs):
    if name in POSITIONAL:
        prices = hl.prices.read(
            pd.DataFrame([{"model": "m", "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}])
        )
        return QUESTIONS[name](runs, prices)
    if name == "compare":
        return hl.compare(runs, runs)
    if name == "trace":
        return hl.trace(runs, "a call")
    if name == "check":
        return hl.check(runs, rules=hl.gate.parse_rules('[[rule]]\nmeasure = "cost_per_run"\nlimit = 100\n'))
    return QUESTIONS[name](runs, **NEEDED.get(name, {}))


def test_there_are_questions_in_every_room():
    assert {name.partition(".")[0] for name in QUESTIONS if "." in name} == set(ROOMS)
    assert len(QUESTIONS) > 35


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_answers_in_the_library_it_was_asked_in(name, runs):
    answer, of_pandas = asked(name, runs), asked(name, runs.pandas)
    if isinstance(answer, pl.DataFrame):
        assert isinstance(of_pandas, pd.DataFrame)
        assert_frame_equal(pl.from_pandas(of_pandas), to_polars(to_pandas(answer)))
    else:
        assert type(of_pandas) is type(answer)


@pytest.mark.parametrize("name", sorted(set(QUESTIONS) - {"check"}))
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (SAMPLE, "hl.load('sample_transcripts/inherited-route') first"),
        (pl.DataFrame({"a": [1]}), "a frame with columns a"),
        (pd.DataFrame({"a": [1]}), "a frame with columns a"),
        (pl.LazyFrame({"a": [1]}), "Try: .collect()"),
        (None, "expected what hl.load gives"),
        ({"callz": pl.DataFrame()}, "no frame 'callz'"),
    ],
    ids=["path", "polars", "pandas", "lazy", "none", "mapping"],
)
def test_what_is_not_runs_is_told_with_what_to_try(name, given, told):
    with pytest.raises(hl.HarnlabError) as error:
        asked(name, given)
    assert told in str(error.value)


def test_a_frame_of_pandas_is_told_by_its_columns_and_asked_alone(runs):
    mine = runs.to_pandas("dispatches")
    mine = mine[mine["provenance_provider"] == "inherited_from_primary"]
    matrix = hl.routes.matrix(mine)
    assert isinstance(matrix, pd.DataFrame)
    assert len(hl.routes.inherited(mine)) == len(mine) > 0
    alike = runs.dispatches.filter(pl.col("provenance_provider") == "inherited_from_primary")
    assert_frame_equal(hl.routes.matrix(alike), to_polars(matrix), check_dtypes=False)


def test_several_frames_answer_what_needs_several(runs):
    frames = {name: runs.to_pandas(name) for name in SCHEMAS}
    assert_frame_equal(
        to_polars(hl.costs.by(frames, "persona", "step")), hl.costs.by(runs, "persona", "step")
    )
    mixed = {**frames, "calls": runs.calls}
    assert isinstance(hl.costs.by(mixed, "step"), pd.DataFrame)
    assert isinstance(hl.costs.by({name: runs.frame(name) for name in SCHEMAS}), pl.DataFrame)


def test_numpy_columns_of_a_merge_come_back_as_what_is_declared(runs):
    plain = runs.calls.to_pandas()  # NumPy: integers with gaps are floats there, and null is NaN
    assert plain["output_tokens"].dtype.kind == "f" or not plain["output_tokens"].isna().any()
    assert_frame_equal(to_polars(plain, SCHEMAS["calls"]), runs.calls)
    naive = (
        plain.assign(request_at=plain["request_at"].dt.tz_localize(None)) if "request_at" in plain else plain
    )
    assert_frame_equal(to_polars(naive, SCHEMAS["calls"]), runs.calls)


def test_a_column_that_is_missing_or_wrong_is_named(runs):
    calls = runs.to_pandas("calls")
    with pytest.raises(hl.InvalidArgument, match=r"frame `calls`: no column model.*runs\.to_pandas"):
        hl.costs.by({"calls": calls.drop(columns="model")})
    with pytest.raises(hl.InvalidArgument, match="column cost_usd of String; expected values of Float64"):
        hl.costs.by({"calls": calls.assign(cost_usd="dear")})
    with pytest.raises(hl.InvalidArgument, match="list as 'calls'"):
        hl.costs.by({"calls": [1]})
    twice = pd.concat([calls, calls[["model"]]], axis=1)
    with pytest.raises(hl.InvalidArgument, match="two columns are called 'model'"):
        hl.costs.by({"calls": twice})


@pytest.mark.parametrize("declared", ALL_FRAMES, ids=lambda one: one.name)
def test_every_frame_is_recognised_by_its_columns_and_survives_pandas(declared, runs):
    assert recognised([*declared.names, "mine"]) is declared
    frame = runs.frame(declared.name)
    assert_frame_equal(to_polars(to_pandas(frame), declared), frame)


def test_runs_for_pandas_pick_filter_and_lead_to_the_record(runs):
    mine = runs.pandas
    assert repr(mine) == f"{runs!r} as pandas"
    assert list(mine) == mine.run_ids == runs.run_ids
    assert len(mine) == len(runs)
    assert isinstance(mine.summary, pd.DataFrame)
    dear = mine.filter(lambda summary: summary["cost_usd"] > summary["cost_usd"].mean())
    assert 0 < len(dear) < len(mine)
    assert mine[runs.run_ids[0]].run_ids == runs.run_ids[:1]
    row = mine.calls.iloc[0]
    assert mine.record(row) == runs.record(runs.calls.head(1))
    assert mine.text(row) == runs.text(runs.calls.head(1))
    assert pickle.loads(pickle.dumps(mine)).run_ids == runs.run_ids
    assert "calls" in dir(mine)
    with pytest.raises(AttributeError, match="PandasRuns has no 'callz'"):
        mine.callz  # noqa: B018
    with pytest.raises(hl.InvalidArgument, match="a function of the summary"):
        mine.filter(lambda summary: summary["dear"])


def test_a_row_and_findings_of_pandas_are_explained_and_written(runs):
    rules = hl.gate.parse_rules('[[rule]]\nmeasure = "cost_per_run"\nlimit = 0.000001\n')
    found = hl.check(runs.pandas, rules=rules)
    assert isinstance(found, pd.DataFrame)
    assert hl.gate.exit_code(found) == 1
    assert hl.explain(found.iloc[0]) == hl.explain(found.head(1)) == hl.explain(hl.check(runs, rules=rules))
    assert "**FAIL**" in hl.gate.to_markdown(found)
    assert isinstance(hl.gate.blocking(found), pd.DataFrame)
    assert isinstance(hl.replay.counts(hl.parity(runs.pandas)), pd.DataFrame)


def test_a_baseline_may_be_runs_for_pandas(runs):
    rules = hl.gate.parse_rules('[[rule]]\nmeasure = "cost_per_run"\ntolerance = { absolute = 0 }\n')
    assert hl.check(runs, rules=rules, baseline=runs.pandas)["verdict"].to_list() == ["pass"]


def test_a_report_and_an_explorer_take_runs_for_pandas(runs, tmp_path):
    assert hl.report(runs.pandas, tmp_path / "report.html").stat().st_size > 10_000
    assert_frame_equal(hl.RouteExplorer(runs.pandas).selected, hl.RouteExplorer(runs).selected)
    with pytest.raises(hl.InvalidArgument, match=r"hl\.load"):
        hl.report(SAMPLE, tmp_path / "report.html")
    with pytest.raises(hl.InvalidArgument, match=r"hl\.load"):
        hl.RunPicker(SAMPLE)


def test_charts_draw_answers_of_pandas_as_they_draw_those_of_polars(runs):
    for draw, question in (
        (hl.charts.routes.provenance_matrix, hl.routes.matrix),
        (hl.charts.routes.inherited_share, hl.routes.trend),
        (hl.charts.costs.over_time, hl.costs.trend),
        (hl.charts.skills.lifecycle_matrix, hl.skills.lifecycle),
    ):
        assert draw(question(runs.pandas)).to_json() == draw(question(runs)).to_json()


# .harn


def test_pandas_and_polars_frames_have_the_same_namespace(runs):
    mine, theirs = runs.to_pandas("calls").set_index("call_id", drop=False), runs.calls
    assert mine.harn.name == theirs.harn.name == theirs.lazy().harn.name == "calls"
    assert mine.harn.columns["column"].to_list() == list(SCHEMAS["calls"].names)
    assert_frame_equal(theirs.harn.columns, theirs.lazy().harn.columns)
    assert mine.harn.places().to_list() == theirs.harn.places().to_list()
    assert list(mine.harn.places().index) == theirs["call_id"].to_list()
    assert theirs.lazy().harn.placed().collect()["place"].to_list() == theirs.harn.places().to_list()
    assert_frame_equal(mine.harn.to_polars(), theirs)
    assert theirs.harn.to_pandas().equals(runs.to_pandas("calls"))
    assert mine.head(2).harn.records(runs.pandas) == theirs.head(2).harn.records(runs)
    assert isinstance(mine.harn.ask(hl.costs.by, "model"), pd.DataFrame)
    assert_frame_equal(theirs.with_columns(mine=1).harn.declared(), theirs)


def test_rows_that_are_none_of_harnlabs_say_so():
    mine = pd.DataFrame({"a": [1]})
    assert mine.harn.name is None
    assert_frame_equal(mine.harn.to_polars(), pl.DataFrame({"a": [1]}))
    for asked_of in (lambda: mine.harn.columns, mine.harn.places, lambda: mine.harn.ask(hl.costs.total)):
        with pytest.raises(hl.InvalidArgument):
            asked_of()


def test_inherited_origins_are_an_expression(runs):
    column = pl.col("provenance_provider")
    asked_of = runs.dispatches.select(column, is_so=column.harn.inherited())
    expected = [word == "inherited_from_primary" for word in asked_of["provenance_provider"]]
    assert asked_of["is_so"].to_list() == expected
    assert any(expected)


def test_the_first_cell_of_a_notebook_brings_the_namespace():
    code = "import harnlab.notebook as n, pandas as pd; n.load_ipython_extension(None); print(pd.DataFrame().harn.name)"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
