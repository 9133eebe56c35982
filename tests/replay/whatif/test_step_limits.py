"""Steps made ready once answer every question as they would from the start."""

import pytest
from polars.testing import assert_frame_equal

import harnlab as hl
from harnlab.replay.whatif.step_budget import StepLimits


@pytest.fixture(scope="module")
def runs():
    return hl.load("sample_transcripts/cost-overrun", progress=False)


QUESTIONS = [
    {"max_usd": 0.1},
    {"max_tokens": [10_000, 30_000]},
    {"max_usd": [0.2, 0.4], "max_tokens": 20_000},
]


@pytest.mark.parametrize("asked", QUESTIONS)
def test_asking_again_gives_what_asking_anew_gives(runs, asked):
    ready = StepLimits(runs)
    for _ in range(2):
        assert_frame_equal(ready.ask(**asked), hl.whatif.step_budget(runs, **asked))


@pytest.mark.parametrize("asked", QUESTIONS)
def test_the_steps_of_a_name_are_answered_as_if_they_alone_were_asked_about(runs, asked):
    ready = StepLimits(runs)
    for name in runs.steps["step"].unique():
        assert_frame_equal(ready.only(name).ask(**asked), hl.whatif.step_budget(runs, step=name, **asked))
    assert_frame_equal(ready.ask(**asked), hl.whatif.step_budget(runs, **asked))


def test_a_step_that_never_ran_and_a_question_without_a_limit_are_refused(runs):
    with pytest.raises(hl.UnknownName, match="no step 'verfy'"):
        StepLimits(runs).only("verfy")
    with pytest.raises(hl.InvalidArgument, match="no limit"):
        StepLimits(runs).ask()
