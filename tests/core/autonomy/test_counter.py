"""Counters against examples, and against a model that keeps every decision it ever saw."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from harnlab.core.autonomy import AutonomyBudget, AutonomyCounters, DecisionCount, exceeded_cap
from harnlab.core.rust_semantics import U64_MAX
from harnlab.vocabulary import AutonomyReason

NOON = 1_777_636_800  # 2026-05-01T12:00:00Z

caps = st.none() | st.integers(1, 4)
#: times around 1970, where the hour is cut toward zero, and around a midnight of 2026
moments = st.integers(-100_000, 100_000) | st.integers(NOON - 100_000, NOON + 100_000)
keys = st.sampled_from(["agent.alpha", "agent.beta", "é"])


def budget(key="agent.alpha", per_hour=None, per_day=None):
    return AutonomyBudget(key=key, per_hour=per_hour, per_day=per_day)


def counted(counters, key, now_s):
    count = counters.snapshot(key, now_s)
    return count.this_hour, count.today


def windows(now_s):
    """Hour and day of a moment, by the calendar instead of by division."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now_s)
    return int(moment.timestamp() / 3600), moment.date()


@pytest.mark.ported_from("autonomy_budget.rs::note_decision_increments_until_limit")
def test_the_third_decision_in_an_hour_of_two_is_refused():
    counters, cap = AutonomyCounters(), budget(per_hour=2, per_day=10)
    for _ in range(2):
        assert counters.exceeded_cap(cap, NOON) is None
        counters.note(cap.key, NOON)
    assert counters.exceeded_cap(cap, NOON) == "hourly_autonomy_budget_exceeded"
    assert counted(counters, "agent.alpha", NOON) == (2, 2)


@pytest.mark.ported_from("autonomy_budget.rs::keys_are_isolated")
def test_one_key_does_not_use_up_anothers_budget():
    counters = AutonomyCounters()
    counters.note("agent.alpha", NOON)
    assert counters.exceeded_cap(budget("agent.alpha", per_hour=1), NOON) is AutonomyReason.HOURLY
    assert counters.exceeded_cap(budget("agent.beta", per_hour=1), NOON) is None


def test_the_hour_is_named_before_the_day():
    spent = DecisionCount().noted(NOON)
    assert exceeded_cap(budget(per_hour=1, per_day=1), spent, NOON) == "hourly_autonomy_budget_exceeded"
    assert exceeded_cap(budget(per_hour=2, per_day=1), spent, NOON) == "daily_autonomy_budget_exceeded"


def test_no_cap_is_never_exceeded():
    assert AutonomyBudget(key="k") == budget("k", per_hour=None, per_day=None)
    busy = DecisionCount(hour_utc=NOON // 3600, day_utc=NOON // 86_400, this_hour=10**9, today=10**9)
    assert exceeded_cap(budget(), busy, NOON) is None


def test_a_cap_of_zero_allows_nothing():
    assert exceeded_cap(budget(per_hour=0), DecisionCount(), 0) is AutonomyReason.HOURLY
    assert exceeded_cap(budget(per_day=0), DecisionCount(), 0) is AutonomyReason.DAILY


def test_windows_end_on_the_full_hour_and_at_midnight_utc():
    counters = AutonomyCounters()
    counters.note("k", NOON + 3599)
    assert counted(counters, "k", NOON + 3600) == (0, 1)
    assert counted(counters, "k", NOON + 12 * 3600 - 1) == (0, 1)
    assert counted(counters, "k", NOON + 12 * 3600) == (0, 0)


def test_a_clock_that_steps_back_forgets_and_does_not_remember_again():
    counters = AutonomyCounters()
    counters.note("k", NOON)
    assert counted(counters, "k", NOON - 1) == (0, 1)
    assert counted(counters, "k", NOON) == (0, 1)
    assert counted(counters, "k", NOON - 86_400) == (0, 0)
    assert counted(counters, "k", NOON) == (0, 0)


def test_asking_for_a_verdict_with_a_clock_that_stepped_back_forgets_too():
    counters, cap = AutonomyCounters(), budget("k", per_hour=1)
    counters.note("k", NOON)
    assert counters.exceeded_cap(cap, NOON - 3600) is None
    assert counters.exceeded_cap(cap, NOON) is None


def test_the_hours_on_both_sides_of_1970_are_one_but_their_days_are_two():
    count = DecisionCount().noted(-3599)
    assert count == DecisionCount(hour_utc=0, day_utc=-1, this_hour=1, today=1)
    assert count.at(3599) == DecisionCount(hour_utc=0, day_utc=0, this_hour=1, today=0)
    assert count.at(-3600) == DecisionCount(hour_utc=-1, day_utc=-1, this_hour=0, today=1)


def test_a_full_counter_stays_full():
    full = DecisionCount(this_hour=U64_MAX, today=U64_MAX)
    assert full.noted(0) == full
    assert exceeded_cap(budget(per_hour=U64_MAX, per_day=U64_MAX), full, 0) is None
    assert exceeded_cap(budget(per_hour=U64_MAX - 1), full, 0) is AutonomyReason.HOURLY


def test_a_reset_forgets_every_key():
    counters = AutonomyCounters()
    counters.note("a", NOON)
    counters.note("b", NOON)
    counters.reset()
    assert counters == AutonomyCounters()
    assert counted(counters, "a", NOON) == (0, 0)


def test_two_sets_of_counters_share_nothing():
    first, second = AutonomyCounters(), AutonomyCounters()
    first.note("k", NOON)
    assert counted(second, "k", NOON) == (0, 0)


@given(caps, caps, st.lists(st.tuples(keys, moments), max_size=60))
def test_no_window_ever_holds_more_than_its_cap(per_hour, per_day, attempts):
    counters = AutonomyCounters()
    for key, now_s in attempts:
        if counters.exceeded_cap(budget(key, per_hour, per_day), now_s) is None:
            counters.note(key, now_s)
        count = counters.snapshot(key, now_s)
        assert per_hour is None or count.this_hour <= per_hour
        assert per_day is None or count.today <= per_day


@given(caps, caps, st.lists(moments, max_size=60).map(sorted))
def test_with_a_clock_that_only_advances_a_window_is_filled_to_its_cap_and_no_further(
    per_hour, per_day, times
):
    counters, admitted = AutonomyCounters(), []
    for now_s in times:
        reason = counters.exceeded_cap(budget("k", per_hour, per_day), now_s)
        hour, day = windows(now_s)
        in_hour = sum(windows(then)[0] == hour for then in admitted)
        today = sum(windows(then)[1] == day for then in admitted)
        hour_full = per_hour is not None and in_hour >= per_hour
        day_full = per_day is not None and today >= per_day
        assert reason == (AutonomyReason.HOURLY if hour_full else AutonomyReason.DAILY if day_full else None)
        if reason is None:
            counters.note("k", now_s)
            admitted.append(now_s)


@given(st.lists(moments, max_size=20), moments)
def test_looking_twice_is_looking_once(noted, now_s):
    count = DecisionCount()
    for then in noted:
        count = count.noted(then)
    assert count.at(now_s).at(now_s) == count.at(now_s)


class CountersFollowANaiveModel(RuleBasedStateMachine):
    """The model keeps, for each key, the run of looks that stayed in one window and what was noted in it."""

    @initialize(now_s=moments)
    def start(self, now_s):
        self.now_s = now_s
        self.counters = AutonomyCounters()
        self.model = {}

    def looked(self, key):
        hour, day = windows(self.now_s)
        seen = self.model.setdefault(key, {"hour": hour, "day": day, "in_hour": [], "in_day": []})
        if seen["hour"] != hour:
            seen.update(hour=hour, in_hour=[])
        if seen["day"] != day:
            seen.update(day=day, in_day=[])
        return seen

    @rule(seconds=st.integers(-90_000, 90_000) | st.sampled_from([-1, 1, 3600, -3600, 86_400]))
    def the_clock_moves(self, seconds):
        self.now_s += seconds

    @rule(now_s=moments)
    def the_clock_is_set(self, now_s):
        self.now_s = now_s

    @rule(key=keys)
    def a_decision_is_noted(self, key):
        self.counters.note(key, self.now_s)
        seen = self.looked(key)
        seen["in_hour"].append(self.now_s)
        seen["in_day"].append(self.now_s)

    @rule(key=keys, per_hour=caps, per_day=caps)
    def a_verdict_is_asked_for(self, key, per_hour, per_day):
        reason = self.counters.exceeded_cap(budget(key, per_hour, per_day), self.now_s)
        seen = self.looked(key)
        if per_hour is not None and len(seen["in_hour"]) >= per_hour:
            assert reason is AutonomyReason.HOURLY
        elif per_day is not None and len(seen["in_day"]) >= per_day:
            assert reason is AutonomyReason.DAILY
        else:
            assert reason is None

    @rule(key=keys)
    def the_counters_are_read(self, key):
        seen = self.looked(key)
        assert counted(self.counters, key, self.now_s) == (len(seen["in_hour"]), len(seen["in_day"]))

    @rule()
    def the_process_starts_anew(self):
        self.counters.reset()
        self.model.clear()

    @invariant()
    def every_key_asked_for_is_held(self):
        assert self.counters.counts.keys() == self.model.keys()


CountersFollowANaiveModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCountersFollowANaiveModel = CountersFollowANaiveModel.TestCase
