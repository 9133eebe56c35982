"""Attempts decided again under other quotas."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn
from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.replay import whatif

NOON = datetime(2026, 6, 8, 12, 0, tzinfo=UTC)
HOURLY, DAILY = "hourly_autonomy_budget_exceeded", "daily_autonomy_budget_exceeded"


def check(minutes, decision="admitted", **more):
    return {
        "at": NOON + timedelta(minutes=minutes),
        "agent_key": "a",
        "producer": "agent_loop",
        "decision": decision,
    } | more


def denied(minutes, hour, today, *, per_hour=None, per_day=None, reason=HOURLY, **more):
    counts = {"autonomous_decisions_hour": hour, "autonomous_decisions_today": today}
    return check(minutes, "denied", reason=reason, per_hour=per_hour, per_day=per_day, **counts) | more


def ask(*rows, **quota):
    return whatif.autonomy(StandIn(autonomy_checks=rows), **quota)


def column(frame, name):
    return frame[name].to_list()


# the table of DESIGN 5, cell by cell


def test_stricter_is_exact_up_to_and_with_the_first_denial_and_bound_after_it():
    told = ask(check(1), check(2), check(3), check(4), check(61), per_hour=2)
    assert column(told, "whatif_decision") == ["admitted", "admitted", "denied", "denied", "admitted"]
    assert column(told, "decidability") == ["exact", "exact", "exact", "bound", "exact"]
    assert column(told, "whatif_reason") == [None, None, HOURLY, HOURLY, None]
    assert told["because"][2] == (
        "2 in the hour and 2 in the day before it; the first denial of this UTC hour that is not recorded"
    )
    assert "line 3 of autonomy_checks.jsonl changed" in told["because"][3]


def test_with_a_daily_quota_a_changed_answer_reaches_to_the_end_of_the_day():
    told = ask(check(1), check(2), check(61), check(13 * 60), per_hour=1, per_day=9)
    assert column(told, "decidability") == ["exact", "exact", "bound", "exact"]


def test_looser_is_a_bound_from_the_first_denial_that_falls_away():
    told = ask(check(1), denied(2, 1, 1, per_hour=1), check(61), per_hour=2)
    assert column(told, "whatif_decision") == ["admitted", "admitted", "admitted"]
    assert column(told, "decidability") == ["exact", "bound", "exact"]
    assert "what the loop would then have done is not recorded" in told["because"][1]


def test_looser_is_exact_in_a_window_without_a_denial():
    assert set(ask(check(1), check(2), per_hour=9)["decidability"]) == {"exact"}


def test_windows_are_utc_hours_and_rolling_ones_stand_beside_them():
    told = ask(check(50), check(59), check(61), per_hour=2)
    assert column(told, "whatif_decision") == ["admitted"] * 3
    assert column(told, "rolling_decision") == ["admitted", "admitted", "denied"]
    assert column(told, "rolling_decidability") == ["exact", "exact", "bound"]
    counted = whatif.approvals(told).row(0, named=True)
    assert (counted["whatif_approvals"], counted["rolling_approvals"]) == (0, 1)


def test_the_last_minute_of_60_is_no_longer_in_the_rolling_hour():
    assert column(ask(check(1), check(61), per_hour=1), "rolling_decision") == ["admitted", "admitted"]


def test_the_hour_is_asked_before_the_day_and_a_denial_counts_for_nothing():
    told = ask(check(1), check(2), check(61), check(62), per_hour=1, per_day=2)
    assert column(told, "whatif_reason") == [None, HOURLY, None, HOURLY]
    assert column(ask(check(1), check(61), check(121), per_hour=5, per_day=2), "whatif_reason") == [
        None,
        None,
        DAILY,
    ]


def test_a_quota_not_asked_about_stays_as_the_denials_record_it():
    told = ask(check(1), denied(2, 1, 1, per_hour=3, per_day=1, reason=DAILY), per_hour=9)
    assert column(told, "whatif_decision") == ["admitted", "denied"]
    assert set(told["decidability"]) == {"exact"}
    assert set(told["recorded_per_day"]) == {1}


def test_several_recorded_quotas_leave_the_one_not_asked_about_open():
    rows = check(1), denied(2, 1, 1, per_hour=1, per_day=5), denied(3, 1, 1, per_hour=1, per_day=6)
    assert set(ask(*rows, per_hour=1)["decidability"]) == {"insufficient"}
    assert set(ask(*rows, per_hour=1, per_day=6)["decidability"]) == {"exact"}
    assert whatif.approvals(ask(*rows, per_hour=1))["decidability"].to_list() == ["insufficient"]


def test_a_denial_that_counts_what_the_log_does_not_hold_makes_its_day_a_bound():
    told = ask(check(1), denied(2, 3, 3, per_hour=3), check(13 * 60), per_hour=3)
    assert column(told, "decidability") == ["bound", "bound", "exact"]
    assert (
        "the denial on line 2 counts 3 in the hour and 3 in the day, the log holds 1 and 1"
        in told["because"][0]
    )


def test_logs_and_keys_are_never_added_up():
    rows = [
        check(1, source_path="x/a.jsonl"),
        check(2, source_path="y/a.jsonl"),
        check(3, source_path="x/a.jsonl", agent_key="b"),
        check(4, source_path="x/a.jsonl", producer="trigger_dispatcher"),
    ]
    assert set(ask(*rows, per_hour=1)["whatif_decision"]) == {"admitted"}


def test_over_several_files_only_time_orders_attempts():
    rows = [check(5, source_path="x/trust.jsonl"), check(1, source_path="x/lifecycle.jsonl")]
    assert column(ask(*rows, per_hour=1), "whatif_decision") == ["admitted", "denied"]
    assert ask(*rows, per_hour=1)["at"].is_sorted()


def test_approvals_are_counted_by_quota():
    told = whatif.approvals(ask(check(1), check(2), check(3), check(61), check(62), per_hour=[1, 2]))
    assert told.select("asked_per_hour", "attempts", "whatif_approvals", "exact_approvals").rows() == [
        (1, 5, 3, 2),
        (2, 5, 1, 1),
    ]
    assert column(told, "first_denied_at") == [NOON + timedelta(minutes=2), NOON + timedelta(minutes=3)]
    assert column(told, "recorded_approvals") == [0, 0]


@pytest.mark.parametrize(
    "quota", [{}, {"per_hour": 0}, {"per_day": 1.5}, {"per_hour": True}, {"per_day": []}]
)
def test_a_quota_that_is_none_is_refused(quota):
    with pytest.raises(InvalidArgument, match="autonomy"):
        ask(check(1), **quota)


def test_a_key_nobody_recorded_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match="no attempt of 'b'; expected one of a"):
        ask(check(1), per_hour=1, agent_key="b")


def test_no_attempts_give_no_rows():
    assert whatif.approvals(whatif.autonomy(StandIn(), per_hour=1)).height == 0


# always

GAPS = st.lists(st.integers(0, 4000), max_size=25)
QUOTA = st.integers(1, 4)
JITTER = st.lists(st.integers(-200_000, 200_000), min_size=25, max_size=25)


def moments(gaps, jitter=None):
    clock, found = 1_780_920_000, []
    for number, gap in enumerate(gaps):
        clock += gap
        found.append(clock + (jitter[number] if jitter else 0))
    return found


def lived(times, per_hour, per_day):
    """Rows as a process writes them that asks the core at each moment, whatever its clock says."""
    budget, counters, rows = (
        AutonomyBudget(key="a", per_hour=per_hour, per_day=per_day),
        AutonomyCounters(),
        [],
    )
    for now_s in times:
        count, reason = counters.snapshot("a", now_s), counters.exceeded_cap(budget, now_s)
        at = {"at": datetime.fromtimestamp(now_s, UTC)}
        if reason is None:
            counters.note("a", now_s)
            rows.append(check(0) | at)
        else:
            quota = {"per_hour": per_hour, "per_day": per_day, "reason": reason.value}
            rows.append(denied(0, count.this_hour, count.today) | quota | at)
    return rows


@given(GAPS, JITTER, QUOTA, QUOTA)
@settings(max_examples=60, deadline=None)
def test_fixed_windows_agree_with_the_core_whatever_the_clock_does(gaps, jitter, per_hour, per_day):
    times = moments(gaps, jitter)
    rows = lived(times, None, None)
    told = ask(*rows, per_hour=per_hour, per_day=per_day)
    truth = [row.get("reason") for row in lived(times, per_hour, per_day)]
    assert column(told, "whatif_reason") == truth


@given(GAPS, JITTER, st.booleans(), QUOTA, QUOTA)
@settings(max_examples=60, deadline=None)
def test_the_recorded_quota_gives_the_record(gaps, jitter, steady, per_hour, per_day):
    told = ask(
        *lived(moments(gaps, None if steady else jitter), per_hour, per_day),
        per_hour=per_hour,
        per_day=per_day,
    )
    assert column(told, "whatif_decision") == column(told, "recorded_decision")
    assert column(told, "whatif_reason") == column(told, "recorded_reason")
    assert set(told["decidability"]) <= {"exact"}


@given(GAPS, QUOTA, QUOTA, QUOTA, QUOTA)
@settings(max_examples=60, deadline=None)
def test_no_exact_answer_is_another_than_a_loop_that_stops_at_a_denial_would_get(
    gaps, hour, day, asked_hour, asked_day
):
    times = moments(gaps)
    told = ask(*lived(times, hour, day), per_hour=asked_hour, per_day=asked_day)
    truth = [row.get("reason") for row in lived(times, asked_hour, asked_day)]
    pairs = zip(column(told, "decidability"), column(told, "whatif_reason"), truth, strict=True)
    assert all(said == true for word, said, true in pairs if word == "exact")


@given(GAPS, QUOTA, QUOTA)
@settings(max_examples=40, deadline=None)
def test_no_hour_admits_more_than_its_quota_rolling_or_fixed(gaps, per_hour, per_day):
    told = ask(*lived(moments(gaps), None, None), per_hour=per_hour, per_day=per_day)
    for name, most, every in (("whatif", per_hour, "1h"), ("whatif", per_day, "1d")):
        admitted = told.filter(pl.col(f"{name}_decision") == "admitted")
        counts = admitted.group_by(pl.col("at").dt.truncate(every)).len()
        assert (counts["len"] <= most).all()
    rolling = [at for at, word in told.select("at", "rolling_decision").iter_rows() if word == "admitted"]
    assert all(sum(one - timedelta(hours=1) < at <= one for at in rolling) <= per_hour for one in rolling)


@given(GAPS, st.lists(QUOTA, min_size=1, max_size=3), st.lists(QUOTA, min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_a_sweep_equals_the_single_answers(gaps, hours, days):
    frames = StandIn(autonomy_checks=lived(moments(gaps), 2, 3))
    single = [whatif.autonomy(frames, per_hour=hour, per_day=day) for hour in hours for day in days]
    assert whatif.autonomy(frames, per_hour=hours, per_day=days).equals(pl.concat(single))


# the sample


def test_the_sample_under_its_own_quotas_asks_for_the_approvals_it_asked_for():
    runs = hl.load("sample_transcripts/autonomy-pressure", progress=False)
    europe = whatif.autonomy(runs, per_hour=3, per_day=8, agent_key="agent.triage")
    counted = whatif.approvals(europe).row(0, named=True)
    assert (counted["recorded_approvals"], counted["whatif_approvals"], counted["hourly"]) == (6, 6, 4)
    assert (counted["decidability"], counted["rolling_approvals"]) == ("exact", 9)
    stricter = whatif.approvals(whatif.autonomy(runs, per_hour=2, agent_key="agent.triage"))
    assert stricter.select("whatif_approvals", "exact_approvals", "decidability").rows() == [
        (8, 2, "bound"),
        (1, 1, "exact"),
    ]
