"""What a message says: where, what was found, what was expected, what to try."""

import pytest

import harnlab as hl
from harnlab.errors import UnknownName


def test_a_misspelt_name_is_told_with_the_names_there_are_and_the_closest():
    told = str(UnknownName.among("step", "verfy", ["review", "verify"], where="whatif"))
    assert told == "whatif: no step 'verfy'; expected one of review, verify. Try: verify"


def test_a_name_like_no_other_gets_no_advice():
    assert "Try" not in str(UnknownName.among("step", "x", ["review", "verify"]))


def test_a_name_where_there_is_none_does_not_list_nothing():
    assert str(UnknownName.among("step", "verify", [])) == "no step 'verify', nor any other"


@pytest.mark.parametrize(("misspelt", "meant"), [("cals", "calls"), ("sumary", "summary")])
def test_a_misspelt_attribute_of_runs_is_told_with_the_closest(misspelt, meant):
    runs = hl.load("sample_transcripts/cost-overrun")
    for given in (runs, runs.pandas):
        with pytest.raises(AttributeError, match=f"has no '{misspelt}'; frames are .*[.] Try: {meant}$"):
            getattr(given, misspelt)


def test_a_misspelt_name_of_harnlab_is_told_with_the_closest():
    with pytest.raises(AttributeError, match=r"no attribute 'cots'\. Try: hl\.costs$"):
        hl.cots  # noqa: B018 - reading it is what is tested
