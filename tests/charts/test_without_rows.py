"""A chart that has nothing to draw says so in words, in place of empty axes."""

from types import FunctionType

import pytest

import harnlab as hl
from analysis.frame_stand_in import StandIn, call
from harnlab import charts
from harnlab.charts import autonomy, compare, costs, routes, skills, state, whatif
from harnlab.charts.renderer import to_svg

NOTHING = StandIn()


def fit():
    runs = hl.load("sample_transcripts/skill-catalog", progress=False)
    return hl.skills.fit(runs[runs.frame("skill_cards")["run_id"][0]], turn=6)


def differences():
    same = hl.load("sample_transcripts/regression/baseline", progress=False)
    return hl.compare(same, same).differences


#: Chart -> how it is drawn without a row, and what it says is missing.
CHARTS = {
    costs.by_dimension: (lambda: costs.by_dimension(hl.costs.by(NOTHING, "step")), "calls"),
    costs.over_time: (lambda: costs.over_time(hl.costs.trend(NOTHING)), "calls"),
    costs.running_total: (lambda: costs.running_total(hl.costs.running(NOTHING)), "calls of a step"),
    costs.icicle: (lambda: costs.icicle(hl.costs.nested(NOTHING, "step")), "calls"),
    routes.provenance_matrix: (lambda: routes.provenance_matrix(hl.routes.matrix(NOTHING)), "dispatches"),
    routes.inherited_share: (lambda: routes.inherited_share(hl.routes.trend(NOTHING)), "dispatches"),
    routes.outcome_mix: (lambda: routes.outcome_mix(hl.routes.outcomes(NOTHING)), "outcomes"),
    skills.lifecycle_matrix: (lambda: skills.lifecycle_matrix(hl.skills.lifecycle(NOTHING)), "skill cards"),
    skills.catalog_fit: (lambda: skills.catalog_fit(fit().clear()), "skill cards"),
    autonomy.hours: (lambda: autonomy.hours(hl.autonomy.usage(NOTHING)), "decisions"),
    state.writer_lanes: (lambda: state.writer_lanes(hl.state.entries(NOTHING)), "writes"),
    whatif.step_sweep: (lambda: whatif.step_sweep(hl.whatif.step_budget(NOTHING, max_usd=1)), "answers"),
    whatif.catalog_sweep: (lambda: whatif.catalog_sweep(hl.whatif.catalog(NOTHING, budget=[1])), "answers"),
    whatif.autonomy_sweep: (
        lambda: whatif.autonomy_sweep(hl.whatif.autonomy(NOTHING, per_hour=[1])),
        "answers",
    ),
    compare.differences: (lambda: compare.differences(differences()), "differences"),
}


def said(chart):
    (rows,) = chart.to_dict()["datasets"].values()
    return [row["said"] for row in rows]


def public_functions():
    """What the modules of charts that users reach define themselves, ``icicle`` by its name in ``costs``."""
    found = {costs.icicle}
    for name in charts.__all__:
        module = getattr(charts, name)
        found |= {
            one
            for key, one in vars(module).items()
            if isinstance(one, FunctionType) and one.__module__ == module.__name__ and not key.startswith("_")
        }
    return found


def test_every_chart_is_looked_at_here():
    assert public_functions() == set(CHARTS)


@pytest.mark.parametrize(
    "chart", CHARTS, ids=lambda chart: f"{chart.__module__.split('.')[-1]}.{chart.__name__}"
)
def test_without_a_row_a_chart_says_under_its_title_what_is_missing(chart):
    draw, missing = CHARTS[chart]
    assert said(draw()) == [f"nothing to draw: no {missing}"]
    assert draw().to_dict()["title"]
    assert f"nothing to draw: no {missing}" in to_svg(draw())


def test_calls_without_a_time_are_told_from_no_calls():
    chart = costs.over_time(hl.costs.trend(StandIn(calls=[call("a", 0.5, model="m", answered_at=None)])))
    assert said(chart) == ["nothing to draw: no calls with a time"]
    assert chart.to_dict()["title"]["subtitle"] == "not drawn, for want of a time: 1 call (0.5 USD)"


def test_calls_without_a_price_are_told_from_no_calls():
    chart = costs.icicle(hl.costs.nested(StandIn(calls=[call("a", None, model="m")]), "model"))
    assert said(chart) == ["nothing to draw: no known cost"]
