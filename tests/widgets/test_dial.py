"""The dial asks what a hand asked, and nothing else."""

import pytest
import traitlets

from harnlab.widgets.dial import Dial


def test_a_dial_that_nobody_turned_asks_nothing():
    dial = Dial("max_usd")
    dial.stand(value=None, recorded=0.25, most=0.67, told="0.25 declared")
    assert (dial.value, dial.recorded) == (None, 0.25)


@pytest.mark.parametrize("most", [0.0, 1e-6, 0.67, 1.0, 97_860, 1e12])
def test_the_scale_reaches_its_end_in_whole_steps(most):
    dial = Dial("limit")
    dial.stand(value=None, recorded=None, most=most, told="no limit")
    assert dial.most >= most
    assert dial.most / dial.step == pytest.approx(round(dial.most / dial.step))
    assert 250 <= dial.most / dial.step <= 1_000


def test_whole_numbers_go_in_steps_of_one_at_least():
    dial = Dial("per_hour", whole=True)
    dial.stand(value=3, recorded=2, most=4, told="2 recorded")
    assert (dial.step, dial.most) == (1, 4)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_what_is_no_limit_is_refused(wrong):
    with pytest.raises(traitlets.TraitError, match="max_usd="):
        Dial("max_usd").value = wrong
