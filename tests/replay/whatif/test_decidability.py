"""The table that says what can be decided."""

import re

import pytest

from harnlab.replay import whatif
from harnlab.replay.whatif.decidability import MEANINGS, Decidability


def test_each_word_has_a_meaning():
    assert set(MEANINGS) == set(Decidability)


def test_every_cell_opens_with_one_of_the_four_words():
    for side in ("stricter", "looser"):
        for cell in whatif.DECIDABILITY[side]:
            assert re.match(r"[a-z]+", cell)[0] in set(Decidability), cell


def test_every_question_of_the_package_has_a_row_and_a_reason():
    asked = {"step_budget", "catalog", "autonomy", "route", "conflict_policy"}
    assert set(whatif.DECIDABILITY["whatif"]) == asked | {"outcome"}
    assert asked <= set(whatif.__all__)
    assert whatif.DECIDABILITY.null_count().sum_horizontal().item() == 0
    assert whatif.DECIDABILITY.select("whatif", "question").is_unique().all()


@pytest.mark.parametrize("name", ["step_budget", "catalog", "autonomy", "route", "conflict_policy"])
def test_each_answer_has_both_columns_also_without_rows(name):
    from analysis.frame_stand_in import StandIn

    question = {
        "step_budget": {"max_usd": 1},
        "catalog": {"budget": 1},
        "autonomy": {"per_hour": 1},
        "route": {},
        "conflict_policy": {"policy": "warn"},
    }
    frame = getattr(whatif, name)(StandIn(), **question[name])
    assert frame.height == 0
    assert {
        "decidability",
        "because",
        "run_id",
        "source_path",
        "source_line",
        "source_offset",
        "length",
    } <= set(frame.columns)
