"""The autonomy explorer without a browser."""

from itertools import pairwise

import pytest
import traitlets

import harnlab as hl
from harnlab.errors import UnknownName
from harnlab.widgets import autonomy_views
from widgets.logs import runs_of
from widgets.pages import texts, told

TRIAGE = 0


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/autonomy-pressure", progress=False)


@pytest.fixture
def explorer(runs):
    return hl.AutonomyExplorer(runs)


def test_every_agent_stands_with_its_denials_and_approvals(explorer, runs):
    rows = explorer.agents.frame
    assert rows["attempts"].sum() == runs.autonomy_checks.height
    assert rows["denied"].sum() == hl.autonomy.denials(runs).height
    pending = hl.autonomy.denials(runs)["approval_status"].to_list().count("pending")
    assert rows["pending"].sum() == pending


def test_an_agent_shows_its_hours_against_the_quota(explorer, from_page, runs):
    from_page(explorer.agents, active=TRIAGE)
    assert "per_hour: 3" in told(explorer._chart)
    usage = hl.autonomy.usage(runs).filter(
        log=explorer.agents.frame["log"][TRIAGE], agent_key=explorer.agents.frame["agent_key"][TRIAGE]
    )
    tips = [text for text in texts(explorer._chart.tree[1]) if "admitted," in text]
    assert tips == [
        f"{row['hour']:%Y-%m-%d %H:%M} UTC: {row['admitted']} admitted, {row['denied']} denied"
        for row in usage.sort("hour").iter_rows(named=True)
    ]


def test_a_decision_shows_its_log_line(explorer, from_page, runs):
    from_page(explorer.agents, active=TRIAGE)
    from_page(explorer.decisions, active=3)
    assert explorer.selected.height == 1
    assert runs.text(explorer.selected) in told(explorer._record)


def test_another_quota_is_answered_as_the_what_if_does(explorer, from_page, runs):
    from_page(explorer.agents, active=TRIAGE)
    from_page(explorer._dials["per_hour"], value=2)
    assert explorer.attempts.equals(hl.whatif.autonomy(runs, per_hour=2))
    assert "Denied before, now admitted: 1. Admitted before, now denied: 3." in told(explorer._answered)
    from_page.message(explorer._answered, press="recorded")
    assert explorer.attempts["whatif_decision"].null_count() == explorer.attempts.height


def test_asking_keeps_the_place(explorer, from_page):
    from_page(explorer.agents, active=TRIAGE)
    from_page(explorer.decisions, active=3)
    place = explorer.place
    explorer.per_day = 5
    assert explorer.place == place
    assert explorer.decisions.selected == [3]


def test_decisions_sorted_by_the_answer_stay_so_when_another_quota_is_asked(explorer, from_page, runs):
    explorer.per_hour = 2
    from_page(explorer.decisions, sort=["whatif_decision", True])
    for per_hour in (1, 5):
        explorer.per_hour = per_hour
        assert explorer.decisions.rows["whatif_decision"].is_sorted(descending=True)
        again = eval(explorer.code, {"hl": hl, "runs": runs})
        assert again.decisions.rows.equals(explorer.decisions.rows)
    from_page.message(explorer._answered, press="recorded")
    assert "sort_decisions" not in explorer.code


@pytest.mark.parametrize("asked", [{}, {"per_hour": 2}, {"per_day": 4}])
def test_the_cell_builds_it_again(runs, asked):
    explorer = hl.AutonomyExplorer(runs, stream=1, **asked)
    explorer.decisions.active = 2
    again = eval(explorer.code, {"hl": hl, "runs": runs})
    assert again.selected.equals(explorer.selected)
    assert again.summary() == explorer.summary()


def test_what_is_not_there_is_refused(runs):
    with pytest.raises(UnknownName, match="no stream 9"):
        hl.AutonomyExplorer(runs, stream=9)
    with pytest.raises(UnknownName, match="no row was read from"):
        hl.AutonomyExplorer(runs, place="nowhere:1")
    with pytest.raises(traitlets.TraitError):
        hl.AutonomyExplorer(runs, per_hour=0)


def test_a_log_without_decisions_shows_nothing():
    explorer = hl.AutonomyExplorer(runs_of())
    assert explorer.selected.height == 0
    explorer.per_hour = 1
    assert repr(explorer) == "<AutonomyExplorer: 0 decisions of 0 agents, 0 denied; per_hour=1>"


def test_empty_hours_stand_between_full_ones(runs):
    attempts = autonomy_views.decided(runs, per_hour=None, per_day=None)
    rows = autonomy_views.of_stream(attempts, autonomy_views.streams(attempts).row(TRIAGE, named=True))
    hours = autonomy_views._shown_hours(sorted(set(rows["at"].dt.truncate("1h"))))
    assert len(hours) == 24
    assert {(b - a).total_seconds() for a, b in pairwise(hours)} == {3600}
