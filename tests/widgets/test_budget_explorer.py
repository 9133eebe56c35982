"""The budget explorer without a browser."""

import re

import polars as pl
import pytest
import traitlets

import harnlab as hl
from harnlab.errors import UnknownName
from harnlab.widgets import budget_rows
from harnlab.widgets.budget_chart import running_chart, unit_of
from harnlab.widgets.budget_explorer import BudgetExplorer
from widgets.logs import runs_of
from widgets.pages import presses, told

TRIPPED = 2  # the `verify` step that went over its 0.25 USD


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/cost-overrun", progress=False)


@pytest.fixture
def explorer(runs):
    return BudgetExplorer(runs)


def test_every_step_stands_with_what_it_used_and_was_allowed(explorer, runs):
    rows = explorer.steps.frame
    assert rows["step"].to_list() == runs.steps["step"].to_list()
    assert rows["usd"][TRIPPED] == {"used": pytest.approx(0.33642), "limit": 0.25}
    told_over = {row["step"]: budget_rows.over_text(row["over"]) for row in rows.iter_rows(named=True)}
    assert told_over["risk"] == "2,410 tokens (8 %) at call 3"
    assert told_over["signoff"] == ""


def test_the_bar_of_an_overrun_says_so_and_how_far(explorer):
    cells = explorer.steps.page["rows"][TRIPPED]
    assert cells[2]["over"] is True
    assert cells[2]["share"] > cells[2]["limit"]
    assert cells[4] == "0.08642 USD (35 %) at call 7"


def test_a_step_picked_shows_its_calls_and_why_it_tripped(explorer, from_page):
    from_page(explorer.steps, active=TRIPPED)
    assert explorer.calls.frame["running_usd"][-1] == pytest.approx(0.33642)
    assert explorer.calls.frame["tripping"].to_list() == [False] * 6 + [True]
    assert "over its max_usd of 0.25 USD by 0.08642 USD" in told(explorer._told_above)
    assert "Declared: max_usd 0.25 USD." in told(explorer._answered)
    assert explorer.selected.height == 7
    assert explorer.selected.columns == hl.costs.running(explorer.runs).columns


def test_a_call_picked_in_the_chart_shows_its_log_line(explorer, from_page, runs):
    from_page(explorer.steps, active=TRIPPED)
    from_page.message(explorer._chart, press="call:6")
    call = explorer.selected.row(0, named=True)
    assert call["tripping"]
    assert runs.text((call["source_path"], call["source_line"])) in told(explorer._record)
    for nonsense in ("call:7", "call:-1", "call:x", "unit:EUR", ""):
        from_page.message(explorer._chart, press=nonsense)
    assert explorer.call == call["call_id"]


def test_enter_on_a_step_goes_to_the_call_that_broke_the_limit(explorer, from_page):
    from_page(explorer.steps, active=TRIPPED)
    from_page.message(explorer.steps, open=TRIPPED)
    assert explorer.calls.selected == [6]


def test_a_stricter_limit_is_answered_with_savings_and_how_far_they_are_proved(explorer, from_page, runs):
    from_page(explorer.steps, active=TRIPPED)
    from_page(explorer._dials["max_usd"], value=0.1)
    assert explorer.max_usd == 0.1
    expected = hl.whatif.step_budget(runs, step="verify", max_usd=0.1)
    assert explorer.answers.equals(expected)
    assert "0.24426 USD saved, proved by the record; 2 of 3 would break it." in told(explorer._answered)
    assert expected["savings_usd"].sum() == pytest.approx(0.24426)


def test_a_looser_limit_on_a_step_that_was_cut_is_not_known(explorer):
    explorer.steps.active = TRIPPED
    explorer.max_usd = 0.4
    assert "1 of 3 steps cannot be decided" in told(explorer._answered)
    assert "censored" in told(explorer._answered)
    assert explorer._dials["max_usd"].value == 0.4


def test_back_to_the_declared_limits(explorer, from_page):
    explorer.steps.active = TRIPPED
    explorer.max_usd, explorer.max_tokens = 0.1, 10
    from_page.message(explorer._answered, press="declared")
    assert (explorer.max_usd, explorer.max_tokens, explorer.answers) == (None, None, None)
    assert (explorer._dials["max_usd"].value, explorer._dials["max_usd"].told) == (None, "0.25 declared")


def test_a_limit_may_be_asked_of_all_steps_at_once(explorer, runs):
    explorer.max_tokens = 20_000
    assert explorer.answers.height == runs.steps.height


def test_the_unit_is_the_one_that_broke_and_can_be_changed(explorer, from_page):
    explorer.steps.active = explorer.steps.frame["step"].to_list().index("risk")
    assert unit_of(explorer.calls.frame) == "tokens"
    assert "limit 30,000 tokens" in told(explorer._chart)
    from_page.message(explorer._chart, press="unit:USD")
    assert "limit 0.4 USD" in told(explorer._chart)


@pytest.mark.parametrize("active", [None, 0, TRIPPED])
@pytest.mark.parametrize("asked", [{}, {"max_usd": 0.1}, {"max_usd": 0.4, "max_tokens": 50_000}])
def test_the_cell_builds_it_again(runs, active, asked):
    explorer = BudgetExplorer(runs, **asked)
    if active is not None:
        explorer.steps.active = active
        explorer.calls.active = 1
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(explorer.selected)
    assert again.summary() == explorer.summary()
    assert again.answers is None if not asked else again.answers.equals(explorer.answers)


def test_both_tables_are_sorted_again_by_the_cell_and_told_only_then(explorer, from_page, runs):
    assert "sort_steps" not in explorer.summary()
    from_page(explorer.steps, sort=["usd", True])
    from_page(explorer.steps, active=0)
    from_page(explorer.calls, sort=["running_usd", True])
    assert explorer.summary()["sort_calls"] == ["running_usd", True]
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    assert again.steps.rows.equals(explorer.steps.rows)
    assert again.calls.rows.equals(explorer.calls.rows)
    from_page(explorer.steps, active=1)  # another step's calls are in their own order
    assert "sort_calls" not in explorer.code


def test_a_call_alone_leads_to_its_step(explorer, runs):
    explorer.steps.active = TRIPPED
    explorer.calls.active = 6
    again = BudgetExplorer(runs, call=explorer.call)
    assert (again.place, again.call) == (explorer.place, explorer.call)


def test_what_is_not_there_is_refused(runs):
    with pytest.raises(UnknownName, match="no call 'c9' in a step"):
        BudgetExplorer(runs, call="c9")
    with pytest.raises(UnknownName, match="no row was read from"):
        BudgetExplorer(runs, place="nowhere:3")
    with pytest.raises(traitlets.TraitError, match="max_usd"):
        BudgetExplorer(runs, max_usd=-1.0)


def test_a_notebook_stores_words_and_numbers_that_do_not_change(runs):
    explorer = BudgetExplorer(runs)
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == "<BudgetExplorer: 9 steps, 2 over a limit>"
    assert bundle["application/vnd.harnlab.budget-explorer+json"]["steps"] == 9
    explorer.steps.active, explorer.max_usd = TRIPPED, 0.4
    stored = explorer.summary()["asked"]
    assert stored["decidability"] == {"censored": 1, "exact": 2}


def test_a_log_without_steps_shows_an_empty_table():
    explorer = BudgetExplorer(runs_of())
    assert explorer.selected.height == 0
    explorer.max_usd = 1.0
    assert explorer.answers.height == 0


@pytest.mark.parametrize("largest", [0.000_01, 0.3, 1.0, 7, 99, 12_345, 3e9])
def test_a_chart_of_any_size_has_a_few_round_marks(largest):
    calls = pl.DataFrame(
        {
            "call_id": ["a", "b"],
            "running_usd": [0.0, largest],
            "max_usd": [None, None],
            "running_tokens": [0, 1],
            "max_tokens": [None, None],
            "tripping": [False, False],
        },
        schema_overrides={"max_usd": pl.Float64, "max_tokens": pl.Int64},
    )
    drawn = running_chart(calls, unit="USD", asked=None, picked=None)
    guides = [child for child in drawn[2] if "hl-guide" in child[1].get("class", "")]
    assert 2 <= len(guides) <= 7


def test_a_step_of_very_many_calls_is_drawn_as_a_line_only():
    number = 100_000
    calls = pl.DataFrame(
        {
            "call_id": [str(n) for n in range(number)],
            "running_usd": [float(n) for n in range(number)],
            "max_usd": [5.0] * number,
            "running_tokens": range(number),
            "max_tokens": [1] * number,
            "tripping": [n == 6 for n in range(number)],
        }
    )
    drawn = running_chart(calls, unit="USD", asked=None, picked=None)
    assert len(re.findall("H", str(drawn))) < 2_000
    assert presses(drawn) == ["call:6"]


def test_going_from_step_to_step_asks_nothing(explorer):
    for place in range(explorer.steps.total):
        explorer.steps.active = place
    assert (explorer.max_usd, explorer.max_tokens) == (None, None)
    assert explorer._dials["max_tokens"].told == "20,000 declared"


def test_limits_compared_in_a_chart_are_asked_about_by_a_click():
    explorer = BudgetExplorer(hl.load("sample_transcripts/cost-overrun", progress=False))
    explorer.steps.select([2])
    explorer.sweep._pressed("sweep:max_usd")
    chart = explorer.sweep.chart
    chart._heard(chart, {"row": 1}, [])
    assert explorer.max_usd == chart.picked["asked"]
    assert explorer.answers["asked_max_usd"].unique().to_list() == [explorer.max_usd]
    assert chart.selected.drop("asked_max_usd").equals(explorer.answers.drop("asked_max_usd"))
    explorer.sweep._pressed("sweep:max_tokens")
    chart = explorer.sweep.chart
    chart._heard(chart, {"row": 0}, [])
    assert explorer.max_tokens == chart.picked["asked"]
    explorer.steps.select([0])
    assert explorer.sweep.chart is None


def test_a_step_charged_beyond_what_its_calls_cost_says_so(explorer):
    steps = explorer.steps.frame["step"].to_list()
    explorer.steps.active = steps.index("review")
    assert "Charged 0.794940 USD, where its calls cost 0.294075 USD" in told(explorer._told_above)
    for other in (step for step in steps if step != "review"):
        explorer.steps.active = steps.index(other)
        assert "Charged" not in told(explorer._told_above)
