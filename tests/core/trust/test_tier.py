import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.trust import TierChange, effective_tier, tier_changes


def change(timestamp, tier, *, action="trust.promote", number=1, **fields):
    payload = {
        "agent": "bot",
        "action": action,
        "outcome": "success",
        "autonomy_tier": tier,
        "timestamp": timestamp,
        "record_id": f"id-{number}",
        "chain_index": number,
    }
    return payload | fields


PROMOTED = change("2026-05-01T10:00:00Z", "suggest")
DEMOTED = change("2026-05-02T10:00:00.25Z", "shadow", action="trust.demote", number=2)


def test_without_a_change_the_default_holds():
    assert effective_tier([], "bot") == "act_auto"
    assert effective_tier([], "bot", default="suggest") == "suggest"


def test_the_latest_change_holds():
    assert effective_tier([DEMOTED, PROMOTED], "bot") == "shadow"


def test_a_tier_holds_from_its_moment_on():
    records = [PROMOTED, DEMOTED]
    assert effective_tier(records, "bot", at="2026-05-01T09:59:59.999999999Z") == "act_auto"
    assert effective_tier(records, "bot", at="2026-05-01T10:00:00Z") == "suggest"
    assert effective_tier(records, "bot", at="2026-05-02T10:00:00.249999999Z") == "suggest"
    assert effective_tier(records, "bot", at="2026-05-02T10:00:00.250000000Z") == "shadow"


def test_changes_are_told_in_order_of_time():
    assert tier_changes([DEMOTED, PROMOTED], "bot") == [
        TierChange(
            timestamp="2026-05-01T10:00:00Z", tier="suggest", action="trust.promote", record_id="id-1"
        ),
        TierChange(
            timestamp="2026-05-02T10:00:00.25Z", tier="shadow", action="trust.demote", record_id="id-2"
        ),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "denied"},
        {"action": "autonomy.tier_transition"},
        {"agent": "other"},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-13-01T10:00:00Z"},
        {"timestamp": "2026-05-01T10:00:00"},
        {"timestamp": "2026-05-01T10:00:00.1234567890Z"},
        {"timestamp": 5},
        {"autonomy_tier": None},
    ],
)
def test_a_record_that_changes_no_tier_is_passed_over(other):
    assert effective_tier([PROMOTED | other], "bot") == "act_auto"


def test_what_is_no_record_is_passed_over():
    assert tier_changes([None, 5, [], "text", {}, PROMOTED], "bot") == tier_changes([PROMOTED], "bot")


def test_a_record_in_four_topics_is_one_change():
    assert len(tier_changes([PROMOTED, dict(PROMOTED), DEMOTED, dict(PROMOTED)], "bot")) == 2


def test_a_fraction_is_later_than_none():
    whole = change("2026-05-01T10:00:00Z", "suggest", number=2)
    later = change("2026-05-01T10:00:00.25Z", "shadow", number=1)
    assert effective_tier([later, whole], "bot") == "shadow"


def test_fractions_are_compared_as_numbers():
    first = change("2026-05-01T10:00:00.1Z", "suggest", number=2)
    later = change("2026-05-01T10:00:00.099Z", "shadow", number=1)
    assert effective_tier([first, later], "bot") == "suggest"


def test_zones_are_compared_as_moments():
    first = change("2026-05-01T11:00:00+02:00", "suggest", number=2)
    later = change("2026-05-01t09:30:00z", "shadow", number=1)
    assert effective_tier([later, first], "bot") == "shadow"


def test_of_one_moment_the_later_place_in_the_chain_holds():
    first = change("2026-05-01T10:00:00Z", "suggest", number=9)
    later = change("2026-05-01T10:00:00Z", "shadow", number=10)
    assert effective_tier([later, first], "bot") == "shadow"


def test_of_one_place_in_the_chain_the_later_id_holds():
    first = change("2026-05-01T10:00:00Z", "suggest", number=1, chain_index=True)
    later = change("2026-05-01T10:00:00Z", "shadow", number=2, chain_index=0)
    assert effective_tier([later, first], "bot") == "shadow"


def test_an_unknown_tier_from_a_newer_runtime_is_kept():
    assert effective_tier([change("2026-05-01T10:00:00Z", "act_in_pairs")], "bot") == "act_in_pairs"


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'noon' is no RFC 3339 time"):
        effective_tier([], "bot", at="noon")


@given(st.lists(st.integers(0, 59), max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(seconds, chance: random.Random):
    records = [change(f"2026-05-01T10:00:{s:02}Z", f"tier-{i}", number=i) for i, s in enumerate(seconds)]
    shuffled = chance.sample(records, len(records))
    assert tier_changes(shuffled, "bot") == tier_changes(records, "bot")
